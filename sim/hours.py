"""When the simulated exchanges are open: regular hours, lunch, half days, holidays.

Sources: HKEX trading hours and holiday schedules (to 2026-07-31); NYSE hours and calendars.
Dates of 2015 to 2027 stand in tables. For other years the rules of the exchanges' early closes are
applied, and whether a past day was a holiday is told by the bars: a day without any was closed.
Mornings and afternoons that a typhoon or a rainstorm took from Hong Kong are not covered: such a
day has the sessions of a full one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from sim.gateway.nouns import Session

ZONES = {"US": ZoneInfo("America/New_York"), "HK": ZoneInfo("Asia/Hong_Kong")}
_SPANS = {
    ("US", False): ((time(9, 30), time(16)),),
    ("US", True): ((time(9, 30), time(13)),),
    ("HK", False): ((time(9, 30), time(12)), (time(13), time(16))),
    ("HK", True): ((time(9, 30), time(12)),),
}


def _days(text: str) -> frozenset[date]:
    """The dates of lines like `2025 01-01 12-25`."""
    found = []
    for word in text.split():
        if len(word) == 4:
            year = word
        else:
            found.append(date.fromisoformat(f"{year}-{word}"))
    return frozenset(found)


# Weekdays on which the exchange stayed closed. US: NYSE holidays, and the days of mourning of
# 2018-12-05 and 2025-01-09. HK: HKEX holidays (2015-09-03 once only), and the weather days of
# 2016-08-02, 2016-10-21, 2017-08-23, 2020-10-13, 2021-10-13, 2023-07-17, 2023-09-01, 2023-09-08 and
# 2024-09-06; since 2024-09-23 no weather closes the exchange (HKEX 240618news). Checked against
# daily bars of Hong Kong 2017 to 2025 and of the US 2015 to 2024: days with bars are open, all
# others closed.
CLOSED = {
    "US": _days(
        """
        2015 01-01 01-19 02-16 04-03 05-25 07-03 09-07 11-26 12-25
        2016 01-01 01-18 02-15 03-25 05-30 07-04 09-05 11-24 12-26
        2017 01-02 01-16 02-20 04-14 05-29 07-04 09-04 11-23 12-25
        2018 01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25
        2019 01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25
        2020 01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25
        2021 01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24
        2022 01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26
        2023 01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25
        2024 01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25
        2025 01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25
        2026 01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25
        2027 01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24
        """
    ),
    "HK": _days(
        """
        2015 01-01 02-19 02-20 04-03 04-06 04-07 05-01 05-25 07-01 09-03 09-28 10-01 10-21 12-25
        2016 01-01 02-08 02-09 02-10 03-25 03-28 04-04 05-02 06-09 07-01 08-02 09-16 10-10 10-21
            12-26 12-27
        2017 01-02 01-30 01-31 04-04 04-14 04-17 05-01 05-03 05-30 08-23 10-02 10-05 12-25 12-26
        2018 01-01 02-16 02-19 03-30 04-02 04-05 05-01 05-22 06-18 07-02 09-25 10-01 10-17 12-25
            12-26
        2019 01-01 02-05 02-06 02-07 04-05 04-19 04-22 05-01 05-13 06-07 07-01 10-01 10-07 12-25
            12-26
        2020 01-01 01-27 01-28 04-10 04-13 04-30 05-01 06-25 07-01 10-01 10-02 10-13 10-26 12-25
        2021 01-01 02-12 02-15 04-02 04-05 04-06 05-19 06-14 07-01 09-22 10-01 10-13 10-14 12-27
        2022 02-01 02-02 02-03 04-05 04-15 04-18 05-02 05-09 06-03 07-01 09-12 10-04 12-26 12-27
        2023 01-02 01-23 01-24 01-25 04-05 04-07 04-10 05-01 05-26 06-22 07-17 09-01 09-08 10-02
            10-23 12-25 12-26
        2024 01-01 02-12 02-13 03-29 04-01 04-04 05-01 05-15 06-10 07-01 09-06 09-18 10-01 10-11
            12-25 12-26
        2025 01-01 01-29 01-30 01-31 04-04 04-18 04-21 05-01 05-05 07-01 10-01 10-07 10-29 12-25
            12-26
        2026 01-01 02-17 02-18 02-19 04-03 04-06 04-07 05-01 05-25 06-19 07-01 10-01 10-19 12-25
        2027 01-01 02-08 02-09 03-26 03-29 04-05 05-13 06-09 07-01 09-16 10-01 10-08 12-27
        """
    ),
}
# Days with an early close, 13:00 in New York and 12:00 in Hong Kong. US: July 3, the day after
# Thanksgiving and December 24 (NYSE hours and calendars). HK: the eves of Lunar New Year, Christmas
# and New Year, where a weekday, never moved (HKEX trading hours).
HALF_DAYS = {
    "US": _days(
        """
        2015 11-27 12-24
        2016 11-25
        2017 07-03 11-24
        2018 07-03 11-23 12-24
        2019 07-03 11-29 12-24
        2020 11-27 12-24
        2021 11-26
        2022 11-25
        2023 07-03 11-24
        2024 07-03 11-29 12-24
        2025 07-03 11-28 12-24
        2026 11-27 12-24
        2027 11-26
        """
    ),
    "HK": _days(
        """
        2015 02-18 12-24 12-31
        2017 01-27
        2018 02-15 12-24 12-31
        2019 02-04 12-24 12-31
        2020 01-24 12-24 12-31
        2021 02-11 12-24 12-31
        2022 01-31
        2024 02-09 12-24 12-31
        2025 01-28 12-24 12-31
        2026 02-16 12-24 12-31
        2027 02-05 12-24 12-31
        """
    ),
}
TABLED_YEARS = range(2015, 2028)


def is_trading_day(market: str, day: date) -> bool:
    """Whether the exchange opens by weekday and, where tabled, by its holidays."""
    return day.weekday() < 5 and day not in CLOSED[market]


def is_half_day(market: str, day: date) -> bool:
    """Whether the exchange closes early."""
    if day in HALF_DAYS[market]:
        return True
    if day.year in TABLED_YEARS:
        return False
    if market == "US":
        # July 3 and December 24 on weekdays, and the Friday after Thanksgiving (4th Thursday).
        friday = day.month == 11 and day.weekday() == 4 and 23 <= day.day <= 29
        return friday or (day.month, day.day) in ((7, 3), (12, 24))
    return (day.month, day.day) in ((12, 24), (12, 31))


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=1024)
def minute_starts(spans: tuple[Session, ...]) -> Any:
    """The starts of all minutes of the sessions, in order: an int64 array of seconds since 1970."""
    ends = [(int(opens.timestamp()), int(closes.timestamp())) for opens, closes in spans]
    parts = [np.arange(opens, closes, 60, dtype=np.int64) for opens, closes in ends]
    starts = np.concatenate([np.empty(0, np.int64), *parts])
    starts.flags.writeable = False  # one array for all who ask
    return starts
