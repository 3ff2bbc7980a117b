"""The exchanges' hours, half days and holidays are those of an independent calendar."""

from datetime import date, timedelta

import pytest

from sim import hours
from sim.market import open_market

# The library's own use of pandas, which pandas 3 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecat")

NAMES = {"US": "XNYS", "HK": "XHKG"}
BEGIN, END = date(2015, 1, 1), date(2027, 12, 31)
# Closed by typhoon Saola and by black rain (HKEX), which exchange_calendars 4.13.2 does not have:
# daily bars of those days do not exist.
NOT_IN_THE_LIBRARY = {"US": set(), "HK": {date(2023, 9, 1), date(2023, 9, 8)}}


@pytest.fixture(scope="module")
def calendars():
    """The independent calendars, by market; skips where the library is not installed."""
    library = pytest.importorskip("exchange_calendars", reason="absent: exchange_calendars")
    return {
        market: library.get_calendar(name, start=str(BEGIN), end=str(END))
        for market, name in NAMES.items()
    }


def weekdays():
    days = (BEGIN + timedelta(days=n) for n in range((END - BEGIN).days + 1))
    return [day for day in days if day.weekday() < 5]


@pytest.mark.parametrize("market", ["US", "HK"])
def test_every_weekday_of_thirteen_years_is_open_or_closed_as_in_the_calendar(calendars, market):
    theirs = {each.date() for each in calendars[market].sessions} - NOT_IN_THE_LIBRARY[market]
    ours = {day for day in weekdays() if hours.is_trading_day(market, day)}
    assert sorted(ours ^ theirs) == []


@pytest.mark.parametrize("market", ["US", "HK"])
def test_every_half_day_is_the_calendars(calendars, market):
    theirs = {each.date() for each in calendars[market].early_closes}
    ours = {day for day in weekdays() if hours.is_half_day(market, day)}
    assert sorted(ours ^ theirs) == []
    assert len(calendars[market].late_opens) == 0


@pytest.mark.parametrize("market", ["US", "HK"])
def test_every_session_opens_and_closes_as_in_the_calendar(calendars, market):
    schedule = calendars[market].schedule
    for row in schedule.itertuples():
        day = row.Index.date()
        if day in NOT_IN_THE_LIBRARY[market]:
            continue
        spans = hours.sessions(market, day)
        assert (spans[0].opens_at, spans[-1].closes_at) == (row.open, row.close), day
        if len(spans) == 2:
            assert (spans[0].closes_at, spans[1].opens_at) == (row.break_start, row.break_end), day
        else:
            assert str(row.break_start) == "NaT", day


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "market"), [("hk_1d", "HK"), ("gpl3/hk_1d", "HK"), ("us_1d", "US")]
)
def test_days_with_bars_are_open_and_in_hong_kong_all_others_closed(shared_data, folder, market):
    traded = set(open_market(shared_data / folder).trading_days(market))
    opened = {day for day in weekdays() if hours.is_trading_day(market, day)}
    assert sorted(traded - opened) == []
    if market == "HK":  # the US bars have gaps of years
        within = {day for day in opened if min(traded) <= day <= max(traded)}
        assert sorted(within - traded) == []


def test_a_day_that_was_tabled_closed_is_a_weekday_of_the_tables_years():
    for market in NAMES:
        for day in hours.CLOSED[market] | hours.HALF_DAYS[market]:
            assert day.weekday() < 5
            assert day.year in hours.TABLED_YEARS
        assert not hours.CLOSED[market] & hours.HALF_DAYS[market]


def test_minute_starts_skip_lunch_and_are_one_array_for_all():
    spans = hours.sessions("HK", date(2026, 11, 20))
    starts = hours.minute_starts(spans)
    assert (len(starts), starts[150] - starts[149]) == (330, 3660)
    assert starts is hours.minute_starts(spans)
    assert len(hours.minute_starts(())) == 0


@pytest.mark.parametrize(
    ("market", "day", "spans"),
    [
        ("US", "2026-11-20", ["14:30-21:00"]),
        ("US", "2026-03-09", ["13:30-20:00"]),  # the Monday after the clocks changed
        ("US", "2026-03-06", ["14:30-21:00"]),
        ("US", "2026-11-27", ["14:30-18:00"]),
        ("US", "2019-11-29", ["14:30-18:00"]),
        ("US", "2019-07-03", ["13:30-17:00"]),
        ("HK", "2026-11-20", ["01:30-04:00", "05:00-08:00"]),
        ("HK", "2026-12-24", ["01:30-04:00"]),
    ],
)
def test_sessions_follow_each_markets_clock_lunch_and_half_days(market, day, spans):
    found = hours.sessions(market, date.fromisoformat(day))
    assert [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in found] == spans


@pytest.mark.parametrize(
    ("market", "day"), [("US", "2026-11-26"), ("HK", "2026-10-19"), ("HK", "2026-11-21")]
)
def test_holidays_are_closed(market, day):
    assert not hours.is_trading_day(market, date.fromisoformat(day))
