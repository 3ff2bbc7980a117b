"""How orders end: rejected, cancelled, expired, or gone without a word; and who goes with them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sim.gateway.exchange.floor import Floor, refused, told
from sim.gateway.exchange.truth import Rejection
from sim.gateway.nouns import Event, Order

CANCELLED = 202
BY_TRADER, EXPIRED = "Cancelled by Trader", "Expired at the close"
BY_GROUP = "Cancelled by OCA group"
GOOD_TILL_PASSED = "Expired at its good till date"
LUNCH_CANCELS_AFTER = timedelta(minutes=30)  # HKEX: cancelling begins half an hour into lunch


def reject(floor: Floor, order: Order, rejection: Rejection) -> list[Event]:
    """A new order is not taken, and is Inactive where the broker says so."""
    order.status, order.why_held, order.reject_reason = "Inactive", "", rejection.text
    order.completed_at, order.completed_status = floor.now, rejection.text
    floor.register.finish(order)
    floor.touch(order.con_id)
    events: list[Event] = [refused(order, rejection.code, rejection.text)]
    if rejection.inactive:
        events.append(told(order))
    if floor.rules.rejected_leg_takes_family:
        events.extend(_end_family(floor, order))
    return events


def _end_family(floor: Floor, order: Order) -> list[Event]:
    for one in floor.register.family_held(order):
        floor.register.forget(one)
    parent_key = (order.client_id, order.parent_id or order.order_id)
    parent = floor.register.live.get(parent_key)
    if parent is None:
        return []
    return end(floor, parent, "Cancelled with a leg of its family")


def end(floor: Floor, order: Order, words: str) -> list[Event]:
    """A live order is cancelled; the exits of an entry go with it, by the rules."""
    order.status, order.why_held = "Cancelled", ""
    order.completed_at, order.completed_status = floor.now, words
    floor.register.finish(order)
    floor.touch(order.con_id)
    status, notice = told(order), refused(order, CANCELLED, f"Order Canceled - reason:{words}")
    events: list[Event] = [status, notice]
    if floor.rules.cancel_notice_first:
        events.reverse()
    for child in floor.register.children(order):
        if floor.register.is_live(child):
            events.extend(_end_child(floor, order, child, words))
    return events


def _end_child(floor: Floor, parent: Order, child: Order, words: str) -> list[Event]:
    """What becomes of an exit whose entry has ended before it was full."""
    left = parent.filled - sum(
        one.filled for one in floor.register.siblings(child) if one.action == child.action
    )
    if left <= 0 or floor.rules.parent_end_takes_children == "always":
        return end(floor, child, words)
    if child.remaining <= left:
        return []
    child.quantity = child.filled + left  # only what the entry has filled is left to exit
    return [told(child)]


def vanish(floor: Floor, order: Order) -> None:
    """The order is gone without a word."""
    floor.register.forget(order)
    floor.touch(order.con_id)


def lunch_end_of_wait(floor: Floor, order: Order) -> datetime | None:
    """When a cancellation asked for now takes effect, if it has to wait for it.

    HKEX: orders of the morning are cancelled from half an hour into the lunch break only.
    """
    listing = floor.listing(order)
    if listing.market != "HK" or not floor.rules.lunch_cancels_wait:
        return None
    sessions = floor.paths.sessions(listing, floor.now)
    if len(sessions) < 2 or order.placed_at is None:
        return None
    begins, ends = sessions[0].closes_at, sessions[1].opens_at
    effective = begins + LUNCH_CANCELS_AFTER
    waits = order.placed_at < begins <= floor.now < min(effective, ends)
    return effective if waits else None


def cancel_due(floor: Floor, order: Order) -> bool:
    """Whether a cancellation that had to wait takes effect now."""
    at = floor.register.work(order).cancel_at
    return at is not None and at <= floor.now


def good_till_passed(floor: Floor, order: Order) -> bool:
    """Whether the order's good till date is over."""
    at = floor.register.work(order).good_till
    return order.tif == "GTD" and at is not None and at <= floor.now


def closes_now(floor: Floor, order: Order) -> bool:
    """Whether the listing's last session of the day closes at this instant."""
    return floor.paths.last_close(floor.listing(order), floor.now) == floor.now
