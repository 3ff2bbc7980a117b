"""Lies at and about the start of a connection, F20 and F27 to F30, and its pace, F38.

Which ids are free, what there is, that all of it was told and in time, and what may be done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sim.gateway.faults.fault import Answer, Fault, Request, Speaker
from sim.gateway.faults.order_path import OrderFault

NO_REQUEST = -1
DUPLICATE_ID, VALIDATION, TOO_FAST = 103, 321, 100
READ_ONLY = (
    "Error validating request.-'{}' : cause - The API interface is currently in Read-Only mode."
)
PIECES_MAX = 8192  # of what goes out at once; above that a piece is more than a byte


class F20(OrderFault):
    """A fresh order id is refused as duplicate, or the next id told at a start is one long used.

    order_id: what is told as the next valid id.
    """

    name = "F20"
    settings = {"kind": ("duplicate", "restart"), "order_id": 1}

    def takes(self, request: Request) -> bool:
        if self.setting("kind") != "duplicate" or request.name != "placeOrder":
            return False
        order = self.written(request.values, request.session.client_id)
        if order is None or self.named(request) is not None or not self.fires(order):
            return False
        request.session.error(order.order_id, DUPLICATE_ID, "Duplicate order id")
        return True

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        if answer.name != "nextValidId" or self.setting("kind") != "restart":
            return (answer,)
        fires = self.fires(client=session.client_id)
        return (answer.but(orderId=self.setting("order_id")) if fires else answer,)


class F27(Fault):
    """Of a list at the start the end is missing, or rows are while the end comes.

    missing: the end; the rows, so that there seems to be nothing; or the rest, all but the first.
    """

    name = "F27"
    rows = {
        "openOrderEnd": ("reqOpenOrders", "openOrder", "orderStatus"),
        "positionEnd": ("reqPositions", "position"),
        "accountDownloadEnd": ("reqAccountUpdates", "accountValue", "portfolioValue"),
        "execDetailsEnd": ("reqExecutions", "execDetails", "commissionReport"),
        "completedOrdersEnd": ("reqCompletedOrders", "completedOrder"),
        "accountUpdateMultiEnd": ("reqAccountUpdatesMulti", "accountUpdateMulti"),
    }
    settings = {"marker": tuple(rows), "missing": ("end", "rows", "rest")}

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._told: dict[str, int] | None = None  # rows of the list under way, while it is

    def swallows(self, request: Request) -> bool:
        asks = self.rows[self.setting("marker")][0]
        strikes = request.name == asks and self.fires(client=request.session.client_id)
        self._told = {} if strikes else None
        return False

    def handled(self, request: Request) -> None:
        self._told = None

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        marker, missing = self.setting("marker"), self.setting("missing")
        if self._told is None:
            return (answer,)
        if answer.name == marker:
            return () if missing == "end" else (answer,)
        if answer.name not in self.rows[marker] or missing == "end":
            return (answer,)
        told = self._told[answer.name] = self._told.get(answer.name, 0) + 1
        return (answer,) if missing == "rest" and told == 1 else ()


class F28(Fault):
    """The API is read-only: orders, cancellations and the list of open orders are refused.

    seconds: how long from the first such request; 0 is for ever.
    """

    name = "F28"
    settings = {"seconds": 0.0}
    refused = ("placeOrder", "cancelOrder", "reqGlobalCancel", "reqOpenOrders")

    def swallows(self, request: Request) -> bool:
        if request.name not in self.refused or not self.lasts(client=request.session.client_id):
            return False
        number = request.values.get("orderId", NO_REQUEST)
        request.session.error(number, VALIDATION, READ_ONLY.format(request.name))
        return True


class F29(Fault):
    """Every answer of a client's first `span_seconds` comes `seconds` late."""

    name = "F29"
    settings = {"seconds": 10.0, "span_seconds": 2.0}

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._slow_until: dict[Speaker, datetime] = {}

    def started(self, session: Speaker) -> None:
        if self.fires(client=session.client_id):
            span = timedelta(seconds=self.setting("span_seconds"))
            self._slow_until[session] = self.stage.exchange.now + span

    def left_by(self, session: Speaker) -> None:
        self._slow_until.pop(session, None)

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        until = self._slow_until.get(session)
        if until is None or self.stage.exchange.now >= until:
            return (answer,)
        return (answer.late(self.setting("seconds")),)


class F30(Fault):
    """Messages come cut into single bytes, many in one after a while, or as one of megabytes.

    No lie, but a client that takes what arrives for one message is deceived.
    seconds: how long from the first strike; 0 is for ever.
    delay_seconds: for which coalesced messages are collected. megabytes: of a huge one.
    """

    name = "F30"
    settings = {
        "kind": ("bytes", "coalesced", "huge"),
        "seconds": 0.0,
        "delay_seconds": 1.0,
        "megabytes": 2.0,
    }

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._collected: dict[Speaker, tuple[datetime, bytes]] = {}  # and when it goes out

    def chunks(self, session: Speaker, data: bytes) -> list[bytes]:
        match self.setting("kind"):
            case "bytes" if data and self.lasts(client=session.client_id):
                size = 1 + len(data) // PIECES_MAX
                return [data[at : at + size] for at in range(0, len(data), size)]
            case "coalesced":
                return self._coalesced(session, data)
        return [data]

    def _coalesced(self, session: Speaker, data: bytes) -> list[bytes]:
        now = self.stage.exchange.now
        if session not in self._collected:
            if not data or not self.lasts(client=session.client_id):
                return [data]
            seconds = self.setting("delay_seconds")
            self._collected[session] = (now + timedelta(seconds=seconds), b"")
            self.stage.later(seconds, lambda: None)  # there is something to be sent then
        due, before = self._collected[session]
        if now < due:
            self._collected[session] = (due, before + data)
            return []
        del self._collected[session]
        return [before + data]

    def left_by(self, session: Speaker) -> None:
        self._collected.pop(session, None)

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        if answer.name != "scannerParameters" or self.setting("kind") != "huge":
            return (answer,)
        if not self.lasts(client=session.client_id):
            return (answer,)
        padding = "<!-- -->" * int(self.setting("megabytes") * 1e6 / 8)
        return (answer.but(xml=answer.values["xml"] + padding),)


class F38(Fault):
    """More than so many messages within a second: what is above is dropped, after code 100.

    seconds: how long nothing is taken. disconnect: whether the connection is closed as well.
    """

    name = "F38"
    settings = {"most": 50, "seconds": 1.0, "disconnect": True}

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._came: dict[Speaker, deque[datetime]] = {}

    def swallows(self, request: Request) -> bool:
        session, now = request.session, self.stage.exchange.now
        came = self._came.setdefault(session, deque())
        came.append(now)
        while came[0] <= now - timedelta(seconds=1):
            came.popleft()
        before = self.until
        if len(came) <= self.setting("most") or not self.lasts(client=session.client_id):
            return False
        if self.until != before:
            text = "Max rate of messages per second has been exceeded."
            session.error(NO_REQUEST, TOO_FAST, text)
            session.closed = self.setting("disconnect")
        return True

    def left_by(self, session: Speaker) -> None:
        self._came.pop(session, None)
