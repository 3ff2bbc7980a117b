"""How a session ends: an outcome, an exit code for cron, and one line for a person."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every verb."""

    DONE = 0  # also "nothing to do"
    RETRY_LATER = 1  # a dependency does not serve
    FAILED = 2  # the session failed
    CONFIGURATION = 3
    PERSON_NEEDED = 4  # halted, or a mismatch
    SEAT_TAKEN = 5


class Stop(Exception):
    """The verb ends here: `says` is the one line on stderr, `code` the exit code."""

    def __init__(self, code: Exit, says: str) -> None:
        super().__init__(says)
        self.code = code
        self.says = says
