"""The oracle objects to each planted mistake, by the name of the rule, and to nothing right."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Intent, Market, Side, State
from tests.adversary.oracle import blocked, breaches, order_of
from tests.support.guarding import (
    BUY,
    ENTRY,
    HELD,
    HK_BUY,
    HK_VIEW,
    LIMITS,
    NOW,
    OTHER,
    QUOTE,
    TENCENT,
    VIEW,
    with_limits,
)

SHORT = replace(BUY, side=Side.SHORT, limit_price=D(200), stop_price=D(206), target_price=D(185))
CLOSE = replace(BUY, intent=Intent.CLOSE, stop_price=None, target_price=None)
TIGHTEN = replace(BUY, intent=Intent.TIGHTEN, limit_price=None, stop_price=D(196))
SPLIT = replace(BUY, target_price_2=D(220))
SHORTING = with_limits(allow_short=True)
HOLDING = replace(VIEW, positions=(HELD,))
HOLDING_SHORT = replace(
    VIEW, positions=(replace(HELD, shares=-20, stop_price=D(206), target_price=D(190)),)
)

RIGHT = {
    "long": (BUY, VIEW, LIMITS),
    "split": (SPLIT, VIEW, LIMITS),
    "hk": (HK_BUY, HK_VIEW, LIMITS),
    "short": (SHORT, VIEW, SHORTING),
    "close": (CLOSE, HOLDING, LIMITS),
    "tighten": (TIGHTEN, HOLDING, LIMITS),
    "cover": (replace(CLOSE, side=Side.SHORT), HOLDING_SHORT, LIMITS),
    "tighten short": (
        replace(TIGHTEN, side=Side.SHORT, stop_price=D(204)),
        HOLDING_SHORT,
        LIMITS,
    ),
}


def approved(name):
    """Proposal, view, limits and the order that was rightly approved."""
    proposal, view, limits = RIGHT[name]
    ticket = rule(proposal, view, limits).ticket
    assert ticket is not None
    return proposal, view, limits, order_of(ticket)


def rules_broken(order, proposal, view, limits):
    """The names of the rules that the oracle says are broken."""
    return {line.partition(":")[0] for line in breaches(order, proposal, view, limits)}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_order(name):
    proposal, view, limits, order = approved(name)
    assert breaches(order, proposal, view, limits) == []


def resized(order, shares):
    """The order with that many shares and the amounts that belong to them."""
    lost = shares * abs(order.limit_price - order.stop_price)
    return order._replace(
        shares=shares,
        parts=((shares, order.parts[0][1]),),
        value_base=shares * order.limit_price,
        risk_base=lost + 10,
    )


@pytest.mark.parametrize(
    ("name", "mistake", "broken"),
    [
        # Sides.
        ("long", {"action": "SELL", "exit_action": "BUY"}, "side_known"),
        ("long", {"exit_action": "BUY"}, "side_known"),
        ("short", {"action": "BUY", "exit_action": "SELL"}, "side_known"),
        ("close", {"action": "BUY", "exit_action": "BUY"}, "reduces"),
        ("cover", {"action": "SELL", "exit_action": "SELL"}, "reduces"),
        ("tighten", {"exit_action": "BUY"}, "reduces"),
        # Identity.
        ("long", {"symbol": "MSFT"}, "identity"),
        ("long", {"con_id": 1}, "identity"),
        ("long", {"exchange": "SEHK"}, "identity"),
        ("close", {"con_id": 1}, "identity"),
        ("close", {"exchange": "SEHK"}, "identity"),
        ("close", {"intent": "open"}, "identity"),
        # Prices.
        ("long", {"limit_price": D("200.005")}, "grid"),
        ("long", {"stop_price": D("194.001")}, "grid"),
        ("long", {"parts": ((25, D("212.003")),)}, "grid"),
        ("hk", {"limit_price": D("380.1")}, "grid"),
        ("close", {"limit_price": D("200.001")}, "grid"),
        ("tighten", {"stop_price": D("196.004")}, "grid"),
        ("long", {"limit_price": D("200.01")}, "rounding"),
        ("long", {"stop_price": D("193.99")}, "rounding"),
        ("long", {"parts": ((25, D("212.01")),)}, "rounding"),
        ("short", {"limit_price": D("199.99")}, "rounding"),
        ("close", {"limit_price": D("199.99")}, "rounding"),
        ("tighten", {"stop_price": D("195.99")}, "rounding"),
        ("long", {"limit_price": D("202.01")}, "entry_in_collar"),
        ("long", {"stop_price": D(206)}, "stop_protects"),
        ("short", {"stop_price": D(194)}, "stop_protects"),
        ("long", {"stop_price": D("199.98")}, "stop_protects"),
        ("long", {"stop_price": D(180)}, "stop_protects"),
        ("long", {"parts": ((25, D(190)),)}, "target_pays"),
        ("long", {"parts": ((25, D(205)),)}, "target_pays"),
        ("long", {"parts": ((25, D("260.01")),)}, "target_pays"),
        ("long", {"limit_price": None}, "well_formed"),
        ("long", {"stop_price": None}, "well_formed"),
        ("long", {"stop_price": D("NaN")}, "well_formed"),
        ("long", {"parts": ()}, "well_formed"),
        # Shares.
        ("long", {"shares": 0}, "lots"),
        ("hk", {"shares": 150}, "lots"),
        ("hk", {"parts": ((50, D(402)), (50, D(410)))}, "lots"),
        ("split", {"parts": ((12, D(212)), (12, D(220)))}, "parts"),
        ("split", {"parts": ((13, D(220)), (12, D(212)))}, "target_pays"),
        ("split", {"parts": ((13, D(212)), (11, D(220)), (1, D(221)))}, "parts"),
        ("close", {"shares": 21}, "closes_what_is_held"),
        ("close", {"shares": 0}, "closes_what_is_held"),
        ("cover", {"shares": 21}, "closes_what_is_held"),
        ("tighten", {"shares": 19}, "closes_what_is_held"),
        # Amounts.
        ("long", {"value_base": D(4_999)}, "amounts"),
        ("long", {"risk_base": D(149)}, "amounts"),
        ("hk", {"value_base": D(38_000)}, "amounts"),  # no exchange rate
        # Reductions.
        ("close", {"limit_price": D("220.00")}, "close_in_collar"),
        ("close", {"limit_price": None}, "well_formed"),
        ("close", {"stop_price": D(194)}, "well_formed"),
        ("close", {"parts": ((20, D(212)),)}, "parts"),
        ("tighten", {"stop_price": D(194)}, "stop_tightens"),
        ("tighten", {"stop_price": D("193.99")}, "stop_tightens"),
        ("tighten", {"stop_price": D("199.99")}, "stop_tightens"),
        ("tighten short", {"stop_price": D("206.01")}, "stop_tightens"),
        ("tighten short", {"stop_price": D("200.01")}, "stop_tightens"),
        ("tighten", {"stop_price": None}, "well_formed"),
        ("tighten", {"limit_price": D(196)}, "well_formed"),
    ],
)
def test_a_planted_mistake_is_named(name, mistake, broken):
    proposal, view, limits, order = approved(name)
    assert broken in rules_broken(order._replace(**mistake), proposal, view, limits)


def test_one_lot_too_many_is_named():
    proposal, view, limits, order = approved("long")
    assert rules_broken(resized(order, 25), proposal, view, limits) == set()
    assert rules_broken(resized(order, 26), proposal, view, limits) == {"position_value"}
    wild = replace(view, atr=D(10))  # twice the base range: half the position
    assert rules_broken(resized(order, 12), proposal, wild, limits) == set()
    assert rules_broken(resized(order, 13), proposal, wild, limits) == {"position_value"}


ACCOUNT = VIEW.account
FULL = replace(OTHER, shares=100, protected_shares=100, market_price=D(60), stop_price=D(60))


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"state": State.DEGRADED}, "state_allows"),
        ({"reconciled_at": None}, "reconciled"),
        ({"reconciled_at": NOW - timedelta(hours=2, microseconds=1)}, "reconciled"),
        ({"reconciled_at": NOW + timedelta(microseconds=1)}, "reconciled"),
        ({"needs_keeper": True, "keeper_at": None}, "keeper_alive"),
        ({"needs_keeper": True, "keeper_at": NOW - timedelta(days=1)}, "keeper_alive"),
        ({"needs_keeper": True, "keeper_at": NOW + timedelta(microseconds=1)}, "keeper_alive"),
        ({"live_lock": ("no drill",)}, "live_lock"),
        ({"instrument": None}, "instrument_known"),
        ({"instrument": replace(VIEW.instrument, hours=())}, "session_open"),
        ({"instrument": replace(VIEW.instrument, stock_type="ETN")}, "instrument_known"),
        ({"instrument": replace(VIEW.instrument, security_type="OPT")}, "instrument_known"),
        ({"instrument": replace(VIEW.instrument, sector="")}, "unknown"),
        ({"instrument": replace(VIEW.instrument, lot=None)}, "lots"),
        ({"instrument": replace(VIEW.instrument, lot=2)}, "lots"),
        ({"instrument": replace(VIEW.instrument, ladder=())}, "grid"),
        (
            {"instrument": replace(VIEW.instrument, order_types=frozenset({"LMT"}))},
            "order_type_supported",
        ),
        ({"quote": None}, "quote_usable"),
        ({"quote": replace(QUOTE, ask=None)}, "quote_usable"),
        ({"quote": replace(QUOTE, ask=D("199.98"))}, "quote_usable"),
        ({"quote": replace(QUOTE, last=D("NaN"))}, "quote_usable"),
        ({"quote": replace(QUOTE, is_realtime=False)}, "quote_usable"),
        ({"quote": replace(QUOTE, at=NOW - timedelta(seconds=15, microseconds=1))}, "quote_usable"),
        ({"quote": replace(QUOTE, bid=D(199), ask=D("200.21"))}, "quote_usable"),
        ({"quote": replace(QUOTE, bid=D("193.9"), ask=D(194))}, "stop_protects"),
        ({"positions": (HELD,)}, "not_duplicate"),
        ({"entries": (replace(ENTRY, symbol="AAPL"),)}, "not_duplicate"),
        ({"stopped_out_at": {"AAPL": NOW - timedelta(minutes=59, seconds=59)}}, "not_duplicate"),
        (
            {"positions": tuple(replace(OTHER, symbol=name, shares=1) for name in "ABCDE")},
            "positions_max",
        ),
        ({"positions": (replace(FULL, shares=101, protected_shares=101),)}, "sector_exposure"),
        ({"positions": (replace(FULL, shares=101, sector=""),)}, "sector_exposure"),
        ({"positions": (replace(FULL, shares=-400, sector="Energy"),)}, "gross_exposure"),
        ({"positions": (replace(FULL, currency="EUR"),)}, "unknown"),
        (
            {"positions": (replace(FULL, market_price=D("NaN"), average_price=D("NaN")),)},
            "unknown",
        ),
        ({"positions": (replace(FULL, shares=50, protected_shares=49),)}, "day_loss_headroom"),
        ({"positions": (replace(FULL, shares=50, stop_price=D("20.6")),)}, "day_loss_headroom"),
        ({"entries": (replace(ENTRY, stop_price=None),)}, "day_loss_headroom"),
        # 152 for the order with its fees leaves 1,848: the stop's 1,847.50 fit, its fee does not.
        ({"positions": (replace(FULL, shares=50, stop_price=D("23.05")),)}, "day_loss_headroom"),
        ({"account": replace(ACCOUNT, available_funds_base=D("4999.99"))}, "buying_power"),
        ({"account": replace(ACCOUNT, maintenance_margin_base=D("85000.01"))}, "margin_use"),
        ({"account": replace(ACCOUNT, day_pnl_base=D(-1_850))}, "day_loss_headroom"),
        ({"account": replace(ACCOUNT, day_pnl_base=None)}, "unknown"),
        ({"account": replace(ACCOUNT, available_funds_base=D("1.8e308"))}, "unknown"),
        ({"account": replace(ACCOUNT, net_liquidation_base=D("Infinity"))}, "unknown"),
        ({"account": replace(ACCOUNT, base_currency="HKD")}, "unknown"),
        ({"atr": None}, "unknown"),
        ({"atr": D("sNaN")}, "unknown"),
        ({"average_volume_shares": None}, "unknown"),
        ({"average_volume_shares": 19_999}, "liquidity"),
        ({"average_volume_shares": -1}, "liquidity"),
        ({"orders_last_minute": 4}, "orders_rate"),
        ({"orders_today": 20}, "orders_day"),
        ({"proposals_this_session": 12}, "proposals_session"),
        ({"proposals_this_session": -1}, "proposals_session"),
    ],
)
def test_an_order_approved_in_a_world_that_forbids_it_is_named(change, broken):
    proposal, view, limits, order = approved("long")
    assert broken in rules_broken(order, proposal, replace(view, **change), limits)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"allow_short": False}, "short_allowed"),
        ({"restricted": ("AAPL",)}, "instrument_known"),
        ({"confidence_min": D("0.81")}, "confidence_min"),
        ({"position_risk_max": D("120")}, "position_risk"),
        ({"stop_distance_ticks_min": 601}, "stop_protects"),
        ({"reward_risk_min": D("2.5")}, "target_pays"),
        ({"adv_pct_max": D("0.00001")}, "liquidity"),
    ],
)
def test_an_order_beyond_a_tighter_limit_is_named(change, broken):
    proposal, view, limits, order = approved("short")
    tighter = limits.model_copy(update=change)
    assert broken in rules_broken(order, proposal, view, tighter)


def test_a_short_in_hong_kong_is_named():
    proposal, view, limits, order = approved("short")
    there = replace(view, instrument=replace(view.instrument, market=Market.HK))
    assert "short_allowed" in rules_broken(order, proposal, there, limits)


def test_an_order_at_a_price_no_exchange_takes_is_named():
    penny = replace(HK_VIEW, quote=replace(QUOTE, bid=D("0.009"), ask=D("0.009")))
    proposal, _, limits, order = approved("hk")
    low = order._replace(limit_price=D("0.009"))
    assert "entry_in_collar" in rules_broken(low, proposal, penny, limits)
    assert TENCENT.market is Market.HK


@pytest.mark.parametrize("name", ["close", "tighten", "cover", "tighten short"])
def test_a_blocked_way_out_is_named(name):
    proposal, view, limits, _ = approved(name)
    assert blocked(proposal, view, limits).startswith("blocked: ")
    blind = replace(view, instrument=None, quote=None, account=replace(ACCOUNT, fx={}))
    assert blocked(proposal, blind, limits).startswith("blocked: ")


@pytest.mark.parametrize(
    ("proposal", "view"),
    [
        (CLOSE, VIEW),
        (replace(CLOSE, side=Side.SHORT), HOLDING),
        (replace(CLOSE, limit_price=D(250)), HOLDING),
        (CLOSE, replace(VIEW, positions=(replace(HELD, exiting_shares=20),))),
        (replace(TIGHTEN, stop_price=D(194)), HOLDING),
        (replace(TIGHTEN, stop_price=D(200)), HOLDING),
        (TIGHTEN, replace(VIEW, positions=(replace(HELD, stop_price=None),))),
        (BUY, VIEW),
    ],
)
def test_what_may_be_refused_is_not_called_blocked(proposal, view):
    assert blocked(proposal, view, LIMITS) is None
