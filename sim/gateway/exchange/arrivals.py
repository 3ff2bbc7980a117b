"""Orders on their way in: new ones, families that are transmitted together, and new terms."""

from __future__ import annotations

from dataclasses import replace

from sim.gateway.exchange.endings import reject, vanish
from sim.gateway.exchange.entry_checks import PARENT_GONE, Refusal, invalid, rejected, rejection
from sim.gateway.exchange.families import is_parent_gone
from sim.gateway.exchange.floor import Floor, refused, told
from sim.gateway.exchange.good_till import end_of
from sim.gateway.exchange.register import key_of
from sim.gateway.exchange.statuses import mark, mark_accepted
from sim.gateway.exchange.trading import is_marketable_now, match_on_arrival
from sim.gateway.exchange.truth import Rejection
from sim.gateway.nouns import Event, Order

DUPLICATE_ID, FILLED_ALREADY, MISMATCH, HELD, RTH_ONLY = 103, 104, 105, 399, 2109
RTH_TEXT = (
    "Attribute 'Outside Regular Trading Hours' is ignored based on the order type and destination. "
    "PlaceOrder is now processed."
)
HELD_TEXT = "Warning: your order will not be placed at the exchange until the market opens."


def place(floor: Floor, order: Order) -> list[Event]:
    """A new order, or new terms for a live or held one of the same key."""
    key = key_of(order)
    known = floor.register.live.get(key) or floor.register.held.get(key)
    if known is not None:
        return _modify(floor, known, order)
    if order.order_id <= floor.register.last_id(order.client_id):
        last = floor.register.last_of(key)
        if last is not None and last.status == "Filled":
            return [refused(last, FILLED_ALREADY, "Cannot modify a filled order.")]
        return [refused(order, DUPLICATE_ID, "Duplicate order id")]
    floor.register.admit(order)
    order.placed_at = floor.now
    order.account = order.account or floor.account_id
    refusal = invalid(floor, order)
    if refusal is not None:
        return reject(floor, order, Rejection(*refusal))
    _note_end(floor, order)
    if not order.transmit:
        floor.register.hold(order)
        return []
    return transmit(floor, order)


def transmit(floor: Floor, order: Order) -> list[Event]:
    """The order and the held legs of its family go live; if it is rejected they stay as they are.

    Each that is taken is announced before any is matched.
    """
    early = _rejection(floor, order)
    if early is not None:
        return reject(floor, order, early)
    floor.register.hold(order)
    events: list[Event] = []
    live: list[Order] = []
    for one in floor.register.family_held(order):
        if key_of(one) not in floor.register.held:
            continue  # gone with a leg that was rejected just now
        late = _rejection(floor, one) if one is not order else _orphaned(floor, order)
        if late is not None:
            events.extend(reject(floor, one, late))
        elif floor.truth.loses(one):
            vanish(floor, one)
        else:
            events.extend(_go_live(floor, one))
            live.append(one)
    events.extend(match_on_arrival(floor, [one for one in live if floor.register.is_live(one)]))
    return events


def _rejection(floor: Floor, order: Order) -> Rejection | None:
    refusal = rejected(floor, order)
    return floor.truth.rejects(order) if refusal is None else Rejection(*refusal)


def _orphaned(floor: Floor, order: Order) -> Rejection | None:
    """The leg that transmits its family is rejected after all where its entry was."""
    return Rejection(*rejection(PARENT_GONE)) if is_parent_gone(floor, order) else None


def _go_live(floor: Floor, order: Order) -> list[Event]:
    """The order is accepted: it is announced, with the notices that are due."""
    floor.register.go_live(order)
    floor.touch(order.con_id)
    mark_accepted(floor, order, trades_at_once=is_marketable_now(floor, order))
    events: list[Event] = [told(order)]
    listing = floor.listing(order)
    if order.outside_rth and listing.market == "HK":
        events.append(refused(order, RTH_ONLY, RTH_TEXT))
    if not order.parent_id and not floor.paths.is_open(listing, floor.now):
        events.append(refused(order, HELD, HELD_TEXT))
    return events


# New terms


def _modify(floor: Floor, known: Order, order: Order) -> list[Event]:
    """The order has its new terms, or an error is told and it stays as it was."""
    refusal = _unchangeable(floor, known, order)
    if refusal is not None:
        return [refused(known, *refusal)]
    work = floor.register.work(known)
    work.reach = None
    work.is_triggered = work.is_triggered and order.order_type == known.order_type
    known.quantity = order.quantity
    known.limit_price, known.stop_price = order.limit_price, order.stop_price
    known.tif, known.order_type = order.tif, order.order_type
    known.good_till_date = order.good_till_date
    known.order_ref = order.order_ref or known.order_ref
    _note_end(floor, known)
    floor.touch(known.con_id)
    if not floor.register.is_live(known):
        known.transmit = order.transmit
        return transmit(floor, known) if order.transmit else []
    mark(floor, known)
    return [told(known), *match_on_arrival(floor, [known])]


def _unchangeable(floor: Floor, known: Order, order: Order) -> Refusal | None:
    if (order.con_id, order.action) != (known.con_id, known.action):
        return Refusal(MISMATCH, "Order being modified does not match original order")
    refusal = invalid(floor, order)
    if refusal is not None:
        return refusal
    if order.quantity <= known.filled:
        return rejection("quantity is not above what has filled")
    if not floor.register.is_live(known):
        return None
    changed = replace(
        order,
        filled=known.filled,
        perm_id=known.perm_id,
        parent_id=known.parent_id,
        oca_group=known.oca_group,
    )
    return rejected(floor, changed)


def _note_end(floor: Floor, order: Order) -> None:
    end = end_of(order.good_till_date, floor.listing(order).time_zone)
    floor.register.work(order).good_till = end if order.tif == "GTD" else None
