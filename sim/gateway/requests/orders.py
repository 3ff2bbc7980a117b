"""Requests about orders: place, cancel, list, executions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sim.gateway import contract_messages, order_messages
from sim.gateway.core import Core
from sim.gateway.nouns import Order, Refused
from sim.gateway.order_reading import read_order
from sim.gateway.requests.accounts import Sender
from sim.gateway.wire.reader import Reader

NO_CONTRACT = 200


class OrderRequests:
    """One client's order requests."""

    def __init__(self, core: Core, session: Sender) -> None:
        self._core = core
        self._session = session
        self.handlers: dict[int, Callable[[Reader], None]] = {
            3: self._place,
            4: self._cancel,
            5: lambda _: self._list(
                one for one in core.exchange.open_orders() if one.client_id == session.client_id
            ),
            7: self._executions,
            8: lambda _: session.send(9, 1, core.exchange.next_id(session.client_id)),
            15: lambda _: self._list(
                one for one in core.exchange.open_orders() if one.client_id == session.client_id
            ),
            16: lambda _: self._list(core.exchange.open_orders()),
            58: lambda _: core.tell(core.exchange.cancel_all()),
            99: self._completed,
        }

    def _place(self, fields: Reader) -> None:
        contract, order = read_order(fields, self._session.client_id, self._session.version)
        found = contract_messages.find(self._core.world, contract)
        if len(found) != 1:
            text = "No security definition has been found for the request"
            self._session.error(order.order_id, NO_CONTRACT, text)
            return
        order.con_id = found[0].con_id
        if order.what_if:
            self._what_if(order)
            return
        self._core.tell(self._core.exchange.place(order))

    def _what_if(self, order: Order) -> None:
        answer = self._core.exchange.what_if(order)
        if isinstance(answer, Refused):
            self._session.error(order.order_id, answer.code, answer.text)
            return
        listing = self._core.listing(order.con_id)
        self._session.send(
            *order_messages.open_order(order, listing, self._session.version, answer)
        )

    def _cancel(self, fields: Reader) -> None:
        fields.skip(1)
        order_id = fields.integer()
        self._core.tell(self._core.exchange.cancel(self._session.client_id, order_id))

    def _list(self, orders: Iterable[Order]) -> None:
        for order in orders:
            listing = self._core.listing(order.con_id)
            self._session.send(*order_messages.open_order(order, listing, self._session.version))
            self._session.send(*order_messages.order_status(order))
        self._session.send(53, 1)

    def _completed(self, _fields: Reader) -> None:
        for order in self._core.exchange.completed_orders():
            listing = self._core.listing(order.con_id)
            self._session.send(
                *order_messages.completed_order(order, listing, self._session.version)
            )
        self._session.send(102)

    def _executions(self, fields: Reader) -> None:
        fields.skip(1)
        request_id = fields.integer()
        client_id = fields.integer()  # 0 is all
        account = fields.text()
        fields.skip(1)  # time: everything since the start is of today
        symbol = fields.text()
        fields.skip(2)
        side = fields.text().upper()
        for fill in self._core.exchange.fills():
            listing = self._core.listing(fill.con_id)
            wanted = (
                client_id in (0, fill.client_id)
                and account in ("", fill.account)
                and symbol in ("", listing.symbol)
                and side in ("", fill.action, order_messages.SIDES[fill.action])
            )
            if not wanted:
                continue
            self._session.send(
                *order_messages.execution(fill, listing, self._session.version, request_id)
            )
            self._session.send(*order_messages.commission_report(fill))
        self._session.send(55, 1, request_id)
