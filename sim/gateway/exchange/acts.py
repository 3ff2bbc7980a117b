"""What happens to an account without its clients' doing: only faults ask for it."""

from __future__ import annotations

from decimal import Decimal

from sim.gateway.exchange.booking import correct
from sim.gateway.exchange.endings import vanish
from sim.gateway.exchange.floor import Floor, told
from sim.gateway.exchange.register import Key
from sim.gateway.exchange.trading import fill, finish_filled
from sim.gateway.nouns import AccountMoved, Corrected, Event, Order

BROKER_CLIENT = 0  # orders placed by hand or by the broker are client 0's


def fill_order(floor: Floor, key: Key, shares: int, price: Decimal) -> list[Event]:
    """So many shares of the order fill, at most what remains; nothing of an unknown order."""
    order = floor.register.last_of(key)
    if order is None:
        return []
    shares = min(shares, order.remaining)
    return fill(floor, order, shares, price) if shares > 0 else []


def correct_fill(floor: Floor, exec_id: str, shares: int, price: Decimal) -> list[Event]:
    """The execution has these numbers from now on; nothing for an unknown one.

    The latest id counts: a correction is corrected by its own.
    """
    found = next((one for one in floor.fills if one.exec_id == exec_id), None)
    order = None if found is None else floor.register.by_perm_id(found.perm_id)
    if found is None or order is None:
        return []
    changed = correct(floor, order, found, shares, price)
    events: list[Event] = [Corrected(changed)]
    floor.touch(order.con_id)
    if floor.register.is_live(order):
        if order.remaining <= 0:
            finish_filled(floor, order)
        events.append(told(order))
    events.append(AccountMoved((order.con_id,)))
    return events


def trade_by_broker(
    floor: Floor, con_id: int, action: str, shares: int, order_id: int
) -> list[Event]:
    """A market order of nobody's fills at the touch; nothing where there is no price."""
    listing = floor.listings[con_id]
    top = floor.paths.top(listing, floor.now)
    touch = {"BUY": top.ask, "SELL": top.bid}[action]
    price = top.last if touch is None else touch
    if price is None:
        return []
    order = Order(
        client_id=BROKER_CLIENT,
        order_id=order_id,
        con_id=con_id,
        action=action,
        order_type="MKT",
        quantity=shares,
        account=floor.account_id,
        placed_at=floor.now,
    )
    floor.register.admit(order)
    floor.register.go_live(order)
    return fill(floor, order, shares, price)


def drop(floor: Floor, key: Key) -> None:
    """The order is in no list any more."""
    order = floor.register.live.get(key) or floor.register.held.get(key)
    if order is not None:
        vanish(floor, order)
