"""One process at a time holds the broker seat: an flock in the state folder.

The kernel releases the lock with the process, however it ends: a crash leaves no stale lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "seat.lock"


class SeatTaken(Exception):
    """Another process holds the seat."""


@contextmanager
def seat(state_dir: Path, who: str) -> Iterator[None]:
    """Inside, this process holds the seat; who: written into the lock file for a person to read.

    Raises SeatTaken with one line that names the holder.
    """
    path = state_dir / FILE_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "unknown"
            raise SeatTaken(
                f"another run holds the seat ({holder}): wait for it to end; "
                f"the lock is {path} and needs no clean-up"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{who}, process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(state_dir: Path) -> str | None:
    """Who holds the seat, or None if it is free."""
    path = state_dir / FILE_NAME
    if not path.exists():
        return None
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read(200).decode(errors="replace").strip() or "unknown"
    return None
