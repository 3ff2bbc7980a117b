"""When the simulated exchanges are open: regular hours, lunch, half days, holidays.

Sources: HKEX trading hours and holiday schedule (2026-07-31); NYSE hours and calendars. Dates of
2025 to 2027 stand in tables; for other years the rules of the exchanges' early closes are applied,
and whether a past day was a holiday is told by the bars: a day without any was closed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sim.gateway.nouns import Session

ZONES = {"US": ZoneInfo("America/New_York"), "HK": ZoneInfo("Asia/Hong_Kong")}
_SPANS = {
    ("US", False): ((time(9, 30), time(16)),),
    ("US", True): ((time(9, 30), time(13)),),
    ("HK", False): ((time(9, 30), time(12)), (time(13), time(16))),
    ("HK", True): ((time(9, 30), time(12)),),
}


def _days(text: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(word) for word in text.split())


HALF_DAYS = {
    "US": _days("2025-07-03 2025-11-28 2025-12-24 2026-11-27 2026-12-24 2027-11-26"),
    "HK": _days(
        "2025-01-28 2025-12-24 2025-12-31 2026-02-16 2026-12-24 2026-12-31 2027-02-05 2027-12-24 "
        "2027-12-31"
    ),
}
CLOSED = {
    "US": _days(
        "2025-01-01 2025-01-09 2025-01-20 2025-02-17 2025-04-18 2025-05-26 2025-06-19 2025-07-04 "
        "2025-09-01 2025-11-27 2025-12-25 2026-01-01 2026-01-19 2026-02-16 2026-04-03 2026-05-25 "
        "2026-06-19 2026-07-03 2026-09-07 2026-11-26 2026-12-25 2027-01-01 2027-01-18 2027-02-15 "
        "2027-03-26 2027-05-31 2027-06-18 2027-07-05 2027-09-06 2027-11-25 2027-12-24"
    ),
    "HK": _days(
        "2026-01-01 2026-02-17 2026-02-18 2026-02-19 2026-04-03 2026-04-06 2026-04-07 2026-05-01 "
        "2026-05-25 2026-06-19 2026-07-01 2026-10-01 2026-10-19 2026-12-25 2027-01-01 2027-02-08 "
        "2027-02-09 2027-03-26 2027-03-29 2027-04-05 2027-05-13 2027-06-09 2027-07-01 2027-09-16 "
        "2027-10-01 2027-10-08 2027-12-27"
    ),
}
TABLED_YEARS = {"US": range(2025, 2028), "HK": range(2026, 2028)}


def is_trading_day(market: str, day: date) -> bool:
    """Whether the exchange opens by weekday and, where tabled, by its holidays."""
    return day.weekday() < 5 and day not in CLOSED[market]


def is_half_day(market: str, day: date) -> bool:
    """Whether the exchange closes early."""
    if day in HALF_DAYS[market]:
        return True
    if day.year in TABLED_YEARS[market]:
        return False
    if market == "US":
        # July 3 and December 24 on weekdays, and the Friday after Thanksgiving (4th Thursday).
        friday = day.month == 11 and day.weekday() == 4 and 23 <= day.day <= 29
        return friday or (day.month, day.day) in ((7, 3), (12, 24))
    return (day.month, day.day) in ((12, 24), (12, 31))


def sessions(market: str, day: date) -> tuple[Session, ...]:
    """The continuous sessions of a day on which the exchange opens, in UTC."""
    zone = ZONES[market]
    return tuple(
        Session(
            datetime.combine(day, opens, zone).astimezone(UTC),
            datetime.combine(day, closes, zone).astimezone(UTC),
        )
        for opens, closes in _SPANS[(market, is_half_day(market, day))]
    )


def minutes(spans: tuple[Session, ...]) -> list[datetime]:
    """The starts of all minutes of the sessions, in order."""
    starts = []
    for opens, closes in spans:
        at = opens
        while at < closes:
            starts.append(at)
            at += timedelta(minutes=1)
    return starts
