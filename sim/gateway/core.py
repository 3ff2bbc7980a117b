"""What all connections of one gateway share: the exchange, the world, and who hears of what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from sim.gateway.exchange import Exchange
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


class Hearer(Protocol):
    """A connection that events are told to."""

    client_id: int

    def hear(self, event: Event) -> None:
        """One event, if it concerns this client."""

    def tick(self) -> None:
        """Time has passed: streams say what has changed."""


class Core:
    """One gateway's account and market, and its connected clients."""

    def __init__(self, world: World, exchange: Exchange, now: Callable[[], datetime]) -> None:
        self.world = world
        self.exchange = exchange
        self.clients: dict[int, Hearer] = {}
        self._now = now

    def catch_up(self) -> None:
        """The exchange has moved to the present instant, and everyone has heard of it."""
        self.tell(self.exchange.advance(self._now()))
        for client in tuple(self.clients.values()):
            client.tick()

    def tell(self, events: Iterable[Event]) -> None:
        """Order events go to the order's own client, account events to all."""
        for event in events:
            match event:
                case OrderChanged(order) | Filled(order, _):
                    hearers = [self.clients.get(order.client_id)]
                case Corrected(fill):
                    hearers = [self.clients.get(fill.client_id)]
                case Refused(client_id, _, _, _, _):
                    hearers = [self.clients.get(client_id)]
                case AccountMoved():
                    hearers = [*self.clients.values()]
            for hearer in hearers:
                if hearer is not None:
                    hearer.hear(event)

    def listing(self, con_id: int) -> Listing:
        """A listing by its contract id."""
        return self.exchange.by_con_id[con_id]
