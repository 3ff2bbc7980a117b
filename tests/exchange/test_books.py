"""What it costs, what is held, what it has gained; and nothing is made or lost on the way."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.gateway.exchange.fees import order_cost
from sim.gateway.exchange.holding import Entry, Holding
from tests.exchange.market import (
    HK_MORNING,
    RICH,
    Moving,
    at_minute,
    bracket,
    exchange,
    hk_order,
    order,
    placed,
    shares,
    still,
)
from tests.support.tiny import AAPL, DAY, NOON, TENCENT, US_CLOSE, US_OPEN

ETF = replace(TENCENT, stock_type="ETF")
REIT = replace(TENCENT, stock_type="REIT")


# Fees (markets.md, worked examples)


@pytest.mark.parametrize(
    ("listing", "action", "quantity", "value", "day", "cost"),
    [
        (TENCENT, "BUY", 400, "40000", DAY, "73.14"),
        (TENCENT, "SELL", 500, "1252.50", DAY, "20.03"),
        (ETF, "BUY", 500, "12660", DAY, "18.36"),
        (ETF, "BUY", 500, "12660", date(2015, 2, 12), "31.34"),
        (ETF, "BUY", 500, "12660", date(2015, 2, 13), "18.34"),
        (REIT, "BUY", 500, "12660", date(2024, 12, 20), "31.36"),
        (REIT, "BUY", 500, "12660", date(2024, 12, 21), "18.36"),
        (AAPL, "SELL", 100, "15000", DAY, "1.3093"),
        (AAPL, "SELL", 100, "15000", date(2026, 9, 1), "1.3288"),
        (AAPL, "SELL", 100, "15000", date(2026, 3, 2), "1.0195"),
        (AAPL, "BUY", 100, "15000", DAY, "1.0003"),
        (AAPL, "BUY", 100, "15000", date(2026, 8, 31), "1.0000"),
        # duty is rounded up to a dollar, at the rate of its day
        (TENCENT, "BUY", 100, "10000", date(2023, 11, 16), "31.29"),
        (TENCENT, "BUY", 100, "10000", date(2023, 11, 17), "28.29"),
        (TENCENT, "BUY", 100, "10000.01", DAY, "29.29"),
        # 0.08% and at least 18
        (TENCENT, "BUY", 100, "22500", DAY, "41.64"),
        (TENCENT, "BUY", 100, "22600", DAY, "41.72"),
        # 0.005 a share, at least 1, at most a hundredth of the value
        (AAPL, "BUY", 200, "40000", date(2026, 1, 2), "1.0000"),
        (AAPL, "BUY", 201, "40000", date(2026, 1, 2), "1.0050"),
        (AAPL, "BUY", 1, "7.38", date(2026, 1, 2), "0.0738"),
        # the activity fee has a cap for each order
        (AAPL, "SELL", 50_205, "100000", date(2026, 3, 2), "260.8150"),
        (AAPL, "SELL", 50_206, "100000", date(2026, 3, 2), "260.8200"),
        (AAPL, "SELL", 0, "0", DAY, "0"),
    ],
)
def test_fees(listing, action, quantity, value, day, cost):
    assert order_cost(listing, action, quantity, D(value), day) == D(cost)


def test_the_fees_of_an_order_in_parts_are_those_of_the_whole():
    market = exchange(cash=RICH)
    market.place(order(limit="200.05", quantity=2000))
    market.advance(NOON + timedelta(minutes=2))
    fills = market.fills()
    assert len(fills) == 4
    value = sum(fill.shares * fill.price for fill in fills)
    total = order_cost(AAPL, "BUY", 2000, value, DAY)
    assert sum(fill.commission for fill in fills) == total
    assert market.completed_orders()[0].commission == total
    assert fills[0].commission == order_cost(AAPL, "BUY", 625, 625 * fills[0].price, DAY)


# Positions


def entry(signed, price, cost="0", day=DAY):
    at = datetime.combine(day, NOON.timetz())
    return Entry(signed=signed, price=D(price), cost=D(cost), at=at, day=day, reference="")


def booked(*entries):
    holding = Holding()
    return holding, [holding.add(one) for one in entries]


def test_a_purchases_cost_is_in_its_average_and_a_sales_in_what_it_realises():
    holding, gains = booked(entry(100, "10", "1"), entry(100, "12", "1"), entry(-50, "13", "2"))
    assert holding.average_cost == D("11.01")
    assert gains == [None, None, (D("13") - D("11.01")) * 50 - 2]
    assert holding.shares == 150


def test_a_short_sales_cost_is_taken_from_its_average():
    holding, gains = booked(entry(-100, "10", "1"), entry(40, "8", "2"))
    assert (holding.shares, holding.average_cost) == (-60, D("9.99"))
    assert gains == [None, (D("9.99") - 8) * 40 - 2]


@pytest.mark.parametrize(("sign", "average"), [(1, "11.98"), (-1, "12.02")])
def test_a_turn_splits_its_cost_between_what_it_closes_and_what_it_opens(sign, average):
    holding, gains = booked(entry(100 * sign, "10"), entry(-150 * sign, "12", "3"))
    assert holding.shares == -50 * sign
    assert holding.average_cost == D(average)  # a fiftieth of a dollar for each share
    assert gains[1] == 200 * sign - 2


def test_a_position_that_is_flat_has_no_average_cost():
    holding, gains = booked(entry(100, "10", "1"), entry(-100, "11", "1"))
    assert (holding.shares, holding.average_cost, gains[1]) == (0, 0, D("98"))


def test_what_was_held_just_before_an_instant():
    first, second = entry(100, "10"), entry(-30, "10", day=DAY + timedelta(days=1))
    holding, _ = booked(first, second)
    assert holding.shares_before(first.at) == 0
    assert holding.shares_before(second.at) == 100
    assert holding.shares_before(second.at + timedelta(seconds=1)) == 70


entries = st.lists(
    st.tuples(st.integers(-500, 500).filter(bool), st.integers(1, 9999), st.integers(0, 300)),
    min_size=1,
    max_size=20,
)


@given(entries)
def test_what_is_realised_and_what_is_open_is_what_was_paid(rows):
    holding, gains = booked(*(entry(n, f"{D(c) / 100}", f"{D(f) / 100}") for n, c, f in rows))
    paid = sum(one.paid for one in holding.entries)
    last = D(rows[-1][1]) / 100
    open_gain = (last - holding.average_cost) * holding.shares
    realised = sum((gain for gain in gains if gain is not None), D(0))
    assert abs(realised + open_gain - (holding.shares * last - paid)) < D("1e-15")
    assert sum(holding.realised.values()) == realised
    assert holding.shares == sum(n for n, _, _ in rows)
    assert holding.average_cost >= 0 or holding.shares < 0


# The account


def values(market):
    return {(tag, currency): D(value) for tag, value, currency in market.account_values()}


def test_a_purchase_in_another_currency_is_borrowed_and_marked():
    market = exchange(start=HK_MORNING, world=Moving())
    market.place(hk_order(limit="380.2"))
    cost = market.fills()[0].commission
    found = values(market)
    assert found["CashBalance", "HKD"] == -38_020 - cost
    assert found["CashBalance", "USD"] == 100_000
    assert found["NetLiquidation", "USD"] == round(100_000 + (-20 - cost) * D("0.128"), 2)
    assert found["GrossPositionValue", "USD"] == 38_000 * D("0.128")
    assert found["ExchangeRate", "HKD"] == D("0.128")


def test_every_value_of_an_account_with_a_long_and_a_short_position():
    market = exchange()
    market.by_broker(1, "BUY", 100)
    market.by_broker(2, "SELL", 100)
    fees = {fill.currency: fill.commission for fill in market.fills()}
    long, short = D(20_000), D(38_000) * D("0.128")
    cash = 100_000 - D("20001") - fees["USD"] + (D(38_000) - fees["HKD"]) * D("0.128")
    net, gross = cash + long - short, long + short
    gain = -1 - fees["USD"] - fees["HKD"] * D("0.128")  # a tick of spread, and the fees
    expected = {
        "NetLiquidation": net,
        "EquityWithLoanValue": net,
        "TotalCashValue": cash,
        "SettledCash": cash,
        "GrossPositionValue": gross,
        "InitMarginReq": gross / 2,
        "MaintMarginReq": gross / 4,
        "AvailableFunds": net - gross / 2,
        "ExcessLiquidity": net - gross / 4,
        "BuyingPower": (net - gross / 2) * 4,
    }
    found = values(market)
    assert {tag: found[tag, "USD"] for tag in expected} == {
        tag: round(amount, 2) for tag, amount in expected.items()
    }
    assert found["UnrealizedPnL", "BASE"] == round(gain, 2)
    assert market.pnl() == (gain, gain, 0)


def test_an_account_kept_in_hong_kong_counts_in_its_dollars():
    market = exchange(base_currency="HKD", cash={"HKD": D(1_000_000)}, rules=None)
    market.place(order(limit="200.01"))
    assert values(market)["GrossPositionValue", "HKD"] == D(20_000) / D("0.128")


def test_gains_are_of_the_listings_own_day():
    market = exchange({n: still("205") for n in range(40, 390)}, cash=RICH)
    placed(market, bracket(target="204.00"))
    market.advance(at_minute(45))
    [row] = market.held()
    [sold] = [fill for fill in market.fills() if fill.action == "SELL"]
    assert (row.shares, row.realised_pnl) == (0, sold.realised_pnl)
    assert market.pnl()[2] == sold.realised_pnl
    position, daily, open_gain, realised, value = market.pnl_single(1)
    assert (position, open_gain, realised, value) == (0, 0, sold.realised_pnl, 0)
    assert daily == sold.realised_pnl  # nothing was held when the day began
    market.advance(US_OPEN.replace(hour=4) + timedelta(days=1))  # still Friday in New York
    assert market.held()
    market.advance(US_OPEN.replace(hour=5) + timedelta(days=1))
    assert market.held() == []
    assert market.pnl_single(1) is None
    assert market.pnl()[2] == 0


def test_a_days_gain_counts_from_the_close_before_it():
    market = exchange({n + 4320: still("210") for n in range(390)}, cash=RICH)
    market.place(order(limit="200.05"))
    market.advance(US_OPEN + timedelta(days=3, minutes=1))
    position, daily, open_gain, realised, value = market.pnl_single(1)
    cost = market.fills()[0].commission
    assert (position, realised, value) == (100, 0, 21_000)
    assert daily == (210 - 196) * 100  # the tiny world says that it closed at 196
    assert open_gain == (D("210") - D("200.01")) * 100 - cost


def test_the_accounts_day_begins_with_the_utc_date_whoever_looks():
    looking, sleeping = (exchange({n: still("205") for n in range(35, 390)}) for _ in range(2))
    for market in (looking, sleeping):
        market.place(order(limit="200.05"))
        market.advance(US_CLOSE)
    midnight = US_CLOSE.replace(hour=0) + timedelta(days=1)
    looking.advance(midnight)
    looking.advance(midnight + timedelta(days=2, hours=15))
    sleeping.advance(midnight + timedelta(days=2, hours=15))
    assert looking.pnl() == sleeping.pnl()


# Conservation

acts = st.tuples(
    st.sampled_from(
        ["place", "place", "place", "bracket", "cancel", "modify", "correct", "broker"]
    ),
    st.sampled_from([1, 2]),
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["LMT", "MKT", "STP", "STP LMT"]),
    st.integers(1, 9),
    st.integers(-6, 6),
    st.integers(0, 40),
    st.sampled_from(["DAY", "GTC", "IOC"]),
)


def swinging(opens_at_minute):
    rows = {}
    for n in range(390):
        base = D(opens_at_minute) + (n * 7) % 9 - 4
        rows[n] = (base, base + 2, base - 2, base + n % 3 - 1, 3000)
    return rows


def around(con_id, ticks):
    return D(200) + ticks if con_id == 1 else D(380) + ticks * D("0.2")


def act(market, number, plan):
    what, con_id, action, kind, size, ticks, _, tif = plan
    price = around(con_id, ticks)
    terms = {"con_id": con_id, "quantity": size * 100, "tif": tif}
    limit = {"limit_price": price} if "LMT" in kind else {}
    stop = {"stop_price": price} if "STP" in kind else {}
    fills, live = market.fills(), market.open_orders()
    if what == "place":
        market.place(order(number * 10, action, kind, **terms, **limit, **stop))
    elif what == "bracket":
        for leg in bracket(f"{price}", f"{price + 2}", f"{price - 2}", size * 100):
            parent = leg.parent_id and number * 10 + 1
            market.place(
                replace(leg, order_id=number * 10 + leg.order_id, parent_id=parent, con_id=con_id)
            )
    elif what == "broker":
        market.by_broker(con_id, action, size * 100, -number)
    elif what == "cancel" and live:
        one = live[size % len(live)]
        market.cancel(one.client_id, one.order_id)
    elif what == "modify" and live:
        one = live[size % len(live)]
        market.place(replace(one, quantity=one.quantity + 100))
    elif what == "correct" and fills:
        fill = fills[size % len(fills)]
        market.correct(fill.exec_id, max(0, fill.shares + ticks), fill.price + ticks)


@settings(max_examples=120, deadline=None)
@given(st.lists(acts, min_size=1, max_size=14), st.integers(0, 5))
def test_shares_and_cash_add_up_in_both_currencies(plan, seed):
    start = {"USD": D(5_000_000), "HKD": D(1_000_000)}
    world = Moving(swinging(200), {n: still("380", 3000) for n in range(390)})
    market = exchange(world=world, start=HK_MORNING, seed=seed, cash=start)
    now = HK_MORNING
    for number, one in enumerate(plan, start=1):
        act(market, number, one)
        now += timedelta(minutes=one[6] * (30 if number % 3 == 0 else 1))
        market.advance(now)
    market.advance(US_CLOSE + timedelta(days=1))
    check(market, start)


def check(market, start):
    assert len({fill.exec_id for fill in market.fills()}) == len(market.fills())
    for con_id, currency in ((1, "USD"), (2, "HKD")):
        fills = [fill for fill in market.fills() if fill.con_id == con_id]
        signed = [(f.shares if f.action == "BUY" else -f.shares, f) for f in fills]
        assert shares(market, con_id) == sum(n for n, _ in signed)
        paid = sum((n * f.price + f.commission for n, f in signed), D(0))
        assert market.books.cash[currency] == start[currency] - paid
        realised = sum((f.realised_pnl for f in fills if f.realised_pnl is not None), D(0))
        if fills:
            holding = market.books.holdings[con_id]
            assert abs(sum(holding.realised.values(), D(0)) - realised) < D("1e-15")
            open_value = holding.shares * holding.average_cost
            assert abs(realised - (open_value - paid)) < D("1e-15")
    for one in [*market.completed_orders(), *market.open_orders()]:
        fills = [f for f in market.fills() if f.perm_id == one.perm_id]
        assert one.filled == sum(f.shares for f in fills)
        if one.order_type == "LMT" and not any(f.exec_id[-2:] > "01" for f in fills):
            assert all(
                f.price <= one.limit_price if f.action == "BUY" else f.price >= one.limit_price
                for f in fills
            )
        if fills and one.filled:
            value = sum(f.shares * f.price for f in fills)
            assert abs(one.average_fill_price - value / one.filled) < D("1e-15")


def test_the_same_seed_tells_the_same_and_another_seed_another_story():
    def story(seed):
        market = exchange(swinging(200), start=US_OPEN, seed=seed, cash=RICH)
        events = placed(market, bracket("199.00", "201.00", "197.00", 2000))
        return events + market.advance(US_CLOSE)

    assert story(3) == story(3)
    assert len({str(story(seed)) for seed in range(6)}) > 1


def test_exec_ids_are_unique_over_accounts():
    ids = set()
    for account in ("DU0000001", "DU0000002"):
        market = exchange(account_id=account)
        market.place(order(limit="200.05"))
        ids.add(market.fills()[0].exec_id)
    assert len(ids) == 2
