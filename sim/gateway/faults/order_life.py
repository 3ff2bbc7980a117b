"""Lies about an order that rests, F7, F8, F11, F12 and F15: how it fills, triggers and ends.

What a client holds to be true while it waits: that an order fills whole, that a cancelled one is
over, that a stop protects, that one exit ends the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from sim.gateway.faults.fault import Answer, leg_of
from sim.gateway.faults.order_path import OrderFault
from sim.gateway.nouns import Order

CANCELLED = 202


class F7(OrderFault):
    """An entry fills in part, `share` of it, and then nothing for `seconds`; 0 is for ever.

    children: whether the exits protect what has filled, or wait until the entry is full.
    """

    name = "F7"
    settings: ClassVar[Mapping[str, Any]] = {
        "share": 0.4,
        "seconds": 0.0,
        "children": ("partial", "full"),
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._stalls: dict[tuple[int, int], tuple[int, datetime]] = {}  # key: most shares, until

    def most(self, order: Order, shares: int) -> int:
        if leg_of(order) != "entry":
            return shares
        key = (order.client_id, order.order_id)
        if key not in self._stalls:
            first = self.part(order, self.setting("share"))
            if first >= order.quantity or not self.fires(order):
                return shares
            self._stalls[key] = (first, self.until_seconds())
        most, until = self._stalls[key]
        return shares if self.stage.exchange.now >= until else max(0, most - order.filled)

    def _is_unarmed(self, order: Order) -> bool:
        """Whether the order is an exit of an entry that stalls, and exits arm on full only."""
        stall = self._stalls.get((order.client_id, order.parent_id))
        if stall is None or self.setting("children") == "partial":
            return False
        return self.stage.exchange.now < stall[1]

    def marks(self, order: Order) -> None:
        if self._is_unarmed(order):
            words = [word for word in order.why_held.split(",") if word not in ("", "child")]
            order.status, order.why_held = "PreSubmitted", ",".join(["child", *words])

    def waits(self, order: Order) -> bool:
        return self._is_unarmed(order)


class F8(OrderFault):
    """A cancellation comes too late: `share` of the order fills all the same.

    kind: before it is acknowledged, or `seconds` after the client was told Cancelled.
    """

    name = "F8"
    settings: ClassVar[Mapping[str, Any]] = {
        "kind": ("before_ack", "after"),
        "share": 1.0,
        "seconds": 5.0,
    }

    def fills_first(self, order: Order) -> int:
        if self.setting("kind") != "before_ack" or not self.fires(order):
            return 0
        return self._shares(order)

    def _shares(self, order: Order) -> int:
        return min(order.remaining, self.part(order, self.setting("share")))

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        is_end = answer.name == "orderStatus" and answer.values["status"] == "Cancelled"
        if self.setting("kind") != "after" or not is_end or not order.remaining:
            return (answer,)
        if self.first_time(order) and self.fires(order):
            self.stage.later(self.setting("seconds"), partial(self._fill, order))
        return (answer,)

    def _fill(self, order: Order) -> None:
        exchange = self.stage.exchange
        price = order.limit_price or order.stop_price or self.price_now(order)
        shares = self._shares(order)
        self.stage.tell(exchange.fill(order.client_id, order.order_id, shares, price))


class F11(OrderFault):
    """Orders that are good till cancelled end at the close, exits included.

    told: by 202 alone, by the status alone, or by both. One strike is one close: all orders of the
    plan's scope end with it.
    """

    name = "F11"
    settings: ClassVar[Mapping[str, Any]] = {"told": ("notice", "status", "both")}
    narrows = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._close: datetime | None = None
        self._ended: set[int] = set()  # permIds

    def expires(self, order: Order) -> bool:
        now = self.stage.exchange.now
        if order.tif == "DAY":
            return True
        if self._close == now and self.covers(order):
            self._ended.add(order.perm_id)
        elif self.fires(order):
            self._close = now
            self._ended.add(order.perm_id)
        return order.perm_id in self._ended

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        told = self.setting("told")
        if order.perm_id not in self._ended or told == "both":
            return (answer,)
        is_notice = answer.name == "error" and answer.values["code"] == CANCELLED
        return (answer,) if is_notice == (told == "notice") else ()


class F12(OrderFault):
    """One order of an OCA group is not cancelled when another fills: both may fill."""

    name = "F12"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._spared: set[int] = set()  # permIds

    def keeps(self, order: Order) -> bool:
        if order.perm_id not in self._spared and self.fires(order):
            self._spared.add(order.perm_id)
        return order.perm_id in self._spared


class F15(OrderFault):
    """A stop fills `percent` beyond its price, or sleeps through it `seconds` long; 0: for ever."""

    name = "F15"
    settings: ClassVar[Mapping[str, Any]] = {
        "kind": ("gap", "asleep"),
        "percent": 7.0,
        "seconds": 0.0,
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._asleep_until: dict[int, datetime] = {}  # by permId

    def stop_price(self, order: Order, price: Decimal) -> Decimal:
        if self.setting("kind") != "gap" or order.order_type != "STP" or order.stop_price is None:
            return price  # a stop-limit order has a limit, which holds
        if not self.fires(order):
            return price
        beyond = order.stop_price * Decimal(str(self.setting("percent"))) / 100
        there = order.stop_price + {"BUY": beyond, "SELL": -beyond}[order.action]
        worse = {"BUY": max, "SELL": min}[order.action](price, there)
        return self.on_tick(order, worse)

    def waits(self, order: Order) -> bool:
        if self.setting("kind") != "asleep" or leg_of(order) != "stop":
            return False
        if order.perm_id not in self._asleep_until and self.fires(order):
            self._asleep_until[order.perm_id] = self.until_seconds()
        until = self._asleep_until.get(order.perm_id)
        return until is not None and self.stage.exchange.now < until
