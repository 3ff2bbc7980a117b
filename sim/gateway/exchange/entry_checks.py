"""What is refused on arrival. Each check says why an order cannot be taken, or None.

The first refusal counts: what the gateway validates (200, 321, 110) before what the broker decides
(201).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from sim.gateway.exchange.families import OCA_TYPES, is_parent_gone
from sim.gateway.exchange.floor import Floor
from sim.gateway.exchange.funds import unaffordable
from sim.gateway.exchange.good_till import end_of
from sim.gateway.exchange.price_limits import out_of_limits
from sim.gateway.nouns import Listing, Order

UNKNOWN_CONTRACT, WRONG_TICK, INVALID, REJECTED = 200, 110, 321, 201
TIFS = ("DAY", "GTC", "GTD", "IOC")
PARENT_GONE = "parent order is not working"
SEHK_LOTS_MAX = 3000  # HKEX: board lots in one order


class Refusal(NamedTuple):
    """An error code and its text."""

    code: int
    text: str


def invalid(floor: Floor, order: Order) -> Refusal | None:
    """Why the gateway does not take the order at all."""
    listing = floor.listings.get(order.con_id)
    if listing is None:
        return Refusal(UNKNOWN_CONTRACT, "No security definition has been found for the request")
    return (
        _wrong_terms(order)
        or _wrong_end(floor, order, listing)
        or _wrong_size(order, listing)
        or _wrong_price(floor, order, listing)
    )


def rejected(floor: Floor, order: Order) -> Refusal | None:
    """Why the broker or the exchange behind it does not take a valid order."""
    listing = floor.listing(order)
    words = None
    if is_parent_gone(floor, order):
        words = PARENT_GONE
    if words is None and _is_one_too_many(floor, order):
        words = f"more than {floor.rules.active_orders_max} working orders on one side"
    if words is None and floor.rules.sehk_price_limits and listing.market == "HK":
        words = out_of_limits(floor.paths, listing, order, floor.paths.top(listing, floor.now))
    if words is None:
        words = unaffordable(floor, order)
    return None if words is None else rejection(words)


def rejection(words: str) -> Refusal:
    """201 with its reason."""
    return Refusal(REJECTED, f"Order rejected - reason:{words}")


def prices_of(order: Order) -> tuple[Decimal | None, ...] | None:
    """The prices that the order's type needs; None for an unknown type."""
    return {
        "LMT": (order.limit_price,),
        "STP": (order.stop_price,),
        "STP LMT": (order.limit_price, order.stop_price),
        "MKT": (),
    }.get(order.order_type)


def _validating(words: str) -> Refusal:
    return Refusal(INVALID, f"Error validating request.-'{words}'")


def _wrong_terms(order: Order) -> Refusal | None:
    prices = prices_of(order)
    if order.action not in ("BUY", "SELL") or order.quantity <= 0:
        return _validating("the action or the quantity is invalid")
    if prices is None or any(price is None for price in prices):
        return _validating(f"order type {order.order_type} is unknown or lacks a price")
    if order.oca_type not in OCA_TYPES:
        return _validating(f"OCA type {order.oca_type} is unknown")
    if order.parent_id == order.order_id:
        return _validating("an order cannot be its own parent")
    return None


def _wrong_end(floor: Floor, order: Order, listing: Listing) -> Refusal | None:
    if order.tif not in TIFS:
        return _validating(f"time in force {order.tif} is not taken here")
    if order.tif != "GTD":
        return None
    end = end_of(order.good_till_date, listing.time_zone)
    if end is None:
        return _validating(f"good till date {order.good_till_date[:40]!r} cannot be read")
    return _validating("good till date has passed") if end <= floor.now else None


def _wrong_size(order: Order, listing: Listing) -> Refusal | None:
    is_odd = order.quantity > listing.lot and order.quantity % listing.lot
    is_large = listing.market == "HK" and order.quantity > SEHK_LOTS_MAX * listing.lot
    if is_odd or is_large:
        return Refusal(INVALID, "Order size does not conform to market rule")
    return None


def _wrong_price(floor: Floor, order: Order, listing: Listing) -> Refusal | None:
    for price in prices_of(order) or ():
        if price is None or price <= 0 or price % floor.paths.tick(listing, price):
            return Refusal(
                WRONG_TICK,
                "The price does not conform to the minimum price variation for this contract.",
            )
    return None


def _is_one_too_many(floor: Floor, order: Order) -> bool:
    others = [
        one
        for one in floor.register.live_on(order.con_id)
        if one.action == order.action and one.perm_id != order.perm_id
    ]
    return len(others) >= floor.rules.active_orders_max
