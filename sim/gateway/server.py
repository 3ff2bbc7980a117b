"""The simulated gateway on a TCP port of this machine."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sim.gateway.core import Core, Tally
from sim.gateway.exchange.exchange import Exchange
from sim.gateway.exchange.path import POINT_SECONDS
from sim.gateway.faults import Faults, Schedule
from sim.gateway.nouns import World
from sim.gateway.rules import Rules
from sim.gateway.session import VERSION_MAX, Session

LOOPBACK = "127.0.0.1"
READ_BYTES = 1 << 16
HELLO_SECONDS_MAX = 30.0  # a connection that has not started by then is dropped
CONNECTIONS_MAX = 64
BACKLOG_BYTES_MAX = 64 << 20  # a client that does not read is dropped at this many unsent bytes
LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close with RST, drop what is under way


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
        schedule: Schedule | None = None,
        exchange_class: type[Exchange] = Exchange,
    ) -> None:
        """now: the simulated time; speed: simulated seconds for one second of the event loop.

        schedule: the faults it has. exchange_class: an exchange of another kind.
        """
        self.faults = Faults(schedule)
        self.exchange = exchange_class(
            world,
            start=now(),
            account_id=account_id,
            base_currency=base_currency,
            cash=cash,
            seed=seed,
            rules=rules,
            truth=self.faults,
        )
        self._core = Core(
            world,
            self.exchange,
            now=now,
            seconds=lambda: asyncio.get_running_loop().time(),
            faults=self.faults,
            wires=self,
        )
        self.faults.attach(self._core)
        self._now = now
        self._speed = speed
        self._version_max = version_max
        self._connections: dict[Session, asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._thaw: asyncio.Event | None = None  # set while nothing is frozen
        self.port = 0

    @property
    def tally(self) -> Tally:
        """What came in, and what of it could not be read."""
        return self._core.tally

    async def start(self, port: int = 0) -> None:
        """Listening on 127.0.0.1; port 0 takes a free one. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thaw = asyncio.Event()
        self._thaw.set()
        self._set_timer()

    async def close(self) -> None:
        """No longer listening, every connection closed."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        if self._thaw is not None:
            self._thaw.set()
        self._abort_all()
        while self._connections:
            await asyncio.sleep(0)

    def _abort_all(self) -> None:
        for writer in tuple(self._connections.values()):
            writer.transport.abort()  # a client that does not read would never let it drain

    # Connections

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
                await self._thawed()
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
            self._set_timer()

    async def _thawed(self) -> None:
        if self._thaw is not None:
            await self._thaw.wait()

    @staticmethod
    def _drop_silent(session: Session, writer: asyncio.StreamWriter) -> None:
        if session.client_id < 0:
            session.closed = True
            writer.close()

    def _flush(self) -> None:
        """Everything that is to be said is on its way, to each client."""
        if self._thaw is not None and not self._thaw.is_set():
            return
        for session, writer in tuple(self._connections.items()):
            out = session.take()
            if out and not writer.transport.is_closing():
                for piece in self.faults.chunks(out) if self.faults.active else (out,):
                    writer.write(piece)
            if writer.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
                writer.transport.abort()

    # What a fault may do to the wires (sim.gateway.core.Wires)

    def reset(self, session: Session) -> None:
        """The connection is reset; what is under way is lost."""
        writer = self._connections.get(session)
        session.closed = True
        if writer is not None:
            peer: socket.socket = writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            writer.transport.abort()

    def freeze(self, seconds: float) -> None:
        """Nothing is read or written for so many simulated seconds; 0 is for ever."""
        if self._thaw is not None:
            self._thaw.clear()
        if seconds:
            asyncio.get_running_loop().call_later(seconds / self._speed, self._end_freeze)

    def _end_freeze(self) -> None:
        if self._thaw is not None:
            self._thaw.set()
        self._wake()

    def restart(self, seconds: float) -> None:
        """Every connection is closed and nothing listens for so many simulated seconds."""
        if self._server is not None:
            self._server.close()
        self._abort_all()
        asyncio.get_running_loop().call_later(seconds / self._speed, self._listen_again)

    def _listen_again(self) -> None:
        task = asyncio.ensure_future(self.start(self.port))
        self._starting = task  # a task nobody holds may be collected before it ran

    # Time

    def _set_timer(self) -> None:
        """The next wake: when an order may be touched, a fault is due, or a stream has news."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._now()
        wakes = [self._core.next_due()]
        for session in self._connections:
            wakes.append(session.accounts.refresh_at)
            if session.streams:
                wakes.append(now + timedelta(seconds=POINT_SECONDS))
        wake = min((one for one in wakes if one is not None), default=None)
        if wake is not None:
            seconds = max(0.0, (wake - now).total_seconds()) / self._speed
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._core.catch_up()
        self._flush()
        self._set_timer()
