"""The simulated exchange: order life as captured, limits that hold, books that add up."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.gateway.exchange import Exchange
from sim.gateway.exchange.fees import order_cost
from sim.gateway.nouns import Filled, Order, OrderChanged, Refused
from sim.gateway.rules import Rules
from tests.support.tiny import AAPL, DAY, HK_OPEN, NOON, TENCENT, US_CLOSE, US_OPEN, TinyWorld

RICH = {"USD": D(1_000_000)}


def exchange(minutes=None, start=NOON, **more):
    return Exchange(TinyWorld(minutes), start=start, **more)


def order(order_id=1, action="BUY", kind="LMT", quantity=100, **more):
    fields = {"client_id": 7, "con_id": 1, "limit_price": None, "stop_price": None, **more}
    return Order(order_id=order_id, action=action, order_type=kind, quantity=quantity, **fields)


def bracket(entry="200.05", target="204.00", stop="198.00", quantity=100):
    return [
        order(1, limit_price=D(entry), transmit=False, quantity=quantity),
        order(
            2,
            "SELL",
            limit_price=D(target),
            tif="GTC",
            parent_id=1,
            transmit=False,
            oca_group="g",
            oca_type=2,
            quantity=quantity,
        ),
        order(
            3,
            "SELL",
            "STP",
            stop_price=D(stop),
            tif="GTC",
            parent_id=1,
            oca_group="g",
            oca_type=2,
            quantity=quantity,
        ),
    ]


def placed(market, orders):
    return [event for one in orders for event in market.place(one)]


def words(events):
    found = []
    for event in events:
        match event:
            case OrderChanged(one):
                found.append((one.order_id, one.status, one.why_held))
            case Filled(one, fill):
                found.append((one.order_id, "fill", fill.shares))
            case Refused(_, order_id, code, _, _):
                found.append((order_id, "error", code))
    return found


def at_minute(n):
    return US_OPEN + timedelta(minutes=n)


def test_a_family_is_silent_until_its_last_leg_transmits_it():
    market = exchange()
    entry, target, stop = bracket(entry="199.50")
    assert market.place(entry) == []
    assert market.place(target) == []
    assert market.open_orders() == []
    market.place(stop)
    assert [(o.order_id, o.status, o.why_held) for o in market.open_orders()] == [
        (1, "Submitted", ""),
        (2, "PreSubmitted", "child"),
        (3, "PreSubmitted", "child,trigger"),
    ]


def test_the_entrys_fill_wakes_its_exits_and_a_stop_takes_the_target_with_it():
    drop = {40: (D("200.00"), D("200.00"), D("197.00"), D("197.00"), 10_000)}
    market = exchange(drop)
    events = words(placed(market, bracket()))
    assert (1, "fill", 100) in events
    assert [(o.order_id, o.status, o.why_held) for o in market.open_orders()] == [
        (2, "Submitted", ""),
        (3, "PreSubmitted", "trigger"),
    ]
    later = words(market.advance(at_minute(45)))
    assert (3, "fill", 100) in later
    assert later.index((3, "fill", 100)) < later.index((2, "Cancelled", ""))
    assert (2, "error", 202) in later
    assert market.open_orders() == []
    assert market.books.holdings[1].shares == 0


def test_a_stop_that_is_gapped_through_fills_at_the_gap():
    gap = {40: (D("190.00"), D("190.50"), D("189.00"), D("190.00"), 10_000)}
    market = exchange(gap)
    placed(market, bracket())
    market.advance(at_minute(41))
    assert market.fills()[-1].price == D("190.00")


def test_a_resting_limit_fills_at_its_own_price_and_only_when_reached():
    dip = {40: (D("200.00"), D("200.00"), D("198.50"), D("199.50"), 10_000)}
    market = exchange(dip)
    market.place(order(limit_price=D("199.00")))
    assert market.advance(at_minute(39)) == []
    market.advance(at_minute(42))
    assert [fill.price for fill in market.fills()] == [D("199.00")]


def test_volume_bounds_a_fill_and_the_rest_follows():
    market = exchange(cash=RICH)
    market.place(order(limit_price=D("200.05"), quantity=2000))
    first = market.fills()[0].shares
    assert first == 625  # a quarter of a quarter of 10,000
    market.advance(NOON + timedelta(minutes=2))
    assert sum(fill.shares for fill in market.fills()) == 2000
    costs = sum(fill.commission for fill in market.fills())
    value = sum(fill.shares * fill.price for fill in market.fills())
    assert costs == order_cost(AAPL, "BUY", 2000, value, DAY)


def test_exits_cover_what_has_filled_and_never_more():
    market = exchange(cash=RICH, rules=Rules(parent_end_takes_children="unfilled"))
    placed(market, bracket(quantity=2000))
    market.cancel(7, 1)
    held = market.books.holdings[1].shares
    assert 0 < held < 2000
    market.place(replace_order(market, 2, limit_price=D("199.00")))
    market.advance(US_CLOSE - timedelta(minutes=1))
    assert market.books.holdings[1].shares == 0


def replace_order(market, order_id, **changes):
    [live] = [one for one in market.open_orders() if one.order_id == order_id]
    return replace(live, **changes)


def test_day_orders_end_at_the_close_and_gtc_orders_stay():
    market = exchange()
    market.place(order(limit_price=D("150.00")))
    market.place(order(2, limit_price=D("151.00"), tif="GTC"))
    events = words(market.advance(US_CLOSE + timedelta(minutes=1)))
    assert (1, "Cancelled", "") in events
    assert (1, "error", 202) in events
    assert [one.order_id for one in market.open_orders()] == [2]
    assert market.completed_orders()[0].completed_status == "Expired at the close"


def test_outside_hours_an_order_is_held_with_a_notice():
    market = exchange(start=US_OPEN - timedelta(hours=1))
    events = words(market.place(order(limit_price=D("201.00"))))
    assert events == [(1, "PreSubmitted", ""), (1, "error", 399)]
    market.advance(US_OPEN + timedelta(minutes=1))
    assert market.fills()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (order(limit_price=D("200.001")), 110),
        (order(con_id=9, limit_price=D("200")), 200),
        (order(quantity=0, limit_price=D("200")), 321),
        (order(kind="LMT"), 321),
        (order(kind="REL", limit_price=D("200")), 321),
        (order(con_id=2, quantity=150, limit_price=D("380")), 321),
        (order(con_id=2, quantity=100, action="SELL", limit_price=D("380")), 201),
        (order(quantity=10_000, limit_price=D("200")), 201),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_and_inactive(wrong, code):
    market = exchange()
    events = words(market.place(wrong))
    assert events == [(1, "error", code), (1, "Inactive", "")]
    assert market.open_orders() == []


def test_a_used_order_id_is_refused_and_a_rejected_change_leaves_the_order_live():
    market = exchange()
    market.place(order(5, limit_price=D("150")))
    assert words(market.place(order(4, limit_price=D("150")))) == [(4, "error", 103)]
    assert words(market.place(order(5, limit_price=D("150.001")))) == [(5, "error", 110)]
    assert [one.limit_price for one in market.open_orders()] == [D("150")]
    market.place(order(5, limit_price=D("151")))
    assert [one.limit_price for one in market.open_orders()] == [D("151")]


def test_cancelling():
    market = exchange()
    placed(market, bracket(entry="150.00"))
    events = words(market.cancel(7, 1))
    assert [word for word in events if word[1] == "Cancelled"] == [
        (1, "Cancelled", ""),
        (2, "Cancelled", ""),
        (3, "Cancelled", ""),
    ]
    assert words(market.cancel(7, 1)) == [(1, "error", 10148)]
    assert words(market.cancel(8, 1)) == [(1, "error", 10147)]
    market.place(order(9, limit_price=D("150")))
    assert words(market.cancel_all())[0] == (9, "Cancelled", "")


def test_children_that_arm_on_the_full_fill_only_wait_for_it():
    market = exchange(rules=Rules(children_arm_on_full=True), cash=RICH)
    placed(market, bracket(quantity=2000))
    assert {o.why_held for o in market.open_orders() if o.parent_id} == {"child", "child,trigger"}


def test_no_sale_goes_past_what_is_held_into_a_short_on_sehk():
    market = exchange(start=HK_OPEN + timedelta(minutes=5))
    market.place(order(1, con_id=2, quantity=100, limit_price=D("380.2")))
    assert market.books.holdings[2].shares == 100
    events = words(market.place(order(2, "SELL", con_id=2, quantity=500, limit_price=D("300"))))
    assert (2, "error", 201) in events
    assert market.books.holdings[2].shares == 100
    market.place(order(3, "SELL", con_id=2, quantity=100, limit_price=D("390")))
    events = words(market.place(order(4, "SELL", con_id=2, quantity=100, limit_price=D("391"))))
    assert (4, "error", 201) in events


def test_a_changed_order_must_be_affordable_too_and_working_ones_reserve_funds():
    market = exchange()
    market.place(order(1, limit_price=D("150")))
    events = words(market.place(order(1, limit_price=D("150"), quantity=100_000)))
    assert events == [(1, "error", 201)]
    assert [one.quantity for one in market.open_orders()] == [100]
    taken = [words(market.place(order(n, quantity=900, limit_price=D("150")))) for n in (2, 3)]
    assert (2, "error", 201) not in taken[0]
    assert (3, "error", 201) in taken[1]


def test_an_order_is_not_shrunk_to_what_has_filled():
    market = exchange(cash=RICH)
    market.place(order(quantity=2000, limit_price=D("200.05")))
    [live] = market.open_orders()
    events = words(market.place(replace(live, quantity=live.filled)))
    assert events == [(1, "error", 201)]


def test_worked_examples_of_fees():
    assert order_cost(TENCENT, "BUY", 400, D(40_000), DAY) == D("73.14")
    assert order_cost(TENCENT, "SELL", 500, D("1252.50"), DAY) == D("20.03")
    assert order_cost(AAPL, "SELL", 100, D(15_000), DAY) == D("1.3093")
    etf = replace(TENCENT, stock_type="ETF")
    assert order_cost(etf, "BUY", 500, D(12_660), DAY) == D("18.36")


actions = st.tuples(
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["LMT", "STP", "MKT"]),
    st.integers(1, 900),
    st.integers(19_000, 21_000),
    st.integers(1, 12),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(actions, min_size=1, max_size=12), st.integers(0, 5))
def test_shares_and_cash_add_up_and_no_limit_is_broken(plan, seed):
    swings = {
        n: (D(200), D(203), D(197), D(200 + (n * 7 + seed) % 5 - 2), 4000)
        for n in range(31, 390, 3)
    }
    market = exchange(swings, seed=seed)
    now = NOON
    for number, (action, kind, quantity, cents, minutes) in enumerate(plan, start=1):
        price = D(cents) / 100
        market.place(
            order(
                number,
                action,
                kind,
                quantity,
                limit_price=price if kind == "LMT" else None,
                stop_price=price if kind == "STP" else None,
            )
        )
        now += timedelta(minutes=minutes)
        market.advance(now)
    market.advance(US_CLOSE)
    fills = market.fills()
    shares = sum(f.shares if f.action == "BUY" else -f.shares for f in fills)
    assert market.books.holdings.get(1) is None or market.books.holdings[1].shares == shares
    paid = sum((f.shares if f.action == "BUY" else -f.shares) * f.price for f in fills)
    fees = sum((f.commission for f in fills), D(0))
    assert market.books.cash["USD"] == D(100_000) - paid - fees
    by_id = {one.order_id: one for one in [*market.completed_orders(), *market.open_orders()]}
    for fill in fills:
        one = by_id[fill.order_id]
        assert one.filled <= one.quantity
        if one.order_type == "LMT":
            assert (
                fill.price <= one.limit_price
                if fill.action == "BUY"
                else fill.price >= one.limit_price
            )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 9), st.integers(195, 199), st.integers(201, 206))
def test_no_oca_group_overfills(quantity, seed, low, high):
    swings = {n: (D(200), D(high), D(low), D(200), 3000) for n in range(30, 390)}
    market = exchange(swings, seed=seed)
    placed(
        market,
        bracket(entry="200.01", target=f"{high}.00", stop=f"{low}.00", quantity=min(quantity, 900)),
    )
    market.advance(US_CLOSE)
    bought = sum(f.shares for f in market.fills() if f.action == "BUY")
    sold = sum(f.shares for f in market.fills() if f.action == "SELL")
    assert sold <= bought
    assert market.books.holdings[1].shares == bought - sold


def test_the_same_seed_gives_the_same_fills_and_hk_trades_in_its_own_hours():
    runs = []
    for _ in range(2):
        market = exchange(start=HK_OPEN + timedelta(minutes=5), seed=3)
        market.place(order(con_id=2, quantity=500, limit_price=D("380.2")))
        market.advance(HK_OPEN + timedelta(hours=2.6))
        runs.append([(f.exec_id, f.at, f.price, f.shares) for f in market.fills()])
    assert runs[0] == runs[1]
    assert sum(row[3] for row in runs[0]) == 500
    assert market.books.cash["HKD"] < 0
