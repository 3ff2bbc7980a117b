"""Lies about what was done, F9, F10 and F19: fills that are told wrong, and moves nobody ordered.

What a client holds to be true of its books: that status, executions and positions agree, that an
execution is final, and that only its own orders move its positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from sim.gateway.faults.fault import Answer
from sim.gateway.faults.order_path import OrderFault
from sim.gateway.nouns import Fill, Order
from sim.gateway.wire.words import UNSET_DOUBLE_TEXT

MANUAL_ID = -2  # TWS numbers orders placed by hand downwards


class F9(OrderFault):
    """A fill is told wrong: twice, out of order, without its execution or its status, or its cost.

    duplicate          the status comes twice
    stale              after Filled comes the status of before the fill
    status_first       the execution comes `seconds` after the status that it led to
    no_execution       the execution is never told
    no_status          no status of the order is ever told
    late_commission    the commission report comes `seconds` late
    no_realised        the report of a closing fill says the largest double for what it realised
    """

    name = "F9"
    settings: ClassVar[Mapping[str, Any]] = {
        "kind": (
            "duplicate",
            "stale",
            "status_first",
            "no_execution",
            "no_status",
            "late_commission",
            "no_realised",
        ),
        "seconds": 5.0,
    }
    _about: ClassVar[Mapping[str, str]] = {  # what message each kind falsifies
        "duplicate": "orderStatus",
        "stale": "orderStatus",
        "status_first": "execDetails",
        "no_execution": "execDetails",
        "no_status": "orderStatus",
        "late_commission": "commissionReport",
        "no_realised": "commissionReport",
    }

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._silent: set[int] = set()  # permIds whose status is never told
        self._late: set[str] = set()  # execIds that were told late: their reports are, too
        self._before: dict[int, Answer] = {}  # the status last told, by permId

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        if answer.values.get("execId") in self._late:
            return (answer.late(self.setting("seconds")),)
        if answer.name != self._about[self.setting("kind")]:
            return (answer,)
        if answer.name != "orderStatus":
            return self._fill_told(answer, order)
        told = self._status_told(answer, order)
        self._before[order.perm_id] = answer
        return told

    def _status_told(self, answer: Answer, order: Order) -> Iterable[Answer]:
        kind = self.setting("kind")
        if kind == "no_status":
            if self.first_time(order) and self.fires(order):
                self._silent.add(order.perm_id)
            return () if order.perm_id in self._silent else (answer,)
        before = self._before.get(order.perm_id)
        is_new = before is None or before.values != answer.values
        if not answer.values["filled"] or not is_new or not self.fires(order):
            return (answer,)
        if kind == "duplicate" or before is None:
            return answer, answer
        return answer, before.late(self.setting("seconds"))

    def _fill_told(self, answer: Answer, order: Order) -> Iterable[Answer]:
        kind = self.setting("kind")
        if kind == "no_realised" and answer.values["realizedPNL"] is None:
            return (answer,)  # an opening fill: nothing was realised
        if not self.fires(order):
            return (answer,)
        match kind:
            case "no_execution":
                return ()
            case "no_realised":
                return (answer.but(realizedPNL=UNSET_DOUBLE_TEXT),)
            case "status_first":
                self._late.add(answer.values["execId"])
        return (answer.late(self.setting("seconds")),)


class F10(OrderFault):
    """An execution is corrected after `seconds`: its price by `percent`, its shares to `share`.

    The correction has the execution's id with another suffix. A purchase gets dearer, a sale
    cheaper.
    """

    name = "F10"
    settings: ClassVar[Mapping[str, Any]] = {"seconds": 5.0, "percent": 1.0, "share": 1.0}

    def tells(self, answer: Answer, order: Order) -> Iterable[Answer]:
        if answer.name == "execDetails":
            fill = self._fill(answer.values["execId"])
            is_first = fill is not None and fill.exec_id.endswith(".01")
            if is_first and self.fires(order):
                correct = partial(self._correct, answer.values["execId"], order)
                self.stage.later(self.setting("seconds"), correct)
        return (answer,)

    def _fill(self, exec_id: str) -> Fill | None:
        return next((one for one in self.stage.exchange.fills() if one.exec_id == exec_id), None)

    def _correct(self, exec_id: str, order: Order) -> None:
        fill = self._fill(exec_id)
        if fill is None:
            return
        moved = fill.price * Decimal(str(self.setting("percent"))) / 100
        price = fill.price + {"BUY": moved, "SELL": -moved}[fill.action]
        lot = self.stage.exchange.by_con_id[fill.con_id].lot
        shares = int(fill.shares * self.setting("share")) // lot * lot
        corrected = self.stage.exchange.correct(exec_id, shares, self.on_tick(order, price))
        self.stage.tell(corrected)


class F19(OrderFault):
    """A position moves without an order of any client.

    liquidation  the broker closes it: an execution of client 0, order id 0, no reference
    manual       somebody trades `shares` by hand in TWS, `action`: a negative order id

    Without a symbol it is the first position held; a manual order needs one where none is held.
    Nothing moves while the market is closed.
    """

    name = "F19"
    scopes = ("symbol",)
    settings: ClassVar[Mapping[str, Any]] = {
        "kind": ("liquidation", "manual"),
        "action": ("BUY", "SELL"),
        "shares": 100,
    }

    def tick(self, now: datetime) -> None:
        exchange = self.stage.exchange
        con_id, shares = self._position()
        if con_id is None or not exchange.paths.is_open(exchange.by_con_id[con_id], exchange.now):
            return
        if not self.fires(symbol=self._symbol(con_id)):
            return
        if self.setting("kind") == "manual":
            action, shares, order_id = self.setting("action"), self.setting("shares"), MANUAL_ID
        else:
            action, shares, order_id = ("SELL" if shares > 0 else "BUY"), abs(shares), 0
        self.stage.tell(exchange.by_broker(con_id, action, shares, order_id))

    def _symbol(self, con_id: int) -> str:
        return self.stage.exchange.by_con_id[con_id].symbol

    def _position(self) -> tuple[int | None, int]:
        """The contract the strike is about and its shares; None where there is none."""
        held = [(one.con_id, one.shares) for one in self.stage.exchange.held() if one.shares]
        symbol = self.plan.symbol
        if symbol is not None:
            held = [row for row in held if self._symbol(row[0]) == symbol]
        if held:
            return held[0]
        if self.setting("kind") == "manual" and symbol is not None:
            for con_id, listing in self.stage.exchange.by_con_id.items():
                if listing.symbol == symbol:
                    return con_id, 0
        return None, 0
