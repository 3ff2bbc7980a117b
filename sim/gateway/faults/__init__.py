"""The lies of a gateway: every fault F1 to F40 by name, scheduled from one seed and one file.

Each file tells lies of one kind: connectivity and greeting of the connection and its start, the
order_ files of orders, market_data, data and research of the rest. docs/gateway.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sim.gateway.bars import Bars
from sim.gateway.exchange.truth import Rejection, Truth
from sim.gateway.faults.connectivity import F21, F22, F23, F24, F25, F26
from sim.gateway.faults.data import F36, F37, F39
from sim.gateway.faults.fault import Answer, Fault, Request, Speaker, Stage, Struck
from sim.gateway.faults.greeting import F20, F27, F28, F29, F30, F38
from sim.gateway.faults.market_data import F31, F32, F33, F34, F35
from sim.gateway.faults.order_entry import F1, F2, F3, F4, F5, F6, F13, F14
from sim.gateway.faults.order_holds import F16, F17, F18
from sim.gateway.faults.order_life import F7, F8, F11, F12, F15
from sim.gateway.faults.order_told import F9, F10, F19
from sim.gateway.faults.research import F40
from sim.gateway.faults.schedule import Plan, Schedule, ScheduleError, read_schedule
from sim.gateway.nouns import Listing, Order, Top

__all__ = ["CATALOGUE", "Answer", "Faults", "Plan", "Schedule", "ScheduleError", "read"]

CATALOGUE: dict[str, type[Fault]] = {}


def read(lines: Iterable[str]) -> Schedule:
    """The schedule of a file's lines. Raises ScheduleError with one line."""
    return read_schedule(lines, CATALOGUE)


class Faults(Truth):
    """All scheduled faults as one; without a schedule it is the truth."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        self.schedule = schedule or Schedule()
        self.struck = Struck()
        self.stuck_ids: set[int] = set()  # client ids that are believed to be connected
        self._faults: tuple[Fault, ...] = ()

    @property
    def active(self) -> bool:
        """Whether anything is scheduled."""
        return bool(self._faults)

    def attach(self, stage: Stage) -> None:
        """The faults play on this gateway from now on."""
        self._faults = tuple(
            CATALOGUE[plan.fault](plan, stage, self.struck, f"{self.schedule.seed}/{index}")
            for index, plan in enumerate(self.schedule.plans)
        )

    def next_wake(self) -> datetime | None:
        """The next instant at which a plan that waits for it may strike."""
        waiting = [
            fault.not_before
            for fault in self._faults
            if fault.left and fault.not_before is not None
            if fault.not_before > fault.stage.exchange.now
        ]
        return min(waiting, default=None)

    # What the gateway asks

    def swallows(self, request: Request) -> bool:
        """Whether a request goes no further."""
        swallowed = [fault.swallows(request) for fault in self._faults]  # each one is asked
        return any(swallowed)

    def handled(self, request: Request) -> None:
        """A request was handled."""
        for fault in self._faults:
            fault.handled(request)

    def answers(self, session: Speaker, answer: Answer) -> list[Answer]:
        """What is sent in place of an answer."""
        found = [answer]
        for fault in self._faults:
            found = [each for one in found for each in fault.answers(session, one)]
        return found

    def started(self, session: Speaker) -> None:
        """A client was greeted."""
        for fault in self._faults:
            fault.started(session)

    def left(self, session: Speaker) -> None:
        """A client is gone."""
        for fault in self._faults:
            fault.left_by(session)

    def tick(self, now: datetime) -> None:
        """Time has passed, or a message has come."""
        for fault in self._faults:
            fault.tick(now)

    def shows(self, client: int, listing: Listing, top: Top) -> Top:
        """The top of the book after every fault."""
        for fault in self._faults:
            top = fault.shows(client, listing, top)
        return top

    def bars(self, client: int, listing: Listing, rows: Bars) -> Bars:
        """The bars after every fault."""
        for fault in self._faults:
            rows = fault.bars(client, listing, rows)
        return rows

    def chunks(self, session: Speaker, data: bytes) -> list[bytes]:
        """The pieces in which bytes go out."""
        found = [data]
        for fault in self._faults:
            found = [each for one in found for each in fault.chunks(session, one)]
        return found

    # What the exchange asks (Truth)

    def rejects(self, order: Order) -> Rejection | None:
        """The first fault's rejection."""
        found = (fault.rejects(order) for fault in self._faults)
        return next((one for one in found if one is not None), None)

    def loses(self, order: Order) -> bool:
        """Whether any fault loses the leg."""
        return any(fault.loses(order) for fault in self._faults)

    def marks(self, order: Order) -> None:
        """Every fault's word on the order's status."""
        for fault in self._faults:
            fault.marks(order)

    def waits(self, order: Order) -> bool:
        """Whether any fault keeps the order from trading."""
        return any(fault.waits(order) for fault in self._faults)

    def most(self, order: Order, shares: int) -> int:
        """The least of what the faults let fill."""
        return min((fault.most(order, shares) for fault in self._faults), default=shares)

    def stop_price(self, order: Order, price: Decimal) -> Decimal:
        """The price after every fault."""
        for fault in self._faults:
            price = fault.stop_price(order, price)
        return price

    def keeps(self, order: Order) -> bool:
        """Whether any fault spares the order."""
        return any(fault.keeps(order) for fault in self._faults)

    def expires(self, order: Order) -> bool:
        """Whether the order ends at the close: the first fault that says otherwise is believed."""
        honest = super().expires(order)
        found = [fault.expires(order) for fault in self._faults]  # each one is asked
        return next((one for one in found if one != honest), honest)

    def fills_first(self, order: Order) -> int:
        """The most that a fault fills before a cancellation."""
        return max((fault.fills_first(order) for fault in self._faults), default=0)


def catalogue(*faults: type[Fault]) -> dict[str, Any]:
    """Faults by name."""
    return {fault.name: fault for fault in faults}


CATALOGUE.update(catalogue(F1, F2, F3, F4, F5, F6, F7, F8, F9, F10))
CATALOGUE.update(catalogue(F11, F12, F13, F14, F15, F16, F17, F18, F19))
CATALOGUE.update(catalogue(F20, F21, F22, F23, F24, F25, F26, F27, F28, F29, F30))
CATALOGUE.update(catalogue(F31, F32, F33, F34, F35, F36, F37, F38, F39, F40))
