"""A recording proxy: passes bytes between a client and a real gateway, and notes every message.

Forwarding comes first and is never altered; a message that cannot be read is noted as bytes. A
recording is JSON lines: `{"connection": 1, "seconds": 0.012, "from": "client", "fields": [...]}`.
It holds whatever passed, account numbers included: keep it as you keep a statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

from sim.gateway.wire.frames import HELLO, FrameError, FrameReader, fields_of

LOOPBACK = "127.0.0.1"
READ_BYTES = 1 << 16
FRAME_BYTES_MAX = 64 << 20  # of a real gateway: scanner parameters alone are 2 MB


class _Side:
    """One direction of one connection, read as far as it can be."""

    def __init__(self, note: Callable[..., None], *, greets: bool) -> None:
        self._note = note
        self._greets = greets  # the client's side begins with API\\0
        self._start = b""
        self._frames = FrameReader(FRAME_BYTES_MAX)
        self._readable = True

    def take(self, data: bytes) -> None:
        """Notes the messages that these bytes complete."""
        if not self._readable:
            self._note(bytes=data.hex())
            return
        try:
            for body in self._frames.feed(self._past_greeting(data)):
                self._note_body(body)
        except FrameError as error:
            self._readable = False
            self._note(bytes=data.hex(), says=str(error))

    def _past_greeting(self, data: bytes) -> bytes:
        if not self._greets or len(self._start) == len(HELLO):
            return data
        missing = len(HELLO) - len(self._start)
        self._start += data[:missing]
        if not HELLO.startswith(self._start):
            raise FrameError("a connection that does not begin with API")
        return data[missing:]

    def _note_body(self, body: bytes) -> None:
        if body.endswith(b"\0"):
            self._note(fields=fields_of(body))
        else:  # the client's version range has no NUL
            self._note(hello=body.decode(errors="backslashreplace"))


class Recorder:
    """A port of this machine that stands for a gateway elsewhere and notes what passes."""

    def __init__(
        self, host: str, port: int, *, seconds: Callable[[], float], write: Callable[[str], None]
    ) -> None:
        """seconds: since the recording began; write: takes one line of the recording."""
        self._far = (host, port)
        self._seconds = seconds
        self._write = write
        self._connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._serving = 0
        self._server: asyncio.Server | None = None
        self.messages = 0
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listening on 127.0.0.1. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """No longer listening, every connection closed."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        while self._serving:
            await asyncio.sleep(0)

    def _note(self, connection: int, side: str, **what: Any) -> None:
        self.messages += 1
        row = {"connection": connection, "seconds": round(self._seconds(), 6), "from": side, **what}
        self._write(json.dumps(row))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        self._serving += 1
        self._open.add(writer)
        try:
            await self._pass_on(reader, writer, self._connections)
        finally:
            self._serving -= 1

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._far)
        except OSError as error:
            self._note(number, "gateway", says=f"cannot be reached: {error}")
            self._drop(writer)
            return
        self._open.add(far_writer)
        for one in (writer, far_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(
            self._pump(reader, far_writer, number, "client"),
            self._pump(far_reader, writer, number, "gateway"),
        )

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        self._open.discard(writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, side: str
    ) -> None:
        noted = _Side(lambda **what: self._note(number, side, **what), greets=side == "client")
        with contextlib.suppress(ConnectionError):  # the other pump ends with it
            while data := await reader.read(READ_BYTES):
                writer.write(data)
                noted.take(data)
                await writer.drain()
        self._note(number, side, says="closed")
        self._drop(writer)
