"""Work done in forked processes, several at a time, each with a limit on its time.

A fork starts with everything the parent has imported, and takes what it does to itself along.
"""

from __future__ import annotations

import math
import os
import pickle
import resource
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

J = TypeVar("J")
MEMORY_BYTES_MAX = 4 * 1024**3  # a changed loop may fill whatever there is
WAITS_MAX = 20  # how much longer than its own time a process may take on a busy machine


class WorkFailed(RuntimeError):
    """The work itself raised; the text is its traceback."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is left of a process that gave no answer: "timeout" or "crash"."""

    why: str


@dataclass(slots=True)
class _Child:
    job: Any
    pid: int
    deadline: float
    answer: bytearray = field(default_factory=bytearray)


def in_forks(
    jobs: Iterable[J], work: Callable[[J], Any], *, workers: int, seconds_max: float
) -> Iterator[tuple[J, Any]]:
    """Each job with what `work` returned for it in a process of its own, as they come.

    seconds_max: of the processor, not of the wall: a busy machine makes no difference.
    The answer is Lost where the process ended without one. Raises WorkFailed where `work` raised.
    """
    waiting = iter(jobs)
    with selectors.DefaultSelector() as running:
        try:
            while True:
                while len(running.get_map()) < workers and (job := next(waiting, None)) is not None:
                    end, child = _forked(job, work, seconds_max)
                    running.register(end, selectors.EVENT_READ, child)
                if not running.get_map():
                    return
                yield from _ended(running)
        finally:
            for key in list(running.get_map().values()):
                _buried(running, key, kill=True)


def _forked(job: J, work: Callable[[J], Any], seconds_max: float) -> tuple[int, _Child]:
    sys.stdout.flush()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _answer(job, work, write, seconds_max)
    os.close(write)
    return read, _Child(job, pid, time.monotonic() + seconds_max * WAITS_MAX)


def _answer(job: J, work: Callable[[J], Any], write: int, seconds_max: float) -> None:
    """Does the work and ends the process; nothing of it returns, prints or cleans up."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds_max), resource.RLIM_INFINITY))
        answer = (True, work(job))
    except BaseException:  # noqa: BLE001 - the parent raises it
        answer = (False, traceback.format_exc())
    try:
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(answer, pipe)
    finally:
        os._exit(0)


def _ended(running: selectors.BaseSelector) -> Iterator[tuple[Any, Any]]:
    """What has come in since, and who is over the deadline."""
    nearest = min(key.data.deadline for key in running.get_map().values())
    for key, _ in running.select(max(0.0, nearest - time.monotonic())):
        data = os.read(key.fd, 1 << 20)
        key.data.answer += data
        if not data:
            status = _buried(running, key, kill=False)
            yield key.data.job, _told(bytes(key.data.answer), status)
    for key in list(running.get_map().values()):
        if time.monotonic() >= key.data.deadline:
            _buried(running, key, kill=True)
            yield key.data.job, Lost("timeout")


def _told(answer: bytes, status: int) -> Any:
    if not answer:
        is_late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        return Lost("timeout" if is_late else "crash")
    is_done, told = pickle.loads(answer)
    if not is_done:
        raise WorkFailed(told)
    return told


def _buried(running: selectors.BaseSelector, key: selectors.SelectorKey, *, kill: bool) -> int:
    """The exit status of the process."""
    running.unregister(key.fd)
    os.close(key.fd)
    if kill:
        os.kill(key.data.pid, signal.SIGKILL)
    return os.waitpid(key.data.pid, 0)[1]
