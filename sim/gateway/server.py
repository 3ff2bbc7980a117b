"""The simulated gateway on a TCP port of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sim.gateway.core import Core, Tally
from sim.gateway.exchange.exchange import Exchange
from sim.gateway.exchange.path import POINT_SECONDS
from sim.gateway.faults import Faults, Schedule
from sim.gateway.nouns import World
from sim.gateway.outlet import Outlet
from sim.gateway.rules import Rules
from sim.gateway.session import VERSION_MAX, Session

LOOPBACK = "127.0.0.1"
READ_BYTES = 1 << 16
HELLO_SECONDS_MAX = 30.0  # a connection that has not started by then is dropped
CONNECTIONS_MAX = 64
REOPEN_SECONDS = 1.0  # between tries, where somebody else has taken the port meanwhile


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
        self._connections: dict[Session, Outlet] = {}
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._thaw: asyncio.Event | None = None  # set while nothing is frozen
        self._freeze_end: asyncio.TimerHandle | None = None
        self._downtime_end: asyncio.TimerHandle | None = None
        self._reopening: asyncio.Task[None] | None = None
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
        self.faults.stuck_ids.clear()
        self._set_timer()

    async def close(self) -> None:
        """No longer listening, every connection closed. It may be started again."""
        if self._reopening is not None:
            await self._reopening  # cancelled half-way it could leave a socket that listens
        for handle in (self._timer, self._freeze_end, self._downtime_end):
            if handle is not None:
                handle.cancel()
        if self._server is not None:
            self._server.close()
        self._abort_all()
        while self._connections:
            await asyncio.sleep(0)

    def _abort_all(self) -> None:
        """Every connection is gone, and whatever a freeze has kept from it."""
        for session, outlet in tuple(self._connections.items()):
            session.leave()
            outlet.abort()
        if self._thaw is not None:
            self._thaw.set()

    # Connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        peer: socket.socket = writer.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(self._core, self._version_max)
        outlet = self._connections[session] = Outlet(writer)
        patience = asyncio.get_running_loop().call_later(
            HELLO_SECONDS_MAX, self._drop_silent, session, outlet
        )
        is_ours = True  # whatever else is raised is this gateway's own mistake
        try:
            while not session.closed and (data := await reader.read(READ_BYTES)):
                await self._thawed()
                session.receive(data)
                self._flush()
                self._set_timer()
            is_ours = False
        except ConnectionError:
            is_ours = False
            session.closed = True  # the client is gone; its orders stay
        except asyncio.CancelledError:
            is_ours = False
            raise
        finally:
            self.tally.failed += is_ours
            patience.cancel()
            session.leave()
            del self._connections[session]
            outlet.close()
            self._set_timer()

    async def _thawed(self) -> None:
        if self._thaw is not None:
            await self._thaw.wait()

    @staticmethod
    def _drop_silent(session: Session, outlet: Outlet) -> None:
        if session.client_id < 0:
            session.closed = True
            outlet.close()

    def _flush(self) -> None:
        """Everything that is to be said is on its way, to each client."""
        if self.frozen:
            return
        for session, outlet in tuple(self._connections.items()):
            out = session.take()
            outlet.send(self.faults.chunks(session, out) if self.faults.active else (out,))

    # What a fault may do to the wires (sim.gateway.core.Wires)

    @property
    def frozen(self) -> bool:
        """Whether nothing is read or written at present."""
        return self._thaw is not None and not self._thaw.is_set()

    def reset(self, session: Session) -> None:
        """The connection is reset; what is under way is lost."""
        session.closed = True
        outlet = self._connections.get(session)
        if outlet is not None:
            outlet.reset()

    def freeze(self, seconds: float) -> None:
        """Nothing is read or written for so many simulated seconds from now; 0 is for ever."""
        if self._thaw is not None:
            self._thaw.clear()
        if self._freeze_end is not None:
            self._freeze_end.cancel()
            self._freeze_end = None
        if seconds:
            loop = asyncio.get_running_loop()
            self._freeze_end = loop.call_later(seconds / self._speed, self._end_freeze)

    def _end_freeze(self) -> None:
        self._freeze_end = None
        if self._thaw is not None:
            self._thaw.set()
        for session in tuple(self._connections):
            session.work()
        self._wake()

    def restart(self, seconds: float) -> None:
        """Every connection is closed and nothing listens for so many simulated seconds."""
        if self._server is not None:
            self._server.close()
        if self._freeze_end is not None:
            self._freeze_end.cancel()
        self._abort_all()
        self._downtime_end = asyncio.get_running_loop().call_later(
            seconds / self._speed, self._listen_again
        )

    def _listen_again(self) -> None:
        self._reopening = asyncio.ensure_future(self._reopen())  # a task nobody holds may vanish

    async def _reopen(self) -> None:
        try:
            await self.start(self.port)
        except OSError:  # the port is somebody else's at the moment
            self._downtime_end = asyncio.get_running_loop().call_later(
                REOPEN_SECONDS, self._listen_again
            )

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
