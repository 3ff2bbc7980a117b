"""The walk of the price, and what fills on it: gaps, slippage, limits, volume, halts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from sim.gateway.bars import Bars
from sim.gateway.exchange.path import Paths, local_date
from sim.gateway.nouns import Bar
from sim.gateway.rules import Rules
from tests.exchange.market import (
    AFTERNOON,
    HK_MORNING,
    LUNCH,
    RICH,
    Moving,
    at_minute,
    bracket,
    exchange,
    hk_minute,
    hk_order,
    live,
    order,
    placed,
    shares,
    statuses,
    still,
    words,
)
from tests.support.tiny import AAPL, HK_OPEN, NOON, TENCENT, US_CLOSE, US_OPEN, TinyWorld

WIDE = {40: (D("200"), D("206"), D("190"), D("201"), 1003)}


def paths(minutes=None, world=None, seed=0, **more):
    return Paths(world or TinyWorld(minutes), seed=seed, spread_ticks=1, **more)


def second(n, seconds):
    return at_minute(n) + timedelta(seconds=seconds)


# The walk


def test_a_minute_is_walked_in_four_points_that_take_all_its_volume():
    walks = set()
    for seed in range(8):
        points = paths(WIDE, seed=seed).points(
            AAPL, at_minute(40) - timedelta(seconds=1), second(40, 59)
        )
        assert [point.at for point in points] == [second(40, n) for n in (0, 15, 30, 45)]
        assert [point.opens for point in points] == [True, False, False, False]
        assert [point.volume for point in points] == [253, 250, 250, 250]
        walks.add(tuple(point.price for point in points))
    high_first = (D("200"), D("206"), D("190"), D("201"))
    low_first = (D("200"), D("190"), D("206"), D("201"))
    assert walks == {high_first, low_first}


def test_the_top_shows_the_day_so_far_and_nothing_of_what_is_to_come():
    world = dict.fromkeys(range(390)) | {0: still("199", 400)} | WIDE
    walk = paths(world, low_first=lambda listing, at: True)
    shown = [
        (top.last, top.high, top.low, top.volume, top.open, top.last_size)
        for n in (0, 14, 15, 30, 45, 300)
        for top in [walk.top(AAPL, second(40, n))]
    ]
    first = (D("200"), D("200"), D("199"), 653, D("199"), 253)
    assert shown == [
        first,
        first,
        (D("190"), D("200"), D("190"), 903, D("199"), 250),
        (D("206"), D("206"), D("190"), 1153, D("199"), 250),
        (D("201"), D("206"), D("190"), 1403, D("199"), 250),
        (D("201"), D("206"), D("190"), 1403, D("199"), 250),
    ]


def test_the_ask_is_a_tick_of_its_band_above_the_bid():
    top = paths().top(AAPL, NOON)
    assert (top.bid, top.ask, top.at) == (D("200.00"), D("200.01"), NOON)
    cheap = paths({30: still("0.9999")}).top(AAPL, NOON)
    assert cheap.ask == D("1.0000")
    assert paths().top(TENCENT, HK_MORNING).ask == D("380.2")


def test_outside_the_sessions_there_is_a_last_price_and_no_quote():
    walk = paths()
    before = walk.top(AAPL, US_OPEN - timedelta(seconds=1))
    assert (before.bid, before.ask, before.last, before.volume) == (None, None, D("196"), 0)
    for at in (US_CLOSE, US_CLOSE + timedelta(minutes=5)):
        after = walk.top(AAPL, at)
        assert (after.bid, after.ask, after.last) == (None, None, D("200"))
    lunch = walk.top(TENCENT, LUNCH + timedelta(minutes=10))
    assert (lunch.bid, lunch.last) == (None, D("380"))
    assert walk.last(TENCENT, HK_OPEN - timedelta(hours=1)) == D("376")


def test_bars_of_the_lunch_break_are_nobodys():
    world = Moving(hk_minutes={150 + n: still("300") for n in range(60)})
    walk = paths(world=world)
    assert walk.points(TENCENT, LUNCH, AFTERNOON - timedelta(seconds=1)) == []
    assert walk.top(TENCENT, AFTERNOON).low == D("380")


def test_columns_and_tuples_of_bars_are_the_same_day():
    class Columnar(TinyWorld):
        def minutes(self, con_id, start, end):
            return Bars.of(super().minutes(con_id, start, end))

    for at in (NOON, second(40, 20), US_CLOSE):
        assert paths(WIDE).top(AAPL, at) == paths(world=Columnar(WIDE)).top(AAPL, at)


def test_a_listing_without_a_market_rule_has_no_tick():
    with pytest.raises(ValueError, match="market rule 9: unknown"):
        paths().tick(replace(AAPL, market_rule_id=9), D(1))


def test_local_dates_are_those_of_the_exchange():
    assert local_date(TENCENT, HK_OPEN.replace(hour=16)) == HK_OPEN.date() + timedelta(days=1)
    assert local_date(TENCENT, HK_OPEN.replace(hour=15, minute=59)) == HK_OPEN.date()
    assert local_date(AAPL, US_OPEN.replace(hour=4)) == US_OPEN.date() - timedelta(days=1)


@pytest.mark.parametrize(("side", "first"), [(None, "190"), ("BUY", "190"), ("SELL", "206")])
def test_the_worst_extreme_comes_first(side, first):
    market = exchange(WIDE, rules=Rules(extremes="worst"))
    if side is not None:
        market.by_broker(1, side, 10)
    market.advance(second(40, 20))
    assert market.top(1).last == D(first)


def test_which_extreme_is_worse_is_decided_when_the_bar_begins():
    market = exchange(WIDE, rules=Rules(extremes="worst"))
    market.advance(at_minute(40))
    market.by_broker(1, "SELL", 10)
    market.advance(second(40, 20))
    assert market.top(1).last == D("190")
    assert market.paths.top(AAPL, second(40, 30)).last == D("206")


# Fills


@pytest.mark.parametrize(
    ("action", "limit", "price"),
    [
        ("BUY", "200.00", None),
        ("BUY", "200.01", "200.01"),
        ("BUY", "205.00", "200.01"),
        ("SELL", "200.01", None),
        ("SELL", "200.00", "200.00"),
        ("SELL", "190.00", "200.00"),
    ],
)
def test_a_marketable_limit_gets_the_touch(action, limit, price):
    market = exchange()
    market.place(order(action=action, limit=limit))
    assert [fill.price for fill in market.fills()] == ([] if price is None else [D(price)])


@pytest.mark.parametrize(("action", "price"), [("BUY", "200.01"), ("SELL", "200.00")])
def test_a_market_order_gets_the_touch(action, price):
    market = exchange()
    market.place(order(action=action, kind="MKT"))
    assert market.fills()[0].price == D(price)


@pytest.mark.parametrize(
    ("row", "price"),
    [
        (("200", "200", "190", "190"), "197.99"),  # passed on its way: a tick of slippage
        (("200", "200", "198", "198"), "198.00"),  # but not beyond where the price went
        (("195", "195", "190", "190"), "195.00"),  # jumped over: the bar's first price
    ],
)
def test_where_a_stop_to_sell_fills(row, price):
    market = exchange({40: (*map(D, row), 10_000)})
    market.by_broker(1, "BUY", 100)
    market.place(order(action="SELL", kind="STP", stop="198"))
    market.advance(at_minute(41) - timedelta(seconds=1))
    assert market.fills()[-1].price == D(price)


@pytest.mark.parametrize(
    ("row", "price"),
    [
        (("200", "210", "200", "210"), "202.01"),
        (("205", "210", "205", "210"), "205.01"),
    ],
)
def test_where_a_stop_to_buy_fills(row, price):
    market = exchange({40: (*map(D, row), 10_000)})
    market.place(order(kind="STP", stop="202"))
    market.advance(at_minute(41) - timedelta(seconds=1))
    assert market.fills()[-1].price == D(price)


@pytest.mark.parametrize(
    ("action", "stop", "last", "filled"),
    [
        ("SELL", "198", "198.01", 0),
        ("SELL", "198", "198.00", 100),
        ("BUY", "202", "201.99", 0),
        ("BUY", "202", "202.00", 100),
    ],
)
def test_a_stop_triggers_at_its_price_and_not_before(action, stop, last, filled):
    market = exchange({40: still(last)})
    market.place(order(action=action, kind="STP", stop=stop))
    market.advance(at_minute(41))
    assert sum(fill.shares for fill in market.fills()) == filled


def test_a_stop_that_is_reached_when_it_arrives_fills_at_the_touch():
    market = exchange()
    market.place(order(kind="STP", stop="190"))
    assert market.fills()[0].price == D("200.01")


@pytest.mark.parametrize(
    ("volume", "share", "first"),
    [(10_000, "0.25", 625), (10_000, "1", 2500), (3, "0.25", 1), (0, "0.25", 1)],
)
def test_an_order_takes_its_part_of_the_volume_and_at_least_one_lot(volume, share, first):
    rules = Rules(participation=D(share))
    market = exchange(world=TinyWorld(volume=volume), rules=rules, cash=RICH)
    market.place(order(limit="200.01", quantity=3000))
    assert market.fills()[0].shares == first


def test_two_orders_share_the_volume_of_a_point():
    market = exchange(cash=RICH)
    market.place(order(1, limit="200.01", quantity=500))
    market.place(order(2, limit="200.01", quantity=500))
    assert [fill.shares for fill in market.fills()] == [500, 125]
    market.place(order(3, limit="200.01", quantity=500))
    assert len(market.fills()) == 2


def test_hong_kong_fills_are_whole_lots():
    market = exchange(start=HK_MORNING, world=Moving(volume=1500), cash=RICH)
    market.place(hk_order(quantity=300, limit="380.2"))
    market.advance(hk_minute(7))
    assert [fill.shares for fill in market.fills()] == [100, 100, 100]


# Halts


def halted(begins, ends, minutes=None):
    return Moving(minutes, halted={1: [(begins, ends)]})


def test_in_a_halt_nothing_is_matched_and_there_is_no_quote():
    world = halted(at_minute(40), at_minute(50), {45: still("150"), 55: still("150")})
    market = exchange(world=world)
    market.place(order(1, limit="160"))
    market.advance(at_minute(41))
    assert (market.top(1).bid, market.top(1).ask, market.top(1).last) == (None, None, D("200"))
    assert market.paths.is_halted(AAPL, at_minute(49))
    assert words(market.place(order(2, limit="205"))) == [
        (2, "Submitted", ""),
    ]
    market.advance(at_minute(49))
    assert market.fills() == []
    assert words(market.cancel(7, 2))[0] == (2, "Cancelled", "")
    market.advance(at_minute(50))
    assert not market.paths.is_halted(AAPL, at_minute(50))
    assert market.top(1).bid == D("200")
    market.advance(at_minute(56))
    assert [(fill.order_id, fill.at) for fill in market.fills()] == [(1, at_minute(55))]


def test_a_stop_is_not_set_off_in_a_halt_but_at_its_end():
    world = halted(at_minute(40), at_minute(50), {n: still("150") for n in range(45, 60)})
    market = exchange(world=world)
    placed(market, bracket())
    market.advance(second(49, 59))
    assert statuses(market)[-1] == (3, "PreSubmitted", "trigger")
    market.advance(at_minute(50))
    assert market.fills()[-1].price == D("150")


def test_in_lunch_and_at_night_nothing_triggers():
    world = Moving(hk_minutes={n: still("350") for n in range(150, 212)})
    market = exchange(start=HK_MORNING, world=world, cash=RICH)
    market.by_broker(2, "BUY", 100)
    market.place(hk_order(1, "SELL", "STP", stop="360", tif="GTC"))
    market.advance(AFTERNOON - timedelta(seconds=1))
    assert live(market, 1).why_held == "trigger"
    market.advance(AFTERNOON)
    assert market.fills()[-1].price == D("350")
    assert shares(market, 2) == 0


def test_bars_are_read_once_a_day_and_old_days_are_let_go():
    class Counting(TinyWorld):
        asked = 0

        def minutes(self, con_id, start, end):
            self.asked += 1
            return super().minutes(con_id, start, end)

    world = Counting()
    walk = paths(world=world)
    for n in range(5):
        for hour in range(3):
            walk.top(AAPL, NOON + timedelta(days=n + 3, hours=hour))
    assert world.asked == 5
    assert len(walk._days[1]) == 3


def test_a_price_that_is_no_whole_unit_is_not_taken():
    bad = {40: (D("200.00001"),) * 4 + (100,)}
    with pytest.raises(ValueError, match="whole numbers"):
        paths(bad).top(AAPL, NOON)
    assert isinstance(TinyWorld().minutes(1, NOON, at_minute(31))[0], Bar)
