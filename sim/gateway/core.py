"""What all connections of one gateway share: exchange, world, faults, timers, who hears of what."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sim.gateway.exchange.exchange import Exchange
from sim.gateway.faults import Faults
from sim.gateway.nouns import (
    AccountMoved,
    Corrected,
    Event,
    Filled,
    Listing,
    OrderChanged,
    Refused,
    World,
)
from sim.gateway.rules import Rules

REFUSED_KEPT = 100  # a client that sends only nonsense must not make the gateway grow


class Client(Protocol):
    """A connection that events are told to."""

    client_id: int
    closed: bool

    def hear(self, event: Event) -> None:
        """One event, if it concerns this client."""

    def tick(self) -> None:
        """Time has passed: streams say what has changed."""


class Wires(Protocol):
    """What can be done to the connections themselves."""

    @property
    def frozen(self) -> bool:
        """Whether nothing is read or written at present."""

    def reset(self, session: Any) -> None:
        """One connection is reset (TCP RST)."""

    def freeze(self, seconds: float) -> None:
        """Nothing is read or written for so long."""

    def restart(self, seconds: float) -> None:
        """All connections closed, nothing listening for so long."""


@dataclass(slots=True)
class Tally:
    """What came in and could not be read, for whoever holds the gateway to its promises."""

    requests: int = 0
    left_over: int = 0  # requests with more fields than their layout has
    failed: int = 0  # connections that this gateway's own mistake ended
    refused: list[str] = field(default_factory=list)  # the first ones, in words

    def note(self, words: str, *, left_over: bool) -> None:
        """One more request that cannot be read."""
        self.left_over += left_over
        if len(self.refused) < REFUSED_KEPT:
            self.refused.append(words)


class Core:
    """One gateway's account and market, and its connected clients."""

    def __init__(
        self,
        world: World,
        exchange: Exchange,
        *,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
        faults: Faults,
        wires: Wires,
    ) -> None:
        """now: the simulated time; seconds: the event loop's; wires: the connections."""
        self.world = world
        self.exchange = exchange
        self.rules: Rules = exchange.rules
        self.seconds = seconds
        self.faults = faults
        self.wires = wires
        self.clients: dict[int, Client] = {}
        self.tally = Tally()
        self._now = now
        self._numbers = itertools.count()
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []

    # Time

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """`act` happens after so many simulated seconds."""
        at = self.exchange.now + timedelta(seconds=seconds)
        heapq.heappush(self._due, (at, next(self._numbers), act))

    def next_due(self) -> datetime | None:
        """When the next act or the next event of the exchange may happen; None: nothing waits."""
        wakes = [self.exchange.next_wake(), self.faults.next_wake()]
        if self._due:
            wakes.append(self._due[0][0])
        return min((wake for wake in wakes if wake is not None), default=None)

    def catch_up(self) -> None:
        """The exchange has moved to the present instant, and everyone has heard of it."""
        now = self._now()
        while self._due and self._due[0][0] <= now:
            at, _, act = heapq.heappop(self._due)
            self.tell(self.exchange.advance(at))
            act()
        self.tell(self.exchange.advance(now))
        if self.faults.active:
            self.faults.tick(now)
        for client in tuple(self.clients.values()):
            client.tick()

    # What faults play with (sim.gateway.faults.fault.Stage)

    @property
    def messages(self) -> int:
        """Requests read so far."""
        return self.tally.requests

    @property
    def frozen(self) -> bool:
        """Whether nothing is read or written at present."""
        return self.wires.frozen

    def reset(self, session: Client) -> None:
        """The client's connection is reset."""
        self.wires.reset(session)

    def freeze(self, seconds: float) -> None:
        """Nothing is read or written for so long; 0 is for ever."""
        self.wires.freeze(seconds)

    def restart(self, seconds: float) -> None:
        """Every connection is closed, and nothing listens for so long."""
        if self.rules.untransmitted_lost_on_restart:
            self.exchange.lose_held()
        self.wires.restart(seconds)

    def keep_id(self, client_id: int) -> None:
        """A client of that id is believed to be connected."""
        self.faults.stuck_ids.add(client_id)

    def free_id(self, client_id: int) -> None:
        """No longer."""
        self.faults.stuck_ids.discard(client_id)

    # Who hears

    def tell(self, events: Iterable[Event]) -> None:
        """Order events go to the order's own client, account events to all."""
        for event in events:
            for hearer in self._hearers(event):
                hearer.hear(event)

    def _hearers(self, event: Event) -> list[Client]:
        match event:
            case OrderChanged(order) | Filled(order, _):
                ids = [order.client_id]
            case Corrected(fill):
                ids = [fill.client_id]
            case Refused(client_id, _, _, _, _):
                ids = [client_id]
            case AccountMoved():
                ids = list(self.clients)
        return [self.clients[one] for one in ids if one in self.clients]

    def is_taken(self, client_id: int) -> bool:
        """Whether a client of that id is connected, or the gateway believes so."""
        return client_id in self.clients or client_id in self.faults.stuck_ids

    def listing(self, con_id: int) -> Listing:
        """A listing by its contract id."""
        return self.exchange.by_con_id[con_id]
