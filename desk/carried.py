"""What became of a ticket: the report that goes to the transcript and back to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from desk.legs import LegReading
from guardrails.terms import Leg, OrderStatus

GRAVEST_FIRST = (
    "unknown",
    "flattened",
    "repaired",
    "closing",
    "tightened",
    "resting",
    "filled",
    "cancelled",
    "not_sent",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LegReport:
    """One order as it was last seen."""

    order_ref: str
    leg: Leg
    status: OrderStatus
    shares: int
    price: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """What became of a ticket.

    status: resting, filled, closing, tightened, repaired, cancelled, flattened, not_sent, unknown.
    """

    status: str
    legs: tuple[LegReport, ...]
    says: str


def leg_report(name: Leg, reading: LegReading, filled: int) -> LegReport:
    """One leg as read back, `filled` shares of it executed."""
    leg = reading.leg
    if filled >= leg.shares:
        status = OrderStatus.FILLED
    elif reading.rests:
        status = OrderStatus.RESTING
    else:
        status = OrderStatus.UNKNOWN
    return LegReport(
        order_ref=leg.order_ref,
        leg=name,
        status=status,
        shares=leg.shares,
        price=leg.limit_price if leg.limit_price is not None else leg.stop_price,
    )


def together(done: Sequence[Carried]) -> Carried:
    """What became of all orders of one ticket; the gravest status names the whole."""
    if len(done) == 1:
        return done[0]
    return Carried(
        status=min((carried.status for carried in done), key=GRAVEST_FIRST.index),
        legs=tuple(leg for carried in done for leg in carried.legs),
        says="; ".join(carried.says for carried in done),
    )
