"""The room for a position makes it smaller, and refuses where not one lot fits."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Market
from tests.support.guarding import (
    AAPL,
    ACCOUNT,
    ENTRY,
    HELD,
    HK_BUY,
    HK_VIEW,
    LIMITS,
    NOW,
    OTHER,
    VIEW,
    check_of,
    refused_by,
    ruled,
    with_limits,
)


def test_hong_kong_orders_are_whole_lots_in_base_currency():
    ticket = rule(HK_BUY, HK_VIEW, LIMITS).ticket
    assert ticket is not None
    assert ticket.shares == 100
    assert ticket.value_base == 100 * D("380.0") * D("0.128")
    assert ticket.market is Market.HK


def test_held_or_working_symbols_are_duplicates():
    assert "not_duplicate" in refused_by(ruled(view=replace(VIEW, positions=(HELD,))))
    working = replace(ENTRY, symbol="AAPL", limit_price=D("200"), stop_price=D("194"))
    assert "not_duplicate" in refused_by(ruled(view=replace(VIEW, entries=(working,))))


@pytest.mark.parametrize(("minutes", "ok"), [(60, True), (59, False)])
def test_reentry_cooldown_minutes(minutes, ok):
    view = replace(VIEW, stopped_out_at={"AAPL": NOW - timedelta(minutes=minutes)})
    assert check_of(ruled(view=view), "not_duplicate").ok is ok


def small(n):
    """A position of one share in a sector of its own."""
    return replace(
        OTHER, symbol=f"S{n}", con_id=n + 1, shares=1, protected_shares=1, sector=f"sector {n}"
    )


@pytest.mark.parametrize(("count", "ok"), [(4, True), (5, False)])
def test_positions_max_counts_positions_and_entries(count, ok):
    positions = tuple(small(n) for n in range(count - 1))
    view = replace(VIEW, positions=positions, entries=(replace(ENTRY, shares=1),))
    assert check_of(ruled(view=view), "positions_max").ok is ok


def test_position_value_max_bounds_the_size_exactly():
    assert ruled(limits=with_limits(position_value_max=D(5000))).ticket.shares == 25
    assert ruled(limits=with_limits(position_value_max=D("4999.99"))).ticket.shares == 24


def test_one_lot_above_the_largest_position_is_refused_with_the_arithmetic():
    limits = with_limits(position_value_max=D("4863.99"))  # a lot is 4864.00
    ruling = rule(HK_BUY, HK_VIEW, limits)
    assert ruling.ticket is None
    assert "4864.00" in check_of(ruling, "position_value").says
    assert rule(HK_BUY, HK_VIEW, with_limits(position_value_max=D("4864.00"))).approved


@pytest.mark.parametrize(("atr", "shares"), [("4", 25), ("5", 25), ("10", 12), ("2", 25)])
def test_a_wilder_stock_gets_fewer_shares_and_a_calm_one_never_more(atr, shares):
    # atr_pct_base 2.5 % of 200 is 5: at 10 the target value is halved.
    assert ruled(view=replace(VIEW, atr=D(atr))).ticket.shares == shares


@pytest.mark.parametrize("atr", [None, D(0), D("-1"), D("NaN")])
def test_an_unknown_range_is_a_refusal(atr):
    ruling = ruled(view=replace(VIEW, atr=atr))
    assert ruling.ticket is None
    assert "position_value" in refused_by(ruling)


def test_position_risk_max_bounds_the_size():
    # 10 shares: 60 to the stop; 2.11 of fees are set aside for the 25 shares that value allows.
    ticket = ruled(limits=with_limits(position_risk_max=D("62.11"))).ticket
    assert ticket.shares == 10
    assert ticket.risk_base <= D("62.11")
    assert ruled(limits=with_limits(position_risk_max=D("62.10"))).ticket.shares == 9


def test_sector_pct_max_leaves_room_only_up_to_its_share():
    held = replace(OTHER, shares=40, protected_shares=40, market_price=D("200"))  # 8,000 of 10,000
    ticket = ruled(view=replace(VIEW, positions=(held,))).ticket
    assert ticket.shares == 10
    other_sector = replace(held, sector="Energy")
    assert ruled(view=replace(VIEW, positions=(other_sector,))).ticket.shares == 25


def test_an_unknown_sector_refuses_and_counts_toward_every_sector():
    view = replace(VIEW, instrument=replace(AAPL, sector=""))
    assert "sector_exposure" in refused_by(ruled(view=view))
    held = replace(OTHER, shares=40, protected_shares=40, market_price=D("200"), sector="")
    assert ruled(view=replace(VIEW, positions=(held,))).ticket.shares == 10


def test_gross_exposure_max_counts_entries_too():
    entry = replace(ENTRY, shares=60, stop_price=D("396"), sector="Energy")  # 24,000 of 25,000
    ticket = ruled(view=replace(VIEW, entries=(entry,))).ticket
    assert ticket.shares == 5


def test_margin_use_pct_max():
    account = replace(ACCOUNT, maintenance_margin_base=D(88_000))
    assert ruled(view=replace(VIEW, account=account)).ticket.shares == 10  # 2,000 left of 90,000


@pytest.mark.parametrize(("funds", "shares"), [("5000", 25), ("4999", 24), ("2000", 10)])
def test_buying_power_is_available_funds(funds, shares):
    account = replace(ACCOUNT, available_funds_base=D(funds))
    assert ruled(view=replace(VIEW, account=account)).ticket.shares == shares


def test_without_funds_for_one_share_the_refusal_says_so():
    account = replace(ACCOUNT, available_funds_base=D("199"))
    assert "buying_power" in refused_by(ruled(view=replace(VIEW, account=account)))


@pytest.mark.parametrize(("pnl", "shares"), [("0", 25), ("-1900", 16), ("-1994", 0), ("500", 25)])
def test_day_loss_headroom_counts_the_day_and_this_stop(pnl, shares):
    account = replace(ACCOUNT, day_pnl_base=D(pnl))
    ruling = ruled(view=replace(VIEW, account=account))
    assert (ruling.ticket.shares if ruling.ticket else 0) == shares
    if not shares:
        assert "day_loss_headroom" in refused_by(ruling)


def test_day_loss_headroom_counts_every_open_stop():
    held = replace(OTHER, shares=10, protected_shares=10, stop_price=D("10"), sector="Energy")
    view = replace(VIEW, positions=(held,))  # 1,900 could still be lost
    assert ruled(view=view).ticket.shares == 16


def test_a_position_without_a_full_stop_has_no_bound_and_refuses():
    held = replace(OTHER, protected_shares=19)
    ruling = ruled(view=replace(VIEW, positions=(held,)))
    assert "day_loss_headroom" in refused_by(ruling)
    assert ruling.ticket is None


@pytest.mark.parametrize(
    "name",
    [
        "net_liquidation_base",
        "available_funds_base",
        "maintenance_margin_base",
        "day_pnl_base",
    ],
)
@pytest.mark.parametrize("value", [None, D("NaN"), D("Infinity")])
def test_an_unknown_account_value_refuses(name, value):
    account = replace(ACCOUNT, **{name: value})
    assert ruled(view=replace(VIEW, account=account)).ticket is None


def test_an_unknown_exchange_rate_refuses():
    account = replace(ACCOUNT, fx={})
    assert rule(HK_BUY, replace(HK_VIEW, account=account), LIMITS).ticket is None
    zero = replace(ACCOUNT, fx={"HKD": D(0)})
    assert rule(HK_BUY, replace(HK_VIEW, account=zero), LIMITS).ticket is None
    other = replace(OTHER, currency="EUR")
    assert ruled(view=replace(VIEW, positions=(other,))).ticket is None


def test_adv_pct_max_bounds_the_size():
    assert (
        ruled(
            view=replace(VIEW, average_volume_shares=20_000),
            limits=with_limits(adv_pct_max=D("0.05")),
        ).ticket.shares
        == 10
    )


def test_a_short_position_takes_room_and_its_stop_above_is_a_loss():
    held = replace(
        OTHER, shares=-40, protected_shares=40, market_price=D("200"), stop_price=D("240")
    )
    view = replace(VIEW, positions=(held,))
    assert ruled(view=view).ticket.shares == 10  # 8,000 of the sector's 10,000
    elsewhere = replace(view, positions=(replace(held, sector="Energy"),))
    ruling = ruled(view=elsewhere)
    assert ruling.sizing.bounds["gross_exposure"] == 85  # (25,000 - 8,000) / 200
    # (2,000 - 1,600 - fees of leaving 2.02 - fees of the order 2.11) / 6
    assert ruling.sizing.bounds["day_loss_headroom"] == 65


def test_a_stop_beyond_the_price_is_no_gain_to_the_others():
    held = replace(OTHER, shares=10, protected_shares=10, stop_price=D("190"), sector="Energy")
    trailed = replace(held, stop_price=D("250"), market_price=D("200"))
    at_risk = ruled(view=replace(VIEW, positions=(held,))).sizing.bounds["day_loss_headroom"]
    free = ruled(view=replace(VIEW, positions=(trailed,))).sizing.bounds["day_loss_headroom"]
    assert free == ruled().sizing.bounds["day_loss_headroom"] > at_risk


def test_a_working_entry_without_a_stop_has_no_bound_and_refuses():
    found = ruled(view=replace(VIEW, entries=(replace(ENTRY, stop_price=None),)))
    assert found.ticket is None
    assert "day_loss_headroom" in refused_by(found)


def test_a_working_entry_in_an_unknown_currency_cannot_be_valued_and_refuses():
    found = ruled(view=replace(VIEW, entries=(replace(ENTRY, currency="EUR"),)))
    assert found.ticket is None
    assert {"sector_exposure", "gross_exposure", "day_loss_headroom"} <= set(refused_by(found))


def test_a_position_that_is_flat_takes_no_room_and_needs_no_stop():
    flat = replace(OTHER, shares=0, protected_shares=0, stop_price=None, market_price=None)
    found = ruled(view=replace(VIEW, positions=(flat,)))
    assert found.ticket.shares == 25
    assert found.sizing.bounds == ruled().sizing.bounds
