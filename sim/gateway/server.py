"""The simulated gateway on a TCP port of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sim.gateway.core import Core
from sim.gateway.exchange import Exchange
from sim.gateway.exchange.path import POINT_SECONDS
from sim.gateway.nouns import World
from sim.gateway.rules import Rules
from sim.gateway.session import VERSION_MAX, Session

LOOPBACK = "127.0.0.1"
READ_BYTES = 1 << 16
HELLO_SECONDS_MAX = 30.0  # a connection that has not started by then is dropped
CONNECTIONS_MAX = 64
BACKLOG_BYTES_MAX = 64 << 20  # a client that does not read is dropped at this many unsent bytes


class Gateway:
    """A stand-in for IB Gateway: any client of its API can connect, from this machine only."""

    def __init__(
        self,
        world: World,
        *,
        now: Callable[[], datetime],
        account_id: str = "DU0000001",
        cash: Mapping[str, Decimal] | None = None,
        base_currency: str = "USD",
        seed: int = 0,
        rules: Rules | None = None,
        speed: float = 1.0,
        version_max: int = VERSION_MAX,
        exchange_class: type[Exchange] = Exchange,
    ) -> None:
        """now: the simulated time; speed: simulated seconds for one second of the event loop.

        exchange_class: an exchange that lies, for whoever must survive one.
        """
        self.exchange = exchange_class(
            world,
            start=now(),
            account_id=account_id,
            base_currency=base_currency,
            cash=cash,
            seed=seed,
            rules=rules,
        )
        self._core = Core(world, self.exchange, now)
        self._now = now
        self._speed = speed
        self._version_max = version_max
        self._connections: dict[Session, asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listening on 127.0.0.1; port 0 takes a free one. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """No longer listening, every connection closed."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._connections.values()):
            writer.transport.abort()  # a client that does not read would never let it drain
        while self._connections:
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        peer: socket.socket = writer.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(self._core, self._version_max)
        self._connections[session] = writer
        patience = asyncio.get_running_loop().call_later(
            HELLO_SECONDS_MAX, self._drop_silent, session, writer
        )
        try:
            while not session.closed and (data := await reader.read(READ_BYTES)):
                session.receive(data)
                self._flush()
                self._set_timer()
        except ConnectionError:
            session.closed = True  # the client is gone; its orders stay
        finally:
            patience.cancel()
            session.leave()
            del self._connections[session]
            writer.close()

    @staticmethod
    def _drop_silent(session: Session, writer: asyncio.StreamWriter) -> None:
        if session.client_id < 0:
            session.closed = True
            writer.close()

    def _flush(self) -> None:
        """Everything that is to be said is on its way, to each client."""
        for session, writer in tuple(self._connections.items()):
            if out := session.take():
                writer.write(out)
            if writer.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
                writer.transport.abort()

    def _set_timer(self) -> None:
        """The next wake: when an order may be touched, or a stream has something to say."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake = self.exchange.next_wake()
        if any(session.streams for session in self._connections):
            beat = self._now() + timedelta(seconds=POINT_SECONDS)
            wake = beat if wake is None else min(wake, beat)
        if wake is not None:
            seconds = max(0.0, (wake - self._now()).total_seconds()) / self._speed
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._core.catch_up()
        self._flush()
        self._set_timer()
