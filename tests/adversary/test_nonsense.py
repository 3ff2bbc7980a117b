"""Figures that are nonsense rather than absent: nothing opens, the way out is open, nothing raises.

Each is a view that a broken feed could hand over.
"""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Intent
from tests.adversary.oracle import blocked, breaches, order_of
from tests.support.guarding import BUY, ENTRY, HELD, LIMITS, OTHER, QUOTE, TENCENT, VIEW

CLOSE = replace(BUY, intent=Intent.CLOSE)
TIGHTEN = replace(BUY, intent=Intent.TIGHTEN, stop_price=D(196))
BEYOND = replace(TIGHTEN, stop_price=D(205))
HOLDING = replace(VIEW, positions=(HELD,))
ACCOUNT = VIEW.account
ABROAD = replace(OTHER, currency="HKD", sector="Energy")


def account(**changes):
    """The plain view with the account's figures changed."""
    return replace(VIEW, account=replace(ACCOUNT, **changes))


def quoted(**changes):
    """The stock held, with its quote changed."""
    return replace(HOLDING, quote=replace(QUOTE, **changes))


def beside(**changes):
    """Another holding in which something is changed."""
    return replace(VIEW, positions=(replace(OTHER, **changes),))


def waiting(**changes):
    """Another working entry in which something is changed."""
    return replace(VIEW, entries=(replace(ENTRY, **changes),))


def abroad(rate):
    """Another holding in a currency with that exchange rate."""
    return replace(account(fx={"HKD": rate}), positions=(ABROAD,))


NONE = D("1.8e308")  # the broker's word for a figure that it does not have


@pytest.mark.parametrize(
    ("proposal", "view"),
    [
        (BUY, account(available_funds_base=NONE)),
        (BUY, account(net_liquidation_base=NONE)),
        (BUY, account(day_pnl_base=NONE)),
        (BUY, replace(VIEW, quote=replace(QUOTE, last=NONE))),
        (BUY, waiting(stop_price=D(-1), shares=1)),
        (BUY, beside(stop_price=D("NaN"))),
        (BUY, beside(stop_price=D("Infinity"))),
        (BUY, beside(market_price=D("NaN"))),
        (BUY, beside(market_price=D("-Infinity"))),
        (BUY, beside(market_price=None, average_price=D(-1))),
        (BUY, waiting(limit_price=D("NaN"))),
        (BUY, waiting(limit_price=D("sNaN"))),
        (BUY, abroad(D("NaN"))),
        (BUY, abroad(D(-1))),
        (BUY, abroad(D(0))),
        (CLOSE, quoted(bid=D("NaN"))),
        (CLOSE, quoted(ask=D("Infinity"))),
        (CLOSE, quoted(ask=D(0))),
        (CLOSE, quoted(ask=D(-1))),
        (TIGHTEN, quoted(bid=D("NaN"))),
        (TIGHTEN, quoted(bid=D(-1))),
        (BEYOND, quoted(bid=D("Infinity"))),
        (CLOSE, replace(HOLDING, instrument=TENCENT)),
    ],
)
def test_nonsense_opens_nothing_and_keeps_the_way_out_open(proposal, view):
    ruling = rule(proposal, view, LIMITS)
    if ruling.ticket is not None:
        assert breaches(order_of(ruling.ticket), proposal, view, LIMITS) == []
    assert blocked(proposal, view, LIMITS) is None or ruling.approved
