"""Each table speaks of the prices its exchange takes, from the least to the most, and no others."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from itertools import pairwise

import pytest

from guardrails import tick_tables
from guardrails.terms import Step
from guardrails.tick_tables import Difference, Table, cross_checked, differences
from tests.support.guarding import AAPL

TODAY = date(2026, 11, 20)
WHOLE = Step(D(0), D(7))  # a tick that no table has


def steps(*pairs):
    return tuple(Step(D(low), D(tick)) for low, tick in pairs)


RANGES = [
    (tick_tables.PART_A[0], "0.01", "9995"),
    (tick_tables.PART_A[1], "0.01", "9995"),
    (tick_tables.PART_A[2], "0.01", "9995"),
    (tick_tables.PART_D[0], "0.01", "9995"),
    (tick_tables.PART_D[1], "0.01", "9999"),
    (tick_tables.RULE_612[0], "0.0001", None),
    (tick_tables.HALF_PENNY[0], "0.0001", None),
]


@pytest.mark.parametrize(("table", "least", "most"), RANGES)
def test_a_table_differs_from_its_least_price_to_its_most(table, least, most):
    found = differences((WHOLE,), table)
    assert found[0].low == D(least)
    assert found[-1].high == (None if most is None else D(most))
    for below, above in pairwise(found):
        assert below.high == above.low


@pytest.mark.parametrize(("table", "least", "most"), RANGES)
def test_what_begins_at_the_least_price_lacks_nothing(table, least, most):
    first, *others = table.ladder
    from_least = (Step(D(least), first.tick), *others)
    assert differences(from_least, table) == ()
    late = D(least) + D("0.00001")
    [lacking] = differences((Step(late, first.tick), *others), table)
    assert lacking == Difference(D(least), late, None, first.tick)


@pytest.mark.parametrize(
    ("edge", "found"),
    [
        ("9994.99", (Difference(D("9994.99"), D(9995), D(7), D(5)),)),
        ("9995", ()),
        ("9995.01", ()),
        ("20000", ()),
    ],
)
def test_a_step_beyond_the_most_is_no_difference(edge, found):
    table = tick_tables.PART_A[2]
    assert differences((*table.ladder, Step(D(edge), D(7))), table) == found


def test_a_table_says_nothing_below_its_first_step():
    late = Table("late", date(2000, 1, 1), None, D("0.01"), None, steps(("1", "0.01")))
    assert differences(steps(("0", "0.5"), ("1", "0.01")), late) == ()
    assert differences((WHOLE,), late) == (Difference(D(1), None, D(7), D("0.01")),)
    assert differences(steps(("2", "0.01")), late) == (Difference(D(1), D(2), None, D("0.01")),)


@pytest.mark.parametrize(
    "ladder",
    [
        steps(("0", "0.01"), ("Infinity", "0.01")),
        steps(("0", "0.01"), ("NaN", "0.01")),
        steps(("0", "0.01"), ("1", "NaN")),
        steps(("0", "0.01"), ("1", "Infinity")),
        steps(("NaN", "0.01"), ("1", "0.01")),
        steps(("-1", "0.01"), ("0", "0.01")),
        steps(("-1", "0.01"), ("1", "0.01")),
    ],
)
def test_one_step_that_cannot_be_spoils_the_ladder(ladder):
    checked, says = cross_checked(replace(AAPL, ladder=ladder), TODAY)
    assert checked.ladder == ()
    assert says == "AAPL: the broker's price steps cannot be any; none are used."
