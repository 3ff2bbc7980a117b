"""Lies about how an order is taken, F1 to F6, F13 and F14: lost, late, refused, half a family.

What a client holds to be true once it has sent: that it will hear, and that an error is an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from sim.gateway.exchange.truth import Rejection
from sim.gateway.faults.fault import Answer, Fault, Request, Speaker, leg_of
from sim.gateway.faults.order_path import LIVE, OrderFault, complaint, rejection
from sim.gateway.nouns import Order
from sim.gateway.wire.words import UNSET_DOUBLE_TEXT

WRONG_TICK, REJECTED, WRONG_SIZE = 110, 201, 321
MARGINS = ("initMargin", "maintMargin", "equityWithLoan")
INSTANT = timedelta(microseconds=1)


class F1(OrderFault):
    """A placeOrder is lost: the exchange never sees it and the client hears nothing."""

    name = "F1"
    settings: ClassVar[Mapping[str, Any]] = {"of": ("new", "change")}

    def takes(self, request: Request) -> bool:
        if request.name != "placeOrder" or request.values["whatIf"]:
            return False
        is_change = self.named(request) is not None
        if is_change != (self.setting("of") == "change"):
            return False
        order = self.written(request.values, request.session.client_id)
        return order is not None and self.fires(order)


class F2(OrderFault):
    """The acknowledgement of an order comes `seconds` late, 0 never; the order is live meanwhile.

    Whatever is to be told of it in the meantime waits as well and comes in its order.
    """

    name = "F2"
    settings: ClassVar[Mapping[str, Any]] = {"seconds": 10.0}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._quiet_until: dict[int, datetime] = {}  # by permId

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        now = self.stage.exchange.now
        if answer.name == "openOrder" and self.first_time(order) and self.fires(order):
            self._quiet_until[order.perm_id] = self.until_seconds()
        until = self._quiet_until.get(order.perm_id)
        if until is None or now > until:
            return (answer,)
        if not self.setting("seconds"):
            return ()
        return (answer.late(max(until - now, INSTANT).total_seconds()),)


class F3(OrderFault):
    """A good new order is rejected with 201, and nothing else is said of it.

    Of a family it is, where no leg is named, the one that transmits it.
    """

    name = "F3"
    inactive: ClassVar[bool] = False

    def rejects(self, order: Order) -> Rejection | None:
        if not self.fires(order):
            return None
        return rejection(REJECTED, "the order is not accepted", inactive=self.inactive)


class F4(F3):
    """A good new order is rejected with 201, and is then said to be Inactive."""

    name = "F4"
    inactive: ClassVar[bool] = True


class F5(OrderFault):
    """An error is said of an order that rests: on acknowledging, on changing or on cancelling it.

    What was asked for by the change or by the cancellation does not happen.
    """

    name = "F5"
    settings: ClassVar[Mapping[str, Any]] = {
        "code": (
            *(161, 104, 105, 10148, 201, 321, 329, 10349, 10311),  # taken for the order's end
            *(110, 202, 399, 404, 2109),  # taken for a warning
        ),
        "on": ("acknowledged", "change", "cancel"),
    }

    def takes(self, request: Request) -> bool:
        asked = {"placeOrder": "change", "cancelOrder": "cancel"}.get(request.name)
        if asked is None or self.setting("on") != asked:
            return False
        order = self.named(request)
        if order is None or not self.fires(order):
            return False
        request.session.put(complaint(order, self.setting("code")))
        return True

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        if self.setting("on") != "acknowledged" or not self._is_acknowledged(answer, order):
            return (answer,)
        if not self.first_time(order) or not self.fires(order):
            return (answer,)
        return answer, complaint(order, self.setting("code"))

    @staticmethod
    def _is_acknowledged(answer: Answer, order: Order) -> bool:
        """Whether this is the last word on a new order: a status behind it would mend the lie."""
        if answer.name != "orderStatus" or answer.values["status"] not in LIVE:
            return False
        return bool(answer.values["status"] == order.status)


class F6(OrderFault):
    """A good new order is refused for its tick (110) or for its size (321)."""

    name = "F6"
    settings: ClassVar[Mapping[str, Any]] = {"kind": ("tick", "lot")}

    def rejects(self, order: Order) -> Rejection | None:
        if not self.fires(order):
            return None
        if self.setting("kind") == "tick":
            return rejection(WRONG_TICK, "", inactive=False)
        return rejection(WRONG_SIZE, " Order size does not conform to market rule", inactive=False)


class F13(OrderFault):
    """Half a family goes out: a leg vanishes without a word, or the entry is never transmitted.

    A leg that was acknowledged first vanishes `seconds` later. An entry that stays untransmitted
    neither trades nor is told of, while its exits are acknowledged and wait for it.
    """

    name = "F13"
    settings: ClassVar[Mapping[str, Any]] = {
        "kind": ("child_lost", "parent_held"),
        "acknowledged": False,
        "seconds": 5.0,
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._kept_back: set[int] = set()  # permIds of entries

    def _loses_children(self, *, acknowledged: bool) -> bool:
        is_meant = self.setting("acknowledged") is acknowledged
        return self.setting("kind") == "child_lost" and is_meant

    def loses(self, order: Order) -> bool:
        meant = self._loses_children(acknowledged=False) and order.parent_id
        return bool(meant) and self.fires(order)

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        if order.perm_id in self._kept_back:
            return ()
        is_meant = self._loses_children(acknowledged=True) and order.parent_id
        if answer.name != "orderStatus" or not is_meant or not self.is_live(order):
            return (answer,)
        if self.first_time(order) and self.fires(order):
            self.stage.later(self.setting("seconds"), partial(self._drop, order))
        return (answer,)

    def _drop(self, order: Order) -> None:
        if self.is_live(order):
            self.stage.exchange.drop(order.client_id, order.order_id)

    def marks(self, order: Order) -> None:
        is_entry = self.setting("kind") == "parent_held" and leg_of(order) == "entry"
        if is_entry and self.first_time(order) and self.fires(order):
            self._kept_back.add(order.perm_id)
        if order.perm_id in self._kept_back:
            order.status = ""  # as of any order that was never transmitted

    def waits(self, order: Order) -> bool:
        return order.perm_id in self._kept_back


class F14(Fault):
    """A what-if order gets no answer, or one without margins or without a commission."""

    name = "F14"
    scopes = ("symbol", "client")
    settings: ClassVar[Mapping[str, Any]] = {"kind": ("silent", "margins", "commission")}

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        if answer.name != "openOrder" or not answer.values.get("whatIf"):
            return (answer,)
        symbol = str(answer.values["symbol"])
        if not self.fires(symbol=symbol, client=session.client_id):
            return (answer,)
        if self.setting("kind") == "silent":
            return ()
        costs = ("commission", "minCommission", "maxCommission")
        margins = [f"{name}{when}" for name in MARGINS for when in ("Before", "Change", "After")]
        names = [*costs, *margins] if self.setting("kind") == "margins" else costs
        return (answer.but(**dict.fromkeys(names, UNSET_DOUBLE_TEXT)),)
