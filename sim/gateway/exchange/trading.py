"""Orders meet the price: what triggers, what fills, and what a fill does to the others."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sim.gateway.exchange.booking import book
from sim.gateway.exchange.endings import BY_GROUP, end
from sim.gateway.exchange.families import ALL, armed, group, has_block
from sim.gateway.exchange.floor import Floor, as_it_is, told
from sim.gateway.exchange.matching import fill_price, is_marketable, triggers
from sim.gateway.exchange.path import Point
from sim.gateway.exchange.statuses import STOPS, changes, mark, waits_for_trigger
from sim.gateway.nouns import AccountMoved, Event, Filled, Order

ODD_LOT_TICKS = 5  # IBKR: an odd lot's market order becomes a limit five ticks through
IOC_ENDS = "Immediate or cancel"


def match(floor: Floor, con_id: int, point: Point) -> list[Event]:
    """The listing's live orders meet a new point of its walk, the oldest first."""
    events: list[Event] = []
    for order in floor.register.live_on(con_id):
        if floor.register.is_live(order) and floor.is_trading(order):
            events.extend(_meet(floor, order, point, arriving=False))
        if floor.register.is_live(order):
            events.extend(_end_immediate(floor, order))
    return events


def match_on_arrival(floor: Floor, orders: Sequence[Order]) -> list[Event]:
    """New or changed orders meet the price as it stands, and so do the exits they arm."""
    events: list[Event] = []
    for order in orders:
        if not floor.register.is_live(order):
            continue
        filled = order.filled
        point = floor.paths.point_at(floor.listing(order), floor.now)
        if point is not None and floor.is_trading(order):
            events.extend(_meet(floor, order, point, arriving=True))
        if floor.register.is_live(order):
            events.extend(_end_immediate(floor, order))
        if floor.register.is_live(order):
            events.extend(changes(floor, order))
        if order.filled > filled:
            known = {one.perm_id for one in orders}
            late = [one for one in floor.register.children(order) if one.perm_id not in known]
            events.extend(match_on_arrival(floor, late))
    return events


def is_marketable_now(floor: Floor, order: Order) -> bool:
    """Whether a new order meets a price at which it can trade."""
    point = floor.paths.point_at(floor.listing(order), floor.now)
    if point is None or not floor.is_trading(order):
        return False
    return is_marketable(order, *_touch(floor, order, point))


def _end_immediate(floor: Floor, order: Order) -> list[Event]:
    """What did not fill at once of an order that was to fill at once is cancelled."""
    if order.tif != "IOC" or waits_for_trigger(floor, order) or armed(floor, order) == 0:
        return []
    return end(floor, order, IOC_ENDS)


def _meet(floor: Floor, order: Order, point: Point, *, arriving: bool) -> list[Event]:
    """What happens to the order at a point of the walk: it triggers, trades, or neither."""
    awaits = waits_for_trigger(floor, order)
    bid, ask = _touch(floor, order, point)
    marketable = is_marketable(order, bid, ask)
    acts = triggers(order, point.price) if awaits else marketable
    if not acts or not _may_act(floor, order, point):
        return []
    floor.touch(order.con_id)
    if awaits:
        work = floor.register.work(order)
        work.is_triggered, work.reach = True, None
    shares = _available(floor, order, point, armed(floor, order)) if marketable else 0
    if shares <= 0:
        return [*changes(floor, order)]
    gapped = point.opens or arriving or not awaits
    tick = floor.paths.tick(floor.listing(order), point.price)
    price = fill_price(
        order,
        bid=bid,
        ask=ask,
        arriving=arriving,
        gapped=gapped,
        slippage=floor.rules.stop_slippage_ticks * tick,
    )
    if order.order_type in STOPS:
        price = floor.truth.stop_price(order, price)
    if has_block(order):
        floor.blocks[order.oca_group] = (point.at, order.perm_id)
    return fill(floor, order, shares, price)


def _may_act(floor: Floor, order: Order, point: Point) -> bool:
    """Whether nothing keeps the order from triggering or trading at this point."""
    return (
        armed(floor, order) > 0
        and not rests_as_odd_lot(floor, order)
        and not _is_blocked(floor, order, point)
        and not floor.truth.waits(order)
    )


def _touch(floor: Floor, order: Order, point: Point) -> tuple[Decimal, Decimal]:
    """Bid and ask for this order: an odd lot trades some ticks through them."""
    listing = floor.listing(order)
    bid, ask = point.price, floor.paths.ask(listing, point.price)
    if order.quantity < listing.lot:
        away = ODD_LOT_TICKS * floor.paths.tick(listing, point.price)
        return bid - away, ask + away
    return bid, ask


def rests_as_odd_lot(floor: Floor, order: Order) -> bool:
    """Whether the order is in the odd-lot book, where nothing is matched."""
    return floor.rules.odd_lots_rest and order.quantity < floor.listing(order).lot


def _is_blocked(floor: Floor, order: Order, point: Point) -> bool:
    """Whether another of the order's group has traded at this point."""
    if not has_block(order) or floor.register.work(order).is_kept:
        return False
    at, perm_id = floor.blocks.get(order.oca_group, (None, 0))
    return at == point.at and perm_id != order.perm_id


def _available(floor: Floor, order: Order, point: Point, wanted: int) -> int:
    """Whole lots an order may take at this point; at least one lot, once a point."""
    listing = floor.listing(order)
    share = int(point.volume * floor.rules.participation) // listing.lot * listing.lot
    at, taken = floor.taken.get(order.con_id, (point.at, 0))
    taken = taken if at == point.at else 0
    shares = min(wanted, max(0, max(share, listing.lot) - taken))
    if shares:
        shares = max(0, min(shares, floor.truth.most(order, shares)))
    floor.taken[order.con_id] = (point.at, taken + shares)
    return shares


def fill(floor: Floor, order: Order, shares: int, price: Decimal) -> list[Event]:
    """The order, live or ended, has so many shares more; exits wake, its group shrinks or goes."""
    execution = book(floor, order, shares, price)
    floor.touch(order.con_id)
    if floor.register.is_live(order):
        mark(floor, order)
    if order.remaining <= 0:
        finish_filled(floor, order)
    events: list[Event] = [Filled(as_it_is(order), execution)]
    events.extend(_wake_children(floor, order))
    for other in group(floor, order):
        events.extend(_shrink(floor, other, shares))
    events.append(AccountMoved((order.con_id,)))
    return events


def finish_filled(floor: Floor, order: Order) -> None:
    """Nothing of the order is left to fill."""
    was_live = floor.register.is_live(order)
    order.status, order.why_held = "Filled", ""
    order.completed_at, order.completed_status = floor.now, f"Filled Size: {order.filled}"
    if was_live:
        floor.register.finish(order)


def _wake_children(floor: Floor, order: Order) -> list[Event]:
    return [event for child in floor.register.children(order) for event in changes(floor, child)]


def _shrink(floor: Floor, other: Order, shares: int) -> list[Event]:
    """What a fill of so many shares does to another of the order's OCA group."""
    if not floor.register.is_live(other):
        return []
    if floor.truth.keeps(other):
        floor.register.work(other).is_kept = True
        return []
    floor.touch(other.con_id)
    if other.oca_type == ALL or other.remaining <= shares:
        return end(floor, other, BY_GROUP)
    other.quantity -= shares
    mark(floor, other)
    return [told(other)]
