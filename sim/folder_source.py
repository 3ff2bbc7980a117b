"""A market folder as a source of listings, minute bars and daily bars."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from sim import hours
from sim.folder import PRICES, Folder, MarketError, Series, days_of, read_folder
from sim.gateway.nouns import Bar, Headline, Listing, Session
from sim.ladders import RULES, Rule
from sim.listings import con_ids, folder_listings
from sim.minutes import bar_on_grid, expand

__all__ = ["FolderSource", "MarketError"]

HIGH, LOW = PRICES.index("high"), PRICES.index("low")


class FolderSource:
    """Bars of a folder, put on the tick grid of the day that is simulated."""

    def __init__(self, path: Path) -> None:
        self._folder: Folder = read_folder(path)
        self._keys = {number: key for key, number in con_ids(self._folder.series).items()}
        self.trading_days = {market: self._trading_days(market) for market in ("US", "HK")}
        self._open_days = {market: set(days) for market, days in self.trading_days.items()}
        self.label = self._label(path)

    def _label(self, path: Path) -> str:
        found = [one for series in self._folder.series.values() for one in series]
        words = [path.name]
        if any(one.minutes != 1 for one in found):
            words.append("expanded to minutes")
        if self.trading_days["HK"] and folder_listings(self._folder, date.max)[1]:
            words.append("lots assumed")
        if self._folder.left_out:
            words.append(f"left out {', '.join(self._folder.left_out)}")
        return ", ".join(words)

    def _trading_days(self, market: str) -> list[date]:
        """Days with at least one bar inside regular hours."""
        found: set[date] = set()
        for (of_market, _), many in self._folder.series.items():
            if of_market != market:
                continue
            for series in many:
                for day in days_of(series):
                    if day not in found and day.weekday() < 5 and self._has_bars(series, day):
                        found.add(day)
        return sorted(found)

    def _has_bars(self, series: Series, day: date) -> bool:
        return any(
            self._rows(series, span).stop > self._rows(series, span).start
            for span in _spans(series, day)
        )

    @staticmethod
    def _rows(series: Series, span: tuple[datetime, datetime]) -> slice:
        return series.between(*span)

    def listings(self, day: date) -> list[Listing]:
        """The folder's listings with the market rules in force on the day."""
        return folder_listings(self._folder, day)[0]

    def sessions(self, market: str, day: date) -> tuple[Session, ...]:
        """The day's sessions: by the bars up to the last day that has some, then by calendar."""
        known = self.trading_days[market]
        if known and day <= known[-1]:
            return hours.sessions(market, day) if day in self._open_days[market] else ()
        return hours.sessions(market, day) if hours.is_trading_day(market, day) else ()

    def minutes(self, listing: Listing, day: date) -> list[Bar]:
        """The day's minute bars inside its sessions, on the grid."""
        spans = self.sessions(listing.market, day)
        if not spans:
            return []
        rule = RULES[listing.market_rule_id]
        for series in self._folder.series[self._keys[listing.con_id]]:
            bars = self._bars(series, day, rule)
            if not bars:
                continue
            if series.minutes == 1:
                return [bar for bar in bars if any(o <= bar.at < c for o, c in spans)]
            return self._expanded(series, listing, bars, hours.minutes(spans), rule)
        return []

    def _bars(self, series: Series, day: date, rule: Rule) -> list[Bar]:
        return [
            bar_on_grid(
                datetime.fromtimestamp(int(series.ts[n]) / 1000, UTC),
                series.prices[n],
                int(series.volume[n]),
                rule,
            )
            for span in _spans(series, day)
            for n in range(*self._rows(series, span).indices(len(series.ts)))
        ]

    def _expanded(
        self, series: Series, listing: Listing, bars: list[Bar], starts: list[datetime], rule: Rule
    ) -> list[Bar]:
        found: list[Bar] = []
        for bar in bars:
            covered = starts
            if series.minutes:
                end = bar.at + timedelta(minutes=series.minutes)
                covered = [at for at in starts if bar.at <= at < end]
            if covered:
                key = f"{listing.con_id}/{bar.at.isoformat()}".encode()
                low_first = hashlib.blake2b(key, digest_size=1).digest()[0] % 2 == 0
                found.extend(expand(bar, covered, rule, low_first=low_first))
        return found

    def days(self, listing: Listing, before: date, count: int) -> list[Bar]:
        """Daily bars of regular hours before a day, oldest first."""
        rule = RULES[listing.market_rule_id]
        found: dict[date, Bar] = {}
        for series in self._folder.series[self._keys[listing.con_id]]:
            for day in reversed([day for day in days_of(series) if day < before]):
                if len(found) >= count and day < min(found):
                    break
                if day in found or day not in self._open_days[listing.market]:
                    continue
                bar = self._daily(series, day, rule)
                if bar is not None:
                    found[day] = bar
        return [found[day] for day in sorted(found)[-count:]]

    def _daily(self, series: Series, day: date, rule: Rule) -> Bar | None:
        rows = [
            n
            for span in _spans(series, day)
            for n in range(*self._rows(series, span).indices(len(series.ts)))
        ]
        if not rows:
            return None
        prices = series.prices[rows]
        return bar_on_grid(
            datetime.combine(day, time(), UTC),
            (prices[0][0], np.max(prices[:, HIGH]), np.min(prices[:, LOW]), prices[-1][3]),
            int(np.sum(series.volume[rows])),
            rule,
        )

    def headlines(self, listing: Listing, start: datetime, end: datetime) -> list[Headline]:
        """The folder's news of the symbol in [start, end)."""
        lines = self._folder.news.get(listing.symbol, [])
        return sorted(line for line in lines if start <= line.at < end)


def _spans(series: Series, day: date) -> list[tuple[datetime, datetime]]:
    """Where the day's bars of a series are looked for: daily bars stand at midnight UTC."""
    if series.minutes == 0:
        midnight = datetime.combine(day, time(), UTC)
        return [(midnight, midnight + timedelta(days=1))]
    # A bar that begins before the open and reaches into the session belongs to it.
    early = timedelta(minutes=series.minutes - 1)
    return [(opens - early, closes) for opens, closes in hours.sessions(series.market, day)]
