"""What the faults of the order path have in common: which order a message is about, and is it told.

Lists that a client asks for are always told in full: a fault here lies about what is pushed, so
whoever reconciles finds the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sim.gateway.exchange.truth import Rejection
from sim.gateway.faults.fault import Answer, Fault, Request, Speaker, Stage, Struck
from sim.gateway.faults.schedule import SCOPES, Plan
from sim.gateway.nouns import Order

LIVE = ("PreSubmitted", "Submitted")
FOR_EVER = timedelta(days=36_500)
_LISTS = ("reqOpenOrders", "reqAllOpenOrders", "reqAutoOpenOrders", "reqExecutions")
_LIST_ENDS = ("openOrderEnd", "execDetailsEnd")
# What the error channel says with a code, after tws-api message_codes.html.
WORDS: Mapping[int, str] = {
    104: "Can't modify a filled order.",
    105: "Order being modified does not match original order.",
    110: "The price does not conform to the minimum price variation for this contract.",
    161: "Cancel attempted when order is not in a cancellable state.  Order permId =",
    201: "Order rejected - reason:",
    202: "Order Canceled - reason:",
    321: "Error validating request:",
    329: "Order modify failed. Cannot change to the new order type.",
    399: "Order Message: Warning: your order will not be placed at the exchange until it opens",
    404: "Order is held while shares are located.",
    2109: "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored",
    2161: "In accordance with our regulatory obligations, a price cap was placed on your order",
    10148: "OrderId that needs to be cancelled can not be cancelled, state: PendingCancel.",
    10311: "This order will be directly routed to the exchange.",
    10349: "Order TIF was set to DAY based on order preset.",
}


class OrderFault(Fault):
    """A fault that is about one order at a time."""

    narrows: ClassVar[bool] = True
    scopes: ClassVar[tuple[str, ...]] = SCOPES

    def __init__(self, plan: Plan, stage: Stage, struck: Struck, seed: str) -> None:
        super().__init__(plan, stage, struck, seed)
        self._asking: set[int] = set()  # clients that are being told a list
        self._seen: set[int] = set()  # permIds that were an opportunity before

    # Which order

    def order(self, client_id: int, order_id: int) -> Order | None:
        """The order of that key that the exchange works or has finished."""
        exchange = self.stage.exchange
        everything = (*exchange.open_orders(), *reversed(exchange.completed_orders()))
        for one in everything:
            if (one.client_id, one.order_id) == (client_id, order_id):
                return one
        return None

    def is_live(self, order: Order) -> bool:
        """Whether the order still rests at the exchange."""
        return any(one.perm_id == order.perm_id for one in self.stage.exchange.open_orders())

    def named(self, request: Request) -> Order | None:
        """The live order that a request would change or cancel."""
        found = self.order(request.session.client_id, request.values["orderId"])
        return found if found is not None and self.is_live(found) else None

    def written(self, values: Mapping[str, Any], client_id: int) -> Order | None:
        """The order that a placeOrder or an openOrder spells out; None for an unknown contract."""
        for listing in self.stage.exchange.by_con_id.values():
            if listing.con_id == values["conId"] or (
                not values["conId"] and listing.symbol == values["symbol"]
            ):
                return Order(
                    client_id=client_id,
                    order_id=values["orderId"],
                    con_id=listing.con_id,
                    action=values["action"],
                    order_type=values["orderType"],
                    quantity=int(values["totalQuantity"]),
                    parent_id=values.get("parentId", 0),
                )
        return None

    def subject(self, session: Speaker, answer: Answer) -> Order | None:
        """The order that an answer is about."""
        values = answer.values
        match answer.name:
            case "openOrder" | "orderStatus" | "execDetails":
                return self.order(values["clientId"], values["orderId"])
            case "error":
                return self.order(session.client_id, values["reqId"])
            case "commissionReport":
                for fill in reversed(self.stage.exchange.fills()):
                    if fill.exec_id == values["execId"]:
                        return self.order(fill.client_id, fill.order_id)
        return None

    # What is asked and told

    def swallows(self, request: Request) -> bool:
        """A request goes no further where `takes` says so."""
        if request.name in _LISTS:
            self._asking.add(request.session.client_id)
        return self.takes(request)

    def takes(self, request: Request) -> bool:
        """Whether the fault keeps a request to itself."""
        return False

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        """Whatever `tells` makes of a message that is pushed; lists pass untouched."""
        if answer.name in _LIST_ENDS:
            self._asking.discard(session.client_id)
        if session.client_id in self._asking:
            return (answer,)
        order = self.subject(session, answer)
        return (answer,) if order is None else self.tells(answer, order)

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        """What is told in place of a message about an order."""
        return (answer,)

    # What most faults need

    def first_time(self, order: Order) -> bool:
        """Whether the order is seen here for the first time."""
        if order.perm_id in self._seen:
            return False
        self._seen.add(order.perm_id)
        return True

    def until_seconds(self) -> datetime:
        """The end of a strike that begins now and lasts `seconds`; 0 is for ever."""
        seconds = self.setting("seconds")
        return self.stage.exchange.now + (timedelta(seconds=seconds) if seconds else FOR_EVER)

    def part(self, order: Order, share: float) -> int:
        """Whole lots of the order that come next to a share of it, at least one."""
        lot = self.stage.exchange.by_con_id[order.con_id].lot
        return max(lot, int(order.quantity * share) // lot * lot)

    def on_tick(self, order: Order, price: Decimal) -> Decimal:
        """The nearest legal price at or below; the lowest there is where there is none."""
        paths, listing = self.stage.exchange.paths, self.stage.exchange.by_con_id[order.con_id]
        price = max(price, Decimal(0))
        tick = paths.tick(listing, price)
        return max(price // tick * tick, tick)

    def price_now(self, order: Order) -> Decimal:
        """What the order would trade at now: the far touch, else the last price, else its own."""
        top = self.stage.exchange.top(order.con_id)
        touch = {"BUY": top.ask, "SELL": top.bid}[order.action]
        return touch or top.last or order.limit_price or order.stop_price or Decimal(0)


def complaint(order: Order, code: int, words: str = "") -> Answer:
    """An error of the code, about the order."""
    text = words or WORDS[code]
    return Answer("error", {"reqId": order.order_id, "code": code, "text": text})


def rejection(code: int, words: str, *, inactive: bool) -> Rejection:
    """A rejection in the code's own words and some more."""
    return Rejection(code, WORDS[code] + words, inactive)
