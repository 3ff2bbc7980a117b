"""Prices onto an instrument's own ladder, always to the side that is named.

A ladder is IBKR's market rule: steps of (from_price inclusive, tick), ascending. HKEX writes its
bands with the upper edge included; every edge is a multiple of both neighbouring ticks, so legality
is the same (HKEX Second Schedule; 17 CFR 242.612). On a ladder made of two an edge need not be one:
a price belongs to a step only from the step's edge up to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from guardrails.terms import Step

Ladder = tuple[Step, ...]
Rounder = Callable[[Decimal, Ladder], Decimal]

_ONE = Decimal(1)
_NOISE_TICKS = Decimal(20)  # noise is less than a twentieth of a tick
_NOISE_FLOOR = Decimal("1e-9")
_NOISE_SHARE = Decimal("1e-7")  # covers a float32 in the chain (relative half-ulp 6e-8)


def tick_at(price: Decimal, ladder: Ladder) -> Decimal:
    """The tick in force at `price`: that of the last step at or below it.

    Raises ValueError for an empty ladder, or a price below its first step or not above zero.
    """
    return ladder[_step_at(price, ladder)].tick


def down(price: Decimal, ladder: Ladder) -> Decimal:
    """The highest price of the ladder that is not above `price`, float noise removed first.

    Raises ValueError where there is none above zero, and as tick_at does.
    """
    place = _step_at(price, ladder)
    if price % ladder[place].tick == 0:  # as most are
        return price.quantize(ladder[place].tick)
    exact, place = _without_noise(price, ladder, place)
    edge = None  # the one just left: a price of the step above it, and that step has not taken it
    for step in ladder[place::-1]:
        found = _whole(exact, step.tick, ROUND_FLOOR)
        if found == edge:
            found -= step.tick
        if found > 0 and found >= step.from_price:
            return found
        exact = edge = step.from_price
    raise ValueError(f"no price of the ladder is above zero and not above {price}")


def up(price: Decimal, ladder: Ladder) -> Decimal:
    """The lowest price of the ladder that is not below `price`, float noise removed first.

    Raises ValueError as tick_at does.
    """
    place = _step_at(price, ladder)
    if price % ladder[place].tick == 0:  # as most are
        return price.quantize(ladder[place].tick)
    exact, place = _without_noise(price, ladder, place)
    found = _whole(exact, ladder[place].tick, ROUND_CEILING)
    for above in ladder[place + 1 :]:
        if found < above.from_price:
            break
        found = _whole(above.from_price, above.tick, ROUND_CEILING)
    return found


def _step_at(price: Decimal, ladder: Ladder) -> int:
    """The place of the last step at or below `price`. Raises ValueError as tick_at does."""
    if not price.is_finite() or price <= 0 or not ladder or price < ladder[0].from_price:
        raise ValueError(
            f"price must be > 0 and on a known ladder, was {price} on {len(ladder)} steps"
        )
    place = 0
    for index, step in enumerate(ladder):
        if step.from_price > price:
            break
        place = index
    return place


def _whole(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).quantize(_ONE, rounding) * tick


def _without_noise(price: Decimal, ladder: Ladder, place: int) -> tuple[Decimal, int]:
    """The price of the ladder that `price` is but for a float's noise, or `price`; and its step."""
    tick = ladder[place].tick
    nearest = _whole(price, tick, ROUND_HALF_EVEN)
    if abs(price - nearest) > min(tick / _NOISE_TICKS, max(_NOISE_FLOOR, _NOISE_SHARE * price)):
        return price, place
    if nearest <= 0:
        return price, place
    # Across an edge the nearest multiple may be no price of the ladder.
    other = _step_at(nearest, ladder)
    return (nearest, other) if nearest % ladder[other].tick == 0 else (price, place)
