"""When something can next happen to a listing's live orders, so that nobody need wake before."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from sim.gateway.exchange.day import Reach
from sim.gateway.exchange.families import armed
from sim.gateway.exchange.floor import Floor
from sim.gateway.exchange.matching import joined, reach
from sim.gateway.exchange.path import OPENS_WITHIN_DAYS
from sim.gateway.exchange.statuses import waits_for_trigger
from sim.gateway.exchange.trading import rests_as_odd_lot
from sim.gateway.nouns import Listing, Order

LOOK_AGAIN_AFTER = timedelta(days=OPENS_WITHIN_DAYS - 1)  # where no session is in sight


class Agenda:
    """The next step of each listing, looked up again only once it may have changed."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._steps: dict[int, datetime | None] = {}

    def next_step(self) -> datetime | None:
        """The next instant at which something can happen to a live order; None if none lives."""
        return min((at for at in self._plans().values() if at is not None), default=None)

    def due(self) -> list[int]:
        """The listings to which something can happen at this instant, planned beforehand."""
        now = self._floor.now
        due = [con_id for con_id, at in self._steps.items() if at == now]
        self._floor.stale.update(due)
        return sorted(due)

    def _plans(self) -> dict[int, datetime | None]:
        floor = self._floor
        for con_id in floor.register.con_ids():
            if con_id not in self._steps:
                floor.stale.add(con_id)
        for con_id in floor.stale:
            self._steps[con_id] = _next_step(floor, con_id)
        floor.stale.clear()
        return self._steps


def _next_step(floor: Floor, con_id: int) -> datetime | None:
    orders = floor.register.live_on(con_id)
    if not orders:
        return None
    listing, now = floor.listings[con_id], floor.now
    instants = [
        floor.paths.last_close(listing, now),
        floor.paths.next_open(listing, now) or now + LOOK_AGAIN_AFTER,
        floor.paths.next_touched(listing, _joint_reach(floor, listing, orders), now),
    ]
    for order in orders:
        work = floor.register.work(order)
        instants += [work.cancel_at, work.good_till if order.tif == "GTD" else None]
    return min((at for at in instants if at is not None and at > now), default=None)


def _joint_reach(floor: Floor, listing: Listing, orders: list[Order]) -> Reach:
    return joined(
        [
            reach_of(floor, listing, order)
            for order in orders
            if armed(floor, order) > 0 and not rests_as_odd_lot(floor, order)
        ]
    )


def reach_of(floor: Floor, listing: Listing, order: Order) -> Reach:
    """What a bar must do so that something may happen to the order; kept until its terms change."""

    def bid_max(ask: Decimal) -> Decimal:
        """A spread below the ask, by the finest tick that may apply there."""
        spread = floor.rules.spread_ticks
        below = ask - spread * floor.paths.tick(listing, ask)
        return ask - spread * floor.paths.tick(listing, max(below, Decimal(0)))

    work = floor.register.work(order)
    if work.reach is None:
        awaits = waits_for_trigger(floor, order)
        work.reach = reach(order, awaits_trigger=awaits, bid_max=bid_max)
    return work.reach
