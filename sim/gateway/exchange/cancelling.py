"""Requests to cancel: what is cancelled, what has to wait, and what cannot be."""

from __future__ import annotations

from decimal import Decimal

from sim.gateway.exchange.endings import BY_TRADER, end, lunch_end_of_wait
from sim.gateway.exchange.floor import Floor, refused
from sim.gateway.exchange.register import Key
from sim.gateway.exchange.trading import fill
from sim.gateway.nouns import Event, Order, Refused

UNKNOWN_ID, NOT_CANCELLABLE = 10147, 10148


def cancel(floor: Floor, key: Key) -> list[Event]:
    """One order is cancelled; a held one is dropped without a word."""
    if floor.register.held.pop(key, None) is not None:
        return []
    order = floor.register.last_of(key)
    if order is None:
        text = f"OrderId {key[1]} that needs to be cancelled is not found."
        return [Refused(*key, UNKNOWN_ID, text, None)]
    if not floor.register.is_live(order):
        return [_not_cancellable(order)]
    return _cancel_live(floor, order)


def cancel_all(floor: Floor) -> list[Event]:
    """Every live order is cancelled, every held one dropped."""
    floor.register.held.clear()
    events: list[Event] = []
    for order in floor.register.open_orders():
        if floor.register.is_live(order):
            events.extend(_cancel_live(floor, order))
    return events


def _cancel_live(floor: Floor, order: Order) -> list[Event]:
    work = floor.register.work(order)
    wait = lunch_end_of_wait(floor, order)
    if wait is not None:
        work.cancel_at = wait
        floor.touch(order.con_id)
        return []
    events: list[Event] = []
    shares = min(floor.truth.fills_first(order), order.remaining)
    price = _price(floor, order) if shares > 0 else None
    if price is not None:
        events.extend(fill(floor, order, shares, price))
    if floor.register.is_live(order):
        return [*events, *end(floor, order, BY_TRADER)]
    return [*events, _not_cancellable(order)]


def _price(floor: Floor, order: Order) -> Decimal | None:
    """What an order that fills while it is being cancelled gets."""
    if order.order_type == "LMT" and order.limit_price is not None:
        return order.limit_price
    return floor.paths.last(floor.listing(order), floor.now)


def _not_cancellable(order: Order) -> Refused:
    text = (
        f"OrderId {order.order_id} that needs to be cancelled cannot be cancelled, "
        f"state: {order.status}."
    )
    return refused(order, NOT_CANCELLABLE, text)
