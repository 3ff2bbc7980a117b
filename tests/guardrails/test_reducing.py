"""The way out: bounded by what is held, possible in every state, never a way in."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Action, Intent, Side, State
from tests.support.guarding import (
    ACCOUNT,
    BUY,
    HELD,
    LIMITS,
    QUOTE,
    VIEW,
    refused_by,
)

CLOSE = replace(BUY, intent=Intent.CLOSE, limit_price=D("199.50"), stop_price=None)
TIGHTEN = replace(BUY, intent=Intent.TIGHTEN, limit_price=None, stop_price=D("197.00"))
LONG = replace(VIEW, positions=(HELD,))
SHORT = replace(
    VIEW, positions=(replace(HELD, shares=-20, stop_price=D("206"), target_price=D("188")),)
)


def test_closing_a_long_sells_all_that_is_held():
    ticket = rule(CLOSE, LONG, LIMITS).ticket
    assert (ticket.action, ticket.exit_action, ticket.shares) == (Action.SELL, Action.SELL, 20)
    assert ticket.limit_price == D("199.50")


def test_closing_a_short_buys():
    ticket = rule(replace(CLOSE, side=Side.SHORT, limit_price=D("200.50")), SHORT, LIMITS).ticket
    assert (ticket.action, ticket.exit_action, ticket.shares) == (Action.BUY, Action.BUY, 20)


def test_closing_counts_what_is_leaving_already():
    leaving = replace(LONG, positions=(replace(HELD, exiting_shares=15),))
    assert rule(CLOSE, leaving, LIMITS).ticket.shares == 5
    gone = replace(LONG, positions=(replace(HELD, exiting_shares=20),))
    assert refused_by(rule(CLOSE, gone, LIMITS)) == ["closes_what_is_held"]


def test_what_is_not_held_cannot_be_closed_into_a_short():
    assert refused_by(rule(CLOSE, VIEW, LIMITS)) == ["position_held"]
    assert refused_by(rule(replace(CLOSE, side=Side.SHORT), LONG, LIMITS)) == ["position_held"]


@pytest.mark.parametrize("state", list(State))
def test_no_state_and_no_missing_account_blocks_the_way_out(state):
    nothing = replace(
        ACCOUNT, net_liquidation_base=None, available_funds_base=None, day_pnl_base=None, fx={}
    )
    view = replace(
        LONG,
        state=state,
        account=nothing,
        quote=None,
        instrument=None,
        reconciled_at=None,
        atr=None,
        orders_today=10_000,
        proposals_this_session=10_000,
    )
    assert rule(CLOSE, view, LIMITS).approved
    assert rule(TIGHTEN, view, LIMITS).approved  # the broker's mark stands in for the quote


@pytest.mark.parametrize(
    ("price", "ok"), [("190.00", True), ("189.99", False), ("210.00", True), ("210.01", False)]
)
def test_closing_stays_within_the_wider_collar(price, ok):
    ruling = rule(replace(CLOSE, limit_price=D(price)), LONG, LIMITS)
    assert ruling.approved is ok


def test_a_closing_price_is_rounded_to_the_careful_side():
    ticket = rule(replace(CLOSE, limit_price=D("199.501")), LONG, LIMITS).ticket
    assert ticket.limit_price == D("199.51")
    short = replace(CLOSE, side=Side.SHORT, limit_price=D("200.509"))
    assert rule(short, SHORT, LIMITS).ticket.limit_price == D("200.50")


@pytest.mark.parametrize(
    ("stop", "ok"),
    [("194.01", True), ("194.00", False), ("193", False), ("199.98", True), ("199.99", False)],
)
def test_a_long_stop_moves_only_up_and_stays_under_the_bid(stop, ok):
    assert rule(replace(TIGHTEN, stop_price=D(stop)), LONG, LIMITS).approved is ok


@pytest.mark.parametrize(
    ("stop", "ok"),
    [("205.99", True), ("206", False), ("207", False), ("200.02", True), ("200.01", False)],
)
def test_a_short_stop_moves_only_down_and_stays_over_the_ask(stop, ok):
    proposal = replace(TIGHTEN, side=Side.SHORT, stop_price=D(stop))
    assert rule(proposal, SHORT, LIMITS).approved is ok


def test_a_tightened_stop_is_rounded_toward_the_price():
    assert rule(replace(TIGHTEN, stop_price=D("197.001")), LONG, LIMITS).ticket.stop_price == D(
        "197.01"
    )
    short = replace(TIGHTEN, side=Side.SHORT, stop_price=D("203.009"))
    assert rule(short, SHORT, LIMITS).ticket.stop_price == D("203.00")


def test_without_a_stop_or_a_price_nothing_is_tightened():
    bare = replace(LONG, positions=(replace(HELD, stop_price=None),))
    assert refused_by(rule(TIGHTEN, bare, LIMITS)) == ["stop_tightens"]
    blind = replace(LONG, quote=None, positions=(replace(HELD, market_price=None),))
    assert refused_by(rule(TIGHTEN, blind, LIMITS)) == ["stop_tightens"]


def test_an_unusable_quote_does_not_keep_a_position_open():
    one_sided = replace(LONG, quote=replace(QUOTE, ask=None))
    assert rule(CLOSE, one_sided, LIMITS).approved
    no_price = rule(replace(CLOSE, limit_price=None), LONG, LIMITS)
    assert refused_by(no_price) == ["close_in_collar"]


def test_a_ladder_that_does_not_fit_leaves_the_price_as_it_is():
    bare = replace(LONG, instrument=replace(LONG.instrument, ladder=()))
    ticket = rule(replace(CLOSE, limit_price=D("199.503")), bare, LIMITS).ticket
    assert ticket.limit_price == D("199.503")


def test_closing_without_a_price_is_refused_and_says_what_is_missing():
    [check] = rule(replace(CLOSE, limit_price=None), LONG, LIMITS).refusals
    assert (check.rule, check.says) == ("close_in_collar", "closing needs a limit_price.")


def test_tightening_without_a_price_or_without_a_position_is_refused():
    [check] = rule(replace(TIGHTEN, stop_price=None), LONG, LIMITS).refusals
    assert (check.rule, check.says) == ("stop_tightens", "tightening needs a stop_price.")
    assert refused_by(rule(TIGHTEN, VIEW, LIMITS)) == ["position_held"]
