"""Which way an order goes. One table, and no default: what is not in it is an error."""

from __future__ import annotations

from decimal import Decimal

from guardrails.terms import Action, Side

OPENING = {Side.LONG: Action.BUY, Side.SHORT: Action.SELL}
CLOSING = {Side.LONG: Action.SELL, Side.SHORT: Action.BUY}
WINNING = {Side.LONG: Decimal(1), Side.SHORT: Decimal(-1)}  # which way a price must move to gain


def side_of(shares: int) -> Side:
    """The side of a holding. Raises ValueError for none."""
    if shares > 0:
        return Side.LONG
    if shares < 0:
        return Side.SHORT
    raise ValueError("no shares have no side")


def lead(side: Side, price: Decimal, other: Decimal) -> Decimal:
    """By how much `price` is better for the position than `other`; negative: worse."""
    return WINNING[side] * (price - other)
