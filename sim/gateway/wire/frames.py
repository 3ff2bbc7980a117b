"""The TWS byte format, both ways, without a socket: prefixed frames of NUL-terminated fields.

Only this file knows it. A frame longer than the limit is refused before anything of it is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

HELLO = b"API\0"
FRAME_BYTES_MAX = 1 << 20
_LENGTH = struct.Struct(">I")

Field = str | int | Decimal | bool | None


class FrameError(Exception):
    """The bytes are not frames of this protocol; the connection is of no more use."""


def text(field: Field) -> str:
    """A field as the wire writes it: booleans as 1 and 0, decimals without exponent, None empty.

    A text loses its NULs: they end fields.
    """
    write = _WRITE.get(type(field))
    return str(field) if write is None else write(field)


_WRITE: dict[type, Callable[[Any], str]] = {
    str: lambda field: field.replace("\0", "") if "\0" in field else field,
    int: str,
    bool: lambda field: "1" if field else "0",
    Decimal: lambda field: f"{field.normalize():f}",
    type(None): lambda _: "",
}


def encode(fields: Iterable[Field]) -> bytes:
    """One frame."""
    return frame([text(field) for field in fields])


def frame(fields: list[str]) -> bytes:
    """One frame of fields that are texts already."""
    body = ("\0".join(fields) + "\0").encode()
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Collects bytes in any split and gives the frames they complete."""

    def __init__(self, bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._bytes = bytearray()
        self._bytes_max = bytes_max

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies of the frames that are complete. Raises FrameError for an oversized one."""
        self._bytes += data
        bodies = []
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > self._bytes_max:
                raise FrameError(f"a frame of {length} bytes; at most {self._bytes_max} are taken")
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                break
            bodies.append(bytes(self._bytes[_LENGTH.size : end]))
            del self._bytes[:end]
        return bodies


def fields_of(body: bytes) -> list[str]:
    """The fields of a frame's body. Raises FrameError where it is not NUL-terminated UTF-8."""
    if not body.endswith(b"\0"):
        raise FrameError("a frame that does not end its last field")
    try:
        return body[:-1].decode().split("\0")
    except UnicodeDecodeError as error:
        raise FrameError("a frame that is not UTF-8") from error
