"""Entry, stop and target refuse just over their limits, after rounding and with fees."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Part, Side, Step
from tests.support.guarding import (
    AAPL,
    BUY,
    HK_BUY,
    HK_QUOTE,
    HK_VIEW,
    LIMITS,
    QUOTE,
    TENCENT,
    VIEW,
    check_of,
    refused_by,
    ruled,
    with_limits,
)


@pytest.mark.parametrize(
    ("price", "ok"), [("202.00", True), ("202.01", False), ("198.00", True), ("197.99", False)]
)
def test_collar_bps(price, ok):
    proposal = replace(BUY, limit_price=D(price), target_price=D("230"))
    assert check_of(ruled(proposal), "entry_in_collar").ok is ok


@pytest.mark.parametrize(
    ("stop", "ok"),
    [
        ("199.40", True),  # 30 bps
        ("199.41", False),
        ("184.00", True),  # 800 bps
        ("183.99", False),
        ("200.00", False),
        ("206.00", False),
    ],
)
def test_stop_distance_bps(stop, ok):
    proposal = replace(BUY, stop_price=D(stop), target_price=D("240"))
    assert check_of(ruled(proposal), "stop_protects").ok is ok


@pytest.mark.parametrize(("ticks", "ok"), [(3, True), (2, False)])
def test_stop_distance_ticks_min(ticks, ok):
    entry = D("0.200")
    view = replace(
        HK_VIEW,
        quote=replace(HK_QUOTE, bid=D("0.200"), ask=D("0.200"), last=D("0.200")),
        instrument=replace(TENCENT, symbol="5"),
        atr=D("0.01"),
    )
    proposal = replace(
        HK_BUY,
        symbol="5",
        limit_price=entry,
        stop_price=entry - ticks * D("0.001"),
        target_price=D("0.250"),
    )
    assert check_of(rule(proposal, view, LIMITS), "stop_protects").ok is ok


def test_reward_risk_min_counts_fees_of_both_orders():
    # 25 shares: 12.00 a share up, 6.00 down, with fees in and out: 297.88 / 152.11 = 1.958.
    ratio = (25 * D(12) - D("2.12")) / (25 * D(6) + D("2.11"))
    assert check_of(ruled(), "target_pays").observed == f"{ratio:.2f}"
    assert check_of(ruled(limits=with_limits(reward_risk_min=ratio)), "target_pays").ok
    above = with_limits(reward_risk_min=ratio + D("0.0001"))
    assert refused_by(ruled(limits=above)) == ["target_pays"]


@pytest.mark.parametrize(("target", "ok"), [("260.00", True), ("260.01", False), ("199", False)])
def test_target_distance_bps_max(target, ok):
    assert check_of(ruled(replace(BUY, target_price=D(target))), "target_pays").ok is ok


@pytest.mark.parametrize(("confidence", "ok"), [("0.70", True), ("0.69", False), ("1", True)])
def test_confidence_min_and_never_a_larger_size(confidence, ok):
    ruling = ruled(replace(BUY, confidence=D(confidence)))
    assert check_of(ruling, "confidence_min").ok is ok
    assert ruling.sizing.shares == 25


ODD = {"limit_price": D("200.014"), "stop_price": D("194.003"), "target_price": D("212.007")}


def test_a_long_rounds_its_entry_down_its_stop_up_and_its_target_down():
    ticket = ruled(replace(BUY, **ODD)).ticket
    assert (ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price) == (
        D("200.01"),
        D("194.01"),
        D("212.00"),
    )


def test_a_short_rounds_its_entry_up_its_stop_down_and_its_target_up():
    short = replace(
        BUY,
        side=Side.SHORT,
        limit_price=D("200.014"),
        stop_price=D("206.007"),
        target_price=D("188.003"),
    )
    ticket = ruled(short, limits=with_limits(allow_short=True)).ticket
    assert (ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price) == (
        D("200.02"),
        D("206.00"),
        D("188.01"),
    )


def test_a_second_target_below_the_ladder_is_left_out_alone():
    high = replace(VIEW, instrument=replace(AAPL, ladder=(Step(D(100), D("0.01")),)))
    found = ruled(replace(BUY, target_price_2=D("99.99")), high)
    assert found.ticket.parts == (Part(25, D("212.00")),)
    says = check_of(found, "second_target").says
    assert says == "target_price_2 is on no known tick ladder and is left out."


def test_a_second_target_of_an_order_without_a_size_is_unknown():
    two = replace(BUY, target_price_2=D(220))
    for view in (
        replace(VIEW, instrument=replace(AAPL, ladder=())),
        replace(VIEW, atr=None),
        replace(VIEW, instrument=None),
    ):
        found = ruled(two, view)
        assert found.ticket is None
        assert check_of(found, "second_target").observed == "unknown"


@pytest.mark.parametrize("key", ["limit_price", "stop_price", "target_price"])
def test_an_opening_without_one_of_its_prices_is_refused_and_never_filled_in(key):
    found = ruled(replace(BUY, **{key: None}))
    assert found.ticket is None
    assert "well_formed" in refused_by(found)


def test_an_opening_without_a_confidence_is_refused():
    assert refused_by(ruled(replace(BUY, confidence=None))) == ["confidence_min"]


@pytest.mark.parametrize(("price", "ok"), [("9995", True), ("9995.001", False)])
def test_the_exchange_price_range_is_judged_before_rounding(price, ok):
    """SEHK takes up to 9,995; the ladder of the broker would round the price down onto it."""
    quote = replace(HK_QUOTE, bid=D(9990), ask=D(9990), last=D(9990))
    view = replace(HK_VIEW, quote=quote, instrument=replace(TENCENT, lot=1), atr=D(100))
    proposal = replace(HK_BUY, limit_price=D(price), stop_price=D(9700), target_price=D(10_600))
    found = check_of(rule(proposal, view, LIMITS), "entry_in_collar")
    assert found.ok is ok
    if not ok:
        assert found.says == (
            "limit_price 9995.001 is none that the exchange takes: from 0.01 to 9995 passes."
        )


@pytest.mark.parametrize(
    ("bid", "says"), [("194.01", ""), ("194.00", "through the market, which is at 194")]
)
def test_a_stop_at_or_through_the_market_is_refused(bid, says):
    """The entry is marketable and would fill at once, below its limit price."""
    quote = replace(QUOTE, bid=D(bid), ask=D(bid) + D("0.02"), last=D(bid))
    found = check_of(ruled(view=replace(VIEW, quote=quote)), "stop_protects")
    assert found.ok is (says == "")
    assert says in found.says
