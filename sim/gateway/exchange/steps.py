"""What happens at one instant: cancellations that waited, closes, opens, points of the walk."""

from __future__ import annotations

from collections.abc import Sequence

from sim.gateway.exchange.endings import (
    BY_TRADER,
    EXPIRED,
    GOOD_TILL_PASSED,
    cancel_due,
    closes_now,
    end,
    good_till_passed,
)
from sim.gateway.exchange.floor import Floor
from sim.gateway.exchange.statuses import changes
from sim.gateway.exchange.trading import match
from sim.gateway.nouns import Event, Order


def happen(floor: Floor, con_ids: Sequence[int]) -> list[Event]:
    """Everything that is due now in these listings. Orders end before any is matched."""
    events: list[Event] = []
    for con_id in con_ids:
        for order in floor.register.live_on(con_id):
            words = _ends_for(floor, order)
            if words is not None and floor.register.is_live(order):
                events.extend(end(floor, order, words))
    for con_id in con_ids:
        events.extend(_open(floor, con_id))
        events.extend(_walk(floor, con_id))
    return events


def _ends_for(floor: Floor, order: Order) -> str | None:
    """Why the order ends at this instant, or None."""
    if cancel_due(floor, order):
        return BY_TRADER
    if good_till_passed(floor, order):
        return GOOD_TILL_PASSED
    if closes_now(floor, order) and floor.truth.expires(order):
        return EXPIRED
    return None


def _open(floor: Floor, con_id: int) -> list[Event]:
    """Orders that were held until a session opened are so no longer."""
    sessions = floor.paths.sessions(floor.listings[con_id], floor.now)
    if floor.now not in (session.opens_at for session in sessions):
        return []
    orders = floor.register.live_on(con_id)
    return [event for order in orders for event in changes(floor, order)]


def _walk(floor: Floor, con_id: int) -> list[Event]:
    point = floor.paths.point_at(floor.listings[con_id], floor.now)
    if point is None or point.at != floor.now:
        return []
    return match(floor, con_id, point)
