"""The machine's own time: the one place that reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Whoever needs the time is handed one of these."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


class WallClock:
    """Real time, for paper and live and for the times of writing."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)
