"""A market folder as a source of listings, minute bars and daily bars."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sim import hours
from sim.folder import Folder, read_folder
from sim.folder_bars import DAY_MILLISECONDS, PRICES, Series
from sim.gateway.bars import Bars
from sim.gateway.nouns import Bar, Headline, Listing, Session
from sim.ladders import RULES, Rule
from sim.listings import con_ids, facts_of, listing_of
from sim.minutes import bar_on_grid, bars_on_grid, expand

OPEN, HIGH, LOW, CLOSE = range(len(PRICES))
EPOCH = date(1970, 1, 1)
NO_BARS = Bars.of(())


class FolderSource:
    """Bars of a folder, put on the tick grid of the day that is simulated."""

    def __init__(self, path: Path) -> None:
        self._folder: Folder = read_folder(path)
        self._facts = facts_of(self._folder)
        self._ids = con_ids(self._folder.series)
        self._keys = {number: key for key, number in self._ids.items()}
        self.trading_days = {market: self._trading_days(market) for market in ("US", "HK")}
        self._open_days = {market: set(days) for market, days in self.trading_days.items()}
        self.label = self._label(path)

    def _label(self, path: Path) -> str:
        found = [one for series in self._folder.series.values() for one in series]
        words = [path.name]
        if any(one.minutes != 1 for one in found):
            words.append("expanded to minutes")
        if self.trading_days["HK"] and any(one.lot_is_assumed for one in self._facts.values()):
            words.append("lots assumed")
        if self._folder.left_out:
            words.append(f"left out {', '.join(self._folder.left_out)}")
        return ", ".join(words)

    def _trading_days(self, market: str) -> list[date]:
        """Days with at least one bar inside regular hours."""
        found: set[int] = set()
        for (of_market, _), many in self._folder.series.items():
            for series in many if of_market == market else ():
                fresh = (day for day in series.days.tolist() if day not in found)
                found.update(day for day in fresh if _is_weekday(day) and _rows(series, day).size)
        return [_date(day) for day in sorted(found)]

    def listings(self, day: date) -> list[Listing]:
        """The folder's listings with the market rules in force on the day."""
        return [
            listing_of(key, self._ids[key], self._facts[key], day)
            for key in sorted(self._folder.series)
        ]

    def sessions(self, market: str, day: date) -> tuple[Session, ...]:
        """The day's sessions: by the bars up to the last day that has some, then by calendar."""
        known = self.trading_days[market]
        if known and day <= known[-1]:
            return hours.sessions(market, day) if day in self._open_days[market] else ()
        return hours.sessions(market, day) if hours.is_trading_day(market, day) else ()

    def minutes(self, listing: Listing, day: date) -> Bars:
        """The day's minute bars inside its sessions, on the grid."""
        spans = self.sessions(listing.market, day)
        if not spans:
            return NO_BARS
        rule = RULES[listing.market_rule_id]
        for series in self._folder.series[self._keys[listing.con_id]]:
            rows = _rows(series, _number(day))
            if not rows.size:
                continue
            found = bars_on_grid(
                series.ts[rows] // 1000, series.prices[rows].T, series.volume[rows], rule
            )
            if series.minutes == 1:
                return found
            return _expanded(series, listing, found, hours.minute_starts(spans), rule)
        return NO_BARS

    def halts(self, _listing: Listing, _day: date) -> tuple[Session, ...]:
        """None: bars do not tell a halt from a time without a trade."""
        return ()

    def days(self, listing: Listing, before: date, count: int) -> list[Bar]:
        """Daily bars of regular hours before a day, oldest first."""
        rule = RULES[listing.market_rule_id]
        found: dict[int, Bar] = {}
        for series in self._folder.series[self._keys[listing.con_id]]:
            earlier = series.days[: series.days.searchsorted(_number(before))]
            for day in reversed(earlier.tolist()):
                if len(found) >= count and day < min(found):
                    break
                if day in found or _date(day) not in self._open_days[listing.market]:
                    continue
                bar = _daily(series, day, rule)
                if bar is not None:
                    found[day] = bar
        return [found[day] for day in sorted(found)[-count:]]

    def headlines(self, listing: Listing, start: datetime, end: datetime) -> list[Headline]:
        """The folder's news of the symbol in [start, end)."""
        lines = self._folder.news.get(listing.symbol, [])
        return sorted(line for line in lines if start <= line.at < end)


def _number(day: date) -> int:
    return (day - EPOCH).days


def _date(number: int) -> date:
    return EPOCH + timedelta(days=number)


def _is_weekday(number: int) -> bool:
    return (number + EPOCH.weekday()) % 7 < 5


def _rows(series: Series, day: int) -> Any:
    """The places of the series' bars of a day, given as days since 1970."""
    return series.rows(_spans(series.market, series.minutes, day))


@lru_cache(maxsize=4096)
def _spans(market: str, minutes: int, day: int) -> tuple[tuple[int, int], ...]:
    """Where bars of a length are looked for, in milliseconds: daily ones stand at midnight UTC."""
    midnight = day * DAY_MILLISECONDS
    if minutes == 0:
        return ((midnight, midnight + DAY_MILLISECONDS),)
    # A bar that begins before the open and reaches into the session belongs to it.
    early = timedelta(minutes=minutes - 1)
    return tuple(
        (int((opens - early).timestamp()) * 1000, int(closes.timestamp()) * 1000)
        for opens, closes in hours.sessions(market, _date(day))
    )


def _expanded(series: Series, listing: Listing, whole: Bars, starts: Any, rule: Rule) -> Bars:
    """The minutes at `starts` that the bars cover."""
    length = series.minutes * 60 or DAY_MILLISECONDS // 1000
    begins, ends = (starts.searchsorted(whole.starts + after) for after in (0, length))
    whole = whole.picked(ends > begins)
    counts = (ends - begins)[ends > begins]
    places = np.arange(counts.sum()) + np.repeat(
        begins[ends > begins] - np.cumsum(counts) + counts, counts
    )
    low_first = np.array([_low_first(listing, at) for at in whole.starts.tolist()], bool)
    return expand(whole, starts[places], counts, rule, low_first=low_first)


def _low_first(listing: Listing, starts: int) -> bool:
    """Which extreme an expanded bar visits first: drawn from its name, the same in every run."""
    key = f"{listing.con_id}/{datetime.fromtimestamp(starts, UTC).isoformat()}".encode()
    return hashlib.blake2b(key, digest_size=1).digest()[0] % 2 == 0


def _daily(series: Series, day: int, rule: Rule) -> Bar | None:
    rows = _rows(series, day)
    if not rows.size:
        return None
    prices = series.prices[rows]
    return bar_on_grid(
        datetime.combine(_date(day), time(), UTC),
        (prices[0, OPEN], prices[:, HIGH].max(), prices[:, LOW].min(), prices[-1, CLOSE]),
        int(series.volume[rows].sum()),
        rule,
    )
