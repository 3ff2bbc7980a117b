"""How the price moves inside a minute, and what the top of the book shows at any instant.

A minute bar is walked open, first extreme, second extreme, close, at seconds 0, 15, 30 and 45;
which extreme comes first is drawn from the seed. The last trade is at the bid, the ask is one
spread above: the reading that is worse for a buyer. A minute without a bar has no trade; the last
top stands.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sim.gateway.nouns import Bar, Listing, Session, Top, World

POINT_SECONDS = 15
ZONES = {"US": ZoneInfo("America/New_York"), "HK": ZoneInfo("Asia/Hong_Kong")}


class Point(NamedTuple):
    """One instant of the walk. `opens` marks a bar's first point: a gap may lead to it."""

    at: datetime
    price: Decimal
    volume: int
    opens: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Day:
    """One listing's trading day: its bars, and running totals before each of them."""

    sessions: tuple[Session, ...]
    bars: tuple[Bar, ...]
    starts: tuple[datetime, ...]
    highs: tuple[Decimal, ...]
    lows: tuple[Decimal, ...]
    volumes: tuple[int, ...]
    previous_close: Decimal | None


class Paths:
    """The walks of every listing of a world, made when first looked at."""

    def __init__(self, world: World, *, seed: int, spread_ticks: int) -> None:
        self._world = world
        self._seed = seed
        self._spread_ticks = spread_ticks
        self._days: dict[tuple[int, date], _Day] = {}

    def sessions(self, listing: Listing, at: datetime) -> tuple[Session, ...]:
        """The sessions of the local day of `at`."""
        return self._day(listing, at).sessions

    def is_open(self, listing: Listing, at: datetime) -> bool:
        """Whether the listing's continuous trading is open at `at`."""
        return any(opens <= at < closes for opens, closes in self.sessions(listing, at))

    def is_halted(self, listing: Listing, at: datetime) -> bool:
        """Whether trading in the listing is halted at `at`."""
        day = at.astimezone(ZONES[listing.market]).date()
        halts = self._world.halts(listing.con_id, day)
        return any(begins <= at < ends for begins, ends in halts)

    def points(self, listing: Listing, after: datetime, to: datetime) -> list[Point]:
        """The points of the walk in (after, to], in order."""
        found: list[Point] = []
        day = after
        while _local_date(listing, day) <= _local_date(listing, to):
            bars = self._day(listing, day).bars
            starts = self._day(listing, day).starts
            first = max(0, bisect_right(starts, after) - 1)
            for bar in bars[first : bisect_right(starts, to)]:
                found.extend(p for p in self._walk(listing, bar) if after < p.at <= to)
            day += timedelta(days=1)
        return found

    def top(self, listing: Listing, at: datetime) -> Top:
        """The top of the book at `at`; no bid and ask outside the sessions or before a trade."""
        day = self._day(listing, at)
        index = bisect_right(day.starts, at) - 1
        if index < 0:
            close = day.previous_close
            return Top(at, None, None, close, 0, 0, 0, None, None, None, close, 0)
        bar = day.bars[index]
        walked = [point for point in self._walk(listing, bar) if point.at <= at]
        last = walked[-1]
        high = max([p.price for p in walked] + ([day.highs[index - 1]] if index else []))
        low = min([p.price for p in walked] + ([day.lows[index - 1]] if index else []))
        volume = (day.volumes[index - 1] if index else 0) + sum(p.volume for p in walked)
        bid = ask = None
        if self.is_open(listing, at):
            bid = last.price
            ask = bid + self._spread_ticks * self.tick(listing, bid)
        size = max(listing.lot, last.volume // 2 // listing.lot * listing.lot)
        return Top(
            at=last.at,
            bid=bid,
            ask=ask,
            last=last.price,
            bid_size=size,
            ask_size=size,
            last_size=max(last.volume, listing.lot),
            open=day.bars[0].open,
            high=high,
            low=low,
            previous_close=day.previous_close,
            volume=volume,
        )

    def tick(self, listing: Listing, price: Decimal) -> Decimal:
        """The increment in force at `price`. Raises ValueError for a listing without a rule."""
        rule = self._world.market_rule(listing.market_rule_id)
        if not rule:
            raise ValueError(
                f"{listing.symbol} names market rule {listing.market_rule_id}: unknown"
            )
        return [tick for low, tick in rule if low <= price][-1]

    def _walk(self, listing: Listing, bar: Bar) -> tuple[Point, Point, Point, Point]:
        first, second = bar.high, bar.low
        if self._low_first(listing, bar.at):
            first, second = second, first
        quarter = bar.volume // 4
        rest = bar.volume - 3 * quarter
        step = timedelta(seconds=POINT_SECONDS)
        return (
            Point(bar.at, bar.open, rest, True),
            Point(bar.at + step, first, quarter, False),
            Point(bar.at + 2 * step, second, quarter, False),
            Point(bar.at + 3 * step, bar.close, quarter, False),
        )

    def _low_first(self, listing: Listing, at: datetime) -> bool:
        key = f"{self._seed}/{listing.con_id}/{at.timestamp():.0f}".encode()
        return hashlib.blake2b(key, digest_size=1).digest()[0] % 2 == 0

    def _day(self, listing: Listing, at: datetime) -> _Day:
        local = _local_date(listing, at)
        key = (listing.con_id, local)
        if key not in self._days:
            self._days[key] = self._load(listing, local)
        return self._days[key]

    def _load(self, listing: Listing, local: date) -> _Day:
        sessions = tuple(self._world.sessions(listing.market, local))
        bars: Sequence[Bar] = ()
        if sessions:
            bars = self._world.minutes(listing.con_id, sessions[0].opens_at, sessions[-1].closes_at)
        highs, lows, volumes = [], [], []
        high, low, volume = Decimal(0), Decimal("Infinity"), 0
        for bar in bars:
            high, low, volume = max(high, bar.high), min(low, bar.low), volume + bar.volume
            highs.append(high)
            lows.append(low)
            volumes.append(volume)
        before = self._world.days(listing.con_id, local, 1)
        return _Day(
            sessions=sessions,
            bars=tuple(bars),
            starts=tuple(bar.at for bar in bars),
            highs=tuple(highs),
            lows=tuple(lows),
            volumes=tuple(volumes),
            previous_close=before[-1].close if before else None,
        )

    def next_open(self, listing: Listing, after: datetime) -> datetime | None:
        """When the listing's next session opens, within ten days."""
        for days in range(11):
            for session in self.sessions(listing, after + timedelta(days=days)):
                if session.opens_at > after:
                    return session.opens_at
        return None

    def last_close(self, listing: Listing, at: datetime) -> datetime | None:
        """When the last session of the local day of `at` closes; None on a closed day."""
        sessions = self.sessions(listing, at)
        return sessions[-1].closes_at if sessions else None

    def point_at(self, listing: Listing, at: datetime) -> Point | None:
        """The point of the walk in force at `at`, or None before the day's first trade."""
        day = self._day(listing, at)
        index = bisect_left(day.starts, at + timedelta(microseconds=1)) - 1
        if index < 0:
            return None
        return [point for point in self._walk(listing, day.bars[index]) if point.at <= at][-1]


def _local_date(listing: Listing, at: datetime) -> date:
    return at.astimezone(ZONES[listing.market]).date()
