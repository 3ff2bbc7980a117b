"""Which need comes first for each position."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from guardrails import ticks
from guardrails.finding import shown
from guardrails.limits import Limits, Stops
from guardrails.reducing import ROUND_STOP
from guardrails.side import CLOSING, side_of
from guardrails.stops.timing import next_opening, session_end
from guardrails.stops.watching import WINNING, Need, Remedy, Watched, lead, remember, worse
from guardrails.terms import Side

# A stop executes within seconds; two looks later it has failed. An exit must have begun by 180 s.
BREACH_GRACE = timedelta(seconds=60)


def stops(
    watched: Iterable[Watched], rules: Stops, limits: Limits, now: datetime
) -> tuple[Need, ...]:
    """What the positions need now, in their order; one that needs nothing is left out.

    now: aware, UTC. Positions of no shares need nothing. Equal arguments give equal answers.
    """
    needs = [_need(one, rules, limits, now) for one in watched if one.position.shares != 0]
    return tuple([need for need in needs if need is not None])


def _need(watched: Watched, rules: Stops, limits: Limits, now: datetime) -> Need | None:
    """The first need of one position. Price rules see this look and the one before."""
    touch = watched.memory.touch
    seen = replace(watched, memory=remember(watched, limits, now))
    return (
        _repair(seen, now)
        or _passed_stop(seen, now)
        or _session_end(seen, rules, now)
        or _held_too_long(seen, rules, now)
        or _take(seen, touch, rules, now)
        or _trail(seen, touch, rules, limits, now)
    )


def _repair(watched: Watched, now: datetime) -> Need | None:
    """Every share is under a resting stop, and no more than every share."""
    position = watched.position
    held, covered = abs(position.shares), position.protected_shares
    if covered == held and position.stop_price is not None:
        return None
    rule = "overprotected" if covered > held else "unprotected"
    stop = watched.meant_stop if position.stop_price is None else position.stop_price
    says = (
        f"{covered} of {held} shares are under a resting stop "
        f"(at {_price(position.stop_price)}); the stop must cover {held} at {_price(stop)}."
    )
    return _made(watched, Remedy.REPAIR, rule, held, stop, says, now)


def _passed_stop(watched: Watched, now: datetime) -> Need | None:
    """A stop that the market has passed for longer than the grace has failed."""
    memory = watched.memory
    if memory.touch is None or memory.breached_since is None:
        return None
    age = now - memory.breached_since
    if age < BREACH_GRACE:
        return None
    says = (
        f"the price {shown(memory.touch)} has been at or past the stop "
        f"{_price(watched.position.stop_price)} for {age // timedelta(seconds=1)} s and the stop "
        "did not execute."
    )
    return _leaving(watched, Remedy.CLOSE, "stop_not_executed", says, now)


def _session_end(watched: Watched, rules: Stops, now: datetime) -> Need | None:
    end = session_end(watched.instrument, watched.opened_at, rules, now)
    if end is None:
        return None
    says = (
        f"the session's end at {end:%Y-%m-%d %H:%M} UTC must not be outlived; positions are closed "
        f"{rules.close_before_close_minutes} min before."
    )
    return _leaving(watched, Remedy.CLOSE, "session_end", says, now)


def _held_too_long(watched: Watched, rules: Stops, now: datetime) -> Need | None:
    if watched.opened_at is None:
        return None
    held = now - watched.opened_at
    if held < timedelta(minutes=rules.hold_minutes_max):
        return None
    minutes = held // timedelta(minutes=1)
    says = f"held for {minutes} min; at most {rules.hold_minutes_max} min are allowed."
    return _leaving(watched, Remedy.CLOSE, "hold_time", says, now)


def _take(watched: Watched, before: Decimal | None, rules: Stops, now: datetime) -> Need | None:
    """The profit target, at the worse price of two looks."""
    side, entry = side_of(watched.position.shares), _entry(watched)
    price = worse(side, before, watched.memory.touch)
    if entry is None or price is None:
        return None
    if lead(side, price, entry) * 100 < entry * rules.profit_target_pct:
        return None
    says = (
        f"the price {shown(price)} is {_gain(side, price, entry)} over the entry {shown(entry)}; "
        f"the target is {shown(rules.profit_target_pct)} %."
    )
    return _leaving(watched, Remedy.TAKE, "profit_target", says, now)


def _trail(
    watched: Watched, before: Decimal | None, rules: Stops, limits: Limits, now: datetime
) -> Need | None:
    """The stop moved behind the best price, or a close where it would be at the market already."""
    position, memory = watched.position, watched.memory
    side, trail = side_of(position.shares), _trailing_stop(watched, rules)
    if trail is None or position.stop_price is None or before is None or memory.touch is None:
        return None
    level, tick = trail
    if lead(side, level, position.stop_price) <= 0:
        return None  # only ever toward the price
    room = limits.stop_distance_ticks_min * tick
    leads = [lead(side, price, level) for price in (before, memory.touch)]
    text = (
        f"the best price {_price(memory.best_price)} asks for a stop at {shown(level)}, "
        f"{shown(rules.trail_pct)} % behind it; the price is {shown(memory.touch)}"
    )
    if min(leads) >= room:
        says = f"{text} and the stop rests at {shown(position.stop_price)}."
        shares = abs(position.shares)
        return _made(watched, Remedy.TIGHTEN, "trailing_stop", shares, level, says, now)
    if max(leads) < room:
        says = f"{text}, less than {shown(room)} away: closing instead."
        return _leaving(watched, Remedy.CLOSE, "trail_passed", says, now)
    return None  # the two looks disagree


def _trailing_stop(watched: Watched, rules: Stops) -> tuple[Decimal, Decimal] | None:
    """The stop behind the best price and the tick there, or None: it does not trail, or is unknown.

    Rounded toward the price, as every stop: up for a long position and down for a short one.
    """
    entry, high = _entry(watched), watched.memory.best_price
    if entry is None or high is None or watched.instrument is None:
        return None
    side = side_of(watched.position.shares)
    if lead(side, high, entry) * 100 < entry * rules.trail_start_pct:
        return None
    exact = high * (100 - WINNING[side] * rules.trail_pct) / 100
    ladder = watched.instrument.ladder
    try:
        level = ROUND_STOP[CLOSING[side]](exact, ladder)
        return level, ticks.tick_at(max(level, high), ladder)
    except ValueError:
        return None  # no ladder, or a price below it


def _entry(watched: Watched) -> Decimal | None:
    entry = watched.entry_price
    return entry if entry is not None and entry.is_finite() and entry > 0 else None


def _leaving(watched: Watched, remedy: Remedy, rule: str, says: str, now: datetime) -> Need | None:
    """A need to close all that is not leaving yet, or None where all of it is."""
    position = watched.position
    shares = abs(position.shares) - position.exiting_shares
    return None if shares <= 0 else _made(watched, remedy, rule, shares, None, says, now)


def _made(
    watched: Watched,
    remedy: Remedy,
    rule: str,
    shares: int,
    stop_price: Decimal | None,
    says: str,
    now: datetime,
) -> Need:
    position = watched.position
    is_deferred, opens_at = next_opening(watched.instrument, now)
    return Need(
        remedy=remedy,
        rule=rule,
        symbol=position.symbol,
        market=position.market,
        con_id=position.con_id,
        action=CLOSING[side_of(position.shares)],
        shares=shares,
        stop_price=stop_price,
        is_deferred=is_deferred,
        opens_at=opens_at,
        says=f"{position.symbol}: {says}",
    )


def _gain(side: Side, price: Decimal, entry: Decimal) -> str:
    return f"{lead(side, price, entry) * 100 / entry:.1f} %"


def _price(price: Decimal | None) -> str:
    return "unknown" if price is None else shown(price)
