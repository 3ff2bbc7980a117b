"""Sessions, half days and holidays are those of an independent calendar, day by day."""

import json
import subprocess
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from sim import hours

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-exchange_calendars" / "bin" / "python"
NAMES = {"US": "XNYS", "HK": "XHKG"}
BEGIN, END = date(2015, 1, 1), date(2027, 12, 31)
# Closed by typhoon Saola and by black rain (HKEX), which exchange_calendars 4.13.2 does not have:
# daily bars of those days do not exist.
NOT_IN_THE_LIBRARY = {"US": set(), "HK": {date(2023, 9, 1), date(2023, 9, 8)}}


@pytest.fixture(scope="module")
def calendars():
    """The independent calendars, by market; skips where their environment was not made."""
    if not PYTHON.exists():
        pytest.skip("absent: exchange_calendars environment")
    script = Path(__file__).with_name("their_calendar.py")
    done = subprocess.run(
        [PYTHON, script, BEGIN.isoformat(), END.isoformat(), *NAMES.values()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told = json.loads(done.stdout)
    return {market: told[name] for market, name in NAMES.items()}


def weekdays():
    days = (BEGIN + timedelta(days=n) for n in range((END - BEGIN).days + 1))
    return [day for day in days if day.weekday() < 5]


def dates(words):
    return {date.fromisoformat(word) for word in words}


@pytest.mark.parametrize("market", ["US", "HK"])
def test_every_weekday_of_thirteen_years_is_open_or_closed_as_in_the_calendar(calendars, market):
    theirs = dates(calendars[market]["days"]) - NOT_IN_THE_LIBRARY[market]
    ours = {day for day in weekdays() if hours.is_trading_day(market, day)}
    assert len(theirs) > 3000
    assert sorted(ours ^ theirs) == []


@pytest.mark.parametrize("market", ["US", "HK"])
def test_every_half_day_is_the_calendars(calendars, market):
    theirs = dates(calendars[market]["early"])
    ours = {day for day in weekdays() if hours.is_half_day(market, day)}
    assert len(theirs) > 20
    assert sorted(ours ^ theirs) == []
    assert calendars[market]["late"] == []


@pytest.mark.parametrize("market", ["US", "HK"])
def test_every_session_opens_and_closes_as_in_the_calendar(calendars, market):
    for word, told in calendars[market]["days"].items():
        day = date.fromisoformat(word)
        if day in NOT_IN_THE_LIBRARY[market]:
            continue
        spans = hours.sessions(market, day)
        ours = [spans[0].opens_at, None, None, spans[-1].closes_at]
        if len(spans) == 2:
            ours[1:3] = [spans[0].closes_at, spans[1].opens_at]
        theirs = [None if at is None else datetime.fromisoformat(at) for at in told]
        assert ours == theirs, day
