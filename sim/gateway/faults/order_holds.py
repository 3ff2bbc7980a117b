"""Lies of a broker that holds an order back, F16 to F18: at a cap, to the next day, to locate.

What a client holds to be true of an order that is acknowledged: that it works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from sim.gateway.exchange.matching import is_marketable
from sim.gateway.faults.fault import Answer, Request, leg_of
from sim.gateway.faults.order_path import FOR_EVER, OrderFault, complaint
from sim.gateway.nouns import Order

HELD, LOCATING, CAPPED = 399, 404, 2161


class _Holds(OrderFault):
    """Holds a new order back that would work: it says so, and nothing trades meanwhile."""

    code: ClassVar[int]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._until: dict[int, datetime] = {}  # by permId
        self._noticed: set[int] = set()

    def is_meant(self, order: Order) -> bool:
        """Whether a new order that would work is one to be held."""
        return True

    def end(self, order: Order) -> datetime:
        """When an order that is held from now on is let go."""
        return self.until_seconds()

    def says(self, order: Order) -> None:
        """The order's status while it is held."""

    def is_held(self, order: Order) -> bool:
        """Whether the order is held at this instant."""
        until = self._until.get(order.perm_id)
        return until is not None and self.stage.exchange.now < until

    def marks(self, order: Order) -> None:
        would_work = order.status == "Submitted" and not order.filled and self.first_time(order)
        if would_work and self.is_meant(order) and self.fires(order):
            self._until[order.perm_id] = self.end(order)
        if self.is_held(order):
            self.says(order)

    def waits(self, order: Order) -> bool:
        return self.is_held(order)

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        if answer.name != "orderStatus" or not self.is_held(order):
            return (answer,)
        if order.perm_id in self._noticed:
            return (answer,)
        self._noticed.add(order.perm_id)
        return answer, complaint(order, self.code)


class F16(_Holds):
    """A marketable order is held at a price cap for `seconds`: Submitted, not trading.

    0 seconds: for ever.
    """

    name = "F16"
    settings: ClassVar[Mapping[str, Any]] = {"seconds": 60.0}
    code = CAPPED

    def is_meant(self, order: Order) -> bool:
        top = self.stage.exchange.top(order.con_id)
        if leg_of(order) == "stop" or top.bid is None or top.ask is None:
            return False
        return is_marketable(order, top.bid, top.ask)

    def says(self, order: Order) -> None:
        """The cap is the near touch: one spread too little to trade."""
        top = self.stage.exchange.top(order.con_id)
        near = {"BUY": top.bid, "SELL": top.ask}[order.action]
        if near is not None:
            order.market_cap_price = near

    def marks(self, order: Order) -> None:
        super().marks(order)
        if order.perm_id in self._until and not self.is_held(order):
            order.market_cap_price = Decimal(0)


class F17(_Holds):
    """A new order is held to the next session (399) although the market is open."""

    name = "F17"
    code = HELD

    def end(self, order: Order) -> datetime:
        exchange = self.stage.exchange
        listing = exchange.by_con_id[order.con_id]
        opens = exchange.paths.next_open(listing, exchange.now)
        return opens or exchange.now + FOR_EVER

    def says(self, order: Order) -> None:
        order.status = "PreSubmitted"

    def expires(self, order: Order) -> bool:
        """An order for the next session does not end with this one."""
        return order.tif == "DAY" and not self.is_held(order)


class F18(_Holds):
    """A short sale is held while shares are located (404), and fills by surprise after `seconds`.

    A cancellation in between is never acknowledged. 0 seconds: it never fills.
    """

    name = "F18"
    settings: ClassVar[Mapping[str, Any]] = {"seconds": 300.0}
    code = LOCATING

    def is_meant(self, order: Order) -> bool:
        holding = self.stage.exchange.books.holdings.get(order.con_id)
        held = holding.shares if holding is not None else 0
        return order.action == "SELL" and not order.parent_id and order.quantity > held

    def end(self, order: Order) -> datetime:
        """For ever: it is filled by hand."""
        if self.setting("seconds"):
            self.stage.later(self.setting("seconds"), partial(self._fill, order))
        return self.stage.exchange.now + FOR_EVER

    def _fill(self, order: Order) -> None:
        if self.is_live(order):
            shares, price = order.remaining, self.price_now(order)
            key = (order.client_id, order.order_id)
            self.stage.tell(self.stage.exchange.fill(*key, shares, price))

    def says(self, order: Order) -> None:
        order.status, order.why_held = "PreSubmitted", "locate"

    def takes(self, request: Request) -> bool:
        if request.name != "cancelOrder":
            return False
        order = self.named(request)
        return order is not None and self.is_held(order)
