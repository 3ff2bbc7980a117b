"""An opening as a whole: every check runs, and a ticket is made where all of them pass."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import ruling
from guardrails.terms import Action, Side, State
from tests.support.guarding import ACCOUNT, BUY, VIEW, refused_by, ruled, with_limits


def test_the_plain_case_is_approved_with_a_bracket_of_the_right_sides():
    ticket = ruled().ticket
    assert ticket is not None
    assert ticket.action is Action.BUY
    assert ticket.exit_action is Action.SELL
    assert (ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price) == (
        D("200.00"),
        D("194.00"),
        D("212.00"),
    )
    assert ticket.shares == 25  # 5000 / 200: value binds before risk (400 / 6)
    assert ticket.value_base == D(5000)
    # Fees up to the cent: 1.00 and CAT to buy, and the SEC's 0.00206 % of 4,850 more to sell.
    assert ticket.risk_base == 25 * D(6) + D("1.01") + D("1.10")


def test_a_short_sells_to_open_and_buys_to_close():
    short = replace(BUY, side=Side.SHORT, stop_price=D("206.00"), target_price=D("188.00"))
    ticket = ruled(short, limits=with_limits(allow_short=True)).ticket
    assert ticket is not None
    assert ticket.action is Action.SELL
    assert ticket.exit_action is Action.BUY


def test_all_checks_run_and_report_whatever_fails():
    broken = replace(VIEW, state=State.HALTED, quote=None, reconciled_at=None, orders_today=99)
    found = ruled(view=broken)
    assert len(found.checks) == len(ruled().checks)
    assert {"state_allows", "quote_usable", "reconciled", "orders_day"} <= set(refused_by(found))
    assert all(check.says for check in found.refusals)
    assert not any(check.says for check in ruled().checks)


def test_nothing_known_refuses_without_raising():
    empty = replace(
        VIEW, instrument=None, quote=None, atr=None, average_volume_shares=None, reconciled_at=None
    )
    found = ruled(view=empty)
    assert found.ticket is None
    assert "instrument_known" in refused_by(found)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (replace(VIEW, instrument=None), "not complete"),
        (replace(VIEW, atr=None), "not complete"),
        (replace(VIEW, account=replace(ACCOUNT, available_funds_base=D(199))), "not the sized one"),
    ],
)
def test_with_every_check_gone_there_is_still_no_ticket_without_a_size(monkeypatch, view, words):
    monkeypatch.setattr(ruling, "OPENING_CHECKS", ())
    with pytest.raises(RuntimeError, match=words):
        ruled(view=view)


def test_an_intent_that_is_none_raises_and_gives_no_ruling():
    with pytest.raises(KeyError):
        ruled(replace(BUY, intent="merge"))


def test_only_a_ruling_makes_a_ticket_and_none_can_be_altered():
    ticket = ruled().ticket
    with pytest.raises(RuntimeError, match=r"guardrails\.rule"):
        replace(ticket, seal=object(), shares=26)
