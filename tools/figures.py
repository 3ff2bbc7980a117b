"""Small figures for the tools' answers. Ratios are rounded for reading; money stays exact."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

HUNDRED = Decimal(100)


def percent_change(new: Decimal | None, old: Decimal | None) -> Decimal | None:
    """How much `new` is above `old`, in percent; None where one of them is unknown."""
    if new is None or old is None or old <= 0:
        return None
    return (new / old - 1) * HUNDRED


def exponential_average(values: Sequence[Decimal], period: int) -> Decimal | None:
    """The exponential moving average with weight 2 / (period + 1), begun at the first value.

    None with fewer values than the period.
    """
    if len(values) < period:
        return None
    weight = Decimal(2) / (period + 1)
    average = values[0]
    for value in values[1:]:
        average += weight * (value - average)
    return average


def number(value: Decimal | None, places: int) -> float | None:
    """A figure for a JSON answer, rounded to `places`; None stays null."""
    return None if value is None else float(round(value, places))


def price(value: Decimal | None) -> float | None:
    """A price for a JSON answer: its own digits, no float noise."""
    return None if value is None else float(f"{value:.6f}")
