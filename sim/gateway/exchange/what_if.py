"""What an order would cost and tie up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sim.gateway.exchange.books import INIT_MARGIN, MAINTENANCE_MARGIN
from sim.gateway.exchange.entry_checks import invalid, rejected
from sim.gateway.exchange.fees import order_cost
from sim.gateway.exchange.floor import Floor, refused
from sim.gateway.exchange.path import local_date
from sim.gateway.nouns import Order, Refused


def what_if(floor: Floor, order: Order) -> Mapping[str, Decimal] | Refused:
    """Margin before the order and its change in base currency, its commission in the listing's."""
    refusal = invalid(floor, order) or rejected(floor, order)
    if refusal is not None:
        return refused(order, *refusal)
    listing = floor.listing(order)
    price = order.limit_price or order.stop_price or floor.paths.last(listing, floor.now)
    value = order.quantity * (price or Decimal(0))
    in_base = value * floor.books.rate(listing.currency, floor.now)
    gross = floor.books.gross(floor.now)
    day = local_date(listing, floor.now)
    return {
        "init_before": gross * INIT_MARGIN,
        "init_change": in_base * INIT_MARGIN,
        "maintenance_before": gross * MAINTENANCE_MARGIN,
        "maintenance_change": in_base * MAINTENANCE_MARGIN,
        "equity": floor.books.equity(floor.now),
        "commission": order_cost(listing, order.action, order.quantity, value, day),
    }
