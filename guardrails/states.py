"""When the desk degrades or halts: the day's loss, the drawdown, margin use, figures that stay out.

day_loss_state(...)   the day's loss alone, from the latest observations
judge(...)            all breakers, one look after the other; what they remember goes in and out

How a breaker moves:
1. Each figure asks for a state of its own: NORMAL, DEGRADED or HALTED.
2. Two consecutive known figures must agree before anything moves, up or down. What is unknown
   moves nothing, and does not stand between two known ones.
3. A figure that stays unknown degrades after a while, and for the day's P&L halts after a longer
   one. Unknown is never flat.
4. The desk takes the worst state asked for. HALTED is left by a person alone.
5. A share of nothing is no bound: an equity of zero or less halts for drawdown and for margin,
   whatever the peak, and a peak that is not above zero is no peak.

It does not cover who sets the desk's state, nor a loss on a broker's figure that is itself wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeGuard

from guardrails.known import known_amount
from guardrails.limits import Breaker, Limits
from guardrails.terms import State

UNKNOWN_DEGRADE = timedelta(seconds=120)  # four looks of the keeper
UNKNOWN_HALT = timedelta(seconds=600)  # ten minutes without knowing the loss are a loss
SEVERITY = (State.NORMAL, State.DEGRADED, State.HALTED)
DAY_PNL, EQUITY, MARGIN = "day_pnl", "equity", "margin"
DAY_LOSS, DRAWDOWN, MARGIN_USE = "day_loss", "drawdown", "margin_use"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The account's figures at one instant, in base currency; None is unknown."""

    at: datetime
    day: date  # the trading day the P&L is of
    day_pnl_base: Decimal | None
    equity_base: Decimal | None
    margin_base: Decimal | None  # maintenance margin


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakers:
    """What the breakers remember from look to look. Persist it: a restart must not forget a peak.

    since:  when looking began; a figure never known is unknown since then.
    levels: the state each breaker asks for, by its name; absent is NORMAL.
    known:  the last known figures, by name, with the time they were seen.
    """

    day: date
    since: datetime
    peak_base: Decimal | None = None  # the highest equity that two looks agree on; > 0
    is_warned: bool = False
    levels: Mapping[str, State] = field(default_factory=dict)
    known: Mapping[str, tuple[datetime, Decimal]] = field(default_factory=dict)


class Cause(NamedTuple):
    """One breaker that asks for less than NORMAL, and its numbers."""

    rule: str
    state: State
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The state the desk must be in, why, and what to hand in at the next look.

    must_flatten: the day's loss limit is reached: close every position. No other halt asks for it.
    warning:      said once a day, at the look at which the warning threshold is first passed.
    """

    state: State
    causes: tuple[Cause, ...]
    must_flatten: bool
    warning: str | None
    breakers: Breakers


def day_loss_state(
    observations: Sequence[Decimal | None], limits: Limits, breaker: Breaker
) -> State:
    """The state the day's P&L asks for, from its latest observations, oldest first.

    observations: the account's day P&L in base currency; None or NaN is unknown.
    Two consecutive observations must agree before the desk halts or degrades for a loss: one
    outlying tick moves nothing. An unknown latest one degrades: nothing is opened on a number that
    is not there.
    """
    *_, before, latest = (None, None, *observations)  # what was never seen is unknown
    if not _is_known(latest):
        return State.DEGRADED
    if not _is_known(before):
        return State.NORMAL
    return _mildest([_loss_level(number, limits, breaker) for number in (before, latest)])


def judge(
    breakers: Breakers, look: Look, *, standing: State, limits: Limits, breaker: Breaker
) -> Judgement:
    """What the breakers ask for after one more look.

    standing: the desk's state in force. While it is HALTED nothing here asks for less, and a
    breaker that halted keeps saying so; once a person resumed, each halted one begins anew.
    """
    before = _today(breakers, look, standing)
    seen = _figures(look)
    after = _moved(before, look, seen, limits, breaker)
    level = after.levels[DAY_LOSS]
    warns = level is not State.NORMAL and not before.is_warned
    causes = (*_reached(after, limits), *_unknown(after, look))
    return Judgement(
        state=_state(standing, causes),
        causes=causes,
        must_flatten=level is State.HALTED,
        warning=_warning(causes) if warns else None,
        breakers=replace(after, is_warned=before.is_warned or warns),
    )


def _today(breakers: Breakers, look: Look, standing: State) -> Breakers:
    """What is still remembered at this look: a new day begins without a loss, except a halt.

    A day's loss that halted stays until a person resumes, so that a flattening which waits for the
    next open is not forgotten overnight.
    """
    is_halted = standing is State.HALTED
    levels = {
        rule: level
        for rule, level in breakers.levels.items()
        if is_halted or level is not State.HALTED
    }
    if look.day == breakers.day:
        return replace(breakers, levels=levels)
    stays_halted = levels.get(DAY_LOSS) is State.HALTED
    if not stays_halted:
        levels.pop(DAY_LOSS, None)
    known = dict(breakers.known)
    known.pop(DAY_PNL, None)
    return replace(
        breakers, day=look.day, since=look.at, is_warned=stays_halted, levels=levels, known=known
    )


def _figures(look: Look) -> dict[str, Decimal]:
    """The figures of this look that are known."""
    told = {DAY_PNL: look.day_pnl_base, EQUITY: look.equity_base, MARGIN: look.margin_base}
    return {name: number for name, number in told.items() if _is_known(number)}


def _is_known(number: Decimal | None) -> TypeGuard[Decimal]:
    return known_amount(number) is not None


def _moved(
    before: Breakers, look: Look, seen: Mapping[str, Decimal], limits: Limits, breaker: Breaker
) -> Breakers:
    """The peak and every breaker's level after the figures of this look."""
    known = {name: number for name, (_, number) in before.known.items()}
    peak = _peak(before.peak_base, known, seen)
    previous = _asked(known, peak, limits, breaker)
    latest = _asked(seen, peak, limits, breaker)
    return replace(
        before,
        peak_base=peak,
        levels={
            rule: _settled(before.levels.get(rule, State.NORMAL), previous[rule], latest[rule])
            for rule in latest
        },
        known={**before.known, **{name: (look.at, number) for name, number in seen.items()}},
    )


def _peak(
    peak: Decimal | None, known: Mapping[str, Decimal], seen: Mapping[str, Decimal]
) -> Decimal | None:
    """The highest equity two looks agree on, if it is above zero.

    A spike of one look makes no peak to fall from, and from zero or less nothing falls.
    """
    found = [peak]
    if EQUITY in seen and EQUITY in known:
        found.append(min(seen[EQUITY], known[EQUITY]))
    return max((number for number in found if _is_known(number) and number > 0), default=None)


def _asked(
    figures: Mapping[str, Decimal], peak: Decimal | None, limits: Limits, breaker: Breaker
) -> dict[str, State | None]:
    """What each breaker asks for on these figures; None where they are unknown."""
    pnl, equity, margin = (figures.get(name) for name in (DAY_PNL, EQUITY, MARGIN))
    return {
        DAY_LOSS: None if pnl is None else _loss_level(pnl, limits, breaker),
        DRAWDOWN: None if equity is None else _drawdown_level(equity, peak, breaker),
        MARGIN_USE: None
        if equity is None or margin is None
        else _margin_level(equity, margin, breaker),
    }


def _loss_level(pnl: Decimal, limits: Limits, breaker: Breaker) -> State:
    return _level(-pnl, limits.day_loss_max * breaker.warn_fraction, limits.day_loss_max)


def _drawdown_level(equity: Decimal, peak: Decimal | None, breaker: Breaker) -> State | None:
    """None where a positive equity has no peak yet to have fallen from."""
    if equity <= 0:
        return State.HALTED
    if peak is None:
        return None
    return _level(
        (peak - equity) * 100,
        peak * breaker.drawdown_degrade_pct,
        peak * breaker.drawdown_halt_pct,
    )


def _margin_level(equity: Decimal, margin: Decimal, breaker: Breaker) -> State:
    """Compared as products; a share of an equity that is not above zero would bound nothing."""
    if equity <= 0:
        return State.HALTED
    return _level(
        margin * 100, equity * breaker.margin_degrade_pct, equity * breaker.margin_halt_pct
    )


def _level(amount: Decimal, degrade: Decimal, halt: Decimal) -> State:
    """HALTED where `amount` reached `halt`, DEGRADED where it reached `degrade`."""
    if amount >= halt:
        return State.HALTED
    return State.DEGRADED if amount >= degrade else State.NORMAL


def _settled(level: State, previous: State | None, latest: State | None) -> State:
    """The level moved as far as both observations ask for, up or down; unknown moves nothing.

    A halt does not move: only a resume takes it back, before this is asked.
    """
    if level is State.HALTED or previous is None or latest is None:
        return level
    low, high = _mildest([previous, latest]), _worst([previous, latest])
    return _mildest([_worst([level, low]), high])


def _reached(breakers: Breakers, limits: Limits) -> list[Cause]:
    """The breakers below NORMAL, each with the figure it was last seen at."""
    shown = {name: f"{number:.2f}" for name, (_, number) in breakers.known.items()}
    pnl, equity, margin = (shown.get(name, "unknown") for name in (DAY_PNL, EQUITY, MARGIN))
    peak = "unknown" if breakers.peak_base is None else f"{breakers.peak_base:.2f}"
    says = {
        DAY_LOSS: f"the day's P&L is {pnl}; limits.day_loss_max is {limits.day_loss_max}.",
        DRAWDOWN: f"equity is {equity}, its peak was {peak}.",
        MARGIN_USE: f"margin in use is {margin} of an equity of {equity}.",
    }
    return [
        Cause(rule, level, says[rule])
        for rule, level in breakers.levels.items()
        if level is not State.NORMAL
    ]


def _unknown(breakers: Breakers, look: Look) -> list[Cause]:
    """The figures that have stayed unknown too long. Only an unknown P&L halts.

    Counted from the last known figure of this day, or from when looking began on it.
    """
    halts_after = {DAY_PNL: UNKNOWN_HALT, EQUITY: timedelta.max, MARGIN: timedelta.max}
    causes = []
    for name, halt in halts_after.items():
        at, _ = breakers.known.get(name, (breakers.since, None))
        age = look.at - max(at, breakers.since)
        if age >= UNKNOWN_DEGRADE:
            level = State.HALTED if age >= halt else State.DEGRADED
            says = f"{name} has been unknown for {age // timedelta(seconds=1)} s."
            causes.append(Cause(f"{name}_unknown", level, says))
    return causes


def _state(standing: State, causes: Sequence[Cause]) -> State:
    """The worst state asked for. A standing HALTED is kept; a DEGRADED one is its setter's."""
    if standing is State.HALTED:
        return State.HALTED
    return _worst([State.NORMAL, *(cause.state for cause in causes)])


def _warning(causes: Sequence[Cause]) -> str:
    says = {cause.rule: cause.says for cause in causes}
    return f"{says[DAY_LOSS]} No more entries today unless it recovers."


def _mildest(states: Sequence[State]) -> State:
    return min(states, key=SEVERITY.index)


def _worst(states: Sequence[State]) -> State:
    return max(states, key=SEVERITY.index)
