"""Lies of the connection itself, F21 to F26: reset, frozen, wedged, believed alive, cut off, gone.

What a client holds to be true between two messages: that the other side is there, and that what it
did not hear of did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from sim.gateway.faults.fault import Answer, Fault, Request, Speaker
from sim.gateway.wire.requests import SERVED

NO_REQUEST = -1
LOST, DATA_LOST, DATA_KEPT, BROKEN = 1100, 1101, 1102, 2110
WORDS = {
    LOST: "Connectivity between IB and Trader Workstation has been lost.",
    DATA_LOST: "Connectivity between IB and Trader Workstation has been restored - data lost.",
    DATA_KEPT: "Connectivity between IB and Trader Workstation has been restored - "
    "data maintained.",
    BROKEN: "Connectivity between Trader Workstation and server is broken. It will be restored "
    "automatically.",
}


class _OfTheGateway(Fault):
    """Strikes the whole gateway, when the time has come or at a message of the plan's client."""

    def begin(self) -> None:
        """What happens."""

    def tick(self, now: datetime) -> None:
        if self.plan.client is None and self.fires():
            self.begin()

    def swallows(self, request: Request) -> bool:
        client = self.plan.client
        if client is not None and self.fires(client=request.session.client_id):
            self.begin()
        return False


class _AtARequest(Fault):
    """Strikes just before or just after a request is handled, or (idle) when the time has come."""

    def begin(self, sessions: Iterable[Speaker]) -> None:
        """What happens; `sessions` are those the plan is about."""

    def tick(self, now: datetime) -> None:
        client = self.plan.client
        if self.setting("when") == "idle" and self.fires(client=client):
            clients = self.stage.clients
            self.begin([clients[one] for one in tuple(clients) if client in (None, one)])

    def swallows(self, request: Request) -> bool:
        if self._is_meant(request, "before"):
            self.begin([request.session])
        return request.session.closed

    def handled(self, request: Request) -> None:
        if self._is_meant(request, "after"):
            self.begin([request.session])

    def _is_meant(self, request: Request, when: str) -> bool:
        return (
            self.setting("when") == when
            and self.setting("request") in ("any", request.name)
            and self.fires(client=request.session.client_id)
        )


class F21(_AtARequest):
    """TCP RST at any message, before or after the request had its effect."""

    name = "F21"
    settings = {"when": ("after", "before", "idle"), "request": ("any", *SERVED)}

    def begin(self, sessions: Iterable[Speaker]) -> None:
        for session in sessions:
            self.stage.reset(session)


class F22(_AtARequest):
    """The connection stands, but nothing is read or written for so long; then all of it is."""

    name = "F22"
    settings = {
        "seconds": 60.0,
        "when": ("before", "after", "idle"),
        "request": ("any", *SERVED),
    }

    def begin(self, sessions: Iterable[Speaker]) -> None:
        self.stage.freeze(self.setting("seconds"))


class F23(_OfTheGateway):
    """Connections are accepted and never read, for so long or (0) until a restart."""

    name = "F23"
    settings = {"seconds": 0.0}

    def begin(self) -> None:
        self.stage.freeze(self.setting("seconds"))


class F24(Fault):
    """A client id stays taken after its connection is gone, for so long or (0) until a restart."""

    name = "F24"
    settings = {"seconds": 0.0}

    def left_by(self, session: Speaker) -> None:
        if not self.fires(client=session.client_id):
            return
        self.stage.keep_id(session.client_id)
        if self.setting("seconds"):
            free = partial(self.stage.free_id, session.client_id)
            self.stage.later(self.setting("seconds"), free)


class F25(_OfTheGateway):
    """The gateway has lost the broker: the connection stands and nothing of trading passes.

    restored: 1101, subscriptions are gone, or 1102, they go on.
    pending: what orders asked and were told in the gap is lost, or comes late, when it is over.
    seconds 0 is for ever.
    """

    name = "F25"
    settings = {
        "seconds": 60.0,
        "restored": (DATA_LOST, DATA_KEPT),
        "pending": ("lost", "late"),
    }
    # What the gateway answers by itself, whether or not it has the broker. That the time is among
    # it is the worse reading: a heartbeat that asks for it proves nothing.
    own_requests = frozenset(
        ("reqCurrentTime", "reqIds", "reqManagedAccts", "setServerLogLevel", "reqMarketDataType")
    )
    own_answers = frozenset(("currentTime", "nextValidId", "managedAccounts"))
    ticks = frozenset(
        ("tickPrice", "tickSize", "tickString", "tickGeneric", "historicalDataUpdate")
    )

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._is_cut_off = False
        self._kept: list[Callable[[], None]] = []

    def begin(self) -> None:
        self._is_cut_off = True
        self._tell(LOST)
        if self.setting("seconds"):
            self.stage.later(self.setting("seconds"), self._end)

    def _end(self) -> None:
        self._is_cut_off = False
        code = self.setting("restored")
        for session in self._meant():
            if code == DATA_LOST:
                session.quotes.forget()
                session.history.forget()
            else:
                session.quotes.tell_anew()
        self._tell(code)
        kept, self._kept = self._kept, []
        for act in kept:
            act()

    def _meant(self) -> list[Any]:
        return [one for number, one in self.stage.clients.items() if self.covers(client=number)]

    def _tell(self, code: int) -> None:
        for session in self._meant():
            session.error(NO_REQUEST, code, WORDS[code])

    def started(self, session: Speaker) -> None:
        if self._is_cut_off and self.covers(client=session.client_id):
            session.error(NO_REQUEST, BROKEN, WORDS[BROKEN])

    def swallows(self, request: Request) -> bool:
        super().swallows(request)
        session = request.session
        if not self._is_cut_off or not self.covers(client=session.client_id):
            return False
        if request.name in self.own_requests:
            return False
        if self.setting("pending") == "late":
            self._kept.append(partial(session.handle, request))
        return True

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        if not self._is_cut_off or not self.covers(client=session.client_id):
            return (answer,)
        notice = answer.name == "error" and answer.values["reqId"] == NO_REQUEST
        if notice or answer.name in self.own_answers:
            return (answer,)
        if self.setting("pending") == "late" and answer.name not in self.ticks:
            self._kept.append(partial(session.put, answer))
        return ()


class F26(_OfTheGateway):
    """The nightly restart: connections are closed and nothing listens for so long.

    Untransmitted orders are lost (sim.gateway.rules), order ids and native orders live on.
    """

    name = "F26"
    settings = {"seconds": 120.0}

    def begin(self) -> None:
        self.stage.restart(self.setting("seconds"))
