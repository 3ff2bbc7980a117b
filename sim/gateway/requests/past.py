"""Bars of the past from a world's minutes and days, never looking beyond the present instant."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from sim.gateway.bars import PER_UNIT, Bars
from sim.gateway.exchange.path import Paths
from sim.gateway.nouns import Listing, Session, World
from sim.gateway.requests.stamps import ZONE_FROM
from sim.gateway.wire.layout import Packed
from sim.gateway.wire.words import BadRequest

BAR_SECONDS = {
    "15 secs": 15,
    "30 secs": 30,
    "1 min": 60,
    "2 mins": 120,
    "3 mins": 180,
    "5 mins": 300,
    "10 mins": 600,
    "15 mins": 900,
    "20 mins": 1200,
    "30 mins": 1800,
    "1 hour": 3600,
}
DAYS_IN = {"D": 1, "W": 5, "M": 21, "Y": 252}
DAY_SECONDS = 86_400
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)
LOOK_BACK_DAYS = 30  # calendar days without a bar after which no older one is looked for
DURATION_DAYS_MAX = 2520  # ten years of daily bars
INTRADAY_DAYS_MAX = 126  # half a year of minutes is the most that is put together
SMALL_DAYS_MAX = 1  # tws-api historical_limitations.html: a day of bars of 30 seconds
DAYS_WRITTEN_MAX = 1024  # days of bars kept as text, some 30 kB each
NONE = Bars([], [], [], [], [], [])


def bars(
    world: World,
    paths: Paths,
    listing: Listing,
    *,
    end: datetime,
    duration: str,
    size: str,
    show: str = "TRADES",
    spread_ticks: int = 1,
) -> Bars:
    """The bars of regular hours up to `end`, the running one included; empty where there are none.

    show: TRADES, BID (the last trade is at the bid), ASK (a spread above), MIDPOINT.
    Raises BadRequest for a size or duration that is not served.
    """
    count, unit = _duration(duration)
    if size == "1 day":
        found = _daily(world, paths, listing, end, count * DAYS_IN.get(unit, 1))
    else:
        if size not in BAR_SECONDS:
            raise BadRequest(f"bar size {size[:20]!r} is not served")
        found = _intraday(world, paths, listing, end, (count, unit), BAR_SECONDS[size])
    return (
        found if show in ("TRADES", "BID") else _lifted(found, paths, listing, show, spread_ticks)
    )


def _duration(text: str) -> tuple[int, str]:
    digits, _, unit = text.partition(" ")
    if not digits.isascii() or not digits.isdigit() or unit not in ("S", *DAYS_IN):
        raise BadRequest(f"duration {text[:20]!r} is not served")
    count = int(digits[:9])
    if (
        count * (1 if unit == "S" else DAYS_IN[unit] * DAY_SECONDS)
        > DURATION_DAYS_MAX * DAY_SECONDS
    ):
        raise BadRequest(f"duration {text[:20]!r} is longer than {DURATION_DAYS_MAX} trading days")
    return count, unit


def _intraday(
    world: World,
    paths: Paths,
    listing: Listing,
    end: datetime,
    duration: tuple[int, str],
    seconds: int,
) -> Bars:
    count, unit = duration
    days = 1 + count // DAY_SECONDS if unit == "S" else count * DAYS_IN[unit]
    most = INTRADAY_DAYS_MAX if seconds >= 60 else SMALL_DAYS_MAX
    if unit != "S" and days > most:
        raise BadRequest(f"bars of {seconds} s go back {most} trading days, not {days}")
    begin = end - timedelta(seconds=count) if unit == "S" else datetime.min.replace(tzinfo=UTC)
    parts = []
    for session, minutes in _recent(world, paths, listing, end, min(days, most)):
        kept = minutes if seconds >= 60 else _walked(paths, listing, session, end)
        if unit == "S":
            kept = kept.between(begin - timedelta(seconds=min(seconds, 60) - 1), end + MOMENT)
        parts.append(_grouped(kept, session, seconds))
    return Bars.joined(parts)


def _recent(
    world: World, paths: Paths, listing: Listing, end: datetime, days: int
) -> list[tuple[Session, Bars]]:
    """The sessions of the last `days` trading days up to `end` with their minutes, in order."""
    day = end.astimezone(ZoneInfo(listing.time_zone)).date()
    found: list[list[tuple[Session, Bars]]] = []
    empty = 0
    while len(found) < days and empty < LOOK_BACK_DAYS:
        traded = [
            (session, minutes)
            for session in world.sessions(listing.market, day)
            if session.opens_at <= end
            if len(minutes := _until(world, paths, listing, session, end))
        ]
        empty = 0 if traded else empty + 1
        if traded:
            found.append(traded)
        day -= timedelta(days=1)
    return [each for traded in reversed(found) for each in traded]


def _until(world: World, paths: Paths, listing: Listing, session: Session, end: datetime) -> Bars:
    """The session's minutes; the one under way holds only what was traded by `end`."""
    last = min(session.closes_at, end + MOMENT)
    minutes = Bars.of(world.minutes(listing.con_id, session.opens_at, last))
    if not len(minutes) or minutes[-1].at + MINUTE <= end:
        return minutes
    return Bars.joined([minutes[:-1], _points(paths, listing, minutes[-1].at, end, 60)])


def _walked(paths: Paths, listing: Listing, session: Session, end: datetime) -> Bars:
    """The session's walk as bars of one point each."""
    return _points(paths, listing, session.opens_at, min(end, session.closes_at - MOMENT), 1)


def _points(paths: Paths, listing: Listing, begin: datetime, end: datetime, seconds: int) -> Bars:
    """The points of [begin, end] as one bar for each `seconds` from `begin`."""
    points = paths.points(listing, begin - MOMENT, end)
    if not points:
        return NONE
    starts = [int(point.at.timestamp()) for point in points]
    prices = [int(point.price * PER_UNIT) for point in points]
    volumes = [point.volume for point in points]
    session = Session(begin, end)
    return _grouped(Bars(starts, prices, prices, prices, prices, volumes), session, seconds)


def _grouped(rows: Bars, session: Session, seconds: int) -> Bars:
    """Bars put together into longer ones, counted from the session's open."""
    if not len(rows):
        return rows
    opens = int(session.opens_at.timestamp())
    index = (rows.starts - opens) // seconds
    first = np.concatenate([[0], np.flatnonzero(np.diff(index)) + 1])
    last = np.concatenate([first[1:] - 1, [len(rows) - 1]])
    return Bars(
        opens + index[first] * seconds,
        rows.opens[first],
        np.maximum.reduceat(rows.highs, first),
        np.minimum.reduceat(rows.lows, first),
        rows.closes[last],
        np.add.reduceat(rows.volumes, first),
    )


def _daily(world: World, paths: Paths, listing: Listing, end: datetime, count: int) -> Bars:
    today = end.astimezone(ZoneInfo(listing.time_zone)).date()
    before = Bars.of(world.days(listing.con_id, today, count))
    parts = [
        _until(world, paths, listing, session, end)
        for session in world.sessions(listing.market, today)
        if session.opens_at <= end
    ]
    running = Bars.joined(parts)
    if len(running):
        midnight = datetime.combine(today, time(), UTC)
        of_day = Session(midnight, midnight + timedelta(days=1))
        merged = _grouped(running, of_day, 10 * DAY_SECONDS)
        merged.starts = np.asarray([int(midnight.timestamp())], dtype=np.int64)
        before = Bars.joined([before, merged])
    return before[max(0, len(before) - count) :]


def _lifted(rows: Bars, paths: Paths, listing: Listing, show: str, spread_ticks: int) -> Bars:
    """The bars of the ask, or of the middle, which are a spread or half of it above the trades."""
    if not len(rows):
        return rows
    tick = paths.tick(listing, rows[0].close)
    spread = int(spread_ticks * tick * PER_UNIT)
    by = spread if show == "ASK" else spread // 2
    return Bars(
        rows.starts,
        rows.opens + by,
        rows.highs + by,
        rows.lows + by,
        rows.closes + by,
        rows.volumes,
    )


# As the wire writes them


class Style(NamedTuple):
    """How a client wants the time of a bar: the date of daily ones, else seconds or local time."""

    daily: bool
    epoch: bool
    zone: str
    names_zone: bool

    @classmethod
    def of(cls, listing: Listing, size: str, *, epoch: bool, version: int) -> Style:
        """The style of an answer; zones are named from a version on."""
        return cls(size == "1 day", epoch, listing.time_zone, version >= ZONE_FROM)


def dates(rows: Bars, style: Style) -> list[str]:
    """When each bar began."""
    starts: list[int] = rows.starts.tolist()
    if style.daily:
        return [f"{datetime.fromtimestamp(start, UTC):%Y%m%d}" for start in starts]
    if style.epoch:
        return [str(start) for start in starts]
    gap, suffix = (" ", f" {style.zone}") if style.names_zone else ("  ", "")
    return _local(starts, ZoneInfo(style.zone), gap, suffix)


def _local(starts: Sequence[int], zone: ZoneInfo, gap: str, suffix: str) -> list[str]:
    """Local times; the zone is asked once an hour, since its offset changes on the hour."""
    found: list[str] = []
    hour, prefix = -1, ""
    for start in starts:
        if start // 3600 != hour:
            hour = start // 3600
            prefix = f"{datetime.fromtimestamp(hour * 3600, zone):%Y%m%d{gap}%H:}"
        minutes, seconds = divmod(start % 3600, 60)
        found.append(f"{prefix}{minutes:02d}:{seconds:02d}{suffix}")
    return found


class _Prices(dict[int, str]):
    """Prices in units as the wire writes them, each written once."""

    def __missing__(self, units: int) -> str:
        whole, rest = divmod(units, PER_UNIT)
        found = f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
        self[units] = found
        return found


def packed(rows: Bars, style: Style) -> Packed:
    """The bars' fields, written at once, day by day: there may be tens of thousands.

    A day that was written before is not written again; it is known by its numbers, whatever they
    are of.
    """
    days = np.flatnonzero(np.diff(rows.starts // DAY_SECONDS)) + 1
    edges = [0, *days.tolist(), len(rows)]
    texts = [
        _written(style, *(column.tobytes() for column in rows[begin:end].columns()))
        for begin, end in itertools.pairwise(edges)
        if begin < end
    ]
    return Packed(len(rows), "\0".join(texts))


@lru_cache(maxsize=DAYS_WRITTEN_MAX)
def _written(style: Style, *columns: bytes) -> str:
    rows = Bars(*(np.frombuffer(column, dtype=np.int64) for column in columns))
    price = _Prices().__getitem__
    numbers: list[list[Any]] = [column.tolist() for column in rows.columns()[1:]]
    averages = ((rows.highs + rows.lows + rows.closes) // 3).tolist()
    return "\0".join(
        f"{at}\0{price(o)}\0{price(h)}\0{price(low)}\0{price(c)}\0{v}\0{price(a)}\0001"
        for at, o, h, low, c, v, a in zip(dates(rows, style), *numbers, averages, strict=True)
    )
