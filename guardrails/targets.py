"""Which targets of a proposal stand, and how the lots are split between them.

Each target is judged by itself: one that is not (or no longer) on the winning side, is too far, or
does not lie beyond the first is left out alone, with a word, and the order keeps the other. With
two standing targets the lots are split, the odd one to the nearer; one lot keeps the nearer alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from guardrails.finding import shown
from guardrails.side import lead
from guardrails.terms import Part, Side

BPS = Decimal(10_000)
PARTS_MAX = 2  # an order is sent in one part or two


class Targets(NamedTuple):
    """What became of the targets of a proposal.

    standing: nearest first, at most two.
    left_out: why each other one is.
    priced:   those whose reward is counted: the standing ones, else the first as it was given, so
              that a refusal can show its numbers.
    """

    standing: tuple[Decimal, ...]
    left_out: tuple[str, ...]
    priced: tuple[Decimal, ...]


def judge(
    side: Side, entry: Decimal, given: Mapping[str, Decimal | None], distance_bps_max: Decimal
) -> Targets:
    """What becomes of each target of an entry at `entry` (> 0).

    given: the targets on the ladder by the name of their field, in the order in which they must lie
    one beyond the other; None for one that is on no ladder, which the first never is.
    """
    standing: list[Decimal] = []
    left_out: list[str] = []
    for name, target in given.items():
        if target is None:
            left_out.append(f"{name} is on no known tick ladder and is left out.")
            continue
        gain, nearest = lead(side, target, entry), standing[-1] if standing else entry
        if lead(side, target, nearest) <= 0:
            words = f"{name} {shown(target)} is not beyond {shown(nearest)} and is left out."
            left_out.append(words)
        elif gain * BPS > entry * distance_bps_max:
            most = shown(distance_bps_max)
            left_out.append(
                f"{name} {shown(target)} is {gain / entry * BPS:.0f} bps from the entry, more than "
                f"{most}, and is left out."
            )
        else:
            standing.append(target)
    priced = standing or [target for target in given.values() if target is not None][:1]
    return Targets(tuple(standing), tuple(left_out), tuple(priced))


def split(shares: int, lot: int, targets: tuple[Decimal, ...]) -> tuple[Part, ...]:
    """The parts of an order of whole lots, nearest target first; together they are `shares`.

    targets: one or two. A single lot cannot be split and keeps the nearer.
    """
    lots = shares // lot
    nearer, *farther = targets
    if not farther or lots < PARTS_MAX:
        return (Part(shares, nearer),)
    first = (lots + 1) // PARTS_MAX * lot
    return (Part(first, nearer), *(Part(shares - first, one) for one in farther))
