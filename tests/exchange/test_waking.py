"""Nobody wakes for nothing, and nothing is missed: waking when told is as good as being up."""

from datetime import datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.gateway.bars import price_of, units_of
from sim.gateway.exchange.agenda import reach_of
from sim.gateway.exchange.day import Reach
from sim.gateway.exchange.matching import is_marketable, triggers
from sim.gateway.nouns import Filled, OrderChanged, Refused
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
    hk_order,
    order,
    still,
)
from tests.support.tiny import AAPL, DAY, NOON, US_CLOSE, US_OPEN

STEP = timedelta(seconds=15)
dollars = st.integers(193, 207)  # the day moves by whole dollars: prices are at, or just beside
plans = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["LMT", "STP", "STP LMT", "MKT", "bracket"]),
        st.integers(1, 2500),
        st.builds(lambda dollars, cents: 100 * dollars + cents, dollars, st.integers(-2, 2)),
        st.sampled_from(["DAY", "GTC", "IOC"]),
        st.integers(0, 2000),  # seconds until the next one
        st.sampled_from(["", "cancel", "modify"]),  # what then happens to the one before
    ),
    min_size=1,
    max_size=6,
)


def swinging(seed):
    """A day that moves by some ticks, seldom by much, and has minutes without a trade."""
    rows = {}
    for n in range(30, 390):
        base = D(200) + (n * 7919 + seed * 104729) % 13 - 6
        wide = D((n * 31 + seed) % 17 == 0) * 3
        rows[n] = (base, base + 1 + wide, base - 1 - wide, base, (n * 37) % 9 * 1000)
        if n % 11 == 0:
            rows[n] = None
    return rows


def orders_of(number, action, kind, quantity, cents, tif):
    price = f"{D(cents) / 100}"
    if kind == "bracket":
        legs = bracket(price, f"{D(price) + 4}", f"{D(price) - 4}", quantity, tif=tif)
        for leg in legs:
            leg.order_id += number * 10
            leg.parent_id = leg.parent_id and number * 10 + 1
            leg.oca_group = leg.oca_group and f"g{number}"
        return legs
    more = {"limit": price} if "LMT" in kind else {}
    if "STP" in kind:
        more["stop"] = price
    return [order(number * 10, action, kind, quantity, tif=tif, **more)]


def sleeping(market, until):
    """Moves on only when the exchange says that something can happen."""
    events = []
    while (wake := market.next_wake()) is not None and wake <= until:
        assert wake > market.now
        events += market.advance(wake)
    return events + market.advance(until)


def looking_at_every_point(market):
    """The exchange without its foresight: every point of the walk is tried for every order."""
    foresight = market.paths.next_touched
    market.paths.next_touched = lambda listing, _, after: foresight(
        listing, Reach(at_all=True), after
    )


def awake(market, until):
    """Moves on every few seconds."""
    events = []
    while market.now + STEP <= until:
        at = datetime.fromtimestamp((market.now.timestamp() // 15 + 1) * 15, until.tzinfo)
        events += market.advance(at)
    return events + market.advance(until)


def run(plan, seed, go, extremes):
    market = exchange(swinging(seed), seed=seed, cash=RICH, rules=Rules(extremes=extremes))
    if go is awake:
        looking_at_every_point(market)
    events, now = [], NOON
    for number, (action, kind, quantity, cents, tif, seconds, then) in enumerate(plan, start=1):
        for one in orders_of(number, action, kind, quantity, cents, tif):
            events += market.place(one)
        now += timedelta(seconds=seconds)
        events += go(market, now)
        if then == "cancel":
            events += market.cancel(7, number * 10)
        if then == "modify" and kind == "LMT":
            [change] = orders_of(number, action, kind, quantity + 100, cents - 50, tif)
            events += market.place(change)
    events += go(market, US_CLOSE + timedelta(minutes=30))
    return market, events


def seen(events):
    rows = []
    for event in events:
        match event:
            case Filled(one, fill):
                rows.append((one.order_id, fill.at, fill.price, fill.shares))
            case OrderChanged(one):
                rows.append((one.order_id, one.status, one.why_held, one.filled, one.quantity))
            case Refused(_, order_id, code, _, _):
                rows.append((order_id, code))
    return rows


@settings(max_examples=40, deadline=None)
@given(plans, st.integers(0, 9), st.sampled_from(["seed", "worst"]))
def test_waking_when_told_gives_the_same_as_never_sleeping(plan, seed, extremes):
    slept, first = run(plan, seed, sleeping, extremes)
    jumped, second = run(plan, seed, lambda market, until: market.advance(until), extremes)
    woke, third = run(plan, seed, awake, extremes)
    assert seen(first) == seen(second) == seen(third)
    assert slept.fills() == jumped.fills() == woke.fills()
    assert slept.pnl() == jumped.pnl() == woke.pnl()


@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["LMT", "STP", "STP LMT", "MKT"]),
    st.sampled_from([9_990, 9_999, 10_000, 10_100, 2_000_000]),  # around the band's edge at 1.00
    st.integers(-5, 5),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_price_that_acts_on_an_order_is_always_within_its_reach(
    action, kind, units, ticks, spread, is_triggered
):
    market = exchange(rules=Rules(spread_ticks=spread))
    paths, limit = market.paths, price_of(units)
    price = limit + ticks * paths.tick(AAPL, limit)
    one = order(1, action, kind, limit=str(limit), stop=str(limit))
    awaits = kind.startswith("STP") and not is_triggered
    market._floor.register.admit(one)
    market._floor.register.work(one).is_triggered = is_triggered
    acts = triggers(one, price) if awaits else is_marketable(one, price, paths.ask(AAPL, price))
    low, high, at_all = reach_of(market._floor, AAPL, one)
    reached = at_all or (low is not None and units_of(price) <= low)
    reached = reached or (high is not None and units_of(price) >= high)
    assert reached or not acts
    if not at_all and units == 2_000_000:
        assert reached == acts  # away from an edge nobody wakes for nothing


def test_nobody_wakes_for_a_price_that_is_not_reached():
    market = exchange({300: still("199.00")})
    market.place(order(limit="199.50"))
    assert market.next_wake() == at_minute(300)
    market.advance(at_minute(299))
    assert market.next_wake() == at_minute(300)


@pytest.mark.parametrize(
    ("terms", "low", "wakes"),
    [
        ({"limit": "199.50"}, "199.50", False),  # the ask is a tick above
        ({"limit": "199.50"}, "199.49", True),
        ({"action": "SELL", "kind": "STP", "stop": "199.50"}, "199.51", False),
        ({"action": "SELL", "kind": "STP", "stop": "199.50"}, "199.50", True),
    ],
)
def test_a_bar_wakes_if_its_low_reaches_the_order(terms, low, wakes):
    market = exchange({300: (D(200), D(200), D(low), D(200), 1000)})
    market.place(order(**terms))
    assert market.next_wake() == (at_minute(300) if wakes else US_CLOSE)


@pytest.mark.parametrize(
    ("terms", "high", "wakes"),
    [
        ({"action": "SELL", "limit": "200.50"}, "200.49", False),
        ({"action": "SELL", "limit": "200.50"}, "200.50", True),
        ({"kind": "STP", "stop": "200.50"}, "200.49", False),
        ({"kind": "STP", "stop": "200.50"}, "200.50", True),
    ],
)
def test_a_bar_wakes_if_its_high_reaches_the_order(terms, high, wakes):
    market = exchange({300: (D(200), D(high), D(200), D(200), 1000)})
    market.place(order(**terms))
    assert market.next_wake() == (at_minute(300) if wakes else US_CLOSE)


def test_inside_a_bar_that_touches_each_point_is_a_wake():
    market = exchange({40: (D(200), D(205), D(200), D(200), 1000)})
    market.place(order(limit="199.50"))
    market.place(order(2, "SELL", limit="205"))
    wakes = []
    while (wake := market.next_wake()) < US_CLOSE:
        wakes.append(wake)
        market.advance(wake)
    assert wakes[0] == at_minute(40)
    assert all(wake < at_minute(41) for wake in wakes)
    assert market.fills()[0].price == D("205")


def test_without_a_live_order_there_is_no_wake():
    market = exchange()
    assert market.next_wake() is None
    market.place(order(limit="150", transmit=False))
    assert market.next_wake() is None
    market.place(order(2, limit="150"))
    market.cancel(7, 2)
    assert market.next_wake() is None


def test_opens_closes_and_the_end_of_a_good_till_date_are_wakes():
    market = exchange(start=US_OPEN - timedelta(hours=1))
    market.place(order(1, limit="150", tif="GTC"))
    assert market.next_wake() == US_OPEN
    market.advance(US_OPEN)
    till = US_OPEN + timedelta(hours=2)
    market.place(order(2, limit="150", tif="GTD", good_till_date=f"{till:%Y%m%d %H:%M:%S} UTC"))
    assert market.next_wake() == till
    market.advance(till)
    assert market.next_wake() == US_CLOSE
    market.advance(US_CLOSE)
    assert market.next_wake() == US_OPEN + timedelta(days=3)  # DAY is a Friday


def test_an_order_outlives_a_closure_longer_than_anyone_looks_ahead():
    class Closed(Moving):
        def sessions(self, market, day):
            is_closed = DAY < day < DAY + timedelta(days=31)
            return () if is_closed else super().sessions(market, day)

    fall = {31 * 24 * 60 + 5: still("149")}  # minutes from one open to the next
    slept, jumped = (exchange(world=Closed(fall)) for _ in range(2))
    for market in (slept, jumped):
        market.place(order(limit="150", tif="GTC"))
    sleeping(slept, US_CLOSE + timedelta(days=31))
    jumped.advance(US_CLOSE + timedelta(days=31))
    [fill] = slept.fills()
    assert fill.at == US_OPEN + timedelta(days=31, minutes=5)
    assert jumped.fills() == [fill]


def test_hk_wakes_for_its_lunch_and_its_waiting_cancellation():
    market = exchange(start=HK_MORNING, world=Moving())
    market.place(hk_order(limit="378"))
    assert market.next_wake() == AFTERNOON
    market.advance(LUNCH + timedelta(minutes=5))
    market.cancel(7, 1)
    assert market.next_wake() == LUNCH + timedelta(minutes=30)
