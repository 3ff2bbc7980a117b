"""Requests about orders: place, cancel, list, executions; and how orders and fills are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sim.gateway.nouns import Fill, Listing, Order, Refused
from sim.gateway.requests import contracts
from sim.gateway.requests.asker import Asker
from sim.gateway.requests.stamps import contract, instant, stamp
from sim.gateway.wire.layout import Values
from sim.gateway.wire.words import BadRequest

SIDES = {"BUY": "BOT", "SELL": "SLD"}
NO_CONTRACT = 200


class Orders:
    """One client's order requests."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._exchange = asker.core.exchange
        self.handlers: dict[str, Callable[[Values], None]] = {
            "placeOrder": self._place,
            "cancelOrder": self._cancel,
            "reqOpenOrders": lambda _: self._list(self._own()),
            "reqAutoOpenOrders": lambda _: self._list(self._own()),
            "reqAllOpenOrders": lambda _: self._list(self._exchange.open_orders()),
            "reqGlobalCancel": lambda _: asker.core.tell(self._exchange.cancel_all()),
            "reqIds": lambda _: asker.say(
                "nextValidId", orderId=self._exchange.next_id(asker.client_id)
            ),
            "reqCompletedOrders": self._completed,
            "reqExecutions": self._executions,
        }

    def _own(self) -> list[Order]:
        """The client's orders; those placed by hand are listed to client 0, whose they are."""
        return [
            one for one in self._exchange.open_orders() if one.client_id == self._asker.client_id
        ]

    def _place(self, values: Values) -> None:
        found = contracts.find(self._exchange, values)
        if len(found) != 1:
            self._asker.error(values["orderId"], NO_CONTRACT, contracts.NO_DEFINITION)
            return
        order = read_order(values, self._asker.client_id, found[0].con_id)
        if values["whatIf"]:
            self._what_if(order)
            return
        self._asker.core.tell(self._exchange.place(order))

    def _what_if(self, order: Order) -> None:
        answer = self._exchange.what_if(order)
        if isinstance(answer, Refused):
            self._asker.error(order.order_id, answer.code, answer.text)
            return
        listing = self._asker.core.listing(order.con_id)
        rate = self._exchange.books.rate(listing.currency, self._exchange.now)
        state = margins(answer, listing.currency, rate)
        told = open_order(replace(order, status="PreSubmitted"), listing)
        self._asker.say("openOrder", **{**told, **state})

    def _cancel(self, values: Values) -> None:
        events = self._exchange.cancel(self._asker.client_id, values["orderId"])
        self._asker.core.tell(events)

    def _list(self, orders: Iterable[Order]) -> None:
        for order in orders:
            say_order(self._asker, order)
        self._asker.say("openOrderEnd")

    def _completed(self, _values: Values) -> None:
        for order in self._exchange.completed_orders():
            self._asker.say("completedOrder", **completed_order(self._asker, order))
        self._asker.say("completedOrdersEnd")

    def _executions(self, values: Values) -> None:
        since = instant(values["time"]) if values["time"] else None
        for fill in self._exchange.fills(since):
            if self._is_wanted(values, fill):
                say_execution(self._asker, fill, values["reqId"])
                say_commission(self._asker, fill)
        self._asker.say("execDetailsEnd", reqId=values["reqId"])

    def _is_wanted(self, values: Values, fill: Fill) -> bool:
        listing = self._asker.core.listing(fill.con_id)
        return (
            values["clientId"] in (0, fill.client_id)
            and values["account"] in ("", fill.account)
            and values["symbol"] in ("", listing.symbol)
            and values["secType"] in ("", "STK")
            and values["exchange"] in ("", fill.exchange)
            and values["side"].upper() in ("", fill.action, SIDES[fill.action])
        )


def read_order(values: Values, client_id: int, con_id: int) -> Order:
    """The order of a placeOrder request. Raises BadRequest for what is not taken here."""
    if values["conditions"]:
        raise BadRequest("orders with conditions are not taken here")
    if values["algoStrategy"]:
        raise BadRequest("algorithmic orders are not taken here")
    quantity: Decimal | None = values["totalQuantity"]
    if quantity is None or quantity != quantity.to_integral_value():
        raise BadRequest(f"a whole number of shares is expected, was {quantity}")
    return Order(
        client_id=client_id,
        order_id=values["orderId"],
        con_id=con_id,
        action=values["action"],
        order_type=values["orderType"],
        quantity=int(quantity),
        limit_price=values["lmtPrice"] or None,  # 0 is how a client writes no price
        stop_price=values["auxPrice"] or None,
        tif=values["tif"] or "DAY",
        oca_group=values["ocaGroup"],
        oca_type=values["ocaType"] or 3,
        order_ref=values["orderRef"],
        transmit=values["transmit"],
        parent_id=values["parentId"],
        outside_rth=values["outsideRth"],
        what_if=values["whatIf"],
        account=values["account"],
        exchange=values["exchange"],
        good_till_date=values["goodTillDate"],
    )


# How it is told


def _terms(order: Order, listing: Listing) -> dict[str, Any]:
    return {
        **contract(listing, order.exchange or "SMART"),
        "action": order.action,
        "totalQuantity": order.quantity,
        "orderType": order.order_type,
        "lmtPrice": order.limit_price,
        "auxPrice": order.stop_price,
        "tif": order.tif,
        "ocaGroup": order.oca_group,
        "account": order.account,
        "orderRef": order.order_ref,
        "permId": order.perm_id,
        "outsideRth": order.outside_rth,
        "goodTillDate": order.good_till_date,
        "ocaType": order.oca_type,
        "status": order.status,
    }


def open_order(order: Order, listing: Listing) -> dict[str, Any]:
    """The values of an openOrder, without commission."""
    return {
        **_terms(order, listing),
        "orderId": order.order_id,
        "clientId": order.client_id,
        "parentId": order.parent_id,
    }


def margins(answer: Mapping[str, Decimal], currency: str, rate: Decimal) -> dict[str, Any]:
    """A what-if order's state: margins in base currency before, change, after; and its cost.

    currency, rate: of the commission, and what one unit of it is in base currency.
    """
    cost = answer["commission"]
    before = {
        "initMargin": answer["init_before"],
        "maintMargin": answer["maintenance_before"],
        "equityWithLoan": answer["equity"],
    }
    change = {
        "initMargin": answer["init_change"],
        "maintMargin": answer["maintenance_change"],
        "equityWithLoan": -cost * rate,
    }
    return {
        "whatIf": True,
        **{f"{name}Before": value for name, value in before.items()},
        **{f"{name}Change": value for name, value in change.items()},
        **{f"{name}After": value + change[name] for name, value in before.items()},
        "commission": cost,
        "minCommission": cost,
        "maxCommission": cost,
        "commissionCurrency": currency,
    }


def say_order(asker: Asker, order: Order, *, priced: bool = True) -> None:
    """openOrder and orderStatus; `priced` with the commission so far."""
    values = open_order(order, asker.core.listing(order.con_id))
    if priced and order.commission is not None:
        values |= {"commission": order.commission, "commissionCurrency": order.commission_currency}
    asker.say("openOrder", **values)
    say_status(asker, order)


def say_status(asker: Asker, order: Order) -> None:
    """orderStatus."""
    asker.say(
        "orderStatus",
        orderId=order.order_id,
        status=order.status,
        filled=order.filled,
        remaining=order.remaining,
        avgFillPrice=order.average_fill_price,
        permId=order.perm_id,
        parentId=order.parent_id,
        lastFillPrice=order.last_fill_price,
        clientId=order.client_id,
        whyHeld=order.why_held,
        mktCapPrice=order.market_cap_price,
    )


def say_fill(asker: Asker, order: Order, fill: Fill) -> None:
    """A fill as captured: execution, new state, the same with its commission, the report."""
    say_execution(asker, fill, -1)
    say_order(asker, order, priced=False)
    asker.say(
        "openOrder",
        **open_order(order, asker.core.listing(order.con_id)),
        commission=order.commission,
        commissionCurrency=order.commission_currency,
    )
    if asker.core.rules.status_twice_after_fill:
        say_status(asker, order)
    say_commission(asker, fill)


def say_execution(asker: Asker, fill: Fill, request_id: int) -> None:
    """execDetails; request id -1 when pushed."""
    listing = asker.core.listing(fill.con_id)
    asker.say(
        "execDetails",
        **contract(listing, fill.exchange),
        reqId=request_id,
        orderId=fill.order_id,
        execId=fill.exec_id,
        time=stamp(fill.at, listing.time_zone, asker.version),
        account=fill.account,
        executedAt=fill.exchange,
        side=SIDES[fill.action],
        shares=fill.shares,
        price=fill.price,
        permId=fill.perm_id,
        clientId=fill.client_id,
        cumQty=fill.cumulative,
        avgPrice=fill.average_price,
        orderRef=fill.order_ref,
    )


def say_commission(asker: Asker, fill: Fill) -> None:
    """commissionReport; what an opening fill realised is unset."""
    asker.say(
        "commissionReport",
        execId=fill.exec_id,
        commission=fill.commission,
        currency=fill.currency,
        realizedPNL=fill.realised_pnl,
    )


def completed_order(asker: Asker, order: Order) -> dict[str, Any]:
    """The values of a completedOrder."""
    listing = asker.core.listing(order.con_id)
    ended = order.completed_at
    return {
        **_terms(order, listing),
        "filledQuantity": order.filled,
        "completedTime": "" if ended is None else stamp(ended, listing.time_zone, asker.version),
        "completedStatus": order.completed_status,
    }
