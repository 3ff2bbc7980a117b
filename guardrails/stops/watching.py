"""An open position as the keeper watches it, what is remembered of it, and what it may need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from guardrails.limits import Limits
from guardrails.side import side_of
from guardrails.terms import Action, Instrument, Market, Position, Quote, Side

# By how much a price moves in favour of a position: times this.
WINNING = {Side.LONG: Decimal(1), Side.SHORT: Decimal(-1)}


class Remedy(StrEnum):
    """What can be done about an open position. None of these makes it larger."""

    REPAIR = "repair"
    CLOSE = "close"
    TAKE = "take"
    TIGHTEN = "tighten"


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What is remembered of a position from look to look. The default is a first look.

    best_price:     the best price since the entry that two looks agree on.
    touch:          what could be had for it at the last look; None where that was unknown.
    breached_since: the first of the consecutive looks that found the touch at or past the stop.
    """

    best_price: Decimal | None = None
    touch: Decimal | None = None
    breached_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """One open position at one look.

    position:    as the broker reports it; its stop and protected shares are those that rest there.
    entry_price: what was paid or received a share; None is unknown.
    opened_at:   None is unknown.
    meant_stop:  the stop this desk last sent for it; for a repair where none rests.
    """

    position: Position
    instrument: Instrument | None
    quote: Quote | None
    entry_price: Decimal | None
    opened_at: datetime | None
    meant_stop: Decimal | None = None
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What one position needs now, why, and whether its market is closed at the moment.

    action:      of the order that does it; always the one that reduces the position.
    shares:      REPAIR and TIGHTEN: what the resting stop must cover, no more and no less;
                 CLOSE and TAKE: what to close. Never more than are held.
    stop_price:  REPAIR and TIGHTEN; None for a repair whose price nobody knows.
    is_deferred: the market is closed: to be done when it opens, at `opens_at` where that is known.
    """

    remedy: Remedy
    rule: str
    symbol: str
    market: Market
    con_id: int
    action: Action
    shares: int
    stop_price: Decimal | None
    is_deferred: bool
    opens_at: datetime | None
    says: str


def remember(watched: Watched, limits: Limits, now: datetime) -> Memory:
    """What to hand in with the position at the next look.

    An unknown quote neither begins nor ends a breach, and it parts two looks that would agree on a
    price. A single outlying price moves nothing.
    """
    memory, stop = watched.memory, watched.position.stop_price
    touch = touch_of(watched, limits, now)
    if touch is None:
        return Memory(best_price=memory.best_price, breached_since=memory.breached_since)
    side = side_of(watched.position.shares)
    agreed = worse(side, memory.touch, touch)
    is_breached = stop is not None and lead(side, touch, stop) <= 0
    return Memory(
        best_price=memory.best_price if agreed is None else best(side, memory.best_price, agreed),
        touch=touch,
        breached_since=(memory.breached_since or now) if is_breached else None,
    )


def touch_of(watched: Watched, limits: Limits, now: datetime) -> Decimal | None:
    """What can be had for the position now: the bid for a long one, the ask for a short one.

    None where the quote is missing, one-sided, crossed, not positive, delayed, or too old or new.
    The last trade is not looked at: beyond the stop with a touch before it, it is an old print.
    """
    quote = watched.quote
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    if not (quote.is_realtime or limits.allow_delayed):
        return None
    if not (quote.bid.is_finite() and quote.ask.is_finite() and 0 < quote.bid <= quote.ask):
        return None
    age_us = (now - quote.at) // timedelta(microseconds=1)
    if not 0 <= age_us <= limits.quote_age_seconds_max * 1_000_000:
        return None
    return {Side.LONG: quote.bid, Side.SHORT: quote.ask}[side_of(watched.position.shares)]


def lead(side: Side, price: Decimal, other: Decimal) -> Decimal:
    """By how much `price` is better for the position than `other`; negative: worse."""
    return WINNING[side] * (price - other)


def worse(side: Side, one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The price of the two at which the position is worth less, or None if one is unknown."""
    if one is None or other is None:
        return None
    return min(one, other, key=lambda price: WINNING[side] * price)


def best(side: Side, one: Decimal | None, other: Decimal) -> Decimal:
    """The price of the two at which the position is worth more."""
    return other if one is None else max(one, other, key=lambda price: WINNING[side] * price)
