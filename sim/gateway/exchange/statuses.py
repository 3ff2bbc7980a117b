"""What a live order is said to be: PreSubmitted or Submitted, and what holds it."""

from __future__ import annotations

from sim.gateway.exchange.families import armed
from sim.gateway.exchange.floor import Floor, told
from sim.gateway.nouns import Order, OrderChanged

STOPS = ("STP", "STP LMT")


def waits_for_trigger(floor: Floor, order: Order) -> bool:
    """Whether the order is a stop that has not been set off."""
    return order.order_type in STOPS and not floor.register.work(order).is_triggered


def mark(floor: Floor, order: Order) -> None:
    """The order's status and why it is held are up to date."""
    waits = []
    if order.parent_id and armed(floor, order) == 0:
        waits.append("child")
    if waits_for_trigger(floor, order):
        waits.append("trigger")
    is_open = floor.paths.is_open(floor.listing(order), floor.now)
    order.why_held = ",".join(waits)
    order.status = "PreSubmitted" if waits or not is_open else "Submitted"
    floor.truth.marks(order)


def mark_accepted(floor: Floor, order: Order, *, trades_at_once: bool) -> None:
    """A new order is announced; one that trades at once is with the broker only until then."""
    mark(floor, order)
    if order.status == "Submitted" and trades_at_once:
        order.status = "PreSubmitted"


def changes(floor: Floor, order: Order) -> list[OrderChanged]:
    """What is to be told of the order once its status is up to date: nothing, or the order."""
    before = (order.status, order.why_held, order.market_cap_price)
    mark(floor, order)
    after = (order.status, order.why_held, order.market_cap_price)
    return [] if before == after else [told(order)]
