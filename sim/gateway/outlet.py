"""What goes out on one connection, in order, whole or in pieces."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Sequence

BACKLOG_BYTES_MAX = 64 << 20  # a client that does not read is dropped at this many unsent bytes
LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close with RST, drop what is under way


class Outlet:
    """The sending side of a connection. One piece is written each turn of the event loop.

    Pieces written at once would reach the other side as one: only a turn between them lets it see
    a message that is not whole.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._pieces: deque[bytes] = deque()
        self._turn: asyncio.Handle | None = None

    def send(self, pieces: Sequence[bytes]) -> None:
        """The pieces go out after whatever waits; the connection is lost if too much does."""
        if self._writer.transport.is_closing():
            return
        self._pieces.extend(piece for piece in pieces if piece)
        if self._turn is None:
            self._write_one()
        if self._writer.transport.get_write_buffer_size() > BACKLOG_BYTES_MAX:
            self._writer.transport.abort()

    def _write_one(self) -> None:
        self._turn = None
        if self._pieces and not self._writer.transport.is_closing():
            self._writer.write(self._pieces.popleft())
        if self._pieces:
            self._turn = asyncio.get_running_loop().call_soon(self._write_one)

    def close(self) -> None:
        """Everything that waits is sent, and the connection ends."""
        self._drop_turn()
        if self._pieces and not self._writer.transport.is_closing():
            self._writer.write(b"".join(self._pieces))
        self._writer.close()

    def abort(self) -> None:
        """The connection ends, whatever waits: who does not read would never let it drain."""
        self._drop_turn()
        self._pieces.clear()
        self._writer.transport.abort()

    def reset(self) -> None:
        """The connection ends with a TCP RST; what is under way is lost."""
        peer: socket.socket = self._writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.abort()

    def _drop_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
