"""Which client library speaks to the broker: ib_insync, or ib_async with the same API.

`IB_LIB` in the environment chooses; nothing else in this project imports either. The library is not
a trusted part: this file removes the two habits of it that lose money.

- An error on the error channel never ends an order's life here. The library marks a live order
  cancelled on any unlisted code, while it rests at the broker and can fill.
- What the broker says of an order is handed on as it was said, before the library merges it into
  its own idea of the order.
"""

from __future__ import annotations

import importlib
import os
from datetime import UTC, datetime
from typing import Any, Protocol

NAMES = ("ib_insync", "ib_async")
name = os.environ.get("IB_LIB", "ib_insync")
if name not in NAMES:
    raise ImportError(f"IB_LIB must be one of {', '.join(NAMES)}, was {name!r}")

library: Any = importlib.import_module(name)
_client: Any = importlib.import_module(f"{name}.client")
_wrapper: Any = importlib.import_module(f"{name}.wrapper")

Contract: Any = library.Contract
Order: Any = library.Order
ScannerSubscription: Any = library.ScannerSubscription
RequestError: Any = _wrapper.RequestError

LAST_TIMESTAMP = 45  # tick type: time of the last trade, in seconds since 1970
# Codes that end a request although the library takes them for warnings or for silence.
_ENDS_A_REQUEST = frozenset({165, 354, 10089, 10168, 10197})


class Listener(Protocol):
    """Who hears what the broker says of orders, unaltered."""

    def heard_open_order(self, order_id: int, contract: Any, order: Any, state: Any) -> None:
        """One openOrder message."""

    def heard_order_status(self, perm_id: int, status: str, filled: float) -> None:
        """One orderStatus message."""

    def heard_execution(self) -> None:
        """An execution or a commission report arrived."""

    def heard_error(self, request_id: int, code: int, text: str) -> None:
        """One message of the error channel: notices, refusals and warnings alike."""


class _Wrapper(_wrapper.Wrapper):  # type: ignore[misc]
    """The library's callbacks, with orders kept out of reach of the error channel."""

    listener: Listener | None = None

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:  # noqa: N802, N803
        if self.listener is not None:
            self.listener.heard_open_order(orderId, contract, order, orderState)
        super().openOrder(orderId, contract, order, orderState)

    def orderStatus(self, orderId: int, status: str, filled: float, *rest: Any) -> None:  # noqa: N802, N803
        if self.listener is not None:
            _remaining, _average, perm_id = rest[:3]
            self.listener.heard_order_status(perm_id, status, filled)
        super().orderStatus(orderId, status, filled, *rest)

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:  # noqa: N802, N803
        # The library drops how an order ended; it is kept on the order itself.
        order.completedStatus = orderState.completedStatus
        super().completedOrder(contract, order, orderState)

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:  # noqa: N802, N803
        is_news = reqId not in self._futures  # else the answer to a request for executions
        super().execDetails(reqId, contract, execution)
        if is_news and self.listener is not None:
            self.listener.heard_execution()

    def commissionReport(self, commissionReport: Any) -> None:  # noqa: N802, N803
        fill = self.fills.get(commissionReport.execId)
        is_news = fill is not None and not fill.commissionReport.execId
        super().commissionReport(commissionReport)
        if is_news and self.listener is not None:
            self.listener.heard_execution()

    def tickString(self, reqId: int, tickType: int, value: str) -> None:  # noqa: N802, N803
        ticker = self.reqId2Ticker.get(reqId)
        if tickType == LAST_TIMESTAMP and ticker is not None and value.isdecimal():
            ticker.lastTradeAt = datetime.fromtimestamp(int(value), UTC)
        super().tickString(reqId, tickType, value)

    def error(self, reqId: int, errorCode: int, errorString: str, *rest: Any) -> None:  # noqa: N803
        if self.listener is not None:
            self.listener.heard_error(reqId, errorCode, errorString)
        if reqId in self._futures or reqId == -1:
            if errorCode in _ENDS_A_REQUEST:
                failure = RequestError(reqId, errorCode, errorString)
                self._endReq(reqId, failure, success=False)
            super().error(reqId, errorCode, errorString, *rest)


class DeskIB(library.IB):  # type: ignore[misc]
    """The library's API object, with our callbacks under it."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        made_with = {"defaults": self.defaults} if hasattr(self, "defaults") else {}
        self.wrapper: Any = _Wrapper(self, **made_with)
        self.wrapper.listener = listener
        self.client = _client.Client(self.wrapper)
        self.client.apiEnd += self.disconnectedEvent
        self.RaiseRequestErrors = True
