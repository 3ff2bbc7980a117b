"""How the exchange answers when nobody lies. A fault overrides one of these and nothing else.

Every method is asked at one known instant of an order's life, with the exchange's own order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from sim.gateway.nouns import Order


class Rejection(NamedTuple):
    """A new order that is not taken. `inactive`: openOrder and orderStatus Inactive follow."""

    code: int
    text: str
    inactive: bool = True


class Truth:
    """The exchange as it says it is."""

    def rejects(self, order: Order) -> Rejection | None:
        """Why a valid new order is rejected all the same; asked when it would go live."""
        return None

    def loses(self, order: Order) -> bool:
        """Whether a leg vanishes without a word when its family is transmitted."""
        return False

    def marks(self, order: Order) -> None:
        """The last word on `status`, `why_held` and `market_cap_price` of a live order."""

    def waits(self, order: Order) -> bool:
        """Whether a working order neither triggers nor trades at this instant."""
        return False

    def most(self, order: Order, shares: int) -> int:
        """At most so many of the shares that would fill now."""
        return shares

    def stop_price(self, order: Order, price: Decimal) -> Decimal:
        """The price at which a triggered stop fills."""
        return price

    def keeps(self, order: Order) -> bool:
        """Whether the order stays untouched although another of its OCA group filled."""
        return False

    def expires(self, order: Order) -> bool:
        """Whether the order ends at the close."""
        return order.tif == "DAY"

    def fills_first(self, order: Order) -> int:
        """How many shares fill between a cancel request and its effect."""
        return 0
