"""The kinds of synthetic days: how prices get from one close to the next, and how minutes look.

calm        tiny moves, no gaps
trend       a steady drift, up or down by name
gap         every night leaps 3 to 12 %, either way: past the usual distances of stops
crash       every name falls 8 % or more within 45 minutes on thin volume; nights make good half
halt        every name is halted for 15 to 120 minutes and reopens 2 to 8 % away
limit-move  US: the price runs to its LULD band, pauses for five minutes, and does so again;
            HK: it runs 10 % within four minutes and then stands still for half an hour
mixed       quiet and wide nights, runners, a rare halt, and one crash of everything

Moves are logarithms of the price's ratio unless they are called fractions. LULD bands: the plan
under 17 CFR 242.608, tier 1, of a name's first price; the pause lasts five minutes. HK: the
volatility control mechanism's 10 % of large stocks (HKEX), which does not halt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np

from sim.synthetic_names import Name

CRASH_DAY = date(2026, 10, 14)  # of the mixed kind
CRASH_DROP = -0.06
CRASH = slice(90, 135)  # minutes of the session
CRASH_MINUTES = CRASH.stop - CRASH.start
CRASH_SIZES = (0.09, 0.15)
CRASH_VOLUME = 0.25  # of the usual
HALT_SHARE, HALT_MINUTES = 0.02, 60
HALTS = (15, 120)  # minutes, of the halt kind
HALT_JUMPS = (0.02, 0.08)
HALT_EDGES = (10, 5)  # minutes of trading before and after a halt in its session
RUNNER_DRIFT = 0.035  # a day's move on top, after a night with a headline
GAP_HEADLINE = 0.025
NIGHT_MAX = 0.12
LIMIT_BEGINS = (75, 100)  # minutes: past the doubled bands of the first fifteen
LIMIT_RUN, LIMIT_PAUSE, LIMIT_BETWEEN = 3, 5, 8
VCM_MOVE, VCM_RUN, VCM_STILL = 0.10, 4, 30


@dataclass(kw_only=True, slots=True)
class Shape:
    """A day by minute before it has prices; an event changes it in place."""

    steps: Any  # moves by minute
    wicks: Any  # fractions above and below the minute's body, in two rows
    busy: Any  # factors of the volume
    sessions: Sequence[int]  # minutes of each
    halted: list[slice] = field(default_factory=list)
    still: slice | None = None  # minutes in which the price stays where it is


def _no_size(draws: Any, _one: Name, _days: Sequence[date]) -> Any:
    return np.zeros_like(draws)


def _no_event(shape: Shape, rng: Any, market: str, day: date, size: float) -> None:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of days. Numbers are standard deviations of moves unless they say otherwise."""

    word: str
    night: float = 0.006
    wide_night: float = 0.0  # of a share of the nights
    wide_share: float = 0.0
    leap: tuple[float, float] | None = None  # every night's move, either way, instead
    day: float = 0.008
    drift: float = 0.0  # a day's move, up or down by name
    runs: float = 0.0  # a day's move after a night with a headline
    pull: float = 0.0  # share of the way back to the first price that a night makes good
    minute: float = 0.0011
    wick: float = 0.0005
    # The move of each day's event, by a draw from -1 to 1; and how it changes that day's shape.
    size: Callable[[Any, Name, Sequence[date]], Any] = _no_size
    event: Callable[[Shape, Any, str, date, float], None] = _no_event


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """A name's trading days in order: nights' moves as drawn, opens, closes, and events' moves."""

    nights: list[float]
    opens: list[float]
    closes: list[float]
    sizes: list[float]


def course(kind: Kind, rng: Any, one: Name, days: Sequence[date]) -> Course:
    """All days of a name, from one stream."""
    count = len(days)
    chances, draws = rng.random(count), rng.uniform(-1, 1, count)
    nights, moves = rng.standard_normal((2, count))
    nights *= np.where(chances < kind.wide_share, kind.wide_night, kind.night)
    nights = np.minimum(np.maximum(nights, -NIGHT_MAX), NIGHT_MAX)
    if kind.leap is not None:
        nights = _leaps(rng.uniform(*kind.leap, count), nights)
    moves = moves * kind.day + math.copysign(kind.drift, rng.uniform(-1, 1))
    moves += kind.runs * (nights > GAP_HEADLINE)
    sizes = kind.size(draws, one, days)
    away = _weights(count, 1 - kind.pull) @ (nights + moves + sizes)
    return Course(
        nights=nights.tolist(),
        opens=(one.price * np.exp(away - moves - sizes)).tolist(),
        closes=(one.price * np.exp(away)).tolist(),
        sizes=sizes.tolist(),
    )


def _leaps(sizes: Any, signs: Any) -> Any:
    """Each second leap goes against the one before it, so that prices stay where they were."""
    leaps = np.copysign(sizes, signs)
    leaps[1::2] = np.copysign(sizes[1::2], -leaps[: len(leaps) // 2 * 2 : 2])
    return leaps


@lru_cache(maxsize=16)
def _weights(count: int, kept: float) -> Any:
    """How much of each day's move is left at each day's close, if nights keep a share."""
    past = np.arange(count)[:, None] - np.arange(count)
    return np.where(past >= 0, kept ** np.maximum(past, 0).astype(float), 0.0)


def shape(
    kind: Kind, rng: Any, sessions: Sequence[int], market: str, day: date, size: float
) -> Shape:
    """A day's minutes before they have prices, from the day's own stream."""
    count = sum(sessions)
    found = Shape(
        steps=rng.normal(0, kind.minute, count),
        wicks=np.abs(rng.normal(0, kind.wick, (2, count))),
        busy=rng.lognormal(0, 0.4, count),
        sessions=sessions,
    )
    kind.event(found, rng, market, day, size)
    return found


def prices(one: Shape, opened: float, closed: float) -> Any:
    """Opens, highs, lows and closes by minute, in four rows: from the open to the close given."""
    walk = np.cumsum(one.steps)
    missing = np.log(closed / opened) - walk[-1]
    bridge = _counted(len(walk)) * (missing / (len(walk) - 1))
    bridge[-1] = missing
    closes = opened * np.exp(walk + bridge)
    if one.still is not None:
        closes[one.still] = closes[one.still.start - 1]
        one.wicks[:, one.still] = 0
    opens = np.concatenate([[opened], closes[:-1]])
    highs = np.maximum(opens, closes) * (1 + one.wicks[0])
    lows = np.minimum(opens, closes) * (1 - one.wicks[1])
    return np.stack([opens, highs, lows, closes])


@lru_cache(maxsize=8)
def _counted(count: int) -> Any:
    return np.arange(count, dtype=float)


def volumes(one: Shape, daily_volume: int, lot: int) -> Any:
    """Whole lots by minute: busy at both ends of the day, quiet in the middle."""
    count = len(one.busy)
    usual, mean = _usual(count)
    raw = daily_volume / count * usual / mean * one.busy
    return np.maximum(1, np.rint(raw / lot)).astype(np.int64) * lot


@lru_cache(maxsize=8)
def _usual(count: int) -> tuple[Any, Any]:
    usual = 0.5 + 1.5 * np.linspace(-1, 1, count) ** 2
    return usual, usual.mean()


def traded(one: Shape) -> Any:
    """The minutes in which there is trading: a mask, or a slice of all of them."""
    if not one.halted:
        return slice(None)
    found = np.ones(len(one.steps), bool)
    for halted in one.halted:
        found[halted] = False
    return found


def _mixed_size(draws: Any, _one: Name, days: Sequence[date]) -> Any:
    sizes = np.zeros_like(draws)
    sizes[days.index(CRASH_DAY)] = math.log1p(CRASH_DROP)
    return sizes


def _mixed_event(one: Shape, rng: Any, _market: str, day: date, _size: float) -> None:
    if day == CRASH_DAY:
        one.steps[CRASH] += CRASH_DROP / CRASH_MINUTES
    if rng.random() < HALT_SHARE:
        begins = int(rng.integers(30, len(one.steps) - HALT_MINUTES))
        one.halted.append(slice(begins, begins + HALT_MINUTES))


def _crash_size(draws: Any, _one: Name, _days: Sequence[date]) -> Any:
    return -_between(CRASH_SIZES, np.abs(draws))


def _crash(one: Shape, _rng: Any, _market: str, _day: date, size: float) -> None:
    # Little noise, so that no name's fall is noise away from the least.
    one.steps[CRASH] = one.steps[CRASH] / 4 + size / CRASH_MINUTES
    one.busy[CRASH] *= CRASH_VOLUME


def _halt_size(draws: Any, _one: Name, _days: Sequence[date]) -> Any:
    return np.copysign(_between(HALT_JUMPS, np.abs(draws)), draws)


def _halt(one: Shape, rng: Any, _market: str, _day: date, size: float) -> None:
    minutes = int(rng.integers(HALTS[0], HALTS[1] + 1))
    session = int(rng.integers(len(one.sessions)))
    before, after = HALT_EDGES
    latest = one.sessions[session] - minutes - after
    begins = sum(one.sessions[:session]) + int(rng.integers(before, latest + 1))
    one.halted.append(slice(begins, begins + minutes))
    one.steps[begins] += size


def _limit_size(draws: Any, one: Name, _days: Sequence[date]) -> Any:
    if one.listing.market == "HK":
        return np.log1p(np.copysign(VCM_MOVE, draws))
    return 2 * np.log1p(np.copysign(luld_band(one.price), draws))


def luld_band(price: float) -> float:
    """The fraction by which a US price may move: above USD 3, from 0.75, and below."""
    if price > 3:
        return 0.05
    return 0.2 if price >= 0.75 else min(0.15 / price, 0.75)


def _limit_move(one: Shape, rng: Any, market: str, _day: date, size: float) -> None:
    begins = int(rng.integers(*LIMIT_BEGINS))
    if market == "HK":
        one.steps[begins : begins + VCM_RUN] = size / VCM_RUN
        one.still = slice(begins + VCM_RUN, begins + VCM_RUN + VCM_STILL)
        return
    for first in (begins, begins + LIMIT_RUN + LIMIT_PAUSE + LIMIT_BETWEEN):
        paused = first + LIMIT_RUN
        one.steps[first:paused] = size / 2 / LIMIT_RUN
        one.halted.append(slice(paused, paused + LIMIT_PAUSE))


def _between(ends: tuple[float, float], share: Any) -> Any:
    return ends[0] + (ends[1] - ends[0]) * share


MIXED = Kind(
    word="mixed",
    wide_night=0.035,
    wide_share=0.15,
    day=0.014,
    runs=RUNNER_DRIFT,
    size=_mixed_size,
    event=_mixed_event,
)
KINDS = {
    kind.word: kind
    for kind in (
        MIXED,
        Kind(word="calm", night=0.0004, day=0.001, minute=0.0001, wick=0.00005),
        Kind(word="trend", night=0.001, day=0.003, drift=0.015, minute=0.0004, wick=0.0002),
        Kind(word="gap", leap=(0.03, NIGHT_MAX)),
        Kind(word="crash", day=0.006, pull=0.5, size=_crash_size, event=_crash),
        Kind(word="halt", pull=0.1, size=_halt_size, event=_halt),
        Kind(word="limit-move", pull=0.1, size=_limit_size, event=_limit_move),
    )
}
