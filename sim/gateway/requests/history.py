"""Historical bars, from a world's minutes and days, never looking past the present instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sim.gateway.exchange.path import Paths
from sim.gateway.nouns import Bar, Listing, Session, World
from sim.gateway.order_messages import stamp
from sim.gateway.wire.frames import Field
from sim.gateway.wire.reader import BadRequest

BAR_MINUTES = {
    "1 min": 1,
    "2 mins": 2,
    "3 mins": 3,
    "5 mins": 5,
    "10 mins": 10,
    "15 mins": 15,
    "20 mins": 20,
    "30 mins": 30,
    "1 hour": 60,
}
DAYS_IN = {"D": 1, "W": 5, "M": 21, "Y": 252}
MINUTE = timedelta(minutes=1)
LOOK_BACK_DAYS = 30  # calendar days without a bar after which no older one is looked for
DURATION_DAYS_MAX = 2520  # ten years of daily bars
INTRADAY_DAYS_MAX = 126  # half a year of minutes is the most that is put together


def bars(
    world: World, paths: Paths, listing: Listing, *, end: datetime, duration: str, size: str
) -> list[Bar]:
    """The bars of regular hours up to `end`, the running one included; empty where there are none.

    Raises BadRequest for a size or duration that is not served.
    """
    count, unit = _duration(duration)
    if size == "1 day":
        return _daily(world, paths, listing, end, count * DAYS_IN.get(unit, 1))
    if size not in BAR_MINUTES:
        raise BadRequest(f"bar size {size[:20]!r} is not served")
    if unit == "S":
        begin = end - timedelta(seconds=count)
        days = min(1 + count // 86_400, INTRADAY_DAYS_MAX)
        found = _recent(world, paths, listing, end, days)
        kept = [(bar, span) for bar, span in found if bar.at + MINUTE > begin]
    else:
        days = count * DAYS_IN[unit]
        if days > INTRADAY_DAYS_MAX:
            raise BadRequest(f"intraday bars go back {INTRADAY_DAYS_MAX} trading days, not {days}")
        kept = _recent(world, paths, listing, end, days)
    return _grouped(kept, BAR_MINUTES[size])


def _duration(text: str) -> tuple[int, str]:
    number, _, unit = text.partition(" ")
    if not number.isascii() or not number.isdigit() or unit not in ("S", *DAYS_IN):
        raise BadRequest(f"duration {text[:20]!r} is not served")
    count = int(number[:9])
    if count * (1 if unit == "S" else DAYS_IN[unit] * 86_400) > DURATION_DAYS_MAX * 86_400:
        raise BadRequest(f"duration {text[:20]!r} is longer than {DURATION_DAYS_MAX} trading days")
    return count, unit


def _recent(
    world: World, paths: Paths, listing: Listing, end: datetime, days: int
) -> list[tuple[Bar, Session]]:
    """The minutes of the last `days` trading days up to `end`, each with its session."""
    zone = ZoneInfo(listing.time_zone)
    day = end.astimezone(zone).date()
    found: list[list[tuple[Bar, Session]]] = []
    empty = 0
    while len(found) < days and empty < LOOK_BACK_DAYS:
        minutes = [
            (bar, session)
            for session in world.sessions(listing.market, day)
            for bar in _until(world, paths, listing, session, end)
        ]
        empty = 0 if minutes else empty + 1
        if minutes:
            found.append(minutes)
        day -= timedelta(days=1)
    return [row for minutes in reversed(found) for row in minutes]


def _until(
    world: World, paths: Paths, listing: Listing, session: Session, end: datetime
) -> list[Bar]:
    """The session's minutes; the one under way holds only what was traded by `end`."""
    minutes = list(
        world.minutes(listing.con_id, session.opens_at, min(session.closes_at, end + MINUTE))
    )
    done = [bar for bar in minutes if bar.at + MINUTE <= end]
    running = [bar for bar in minutes if bar.at <= end < bar.at + MINUTE]
    for bar in running:
        walked = paths.points(listing, bar.at - timedelta(microseconds=1), end)
        prices = [point.price for point in walked]
        volume = sum(point.volume for point in walked)
        done.append(Bar(bar.at, prices[0], max(prices), min(prices), prices[-1], volume))
    return done


def _grouped(rows: Sequence[tuple[Bar, Session]], minutes: int) -> list[Bar]:
    """Minutes put together into longer bars, counted from each session's open."""
    groups: dict[datetime, list[Bar]] = {}
    for bar, session in rows:
        index = (bar.at - session.opens_at) // timedelta(minutes=minutes)
        groups.setdefault(session.opens_at + index * timedelta(minutes=minutes), []).append(bar)
    return [_merged(at, group) for at, group in sorted(groups.items())]


def _merged(at: datetime, group: Sequence[Bar]) -> Bar:
    return Bar(
        at,
        group[0].open,
        max(bar.high for bar in group),
        min(bar.low for bar in group),
        group[-1].close,
        sum(bar.volume for bar in group),
    )


def _daily(world: World, paths: Paths, listing: Listing, end: datetime, count: int) -> list[Bar]:
    today = end.astimezone(ZoneInfo(listing.time_zone)).date()
    found = list(world.days(listing.con_id, today, count))
    running = [
        bar
        for session in world.sessions(listing.market, today)
        for bar in _until(world, paths, listing, session, end)
    ]
    if running:
        found.append(_merged(datetime.combine(today, time(), UTC), running))
    return found[-count:]


def message(
    request_id: int,
    listing: Listing,
    found: Sequence[Bar],
    *,
    daily: bool,
    epoch: bool,
    version: int,
) -> list[Field]:
    """in:17."""
    first, last = (stamp(bar.at, listing.time_zone, version) for bar in (found[0], found[-1]))
    fields: list[Field] = [17, request_id, first, last, len(found)]
    for bar in found:
        if daily:
            when = f"{bar.at:%Y%m%d}"
        elif epoch:
            when = f"{bar.at.timestamp():.0f}"
        else:
            when = stamp(bar.at, listing.time_zone, version)
        average = (bar.high + bar.low + bar.close) / Decimal(3)
        fields += [when, bar.open, bar.high, bar.low, bar.close, bar.volume, round(average, 4), 1]
    return fields
