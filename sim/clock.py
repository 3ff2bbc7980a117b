"""Virtual time for asyncio: a loop whose clock jumps to the next timer when no socket is ready.

Gateway, desk and stand-in run in one such loop, over real loopback sockets. A simulated hour takes
as long as the work in it. Two things make this safe:

- The clock never jumps while bytes are under way between two sockets of this process: TCP counts
  what was sent and what has arrived, and the two are compared before each jump. A reply that the
  kernel has not delivered yet would otherwise look like silence, and a timeout would fire instead.
- While something outside is awaited that takes real time (a real Claude), `real_time()` lets the
  virtual clock run with the wall clock instead.

Work in the loop's executor (`to_thread`, `getaddrinfo`) is waited for while time stands still.
Not covered: threads that come back by another way.
"""

from __future__ import annotations

import asyncio
import math
import os
import selectors
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

# Offsets in Linux's struct tcp_info (include/uapi/linux/tcp.h, since 4.19).
_TCP_INFO_BYTES = 232
_BYTES_RECEIVED = struct.Struct("=Q"), 128
_NOT_SENT = struct.Struct("=I"), 144
_BYTES_SENT = struct.Struct("=Q"), 200
_BYTES_RETRANSMITTED = struct.Struct("=Q"), 208

SETTLE_SECONDS = 0.001  # how long to listen, in real time, where bytes under way cannot be counted
# A real clock is always a little past its timer, and some code tests with `>` and would wait for
# ever.
OVERSHOOT_SECONDS = 1e-7
UNDER_WAY_SECONDS_MAX = 2.0  # a loopback that does not deliver for so long is broken


class _TcpPairs:
    """The sockets of this loop, and whether bytes are under way between two of them."""

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}
        self._pairs: list[tuple[socket.socket, socket.socket]] | None = []
        self.all_paired = True

    def add(self, descriptor: int) -> None:
        probe = socket.socket(fileno=os.dup(descriptor))
        if probe.family != socket.AF_INET or probe.type != socket.SOCK_STREAM:
            probe.close()
            return
        if probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            probe.close()
            return
        self.discard(descriptor)
        self._sockets[descriptor] = probe
        self._pairs = None

    def discard(self, descriptor: int) -> None:
        probe = self._sockets.pop(descriptor, None)
        if probe is not None:
            probe.close()
            self._pairs = None

    def close(self) -> None:
        for descriptor in tuple(self._sockets):
            self.discard(descriptor)

    def under_way(self) -> bool:
        """Whether bytes have left one of the paired sockets that have not reached the other."""
        if self._pairs is None:
            self._pairs = self._find_pairs()
        return any(
            _sent(one) != _received(other) or _sent(other) != _received(one)
            for one, other in self._pairs
        )

    def _find_pairs(self) -> list[tuple[socket.socket, socket.socket]]:
        by_name: dict[Any, socket.socket] = {}
        pairs = []
        unpaired = 0
        for probe in self._sockets.values():
            try:
                name, peer = probe.getsockname(), probe.getpeername()
            except OSError:  # not connected yet: cannot have a partner
                unpaired += 1
                continue
            other = by_name.pop(peer, None)
            if other is None:
                by_name[name] = probe
            else:
                pairs.append((probe, other))
        self.all_paired = not by_name and not unpaired
        return pairs


def _tcp_info(probe: socket.socket) -> bytes:
    return probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)


def _sent(probe: socket.socket) -> int:
    info = _tcp_info(probe)
    total: int = (
        _BYTES_SENT[0].unpack_from(info, _BYTES_SENT[1])[0]
        - _BYTES_RETRANSMITTED[0].unpack_from(info, _BYTES_RETRANSMITTED[1])[0]
        + _NOT_SENT[0].unpack_from(info, _NOT_SENT[1])[0]
    )
    return total


def _received(probe: socket.socket) -> int:
    number: int = _BYTES_RECEIVED[0].unpack_from(_tcp_info(probe), _BYTES_RECEIVED[1])[0]
    return number


def _can_count() -> bool:
    if not hasattr(socket, "TCP_INFO"):
        return False
    with socket.socket() as probe:
        return len(_tcp_info(probe)) >= _TCP_INFO_BYTES - 16


class _JumpingSelector(selectors.BaseSelector):
    """A selector that, where an ordinary one would wait for a timer, moves the clock instead."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self._pairs = _TcpPairs()
        self._counting = _can_count()
        self.virtual_seconds = 0.0
        self.in_real_time = 0
        self.in_threads = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._inner.register(fileobj, events, data)
        if self._counting:
            self._pairs.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._inner.unregister(fileobj)
        self._pairs.discard(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._pairs.close()
        self._inner.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return self._inner.select(None)
        if self.in_threads:
            # A thread's answer comes through a socket of the loop: wait for it, time stands still.
            return self._inner.select(SETTLE_SECONDS)
        if self.in_real_time:
            began = time.monotonic()
            ready = self._inner.select(timeout)
            self.virtual_seconds += time.monotonic() - began
            return ready
        ready = self._settle()
        if not ready:
            self.virtual_seconds += timeout + OVERSHOOT_SECONDS
        return ready

    def _settle(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What becomes ready, in real time, from what has been sent already."""
        if not self._counting:
            return self._inner.select(SETTLE_SECONDS)
        under_way_until = time.monotonic() + UNDER_WAY_SECONDS_MAX
        while self._pairs.under_way():
            ready = self._inner.select(SETTLE_SECONDS)
            if ready:
                return ready
            if time.monotonic() > under_way_until:
                raise RuntimeError(
                    f"bytes sent over loopback did not arrive within {UNDER_WAY_SECONDS_MAX} s"
                )
        return self._inner.select(0 if self._pairs.all_paired else SETTLE_SECONDS)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and is virtual."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.virtual_seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """As in any loop; virtual time stands still until the thread has answered."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.in_threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: Any) -> None:
        self._jumping.in_threads -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Waits for threads in real time."""
        # Since 3.12 there is a limit to the wait; an idle executor is down at once either way.
        limit = () if timeout is None or sys.version_info < (3, 12) else (timeout,)
        with self.real_time():
            await super().shutdown_default_executor(*limit)

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Inside, virtual time runs with the wall clock: for an answer that takes real time."""
        self._jumping.in_real_time += 1
        try:
            yield
        finally:
            self._jumping.in_real_time -= 1


class VirtualClock:
    """The simulated time of day: a start plus the loop's virtual seconds."""

    def __init__(self, start: datetime, loop: asyncio.AbstractEventLoop) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime, was naive")
        self._start = start
        self._loop = loop
        self._began = loop.time()

    def now(self) -> datetime:
        """The simulated instant, aware, in UTC, to the microsecond."""
        microseconds = math.floor((self._loop.time() - self._began) * 1e6 + 0.5)
        return self._start + timedelta(microseconds=microseconds)


def run(main: Callable[[], Awaitable[T]]) -> T:
    """What `main()` returns, run to its end in a new loop in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def entry() -> T:
            return await main()

        return runner.run(entry())
