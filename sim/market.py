"""The world behind the simulated gateway: a folder of real bars, or the seeded synthetic market."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from sim import hours
from sim.folder_bars import MarketError
from sim.folder_source import FolderSource
from sim.gateway.bars import Bars
from sim.gateway.nouns import Bar, Headline, Listing, Session
from sim.ladders import RULES
from sim.synthetic import Synthetic
from sim.synthetic_days import KINDS, MIXED
from sim.synthetic_names import SYMBOLS_MAX

__all__ = ["MarketError", "MarketWorld", "open_market"]

# USD per unit. HKD is pegged at 7.75 to 7.85 to the dollar (HKMA); the middle is used.
USD_PER_UNIT = {"USD": Decimal(1), "HKD": Decimal("0.1282")}


# Bars of so many (stock, day) pairs are kept: at most 19 kB each, so 230 MB. One day of every stock
# of an exchange fits, and days that fall out are made again from what they were made of.
DAYS_KEPT = 12_000


class Source(Protocol):
    """Where listings and bars come from."""

    trading_days: dict[str, list[date]]
    label: str

    def listings(self, day: date) -> list[Listing]:
        """The listings on a day, in a stable order."""

    def sessions(self, market: str, day: date) -> tuple[Session, ...]:
        """The day's sessions; empty when closed."""

    def minutes(self, listing: Listing, day: date) -> Bars:
        """The local day's minute bars."""

    def halts(self, listing: Listing, day: date) -> tuple[Session, ...]:
        """The spans of the local day in which the listing was halted, in order."""

    def days(self, listing: Listing, before: date, count: int) -> list[Bar]:
        """Daily bars before a day, oldest first; count is at least 1."""

    def headlines(self, listing: Listing, start: datetime, end: datetime) -> list[Headline]:
        """News in [start, end)."""


class MarketWorld:
    """A market on one of its days: the knowledge a simulated gateway serves."""

    def __init__(self, source: Source, day: date | None = None) -> None:
        self._source = source
        self._day = day or max(days[-1] for days in source.trading_days.values() if days)
        self._listings = source.listings(self._day)
        self._by_id = {listing.con_id: listing for listing in self._listings}
        self._minutes: dict[tuple[int, date], Bars] = {}
        self._halts: dict[tuple[int, date], tuple[Session, ...]] = {}
        self.label = source.label

    def on(self, day: date) -> MarketWorld:
        """The same market with the tick tables in force on `day`."""
        return MarketWorld(self._source, day)

    def markets(self) -> tuple[str, ...]:
        """The markets that have trading days here."""
        return tuple(market for market in ("US", "HK") if self._source.trading_days[market])

    def trading_days(self, market: str) -> list[date]:
        """The local trading days that have bars, in order."""
        return self._source.trading_days[market]

    # What a simulated gateway asks (sim.gateway.nouns.World)

    def listings(self) -> Sequence[Listing]:
        """Every listing, in a stable order."""
        return self._listings

    def market_rule(self, rule_id: int) -> Sequence[tuple[Decimal, Decimal]] | None:
        """(low edge, increment) pairs of a rule, or None."""
        return RULES.get(rule_id)

    def sessions(self, market: str, day: date) -> Sequence[Session]:
        """The continuous sessions of a local day."""
        return self._source.sessions(market, day)

    def minutes(self, con_id: int, start: datetime, end: datetime) -> Bars:
        """Minute bars with start <= at < end; of one local day, views of what is kept."""
        zone = hours.ZONES[self._by_id[con_id].market]
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        if first == last:
            return self._day_of(con_id, first).between(start, end)
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return Bars.joined([self._day_of(con_id, day).between(start, end) for day in days])

    def _day_of(self, con_id: int, day: date) -> Bars:
        found = self._minutes.get((con_id, day))
        if found is None:
            found = self._source.minutes(self._by_id[con_id], day)
            if len(self._minutes) >= DAYS_KEPT:
                del self._minutes[next(iter(self._minutes))]
            self._minutes[con_id, day] = found
        return found

    def halts(self, con_id: int, day: date) -> Sequence[Session]:
        """Spans in which trading was halted; no bar begins in one."""
        found = self._halts.get((con_id, day))
        if found is None:
            found = self._halts[con_id, day] = self._source.halts(self._by_id[con_id], day)
        return found

    def days(self, con_id: int, before: date, count: int) -> Sequence[Bar]:
        """Daily bars before a local day, oldest first."""
        return self._source.days(self._by_id[con_id], before, count) if count > 0 else ()

    def headlines(self, con_id: int, start: datetime, end: datetime) -> Sequence[Headline]:
        """News of the listing, oldest first."""
        return self._source.headlines(self._by_id[con_id], start, end)

    def usd_per_unit(self, currency: str, _at: datetime) -> Decimal:
        """The exchange rate, the same at all times. Raises KeyError for an unknown currency."""
        return USD_PER_UNIT[currency]


class _SyntheticSource:
    """The synthetic market in the form of a source."""

    def __init__(self, seed: int, kind: str, symbols: int) -> None:
        self._market = Synthetic(seed, kind=kind, symbols=symbols)
        self.trading_days = self._market.trading_days
        words = ["synthetic", *([] if kind == MIXED.word else [kind]), f"seed {seed}"]
        self.label = " ".join(words) + (f", {symbols} generated names" if symbols else "")

    def listings(self, _day: date) -> list[Listing]:
        """Every name; the synthetic days lie within one tick regime."""
        return self._market.listings()

    def sessions(self, market: str, day: date) -> tuple[Session, ...]:
        """By the exchanges' calendar."""
        return hours.sessions(market, day) if hours.is_trading_day(market, day) else ()

    def minutes(self, listing: Listing, day: date) -> Bars:
        """The drawn minutes."""
        return self._market.minutes(listing.con_id, day)

    def halts(self, listing: Listing, day: date) -> tuple[Session, ...]:
        """The drawn halts."""
        return self._market.halts(listing.con_id, day)

    def days(self, listing: Listing, before: date, count: int) -> list[Bar]:
        """Daily bars added up from the drawn minutes."""
        days = self.trading_days[listing.market]
        past = days[: bisect_left(days, before)][-count:]
        bars = (self._market.daily(listing.con_id, day) for day in past)
        return [bar for bar in bars if bar is not None]

    def headlines(self, listing: Listing, start: datetime, end: datetime) -> list[Headline]:
        """Headlines of the days touched by [start, end)."""
        days = self.trading_days[listing.market]
        lines = [
            line
            for day in days
            if start.date() - timedelta(days=1) <= day <= end.date() + timedelta(days=1)
            for line in self._market.headlines(listing.con_id, day)
        ]
        return [line for line in lines if start <= line.at < end]


def open_market(
    path: Path | None, *, seed: int = 0, kind: str = MIXED.word, symbols: int = 0
) -> MarketWorld:
    """The folder's market, or the synthetic one without a path.

    kind:    of the synthetic days, one of synthetic_days.KINDS
    symbols: synthetic names that are generated on top of the forty of the table
    Raises MarketError with one line: what was expected, what was found, what to do.
    """
    if path is not None and (kind != MIXED.word or symbols):
        raise MarketError(
            f"{path}: a folder's days and names are what they are; a kind of days or a number of "
            "symbols goes with the synthetic market alone"
        )
    if kind not in KINDS:
        raise MarketError(f"kind of days must be one of {', '.join(KINDS)}, was {kind!r}")
    if not 0 <= symbols <= SYMBOLS_MAX:
        raise MarketError(f"symbols must be 0 to {SYMBOLS_MAX}, was {symbols}")
    source: Source = _SyntheticSource(seed, kind, symbols) if path is None else FolderSource(path)
    if not any(source.trading_days.values()):
        raise MarketError(f"{path}: no bar lies inside the regular hours of US or HK")
    return MarketWorld(source)
