"""The tables of price steps are the sheet's, and ladders that differ give one on both grids."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import tick_tables, ticks
from guardrails.terms import Market, Step
from guardrails.tick_tables import cross_checked, differences, merge, table
from tests.support.guarding import AAPL, TENCENT

DAY = timedelta(days=1)
TODAY = date(2026, 11, 20)
OLD, PHASE_1, PHASE_2 = (one.ladder for one in tick_tables.PART_A)
FUNDS = tick_tables.PART_D[1].ladder
STATES = tick_tables.RULE_612[0].ladder
HALF = tick_tables.HALF_PENNY[0].ladder


def steps(*pairs):
    return tuple(Step(D(low), D(tick)) for low, tick in pairs)


def hk(ladder, kind="COMMON"):
    return replace(TENCENT, stock_type=kind, ladder=ladder)


def us(ladder):
    return replace(AAPL, ladder=ladder)


# The sheet of facts


def from_sheet(row, name):
    """A table of the sheet as one of ours. The sheet counts a Hong Kong edge to the band below."""
    lows = row.get("bands_low_inclusive")
    if lows is None:
        edges = ["0", *[upper for upper, _ in row["bands"]][:-1]]
        lows = list(zip(edges, [tick for _, tick in row["bands"]], strict=True))
        assert row["bands"][-1][0] == row["price_max"]
    last = row["effective_to"]
    return tick_tables.Table(
        name,
        date.fromisoformat(row["effective_from"]),
        None if last is None else date.fromisoformat(last),
        D(row["price_min"]),
        None if row["price_max"] is None else D(row["price_max"]),
        steps(*lows),
    )


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("HK_PART_A_PRE_2025", tick_tables.PART_A[0]),
        ("HK_PART_A_PHASE1", tick_tables.PART_A[1]),
        ("HK_PART_A_PHASE2", tick_tables.PART_A[2]),
        ("HK_PART_D_ETP", tick_tables.PART_D[1]),
        ("US_RULE_612", tick_tables.RULE_612[0]),
        ("US_RULE_612_HALF_PENNY", tick_tables.HALF_PENNY[0]),
    ],
)
def test_every_row_is_that_of_the_sheet(shared_facts, name, ours):
    text = (shared_facts / "market_facts.yaml").read_text(encoding="utf-8")
    [row] = [one for one in yaml.safe_load(text)["tick_tables"] if one["id"] == name]
    assert from_sheet(row, ours.name) == ours


def test_before_they_had_a_table_funds_were_on_that_of_shares():
    before, after = tick_tables.PART_D
    shares = tick_tables.PART_A[0]
    assert before == shares._replace(last=after.first - DAY)


SCHEDULES = {
    "shares": tick_tables.PART_A,
    "funds": tick_tables.PART_D,
    "US": tick_tables.RULE_612,
    "half-penny": tick_tables.HALF_PENNY,
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_the_tables_of_a_schedule_follow_each_other_without_a_gap(schedule):
    for one, following in pairwise(schedule):
        assert one.last is not None
        assert following.first == one.last + DAY
    assert schedule[-1].last is None


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_every_edge_is_a_multiple_of_both_neighbouring_ticks(schedule):
    for one in schedule:
        assert one.ladder[0].from_price == 0
        for below, above in pairwise(one.ladder):
            assert below.from_price < above.from_price
            assert above.from_price % below.tick == above.from_price % above.tick == 0


# The table of a day


@pytest.mark.parametrize(
    ("kind", "on", "ladder"),
    [
        ("COMMON", "2006-12-31", None),
        ("COMMON", "2007-01-01", OLD),
        ("COMMON", "2025-08-03", OLD),
        ("COMMON", "2025-08-04", PHASE_1),
        ("COMMON", "2026-08-02", PHASE_1),
        ("COMMON", "2026-08-03", PHASE_2),
        ("COMMON", "2040-01-01", PHASE_2),
        ("REIT", "2026-08-02", PHASE_1),
        ("REIT", "2026-08-03", PHASE_2),
        ("ETF", "2006-12-31", None),
        ("ETF", "2020-05-31", OLD),
        ("ETF", "2020-06-01", FUNDS),
        ("ETF", "2026-08-03", FUNDS),
        # Of a stock whose kind is unknown no single table is known, but while there was one.
        ("", "2020-05-31", OLD),
        ("", "2020-06-01", None),
        ("ETN", "2026-08-03", None),
        ("etf", "2026-08-03", None),
    ],
)
def test_the_table_in_hong_kong(kind, on, ladder):
    assert table(Market.HK, kind, date.fromisoformat(on)) == ladder


@pytest.mark.parametrize("kind", ["COMMON", "ETF", ""])
@pytest.mark.parametrize(
    ("on", "ladder"),
    [("2006-01-31", None), ("2006-02-01", STATES), ("2026-11-20", STATES), ("2027-11-01", STATES)],
)
def test_the_table_of_the_us_is_never_the_half_penny_one(kind, on, ladder):
    assert table(Market.US, kind, date.fromisoformat(on)) == ladder


def test_a_market_without_tables_is_an_error():
    with pytest.raises(KeyError):
        table("JP", "COMMON", TODAY)


# The broker's ladder against it


@pytest.mark.parametrize(
    ("instrument", "on"),
    [
        (hk(OLD), date(2025, 8, 3)),
        (hk(PHASE_1), date(2025, 8, 4)),
        (hk(PHASE_1), date(2026, 8, 2)),
        (hk(PHASE_2), date(2026, 8, 3)),
        (hk(PHASE_2, "REIT"), TODAY),
        (hk(OLD, "ETF"), date(2020, 5, 31)),
        (hk(FUNDS, "ETF"), date(2020, 6, 1)),
        (hk(FUNDS, "ETF"), TODAY),
        (us(STATES), TODAY),
        (us(STATES), date(2027, 11, 1)),
        (us(HALF), date(2027, 11, 1)),
        # A kind that is unknown: either table will do.
        (hk(PHASE_2, ""), TODAY),
        (hk(FUNDS, ""), TODAY),
        (hk(FUNDS, "ETN"), TODAY),
        # No table is known for the day.
        (hk(steps(("0", "0.7"))), date(2006, 12, 31)),
        (us(steps(("0", "0.7"))), date(2006, 1, 31)),
        # Written otherwise, or different where the exchange takes no price.
        (hk(tuple(Step(low, tick * D("1.00")) for low, tick in PHASE_2)), TODAY),
        (hk(steps(("0", "0.001"), ("0.1", "0.001"), *PHASE_2[1:])), TODAY),
        (hk(steps(("0", "0.5"), ("0.01", "0.001"), *PHASE_2[1:])), TODAY),
        (hk(steps(("0.01", "0.001"), *PHASE_2[1:])), TODAY),
        (hk(steps(*PHASE_2, ("9995", "10"))), TODAY),
        (hk(steps(*FUNDS, ("9999", "10")), "ETF"), TODAY),
        (us(steps(("0.0001", "0.0001"), ("1", "0.01"))), TODAY),
        # The broker's is unknown, and stays so.
        (hk(()), TODAY),
        (us(()), TODAY),
    ],
)
def test_where_they_agree_the_instrument_stays_as_it_is(instrument, on):
    checked, says = cross_checked(instrument, on)
    assert says is None
    assert checked is instrument


def test_a_finer_tick_of_the_broker_gives_way_to_the_tables():
    halved = steps(*[(low, tick / 2) for low, tick in PHASE_2])
    checked, says = cross_checked(hk(halved), TODAY)
    assert checked == hk(PHASE_2)
    assert says.startswith(
        "700: price steps differ from HKEX Part A, phase 2: from 0.01 to 0.25 the broker says "
        "0.0005 and the table 0.001; from 0.25 to 10 the broker says 0.0025 and the table 0.005; "
    )
    assert says.endswith(
        "from 5000 to 9995 the broker says 2.5 and the table 5. Only prices on both are used."
    )


def test_a_coarser_tick_of_the_broker_stays():
    checked, says = cross_checked(us(steps(("0", "0.0001"), ("1", "0.05"))), TODAY)
    assert checked.ladder == steps(("0", "0.0001"), ("1", "0.05"))
    assert says == (
        "AAPL: price steps differ from Rule 612: from 1 upward the broker says 0.05 and the table "
        "0.01. Only prices on both are used."
    )


def test_a_table_of_before_the_second_phase_gives_grids_that_are_not_nested():
    checked, says = cross_checked(hk(OLD), date(2026, 8, 3))
    assert checked.ladder == steps(
        *[("0", "0.001"), ("0.25", "0.005"), ("0.5", "0.01"), ("10", "0.02"), ("20", "0.1")],
        *[("50", "0.05"), ("100", "0.1"), ("200", "0.2"), ("500", "0.5"), ("1000", "1")],
        *[("2000", "2"), ("5000", "5")],
    )
    assert says == (
        "700: price steps differ from HKEX Part A, phase 2: from 0.5 to 10 the broker says 0.01 "
        "and the table 0.005; from 10 to 20 the broker says 0.02 and the table 0.01; from 20 to 50 "
        "the broker says 0.05 and the table 0.02. Only prices on both are used."
    )


def test_the_day_before_a_phase_its_ladder_is_a_disagreement():
    assert cross_checked(hk(PHASE_1), date(2025, 8, 3))[1] is not None
    assert cross_checked(hk(PHASE_2), date(2026, 8, 2))[1] is not None
    assert cross_checked(hk(FUNDS, "ETF"), date(2020, 5, 31))[1] is not None
    assert cross_checked(us(HALF), date(2027, 10, 31))[0].ladder == STATES


@pytest.mark.parametrize(
    ("ladder", "differs"),
    [
        (steps(("0", "0.002"), ("0.01", "0.001"), *PHASE_2[1:]), False),
        (steps(("0", "0.002"), ("0.011", "0.001"), *PHASE_2[1:]), True),
        (steps(("0.011", "0.001"), *PHASE_2[1:]), True),
        (steps(*PHASE_2, ("9994", "10")), True),
        (steps(*PHASE_2, ("9995", "10")), False),
    ],
)
def test_only_the_tables_own_range_counts(ladder, differs):
    assert (cross_checked(hk(ladder), TODAY)[1] is not None) is differs


def test_a_range_that_the_broker_does_not_tell_stays_unknown():
    checked, says = cross_checked(hk(PHASE_2[1:]), TODAY)
    assert checked.ladder == PHASE_2[1:]
    assert says == (
        "700: price steps differ from HKEX Part A, phase 2: from 0.01 to 0.25 the broker says "
        "no tick and the table 0.001. Only prices on both are used."
    )


def test_an_unknown_kind_on_neither_table_is_held_to_both():
    checked, says = cross_checked(hk(OLD, ""), TODAY)
    for price in (D("0.6"), D("3"), D("15"), D("30"), D("70"), D("150"), D("3000")):
        tick = ticks.tick_at(price, checked.ladder)
        for ladder in (OLD, PHASE_2, FUNDS):
            assert tick % ticks.tick_at(price, ladder) == 0
    assert "differ from HKEX Part A, phase 2: " in says
    assert "differ from HKEX Part D: " in says


def test_a_us_ladder_that_is_neither_is_held_to_both_once_there_are_two():
    nickel = us(steps(("0", "0.0001"), ("1", "0.0125")))
    checked, says = cross_checked(nickel, date(2027, 11, 1))
    assert checked.ladder == steps(("0", "0.0001"), ("1", "0.05"))
    assert "differ from Rule 612: " in says
    assert "differ from Rule 612, half-penny: " in says


@pytest.mark.parametrize(
    "ladder",
    [
        steps(("0", "0")),
        steps(("0", "-0.01")),
        steps(("0", "NaN")),
        steps(("0", "Infinity")),
        steps(("NaN", "0.01")),
        steps(("Infinity", "0.01")),
        steps(("-0.01", "0.01")),
        steps(("0", "0.01"), ("0", "0.02")),
        steps(("1", "0.01"), ("0", "0.01")),
        steps(("0", "0.00000099")),
        steps(("0", "1000.01")),
        steps(("0", "0.01"), ("1", "1E+999999")),
    ],
)
def test_what_cannot_be_a_ladder_is_unknown(ladder):
    checked, says = cross_checked(us(ladder), TODAY)
    assert checked == us(())
    assert says == "AAPL: the broker's price steps cannot be any; none are used."


@pytest.mark.parametrize("tick", ["0.000001", "1000"])
def test_the_smallest_and_the_largest_tick_can_be_one(tick):
    ladder = steps(("0", tick))
    assert cross_checked(us(ladder), date(2000, 1, 1)) == (us(ladder), None)


def test_ladders_that_share_no_grid_make_the_ladder_unknown():
    checked, says = cross_checked(us(steps(("0", "0.0001"), ("1", "0.01003"))), TODAY)
    assert checked.ladder == ()
    assert says.endswith("the broker says 0.01003 and the table 0.01. None are used.")
    # Of two tables the second is not asked any more.
    strange = steps(("0", "0.00103"))
    assert cross_checked(hk(strange, ""), TODAY)[0].ladder == ()


# Merging


@pytest.mark.parametrize(
    ("one", "other", "tick"),
    [
        ("0.02", "0.05", "0.10"),
        ("0.01", "0.005", "0.01"),
        ("0.2", "0.2", "0.2"),
        ("2", "0.0001", "2"),
        ("0.5", "2", "2"),
        ("0.09", "0.1", "0.9"),
        ("0.1", "0.09", "0.9"),
        ("0.10", "0.11", "1.10"),
        ("0.9", "1.1", "9.9"),
        ("0.11", "0.12", None),  # 1.32 is eleven times the coarser
        ("10", "11", "110"),  # ten times the coarser
    ],
)
def test_the_merged_tick_is_the_least_common_multiple(one, other, tick):
    merged = merge(steps(("0", one)), steps(("0", other)))
    assert merged == (None if tick is None else steps(("0", tick)))


def test_merging_begins_where_both_begin():
    late = steps(("2", "0.05"), ("7", "0.1"))
    expected = steps(("2", "0.05"), ("5", "0.1"), ("7", "0.1"))
    assert merge(late, steps(("0", "0.01"), ("5", "0.02"))) == expected
    assert merge(steps(("0", "0.01"), ("5", "0.02")), late) == expected


TICKS = st.sampled_from([D(t) for t in ("0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1")])
EDGES = st.integers(1, 3000).map(lambda edge: D(edge) / 1000)


@st.composite
def ladders(draw):
    """Any ladder up to 3.000, its edges on no grid in particular."""
    edges = sorted(draw(st.sets(EDGES, max_size=4)) | {D(0)})
    return tuple(Step(edge, draw(TICKS)) for edge in edges)


def is_on(price, ladder):
    return price % ticks.tick_at(price, ladder) == 0


MILLS = [D(mill) / 1000 for mill in range(1, 3500)]


@settings(deadline=None)
@given(ladders(), ladders())
def test_a_merged_price_is_on_both_grids_and_its_tick_is_never_finer(one, other):
    merged = merge(one, other)
    for price in MILLS:
        tick = ticks.tick_at(price, merged)
        assert tick >= max(ticks.tick_at(price, one), ticks.tick_at(price, other))
        assert is_on(price, merged) == (is_on(price, one) and is_on(price, other))


@settings(deadline=None)
@given(ladders(), ladders(), st.integers(1, 6000).map(lambda half: D(half) / 2000))
def test_what_is_rounded_onto_the_merged_ladder_is_on_both(one, other, price):
    merged = merge(one, other)
    above = ticks.up(price, merged)
    assert above >= price
    assert is_on(above, one)
    assert is_on(above, other)


@settings(deadline=None)
@given(ladders())
def test_merging_equal_ladders_changes_nothing(ladder):
    assert merge(ladder, ladder) == ladder
    whole = tick_tables.Table("any", date(2000, 1, 1), None, D("0.001"), None, ladder)
    assert differences(ladder, whole) == ()


@settings(deadline=None)
@given(ladders(), ladders())
def test_merging_does_not_depend_on_the_order(one, other):
    assert merge(one, other) == merge(other, one)


@settings(deadline=None)
@given(ladders(), ladders())
def test_a_difference_is_told_exactly_where_the_ticks_differ(one, other):
    least, most = D("0.010"), D("3")
    whole = tick_tables.Table("any", date(2000, 1, 1), None, least, most, other)
    found = differences(one, whole)
    for mill in MILLS:
        price = mill + D("0.0005")  # between two edges
        covers = [row for row in found if row.low < price < row.high]
        differs = ticks.tick_at(price, one) != ticks.tick_at(price, other)
        assert len(covers) == (1 if differs and least < price < most else 0)
        for row in covers:
            assert row.broker == ticks.tick_at(price, one)
            assert row.table == ticks.tick_at(price, other)
