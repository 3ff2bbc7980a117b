"""Every rate begins and ends on its day: the first and last day of each row, and the day before.

The days are written here a second time, from the sources that guardrails/fees.py names.
"""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from guardrails import fees
from guardrails.fees import in_force

DAY = timedelta(days=1)
ENDLESS = "9999-12-31"
ROWS = [
    (fees.STAMP_DUTY, "2001-09-01", "2021-07-31", "0.0010"),
    (fees.STAMP_DUTY, "2021-08-01", "2023-11-16", "0.0013"),
    (fees.STAMP_DUTY, "2023-11-17", ENDLESS, "0.0010"),
    (fees.SFC_LEVY, "2014-11-01", ENDLESS, "0.000027"),
    (fees.AFRC_LEVY, "2022-01-01", ENDLESS, "0.0000015"),
    (fees.SECTION_31, "2020-02-18", "2021-02-24", "0.0000221"),
    (fees.SECTION_31, "2021-02-25", "2022-05-13", "0.0000051"),
    (fees.SECTION_31, "2022-05-14", "2023-02-26", "0.0000229"),
    (fees.SECTION_31, "2023-02-27", "2024-05-21", "0.0000080"),
    (fees.SECTION_31, "2024-05-22", "2025-05-13", "0.0000278"),
    (fees.SECTION_31, "2025-05-14", "2026-04-03", "0"),
    (fees.SECTION_31, "2026-04-04", ENDLESS, "0.0000206"),
    (fees.TAF, "2024-01-01", "2025-12-31", "0.000166"),
    (fees.TAF, "2026-01-01", "2026-09-30", "0.000195"),
    (fees.TAF, "2026-10-01", "2026-12-31", "0"),
    (fees.TAF, "2027-01-01", ENDLESS, "0.000195"),
    (fees.CAT_FEE, "2026-09-01", ENDLESS, "0.000003"),
]


def days(first, last):
    return date.fromisoformat(first), date.fromisoformat(last)


@pytest.mark.parametrize(("schedule", "first", "last", "rate"), ROWS)
def test_a_rate_holds_from_its_first_day_to_its_last(schedule, first, last, rate):
    first, last = days(first, last)
    for day in (first, last):
        row = in_force(schedule, day)
        assert (row.rate, row.first) == (D(rate), first)
        assert row.last in (last, None)
    assert (in_force(schedule, last).last is None) is (last == date.max)


@pytest.mark.parametrize(("schedule", "first", "last", "rate"), ROWS)
def test_the_day_before_is_of_another_row(schedule, first, last, rate):
    first, _ = days(first, last)
    before = first - DAY
    known = [row for row in schedule if row.first <= before]
    assert all(row.last is not None for row in known)
    found = in_force(schedule, before)
    if not known:  # unknown days cost the most
        assert found.rate == max(row.rate for row in schedule)
    else:
        assert found.last == before


def test_no_row_is_missing_here():
    for schedule in {id(one): one for one, *_ in ROWS}.values():
        assert len(schedule) == len([row for row in ROWS if row[0] is schedule])


def test_the_taf_of_an_order_is_capped_by_year():
    assert [row.cap for row in fees.TAF] == [D("8.30"), D("9.79"), D(0), D("9.79")]
    assert {row.cap for row in fees.SECTION_31 + fees.CAT_FEE + fees.STAMP_DUTY} == {None}
