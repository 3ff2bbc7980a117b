"""What can go wrong at the outside, by what the caller may do next.

EdgeError
    NotSent          nothing left this machine, or it had no effect; may be tried again
    Refused          the other side said no; read its words, do not repeat
    OutcomeUnknown   it left and no usable answer came; reconcile before anything else
    NotServing       the far end does not do what it must for a session (retry later)
"""

from __future__ import annotations


class EdgeError(Exception):
    """Something outside this program did not go as asked."""


class NotSent(EdgeError):
    """Nothing left this machine; it may be tried again."""


class Refused(EdgeError):
    """The other side said no; `code` is its own code where it has one."""

    def __init__(self, says: str, code: int | str | None = None) -> None:
        super().__init__(says)
        self.code = code


class OutcomeUnknown(EdgeError):
    """It left and no answer came."""


class NotServing(EdgeError):
    """The far end is not reachable, or is and does not serve."""
