"""What all parts of the exchange share: the instant, the account, the orders, who is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from sim.gateway.exchange.books import Books
from sim.gateway.exchange.path import Paths
from sim.gateway.exchange.register import Register
from sim.gateway.exchange.truth import Truth
from sim.gateway.nouns import Fill, Listing, Order, OrderChanged, Refused
from sim.gateway.rules import Rules

_NAMES = tuple(each.name for each in fields(Order))
_values = attrgetter(*_NAMES)


@dataclass(kw_only=True, slots=True)
class Floor:
    """The state of the exchange. The functions beside it take it first and say what they change."""

    now: datetime
    account_id: str
    rules: Rules
    truth: Truth
    listings: Mapping[int, Listing]
    paths: Paths
    books: Books
    register: Register = field(default_factory=Register)
    fills: list[Fill] = field(default_factory=list)
    stale: set[int] = field(default_factory=set)  # listings whose plans have to be made anew
    claims: dict[int, Decimal] = field(default_factory=dict)  # value of orders that open positions
    taken: dict[int, tuple[datetime, int]] = field(default_factory=dict)  # shares, at a point
    blocks: dict[str, tuple[datetime, int]] = field(default_factory=dict)  # group: point, permId

    def touch(self, con_id: int) -> None:
        """Something about the listing's orders or its position has changed."""
        self.stale.add(con_id)
        self.claims.pop(con_id, None)

    def listing(self, order: Order) -> Listing:
        """The order's listing."""
        return self.listings[order.con_id]

    def is_trading(self, order: Order) -> bool:
        """Whether orders in that listing are matched now."""
        listing = self.listing(order)
        is_open = self.paths.is_open(listing, self.now)
        return is_open and not self.paths.is_halted(listing, self.now)


def as_it_is(order: Order) -> Order:
    """A copy of the order; dataclasses.replace takes twice as long."""
    return Order(**dict(zip(_NAMES, _values(order), strict=True)))


def told(order: Order) -> OrderChanged:
    """The order as it is now."""
    return OrderChanged(as_it_is(order))


def refused(order: Order, code: int, text: str) -> Refused:
    """An error about the order as it is now."""
    return Refused(order.client_id, order.order_id, code, text, as_it_is(order))
