"""What the top of a listing's book shows at any instant, from the bars of its day.

Which extreme of a bar comes first is drawn from the seed, or told by `low_first`. The last trade is
at the bid, the ask is some ticks above: the reading that is worse for a buyer. A minute without a
bar has no trade; the last top stands.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sim.gateway.bars import Bars, price_of
from sim.gateway.exchange.day import LAST_POINT, POINT_SECONDS, Day, Reach, previous_close, within
from sim.gateway.nouns import Listing, Session, Top, World

__all__ = ["POINT_SECONDS", "ZONES", "Paths", "Point"]

ZONES = {"US": ZoneInfo("America/New_York"), "HK": ZoneInfo("Asia/Hong_Kong")}
QUARTER_SECONDS = 900
DAYS_KEPT = 3  # of each listing; older ones are read again when looked at
OPENS_WITHIN_DAYS = 11  # the longest closure of either market is shorter


class Point(NamedTuple):
    """One instant of the walk. `opens` marks a bar's first point: a gap may lead to it."""

    at: datetime
    price: Decimal
    volume: int
    opens: bool


class Paths:
    """The walks of every listing of a world, read when first looked at."""

    def __init__(
        self,
        world: World,
        *,
        seed: int,
        spread_ticks: int,
        low_first: Callable[[Listing, datetime], bool] | None = None,
    ) -> None:
        """low_first: whether the low of the bar that starts then comes before its high."""
        self._world = world
        self._seed = seed
        self._spread_ticks = spread_ticks
        self._decides = low_first
        self._days: dict[int, dict[date, Day]] = {}
        self._open_at: dict[str, tuple[datetime, bool]] = {}  # the latest answer of each market
        self._points_at: dict[int, tuple[datetime, Point | None]] = {}  # likewise of each listing
        self._sessions: dict[tuple[str, date], tuple[Session, ...]] = {}
        self._ladders: dict[int, tuple[list[Decimal], list[Decimal]]] = {}

    # Hours

    def sessions(self, listing: Listing, at: datetime) -> tuple[Session, ...]:
        """The sessions of the local day of `at`."""
        return self._sessions_of(listing.market, local_date(listing, at))

    def _sessions_of(self, market: str, day: date) -> tuple[Session, ...]:
        found = self._sessions.get((market, day))
        if found is None:
            found = self._sessions[market, day] = tuple(self._world.sessions(market, day))
        return found

    def is_open(self, listing: Listing, at: datetime) -> bool:
        """Whether the listing's continuous trading is open at `at`."""
        asked, answer = self._open_at.get(listing.market, (None, False))
        if asked != at:
            answer = any(opens <= at < closes for opens, closes in self.sessions(listing, at))
            self._open_at[listing.market] = (at, answer)
        return answer

    def is_halted(self, listing: Listing, at: datetime) -> bool:
        """Whether trading in the listing is halted at `at`."""
        halts = self._day(listing, at).halts
        return bool(halts) and any(begins <= at < ends for begins, ends in halts)

    def next_open(self, listing: Listing, after: datetime) -> datetime | None:
        """When the listing's next session opens, within ten days."""
        for days in range(OPENS_WITHIN_DAYS):
            for session in self.sessions(listing, after + timedelta(days=days)):
                if session.opens_at > after:
                    return session.opens_at
        return None

    def last_close(self, listing: Listing, at: datetime) -> datetime | None:
        """When the last session of the local day of `at` closes; None on a closed day."""
        sessions = self.sessions(listing, at)
        return sessions[-1].closes_at if sessions else None

    # Prices

    def tick(self, listing: Listing, price: Decimal) -> Decimal:
        """The increment in force at `price`. Raises ValueError for a listing without a rule."""
        ladder = self._ladders.get(listing.market_rule_id)
        if ladder is None:
            rule = self._world.market_rule(listing.market_rule_id)
            if not rule:
                raise ValueError(
                    f"{listing.symbol} names market rule {listing.market_rule_id}: unknown"
                )
            ladder = ([low for low, _ in rule], [tick for _, tick in rule])
            self._ladders[listing.market_rule_id] = ladder
        lows, ticks = ladder
        return ticks[max(0, bisect_right(lows, price) - 1)]

    def ask(self, listing: Listing, bid: Decimal) -> Decimal:
        """The ask over a bid."""
        return bid + self._spread_ticks * self.tick(listing, bid)

    def last(self, listing: Listing, at: datetime) -> Decimal | None:
        """The last price at `at`; before the day's first trade the previous close."""
        day = self._day(listing, at)
        index = day.index(at)
        if index < 0:
            return day.previous_close
        low_first = self._low_first(listing, day, index)
        return price_of(day.point(index, day.begun(index, at), low_first=low_first)[1])

    def top(self, listing: Listing, at: datetime) -> Top:
        """The top of the book at `at`.

        No bid and ask outside the sessions, in a halt, or before the day's first trade.
        """
        day = self._day(listing, at)
        index = day.index(at)
        if index < 0:
            close = day.previous_close
            return Top(at, None, None, close, 0, 0, 0, None, None, None, close, 0)
        number, low_first = day.begun(index, at), self._low_first(listing, day, index)
        second, units, shares = day.point(index, number, low_first=low_first)
        high, low, volume = day.so_far(index, number, low_first=low_first)
        last = price_of(units)
        bid = ask = None
        if self.is_open(listing, at) and not self.is_halted(listing, at):
            bid, ask = last, self.ask(listing, last)
        size = max(listing.lot, shares // 2 // listing.lot * listing.lot)
        return Top(
            at=datetime.fromtimestamp(second, UTC),
            bid=bid,
            ask=ask,
            last=last,
            bid_size=size,
            ask_size=size,
            last_size=max(shares, listing.lot),
            open=price_of(day.bars.opens.item(0)),
            high=price_of(high),
            low=price_of(low),
            previous_close=day.previous_close,
            volume=volume,
        )

    # The walk

    def points(self, listing: Listing, after: datetime, to: datetime) -> list[Point]:
        """The points of the walk in (after, to], in order."""
        found: list[Point] = []
        local = local_date(listing, after)
        while local <= local_date(listing, to):
            day = self._day_on(listing, local)
            for index in range(max(0, day.index(after)), day.index(to) + 1):
                walk = [self._point(listing, day, index, each) for each in range(LAST_POINT + 1)]
                found.extend(point for point in walk if after < point.at <= to)
            local += timedelta(days=1)
        return found

    def point_at(self, listing: Listing, at: datetime) -> Point | None:
        """The point of the walk in force at `at`, or None before the day's first trade."""
        asked, answer = self._points_at.get(listing.con_id, (None, None))
        if asked != at:
            day = self._day(listing, at)
            index = day.index(at)
            answer = None if index < 0 else self._point(listing, day, index, day.begun(index, at))
            self._points_at[listing.con_id] = (at, answer)
        return answer

    def next_touched(self, listing: Listing, reach: Reach, after: datetime) -> datetime | None:
        """The first point after `after`, on its local day, in a bar that may touch."""
        second = self._day(listing, after).next_touched(reach, after)
        return None if second is None else datetime.fromtimestamp(second, UTC)

    def _point(self, listing: Listing, day: Day, index: int, number: int) -> Point:
        low_first = self._low_first(listing, day, index)
        second, units, volume = day.point(index, number, low_first=low_first)
        return Point(datetime.fromtimestamp(second, UTC), price_of(units), volume, number == 0)

    def _low_first(self, listing: Listing, day: Day, index: int) -> bool:
        start = day.bars.starts.item(index)
        if self._decides is not None:
            return self._decides(listing, datetime.fromtimestamp(start, UTC))
        key = f"{self._seed}/{listing.con_id}/{start}".encode()
        return hashlib.blake2b(key, digest_size=1).digest()[0] % 2 == 0

    # Days

    def _day(self, listing: Listing, at: datetime) -> Day:
        return self._day_on(listing, local_date(listing, at))

    def _day_on(self, listing: Listing, local: date) -> Day:
        days = self._days.setdefault(listing.con_id, {})
        day = days.get(local)
        if day is None:
            while len(days) >= DAYS_KEPT:
                del days[min(days)]
            day = days[local] = self._load(listing, local)
        return day

    def _load(self, listing: Listing, local: date) -> Day:
        sessions = self._sessions_of(listing.market, local)
        bars = Bars.of(())
        if sessions:
            opens_at, closes_at = sessions[0].opens_at, sessions[-1].closes_at
            bars = within(
                Bars.of(self._world.minutes(listing.con_id, opens_at, closes_at)), sessions
            )
        return Day(
            bars=bars,
            halts=tuple(self._world.halts(listing.con_id, local)),
            previous_close=previous_close(list(self._world.days(listing.con_id, local, 1))),
        )


def local_date(listing: Listing, at: datetime) -> date:
    """The date at the listing's exchange."""
    return _date_of(listing.market, int(at.timestamp()) // QUARTER_SECONDS)


@lru_cache(maxsize=4096)
def _date_of(market: str, quarter: int) -> date:
    """The local date of a quarter of an hour: no zone changes its date within one."""
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, ZONES[market]).date()
