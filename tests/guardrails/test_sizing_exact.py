"""Room and size to the last share and cent: what is held, what works, what it costs to leave."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails import fees
from guardrails.sizing import Room, size
from guardrails.targets import PARTS_MAX
from guardrails.terms import Action, Market, Side
from tests.support.guarding import (
    AAPL,
    ACCOUNT,
    ENTRY,
    LIMITS,
    NOW,
    OTHER,
    TENCENT,
    VIEW,
    with_limits,
)

FX = D("0.128")
DAY = NOW.date()
HELD = replace(OTHER, shares=20, protected_shares=20, market_price=D(200), stop_price=D(190))
HK = replace(HELD, symbol="5", market=Market.HK, currency="HKD", sector="Energy")
HK_ENTRY = replace(ENTRY, symbol="5", market=Market.HK, currency="HKD", sector="Energy")


def room(positions=(), entries=(), limits=LIMITS, instrument=AAPL, fx=D(1), **account):
    view = replace(VIEW, positions=positions, entries=entries, account=replace(ACCOUNT, **account))
    return Room.of(view, limits, instrument, fx)


def fee(market, shares, price, action):
    return fees.order_fees(market, shares, D(price), on=DAY, action=action, stock_type="")


def test_nothing_held_leaves_the_whole_room():
    assert room() == Room(
        sector=D(10_000),
        gross=D(25_000),
        funds=D(100_000),
        margin=D(90_000),
        day_loss=D(2_000),
        liquidity_shares=500_000,
    )


def test_without_an_instrument_or_its_rate_there_is_no_room():
    assert room(instrument=None) is None
    assert room(fx=None) is None


def test_the_share_of_a_sector_is_not_cut_to_whole_money():
    limits = with_limits(gross_exposure_max=D(25_001), sector_pct_max=D(33))
    assert room(limits=limits).sector == D("8250.33")


def test_a_stock_of_no_known_sector_has_no_room_in_one():
    found = room((replace(HELD, sector=""),), instrument=replace(AAPL, sector=""))
    assert (found.sector, found.gross) == (None, D(21_000))


def test_values_are_in_base_currency():
    assert room((HK,)).gross == D(25_000) - 20 * 200 * FX
    assert room(entries=(HK_ENTRY,)).gross == D(25_000) - 10 * 400 * FX


def test_no_shares_are_no_position_and_one_sold_short_is_one():
    gone = replace(HELD, shares=0, currency="EUR", market_price=None)
    assert room((gone,)) == room()
    assert room((gone, HELD)) == room((HELD,))
    assert room((replace(HELD, shares=-1),)).gross == D(24_800)


def test_without_a_market_price_the_average_one_counts():
    assert room((replace(HELD, market_price=None, average_price=D(150)),)).gross == D(22_000)


@pytest.mark.parametrize("price", [D(0), D(-1), D("NaN")])
def test_a_position_or_entry_without_a_price_leaves_no_known_room(price):
    for found in (
        room((replace(HELD, market_price=price),)),
        room(entries=(replace(ENTRY, limit_price=price),)),
    ):
        assert (found.gross, found.sector, found.day_loss) == (None, None, None)


@pytest.mark.parametrize(
    ("shares", "stop", "action"), [(1000, "190", Action.SELL), (-1000, "210", Action.BUY)]
)
@pytest.mark.parametrize("held", [HELD, HK])
def test_a_position_can_lose_the_way_to_its_stop_and_the_fees_of_two_exits(
    held, shares, stop, action
):
    rate = {HELD: D(1), HK: FX}[held]
    held = replace(held, shares=shares, protected_shares=1000, stop_price=D(stop))
    loss = 10 * 1000 + PARTS_MAX * fee(held.market, 501, stop, action)
    limits = with_limits(day_loss_max=D(100_000))
    assert room((held,), limits=limits).day_loss == 100_000 - loss * rate


def test_a_position_is_bounded_where_all_shares_are_under_a_known_stop():
    assert room((replace(HELD, stop_price=None),)).day_loss is None
    assert room((replace(HELD, stop_price=D(0)),)).day_loss is None
    assert room((replace(HELD, protected_shares=19),)).day_loss is None
    assert room((replace(HELD, protected_shares=21),)).day_loss == room((HELD,)).day_loss
    assert room((HELD,)).day_loss is not None


@pytest.mark.parametrize(
    ("side", "stop", "first", "then"),
    [(Side.LONG, "392", Action.BUY, Action.SELL), (Side.SHORT, "408", Action.SELL, Action.BUY)],
)
@pytest.mark.parametrize("entry", [ENTRY, HK_ENTRY])
def test_an_entry_can_lose_the_way_to_its_stop_and_the_fees_of_both_orders(
    entry, side, stop, first, then
):
    rate = {ENTRY: D(1), HK_ENTRY: FX}[entry]
    entry = replace(entry, side=side, stop_price=D(stop), shares=300)
    market = entry.market
    loss = 8 * 300 + fee(market, 300, "400", first) + fee(market, 300, stop, then)
    limits = with_limits(day_loss_max=D(100_000))
    assert room(entries=(entry,), limits=limits).day_loss == 100_000 - loss * rate


@pytest.mark.parametrize(("shares", "known"), [(1, True), (0, False), (-1, False)])
def test_an_entry_of_no_shares_has_no_known_loss(shares, known):
    assert (room(entries=(replace(ENTRY, shares=shares),)).day_loss is not None) is known


# The size

WIDE = Room(
    sector=D(10**9),
    gross=D(10**9),
    funds=D(10**9),
    margin=D(10**9),
    day_loss=D(10**9),
    liquidity_shares=10**9,
)
CALM = D("0.000001")  # a range that scales nothing down


def sized(
    entry="380", stop="370", parts=1, instrument=TENCENT, limits=LIMITS, room=WIDE, fx=FX, atr=CALM
):
    return size(
        entry=D(entry),
        stop=D(stop),
        parts=parts,
        fx=fx,
        atr=atr,
        instrument=instrument,
        limits=limits,
        room=room,
        action=Action.BUY,
        on=DAY,
    )


def trip(shares, entry, stop):
    bought = fee(Market.HK, shares, entry, Action.BUY)
    return bought + fee(Market.HK, shares, stop, Action.SELL)


@pytest.mark.parametrize("name", ["gross", "funds", "margin", "day_loss", "liquidity_shares"])
def test_without_a_figure_of_the_room_there_is_no_size(name):
    assert sized(room=WIDE._replace(**{name: None})) is None


@pytest.mark.parametrize("lot", [None, 0, -1])
def test_without_a_lot_or_a_distance_or_a_room_there_is_no_size(lot):
    assert sized(instrument=replace(TENCENT, lot=lot)) is None
    assert sized(stop="380") is None
    assert sized(room=None) is None
    assert sized() is not None


def test_an_unknown_sector_has_room_for_no_share():
    assert sized(room=WIDE._replace(sector=None)).bounds["sector_exposure"] == 0


BOUND_BY = {"sector": "sector_exposure", "gross": "gross_exposure"}
BOUND_BY |= {"funds": "buying_power", "margin": "margin_use"}


@pytest.mark.parametrize(("field", "rule"), BOUND_BY.items())
@pytest.mark.parametrize(
    ("left", "shares"),
    [("1.01", 8), ("0.5", 4), ("0.125", 1), ("0.124", 0), ("0", 0), ("-0.5", 0), ("-500", 0)],
)
def test_a_room_holds_whole_shares_and_never_fewer_than_none(field, rule, left, shares):
    found = sized("0.125", "0.120", fx=D(1), room=WIDE._replace(**{field: D(left)}))
    assert found.bounds[rule] == shares


def risk_bound(fees_base, shares, distance_base, **given):
    """The bound by risk just at, and just under, a limit for so many shares and these fees."""
    limit = fees_base + shares * distance_base
    found = []
    for risk in (limit, limit - D("0.0001")):
        changes = {"position_risk_max": risk, **given.pop("limits", {})}
        given["limits"] = changes
        found.append(sized(**{**given, "limits": with_limits(**changes)}).bounds["position_risk"])
        given["limits"] = {k: v for k, v in changes.items() if k != "position_risk_max"}
    return tuple(found)


def test_the_fees_of_the_largest_order_are_set_aside():
    # 5,000 / (380 x 0.128) is 102.8: 102 shares, both ways.
    assert risk_bound(trip(102, "380", "370") * FX, 40, 10 * FX) == (40, 39)


def test_each_of_two_parts_may_be_half_and_a_lot_more():
    fees_base = 2 * trip(102 // 2 + 100, "380", "370") * FX
    assert risk_bound(fees_base, 40, 10 * FX, parts=2) == (40, 39)


def test_an_order_that_is_too_dear_by_itself_sets_aside_the_fees_of_one_share():
    one = replace(TENCENT, lot=1)
    fees_base = trip(1, "50000", "49000") * FX
    given = {"entry": "50000", "stop": "49000", "instrument": one}
    assert risk_bound(fees_base, 2, 1000 * FX, **given) == (2, 1)


def test_the_smallest_bound_binds_and_is_cut_to_whole_lots():
    found = sized(
        room=WIDE._replace(liquidity_shares=250),
        limits=with_limits(position_value_max=D(10**6), position_risk_max=D(10**6)),
    )
    assert (found.binding, found.shares, found.lot) == ("liquidity", 200, 100)
    assert found.price_base == 380 * FX
