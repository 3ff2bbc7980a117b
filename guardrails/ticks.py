"""Prices onto an instrument's own ladder, always to the side that is named.

A ladder is IBKR's market rule: steps of (from_price inclusive, tick), ascending. HKEX writes its
bands with the upper edge included; every edge is a multiple of both neighbouring ticks, so legality
is the same (HKEX Second Schedule; 17 CFR 242.612).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from guardrails.terms import Step

Ladder = tuple[Step, ...]
Rounder = Callable[[Decimal, Ladder], Decimal]

_NOISE_TICKS = Decimal(20)  # noise is less than a twentieth of a tick
_NOISE_FLOOR = Decimal("1e-9")
_NOISE_SHARE = Decimal("1e-7")  # covers a float32 in the chain (relative half-ulp 6e-8)


def tick_at(price: Decimal, ladder: Ladder) -> Decimal:
    """The tick in force at `price`: that of the last step at or below it.

    Raises ValueError for an empty ladder, or a price below its first step or not above zero.
    """
    if not price.is_finite() or price <= 0 or not ladder or price < ladder[0].from_price:
        raise ValueError(
            f"price must be > 0 and on a known ladder, was {price} on {len(ladder)} steps"
        )
    tick = ladder[0].tick
    for step in ladder:
        if step.from_price > price:
            break
        tick = step.tick
    return tick


def down(price: Decimal, ladder: Ladder) -> Decimal:
    """The highest price of the ladder that is not above `price`, float noise removed first."""
    return _onto(price, ladder, ROUND_FLOOR)


def up(price: Decimal, ladder: Ladder) -> Decimal:
    """The lowest price of the ladder that is not below `price`, float noise removed first."""
    return _onto(price, ladder, ROUND_CEILING)


def _onto(price: Decimal, ladder: Ladder, rounding: str) -> Decimal:
    tick = tick_at(price, ladder)
    nearest = (price / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick
    if abs(price - nearest) <= min(tick / _NOISE_TICKS, max(_NOISE_FLOOR, _NOISE_SHARE * price)):
        return nearest
    return (price / tick).quantize(Decimal(1), rounding) * tick
