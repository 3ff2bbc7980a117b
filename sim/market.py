"""The world behind the simulated gateway: a folder of real bars, or the seeded synthetic market."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from sim import hours
from sim.folder_source import FolderSource, MarketError
from sim.gateway.nouns import Bar, Headline, Listing, Session
from sim.ladders import RULES
from sim.synthetic import Synthetic

__all__ = ["MarketError", "MarketWorld", "open_market"]

# USD per unit. HKD is pegged at 7.75 to 7.85 to the dollar (HKMA); the middle is used.
USD_PER_UNIT = {"USD": Decimal(1), "HKD": Decimal("0.1282")}


class Source(Protocol):
    """Where listings and bars come from."""

    trading_days: dict[str, list[date]]
    label: str

    def listings(self, day: date) -> list[Listing]:
        """The listings on a day, in a stable order."""

    def sessions(self, market: str, day: date) -> tuple[Session, ...]:
        """The day's sessions; empty when closed."""

    def minutes(self, listing: Listing, day: date) -> list[Bar]:
        """The local day's minute bars."""

    def days(self, listing: Listing, before: date, count: int) -> list[Bar]:
        """Daily bars before a day, oldest first."""

    def headlines(self, listing: Listing, start: datetime, end: datetime) -> list[Headline]:
        """News in [start, end)."""


class MarketWorld:
    """A market on one of its days: the knowledge a simulated gateway serves."""

    def __init__(self, source: Source, day: date | None = None) -> None:
        self._source = source
        self._day = day or max(days[-1] for days in source.trading_days.values() if days)
        self._listings = source.listings(self._day)
        self._by_id = {listing.con_id: listing for listing in self._listings}
        self._minutes: dict[tuple[int, date], list[Bar]] = {}
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

    def minutes(self, con_id: int, start: datetime, end: datetime) -> Sequence[Bar]:
        """Minute bars with start <= at < end."""
        listing = self._by_id[con_id]
        zone = hours.ZONES[listing.market]
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        found: list[Bar] = []
        while day <= last:
            if (con_id, day) not in self._minutes:
                self._minutes[con_id, day] = self._source.minutes(listing, day)
            found.extend(bar for bar in self._minutes[con_id, day] if start <= bar.at < end)
            day += timedelta(days=1)
        return found

    def halts(self, _con_id: int, _day: date) -> Sequence[Session]:
        """Spans in which trading was halted."""
        return ()

    def days(self, con_id: int, before: date, count: int) -> Sequence[Bar]:
        """Daily bars before a local day, oldest first."""
        return self._source.days(self._by_id[con_id], before, count)

    def headlines(self, con_id: int, start: datetime, end: datetime) -> Sequence[Headline]:
        """News of the listing, oldest first."""
        return self._source.headlines(self._by_id[con_id], start, end)

    def usd_per_unit(self, currency: str, _at: datetime) -> Decimal:
        """The exchange rate, the same at all times. Raises KeyError for an unknown currency."""
        return USD_PER_UNIT[currency]


class _SyntheticSource:
    """The synthetic market in the form of a source."""

    def __init__(self, seed: int) -> None:
        self._market = Synthetic(seed)
        self.trading_days = self._market.trading_days
        self.label = f"synthetic seed {seed}"

    def listings(self, _day: date) -> list[Listing]:
        """Every name; the synthetic days lie within one tick regime."""
        return self._market.listings()

    def sessions(self, market: str, day: date) -> tuple[Session, ...]:
        """By the exchanges' calendar."""
        return hours.sessions(market, day) if hours.is_trading_day(market, day) else ()

    def minutes(self, listing: Listing, day: date) -> list[Bar]:
        """The drawn minutes."""
        return self._market.minutes(listing.con_id, day)

    def days(self, listing: Listing, before: date, count: int) -> list[Bar]:
        """Daily bars added up from the drawn minutes."""
        past = [day for day in self.trading_days[listing.market] if day < before][-count:]
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


def open_market(path: Path | None, *, seed: int = 0) -> MarketWorld:
    """The folder's market, or the synthetic one without a path.

    Raises MarketError with one line: what was expected, what was found, what to do.
    """
    source: Source = _SyntheticSource(seed) if path is None else FolderSource(path)
    if not any(source.trading_days.values()):
        raise MarketError(f"{path}: no bar lies inside the regular hours of US or HK")
    return MarketWorld(source)
