"""The way out to the last share, cent and word."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Check, Intent, Side
from tests.support.guarding import AAPL, BUY, HELD, LIMITS, OTHER, QUOTE, VIEW

CLOSE = replace(BUY, intent=Intent.CLOSE, limit_price=D("199.50"), stop_price=None)
TIGHTEN = replace(BUY, intent=Intent.TIGHTEN, limit_price=None, stop_price=D("197.00"))
HOLDING = replace(VIEW, positions=(HELD,))
SHORT = replace(HELD, shares=-20, stop_price=D("206"))
SHORTING = replace(VIEW, positions=(SHORT,))


def closed(view=HOLDING, **changes):
    return rule(replace(CLOSE, **changes), view, LIMITS)


def tightened(view=HOLDING, **changes):
    return rule(replace(TIGHTEN, **changes), view, LIMITS)


def holding(*positions, **changes):
    return replace(VIEW, positions=positions, **changes)


def test_a_close_says_three_findings_and_is_a_close():
    ruling = closed()
    assert ruling.checks == (
        Check("position_held", True, "20 shares", "a long position in AAPL"),
        Check("closes_what_is_held", True, "20 of 20 shares not yet leaving", "> 0"),
        Check(
            "close_in_collar", True, "-25.0 bps", "within 500 bps of mid, where there is a quote"
        ),
    )
    ticket = ruling.ticket
    assert (ticket.intent, ticket.symbol, ticket.exchange) == (Intent.CLOSE, "AAPL", "SMART")
    assert (ticket.shares, ticket.limit_price, ticket.stop_price) == (20, D("199.50"), None)
    assert ticket.value_base == ticket.risk_base == 0
    assert ticket.parts == ()
    assert ticket.target_price is None


def test_a_tightening_says_two_findings_and_is_a_tightening():
    ruling = tightened()
    assert ruling.checks == (
        Check("position_held", True, "20 shares", "a long position in AAPL"),
        Check("stop_tightens", True, "197", "194..199.99"),
    )
    ticket = ruling.ticket
    assert (ticket.intent, ticket.shares) == (Intent.TIGHTEN, 20)
    assert (ticket.limit_price, ticket.stop_price) == (None, D("197.00"))
    assert ticket.value_base == ticket.risk_base == 0


def test_a_short_is_counted_in_shares_too():
    ruling = closed(SHORTING, side=Side.SHORT, limit_price=D("200.50"))
    assert ruling.checks[0].observed == "-20 shares"
    assert ruling.checks[1].observed == "20 of 20 shares not yet leaving"
    assert ruling.ticket.shares == 20
    moved = tightened(SHORTING, side=Side.SHORT, stop_price=D("203"))
    assert moved.ticket.shares == 20
    assert moved.checks[1].limit == "200.01..206"


def test_the_wrong_side_and_nothing_held_are_the_only_finding():
    wrong = closed(side=Side.SHORT)
    assert wrong.checks == (
        Check(
            "position_held",
            False,
            "20 shares",
            "a short position in AAPL",
            "the position in AAPL is long; say side long.",
        ),
    )
    nothing = Check(
        "position_held", False, "none", "a long position in AAPL", "no position in AAPL is held."
    )
    assert closed(VIEW).checks == tightened(VIEW).checks == (nothing,)
    assert tightened(side=Side.SHORT).checks == wrong.checks


@pytest.mark.parametrize(
    "others",
    [
        (OTHER,),
        (replace(OTHER, symbol="AA"),),
        (replace(HELD, shares=0),),
        (replace(HELD, symbol="AAP"), replace(HELD, symbol="AAPLX"), replace(HELD, shares=0)),
    ],
)
def test_other_positions_and_flat_ones_are_not_meant(others):
    for shares in (1, -1):
        mine = replace(HELD, shares=shares, stop_price=D("194") if shares > 0 else D("206"))
        side = Side.LONG if shares > 0 else Side.SHORT
        assert closed(holding(mine, *others), side=side).ticket.shares == 1
        assert closed(holding(*others, mine), side=side).ticket.shares == 1
    assert closed(holding(*others)).checks[0].observed == "none"


def test_two_positions_in_one_symbol_are_not_understood():
    assert closed(holding(HELD, replace(HELD, shares=5))).checks[0].observed == "none"


@pytest.mark.parametrize(("leaving", "left"), [(19, 1), (20, 0), (25, -5)])
def test_only_what_is_not_leaving_yet_is_closed(leaving, left):
    ruling = closed(holding(replace(HELD, exiting_shares=leaving)))
    check = ruling.checks[1]
    assert check.observed == f"{left} of 20 shares not yet leaving"
    assert check.ok is (left > 0)
    if left > 0:
        assert ruling.ticket.shares == left
    else:
        assert ruling.ticket is None
        assert check.says == "exits for the whole position are working already; wait for them."


def quoted(bid, ask, last=None):
    quote = replace(QUOTE, bid=bid, ask=ask, last=last)
    dear = replace(HELD, stop_price=D("19000"), market_price=None)
    return replace(HOLDING, positions=(dear,), quote=quote)


@pytest.mark.parametrize(
    ("price", "ok", "observed"),
    [
        ("20999.79", True, "+500.0 bps"),  # the middle is 19,999.805
        ("20999.80", False, "+500.0 bps"),
        ("18999.82", True, "-500.0 bps"),
        ("18999.81", False, "-500.0 bps"),
    ],
)
def test_the_collar_to_the_cent(price, ok, observed):
    ruling = closed(quoted(D("19999.80"), D("19999.81")), limit_price=D(price))
    check = ruling.checks[2]
    assert (check.ok, check.observed) == (ok, observed)
    says = (
        f"limit_price {D(price).normalize()} is {D(observed.split()[0]):+.0f} bps from mid "
        "19999.805; 18999.81475 to 20999.79525 passes."
    )
    assert check.says == ("" if ok else says)


@pytest.mark.parametrize(
    ("bid", "ask"), [(None, D(200)), (D(200), None), (D("200.01"), D(200)), (D(0), D(200))]
)
def test_without_a_whole_quote_no_collar_holds_the_way_out(bid, ask):
    ruling = closed(quoted(bid, ask), limit_price=D("1.00"))
    assert ruling.checks[2].observed == "no quote"
    assert ruling.approved


def test_no_spread_is_a_quote():
    assert not closed(quoted(D(200), D(200)), limit_price=D(100)).approved
    assert closed(quoted(D(200), D(200)), limit_price=D(190)).approved


def test_a_close_needs_a_price_and_a_tightening_one_too():
    assert closed(limit_price=None).checks[2].says == "closing needs a limit_price."
    assert closed(limit_price=D("NaN")).ticket is None
    assert tightened(stop_price=None).checks[1].says == "tightening needs a stop_price."


@pytest.mark.parametrize("symbol", ["AAP", "AAPLX", "MSFT", "A"])
def test_nothing_of_another_stocks_instrument_is_believed(symbol):
    coarse = replace(
        AAPL, symbol=symbol, exchange="XETRA", ladder=(AAPL.ladder[0]._replace(tick=D(7)),)
    )
    ruling = closed(replace(HOLDING, instrument=coarse))
    assert (ruling.ticket.exchange, ruling.ticket.limit_price) == ("", D("199.50"))
    assert closed(replace(HOLDING, instrument=coarse), limit_price=D(1)).approved  # nor its quote
    dear = replace(QUOTE, bid=D(300), ask=D(301))
    assert tightened(replace(HOLDING, instrument=coarse, quote=dear)).checks[1].limit == "194..200"
    assert closed(replace(HOLDING, instrument=None)).ticket.exchange == ""
    assert not closed(replace(HOLDING, instrument=None), limit_price=D(1)).approved


@pytest.mark.parametrize(
    ("touch", "last", "market_price", "bound"),
    [
        (D("198"), D("300"), D("400"), "198"),
        (None, D("197.5"), D("400"), "197.5"),
        (D("NaN"), D("197.5"), D("400"), "197.5"),
        (None, None, D("199"), "199"),  # and not the 198 that were paid
        (None, D(0), D("199"), "199"),
    ],
)
def test_the_price_a_stop_may_not_pass(touch, last, market_price, bound):
    quote = replace(QUOTE, bid=touch, ask=D("500"), last=last)
    view = replace(HOLDING, positions=(replace(HELD, market_price=market_price),), quote=quote)
    check = tightened(view).checks[1]
    assert check.limit == f"194..{bound}"
    at = tightened(view, stop_price=D(bound)).checks[1]
    assert not at.ok
    assert at.says == (
        f"stop_price {bound} is not between 194 and {bound} (the resting stop 194 and the price "
        f"{bound})."
    )
    assert tightened(view, stop_price=D(bound) - D("0.01")).approved
    assert not tightened(view, stop_price=D("194")).approved
    assert tightened(view, stop_price=D("194.01")).approved


def test_without_a_quote_the_brokers_price_of_the_position_counts():
    view = replace(HOLDING, quote=None)
    assert tightened(view).checks[1].limit == "194..200"
    unknown = replace(view, positions=(replace(HELD, market_price=None),))
    check = tightened(unknown).checks[1]
    assert check.observed == "price unknown"
    assert check.says == ("the price of the stock is unknown; a stop beyond it would sell at once.")


def test_no_resting_stop_cannot_be_moved():
    check = tightened(holding(replace(HELD, stop_price=None))).checks[1]
    assert check == Check(
        "stop_tightens",
        False,
        "no stop",
        "between the resting stop and the price",
        "no stop of AAPL rests at the broker, so none can be moved.",
    )
