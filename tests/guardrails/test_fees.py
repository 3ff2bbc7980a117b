"""An order's fees are those of its day, market, side and kind of stock; unknown costs the most."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import fees, rule
from guardrails.case import build
from guardrails.terms import Action, Market, Side
from sim.gateway.exchange.fees import order_cost
from tests.support import tiny
from tests.support.guarding import AAPL, BUY, HK_BUY, HK_VIEW, LIMITS, TENCENT, VIEW

NOW_DAY = date(2026, 11, 20)
BUYS, SELLS = Action.BUY, Action.SELL
DAY = timedelta(days=1)


def hk(shares, price, *, on=NOW_DAY, action=BUYS, kind="COMMON"):
    return fees.order_fees(Market.HK, shares, D(price), on=on, action=action, stock_type=kind)


def us(shares, price, *, on=NOW_DAY, action=BUYS, kind="COMMON"):
    return fees.order_fees(Market.US, shares, D(price), on=on, action=action, stock_type=kind)


# Worked by hand


@pytest.mark.parametrize("action", [BUYS, SELLS])
def test_hong_kong_pays_commission_duty_and_two_levies_on_both_sides(action):
    # 40,000: 0.08 % is 32; duty of 0.1 % is 40; 0.0027 % is 1.08; 0.00015 % is 0.06.
    assert hk(400, "100", action=action) == D("73.14")


def test_stamp_duty_goes_up_to_the_next_whole_dollar():
    # 40,000.40: 32.00032 is 32.01; 40.0004 is 41; 1.0800108 is 1.09; 0.0600006 is 0.07.
    assert hk(400, "100.001") == D("74.17")


def test_a_fund_pays_all_but_stamp_duty():
    assert hk(400, "100", kind="ETF") == D("33.14")


def test_duty_was_higher_between_2021_and_2023():
    # 0.13 % of 40,000 is 52.
    assert hk(400, "100", on=date(2022, 6, 1)) == D("85.14")


@pytest.mark.parametrize(
    ("price", "cost"),
    # 100 shares: 18 up to a value of 22,500, then 0.08 %; duty 23; levies 0.61 and 0.04.
    [("224.99", "41.65"), ("225", "41.65"), ("225.02", "41.66")],
)
def test_hong_kong_commission_is_at_least_18(price, cost):
    assert hk(100, price) == D(cost)


@pytest.mark.parametrize(
    ("shares", "price", "cost"),
    [
        (100, "150", "1.01"),  # the minimum of 1.00, and 0.0003 for CAT
        (200, "150", "1.01"),  # 200 x 0.005 is the minimum
        (201, "150", "1.01"),  # 1.005603
        (400, "150", "2.01"),  # 2.00 and 0.0012
        (50, "2", "1.01"),  # the minimum is 1 % of the value: 1.00, and 0.00015
        (49, "2", "0.99"),  # 1 % of 98 is less: 0.98, and 0.000147
        (10, "5", "0.51"),  # 1 % of 50, and CAT
        (1000, "0.30", "3.01"),  # 5.00 by shares, 1 % of 300 is less; CAT 0.003
    ],
)
def test_us_purchases_pay_commission_and_cat(shares, price, cost):
    assert us(shares, price) == D(cost)


def test_a_us_sale_pays_section_31_and_taf_too():
    # On 2026-09-15: 1,000 at 50: 5.00; CAT 0.003; 50,000 x 0.0000206 = 1.03; TAF 0.195.
    assert us(1000, "50", on=date(2026, 9, 15), action=SELLS) == D("6.23")
    assert us(1000, "50", on=date(2026, 9, 15), action=BUYS) == D("5.01")
    # On 2026-11-20 the TAF is suspended: 6.033.
    assert us(1000, "50", action=SELLS) == D("6.04")


@pytest.mark.parametrize(
    ("shares", "cost"),
    # At 0.02 a share, 2026-09-15: 1 % of the value; CAT 0.000003 and SEC 0.000000412 a share.
    # 50,000: 10 + 0.15 + 0.0206 + 9.75; 50,205: 10.041 + 0.150615 + 0.02068446 + 9.789975.
    # 50,206: the TAF would be 9.79017; above 9.79 it stands still.
    [(50_000, "19.93"), (50_205, "20.01"), (50_206, "20.01"), (100_000, "30.14")],
)
def test_the_taf_is_capped_for_an_order(shares, cost):
    assert us(shares, "0.02", on=date(2026, 9, 15), action=SELLS) == D(cost)


def test_both_orders_are_charged_and_the_second_on_the_other_side():
    common = {"on": date(2026, 9, 15)}
    bought, sold = us(1000, "50", **common), us(1000, "60", **common, action=SELLS)
    trip = fees.round_trip_fees(AAPL, 1000, D(50), D(60), **common, action=BUYS)
    assert trip == bought + sold == D("5.01") + D("6.44")
    sold, bought = us(1000, "50", **common, action=SELLS), us(1000, "60", **common)
    assert fees.round_trip_fees(AAPL, 1000, D(50), D(60), **common, action=SELLS) == sold + bought
    assert sold + bought == D("6.23") + D("5.01")


def test_a_round_trip_is_of_the_instruments_market_and_kind():
    trip = fees.round_trip_fees(TENCENT, 400, D(100), D(100), on=NOW_DAY, action=BUYS)
    assert trip == 2 * D("73.14")


# Boundaries of dates


@pytest.mark.parametrize(
    ("kind", "first_free"), [("ETF", date(2015, 2, 13)), ("REIT", date(2024, 12, 21))]
)
def test_funds_and_trusts_are_exempt_from_their_day_on(kind, first_free):
    before, after = first_free - DAY, first_free
    assert hk(400, "100", on=before, kind=kind) == hk(400, "100", on=before)
    assert hk(400, "100", on=after, kind=kind) == D("33.14")
    assert hk(400, "100", on=after) > D("33.14")


@pytest.mark.parametrize("kind", ["", "COMMON", "etf", "ETN", "unheard of"])
def test_any_other_kind_of_stock_pays_stamp_duty(kind):
    assert hk(400, "100", kind=kind) == D("73.14")


SCHEDULES = {
    "stamp_duty": fees.STAMP_DUTY,
    "sfc_transaction_levy": fees.SFC_LEVY,
    "afrc_levy": fees.AFRC_LEVY,
    "sec_section_31": fees.SECTION_31,
    "finra_taf": fees.TAF,
    "cat_fee": fees.CAT_FEE,
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_row_is_in_force_from_its_first_day_to_its_last(schedule):
    for row in schedule:
        assert fees.in_force(schedule, row.first) is row
        last = row.last if row.last is not None else date(2040, 1, 1)
        assert fees.in_force(schedule, last) is row


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_day_before_the_first_row_costs_the_largest_known_rate(schedule):
    before = fees.in_force(schedule, schedule[0].first - DAY)
    assert before.rate == max(row.rate for row in schedule)
    assert (before.cap or 0) == max(row.cap or 0 for row in schedule)


def test_a_day_after_the_last_row_or_in_a_gap_costs_the_largest_known_rate():
    low, high = D("0.1"), D("0.2")
    first = fees.Rate(date(2020, 1, 1), date(2020, 1, 31), high)
    second = fees.Rate(date(2020, 3, 1), date(2020, 3, 31), low)
    schedule = (first, second)
    assert fees.in_force(schedule, date(2020, 3, 31)) is second
    for unknown in (date(2019, 12, 31), date(2020, 2, 1), date(2020, 2, 29), date(2020, 4, 1)):
        assert fees.in_force(schedule, unknown) is first


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_the_rows_of_a_schedule_follow_each_other_without_a_gap(schedule):
    for row, following in pairwise(schedule):
        assert row.last is not None
        assert following.first == row.last + DAY
    assert schedule[-1].last is None


def test_a_taf_without_a_cap_is_our_mistake(monkeypatch):
    monkeypatch.setattr(fees, "TAF", (fees.Rate(date(2000, 1, 1), None, D("0.0002")),))
    with pytest.raises(ValueError, match="needs its cap"):
        us(1, "1", on=date(1999, 12, 31))


@pytest.mark.parametrize(
    ("on", "cost"),
    # 10,000 sold at 10: 50.00 of commission, and 0.03 for CAT, which has one known rate.
    [
        (date(2020, 2, 17), "54.76"),  # before both schedules: 2.78 and 1.95
        (date(2025, 5, 13), "54.47"),  # 2.78 and 1.66
        (date(2025, 5, 14), "51.69"),  # nothing and 1.66
        (date(2026, 1, 1), "51.98"),  # nothing and 1.95
        (date(2026, 4, 3), "51.98"),
        (date(2026, 4, 4), "54.04"),  # 2.06 and 1.95
        (date(2026, 9, 30), "54.04"),
        (date(2026, 10, 1), "52.09"),  # 2.06 and nothing
        (date(2026, 12, 31), "52.09"),
        (date(2027, 1, 1), "54.04"),
    ],
)
def test_a_us_sale_through_the_years(on, cost):
    assert us(10_000, "10", on=on, action=SELLS) == D(cost)


# The sheet of facts


def rows_of(sheet):
    """The sheet's schedule as rows of ours."""
    return tuple(
        fees.Rate(
            date.fromisoformat(row["from"]),
            None if row["to"] is None else date.fromisoformat(row["to"]),
            D(row["rate"]),
            None if "cap_per_trade" not in row else D(row["cap_per_trade"]),
        )
        for row in sheet["schedule"]
    )


@pytest.fixture
def sheet(shared_facts):
    """The fees of the sheet, by market."""
    return yaml.safe_load((shared_facts / "market_facts.yaml").read_text(encoding="utf-8"))["fees"]


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_row_is_that_of_the_sheet(sheet, name):
    found = {**sheet["HK"], **sheet["US"]}[name]
    assert rows_of(found) == SCHEDULES[name]
    both = name in ("stamp_duty", "sfc_transaction_levy", "afrc_levy", "cat_fee")
    assert found["side"] == ("both" if both else "sell")


def test_the_commissions_are_those_of_the_sheet_and_include_the_exchange(sheet):
    hong_kong, states = sheet["HK"]["ibkr_fixed"], sheet["US"]["ibkr_fixed"]
    assert D(hong_kong["rate"]) == fees.HK_COMMISSION
    assert D(hong_kong["min"]["stocks_etfs"]) == fees.HK_COMMISSION_MIN
    assert D(states["per_share"]) == fees.US_COMMISSION
    assert D(states["min_per_order"]) == fees.US_COMMISSION_MIN
    assert D(states["max_pct_of_value"]) == fees.US_COMMISSION_VALUE_MAX
    assert "exchange (trading) fee + clearing fee" in hong_kong["includes"]
    assert states["includes"] == "exchange + clearing"


def test_the_exemptions_are_those_of_the_sheet(sheet):
    words = sheet["HK"]["stamp_duty"]["exempt"]
    assert f"ETFs and L&I products (since {fees.NO_STAMP_DUTY_FROM['ETF']})" in words
    assert f"REIT units (since {fees.NO_STAMP_DUTY_FROM['REIT']})" in words


# What holds for all


DAYS = st.dates(date(2014, 1, 1), date(2028, 1, 1))
SHARES = st.integers(1, 100_000)
PRICES = st.decimals("0.01", "5000", places=3)


@settings(deadline=None)
@given(
    market=st.sampled_from(Market),
    shares=SHARES,
    price=PRICES,
    on=DAYS,
    kind=st.sampled_from(["", "COMMON", "ETF", "REIT"]),
)
def test_fees_are_whole_cents_above_zero_and_selling_never_costs_less(
    market, shares, price, on, kind
):
    bought, sold = (
        fees.order_fees(market, shares, price, on=on, action=action, stock_type=kind)
        for action in (BUYS, SELLS)
    )
    assert 0 < bought <= sold
    assert {bought % D("0.01"), sold % D("0.01")} == {D(0)}
    more = fees.order_fees(market, shares + 100, price, on=on, action=BUYS, stock_type=kind)
    assert more >= bought


@settings(deadline=None)
@given(
    listing=st.sampled_from([tiny.AAPL, tiny.TENCENT]),
    kind=st.sampled_from(["", "COMMON", "ETF", "REIT"]),
    action=st.sampled_from(Action),
    shares=SHARES,
    price=PRICES,
    on=DAYS,
)
def test_the_simulated_broker_never_charges_more_than_was_estimated(
    listing, kind, action, shares, price, on
):
    """A second witness: it has the schedules written down for itself."""
    charged = order_cost(replace(listing, stock_type=kind), action, shares, shares * price, on)
    market = Market(listing.market)
    estimated = fees.order_fees(market, shares, price, on=on, action=action, stock_type=kind)
    assert charged <= estimated
    if on >= max(schedule[0].first for schedule in SCHEDULES.values()):
        assert estimated <= charged + D("0.03")  # each of three parts goes up to the cent


def test_no_market_and_no_action_are_errors():
    with pytest.raises(KeyError):
        fees.order_fees("JP", 1, D(1), on=NOW_DAY, action=BUYS, stock_type="")
    with pytest.raises(KeyError):
        fees.order_fees(Market.US, 1, D(1), on=NOW_DAY, action="HOLD", stock_type="")


# Through rule(): the day is the view's, and each order is charged at its own price and side


def test_a_ruling_counts_the_fees_of_the_views_day():
    ticket = rule(BUY, VIEW, LIMITS).ticket
    assert ticket.risk_base == 25 * 6 + us(25, "200") + us(25, "194", action=SELLS)
    at_201 = replace(BUY, limit_price=D("201"), target_price=D("220"))
    before = build(at_201, replace(VIEW, now=datetime(2026, 9, 30, 23, 59, tzinfo=UTC)), LIMITS)
    after = build(at_201, replace(VIEW, now=datetime(2026, 10, 1, tzinfo=UTC)), LIMITS)
    assert before.shares == after.shares == 24
    for case, on in ((before, date(2026, 9, 30)), (after, date(2026, 10, 1))):
        lost = us(24, "201") + us(24, "194", on=on, action=SELLS)
        paid = us(24, "201") + us(24, "220", on=on, action=SELLS)
        assert case.risk_base == 24 * 7 + lost
        assert case.gain_base == 24 * 19 - paid


def test_a_short_sells_first_and_pays_to_buy_back():
    short = replace(BUY, side=Side.SHORT, stop_price=D("206"), target_price=D("188"))
    case = build(short, VIEW, LIMITS)
    assert case.shares == 25
    assert case.risk_base == 25 * 6 + us(25, "200", action=SELLS) + us(25, "206")
    assert case.gain_base == 25 * 12 - us(25, "200", action=SELLS) - us(25, "188")


def test_a_ruling_in_hong_kong_counts_the_duty_of_both_orders():
    case = build(HK_BUY, HK_VIEW, LIMITS)
    lost = hk(100, "380") + hk(100, "370", action=SELLS)
    assert case.shares == 100
    assert case.risk_base == (100 * 10 + lost) * D("0.128")
    fund = replace(HK_VIEW, instrument=replace(TENCENT, stock_type="ETF"))
    assert build(HK_BUY, fund, LIMITS).risk_base == case.risk_base - (38 + 37) * D("0.128")
