"""Figures that are nonsense rather than absent: what the adversary found, until it is mended.

Each is a view that a broken feed could hand over. An opening must be refused in it, a way out must
stay open, and nothing may raise. A case that holds again turns red here: then take its mark away,
and with the last of them `is_withheld` in worlds.py.
"""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Intent
from tests.adversary.oracle import blocked, breaches, order_of
from tests.adversary.worlds import is_withheld
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


BELIEVED = pytest.mark.xfail(strict=True, reason="a figure without a meaning is believed")
RAISES = pytest.mark.xfail(strict=True, reason="a figure that is no number raises")
BLOCKED = pytest.mark.xfail(strict=True, reason="half a quote makes a middle, and blocks")
OF_ANOTHER = pytest.mark.xfail(strict=True, reason="the exchange of another stock is taken")
NONE = D("1.8e308")  # the broker's word for a figure that it does not have


@pytest.mark.parametrize(
    ("proposal", "view"),
    [
        pytest.param(BUY, account(available_funds_base=NONE), marks=BELIEVED),
        pytest.param(BUY, account(net_liquidation_base=NONE), marks=BELIEVED),
        pytest.param(BUY, account(day_pnl_base=NONE), marks=BELIEVED),
        pytest.param(BUY, waiting(stop_price=D(-1), shares=1), marks=BELIEVED),
        pytest.param(BUY, beside(stop_price=D("NaN")), marks=RAISES),
        pytest.param(BUY, beside(stop_price=D("Infinity")), marks=BELIEVED),
        pytest.param(BUY, beside(market_price=D("NaN")), marks=RAISES),
        pytest.param(BUY, beside(market_price=D("-Infinity")), marks=RAISES),
        pytest.param(BUY, beside(market_price=None, average_price=D(-1)), marks=BELIEVED),
        pytest.param(BUY, waiting(limit_price=D("NaN")), marks=RAISES),
        pytest.param(BUY, waiting(limit_price=D("sNaN")), marks=RAISES),
        pytest.param(BUY, abroad(D("NaN")), marks=RAISES),
        pytest.param(BUY, abroad(D(-1)), marks=BELIEVED),
        pytest.param(BUY, abroad(D(0)), marks=BELIEVED),
        pytest.param(CLOSE, quoted(bid=D("NaN")), marks=RAISES),
        pytest.param(CLOSE, quoted(ask=D("Infinity")), marks=RAISES),
        pytest.param(CLOSE, quoted(ask=D(0)), marks=BLOCKED),
        pytest.param(CLOSE, quoted(ask=D(-1)), marks=BLOCKED),
        pytest.param(TIGHTEN, quoted(bid=D("NaN")), marks=RAISES),
        pytest.param(TIGHTEN, quoted(bid=D(-1)), marks=BLOCKED),
        pytest.param(BEYOND, quoted(bid=D("Infinity")), marks=BELIEVED),
        pytest.param(CLOSE, replace(HOLDING, instrument=TENCENT), marks=OF_ANOTHER),
    ],
)
def test_nonsense_opens_nothing_and_keeps_the_way_out_open(proposal, view):
    ruling = rule(proposal, view, LIMITS)
    if ruling.ticket is not None:
        assert breaches(order_of(ruling.ticket), proposal, view, LIMITS) == []
    assert blocked(proposal, view, LIMITS) is None or ruling.approved


def test_what_is_absent_is_never_withheld():
    assert not is_withheld(quoted(bid=None, ask=None, last=None))
    assert not is_withheld(account(available_funds_base=None, day_pnl_base=None, fx={}))
    assert not is_withheld(beside(market_price=None, stop_price=None))
