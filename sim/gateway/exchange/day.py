"""One listing's trading day in columns, and the walk of the price through each of its minutes.

A minute bar is walked open, first extreme, second extreme, close, at seconds 0, 15, 30 and 45.
Seconds since 1970 and prices in bars.UNIT throughout: Decimals are made by who shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from sim.gateway.bars import Bars
from sim.gateway.nouns import Bar, Session

POINT_SECONDS = 15
LAST_POINT = 3  # of the four in a minute


class Reach(NamedTuple):
    """What a bar must do to touch some order: trade this low, or this high, or at all."""

    low: int | None = None
    high: int | None = None
    at_all: bool = False


@dataclass(slots=True)
class Day:
    """The bars inside the sessions of one local day, and their running totals once asked for."""

    bars: Bars
    halts: tuple[Session, ...]
    previous_close: Decimal | None
    _running: tuple[Any, Any, Any] | None = None

    def index(self, at: datetime) -> int:
        """The last bar that has begun at `at`; -1 before the first."""
        return int(self.bars.starts.searchsorted(int(at.timestamp()), "right")) - 1

    def begun(self, index: int, at: datetime) -> int:
        """The last point of that bar that has come at `at`: 0 to 3."""
        elapsed = int(at.timestamp()) - self.bars.starts.item(index)
        return int(min(LAST_POINT, elapsed // POINT_SECONDS))

    def point(self, index: int, number: int, *, low_first: bool) -> tuple[int, int, int]:
        """(second, price, volume) of one point of a bar."""
        bars = self.bars
        column = (bars.opens, bars.highs, bars.lows, bars.closes)[number]
        if low_first and number in (1, 2):
            column = (bars.highs, bars.lows)[number == 1]
        volume = bars.volumes.item(index)
        quarter = volume // 4
        second = bars.starts.item(index) + number * POINT_SECONDS
        return second, column.item(index), quarter if number else volume - 3 * quarter

    def so_far(self, index: int, number: int, *, low_first: bool) -> tuple[int, int, int]:
        """(high, low, volume) of the day up to that point."""
        walked = [self.point(index, each, low_first=low_first) for each in range(number + 1)]
        prices = [price for _, price, _ in walked]
        high, low, volume = max(prices), min(prices), sum(shares for _, _, shares in walked)
        if index == 0:
            return high, low, volume
        highs, lows, volumes = self._totals()
        before = index - 1
        return (
            max(high, highs.item(before)),
            min(low, lows.item(before)),
            volume + volumes.item(before),
        )

    def _totals(self) -> tuple[Any, Any, Any]:
        if self._running is None:
            self._running = (
                np.maximum.accumulate(self.bars.highs),
                np.minimum.accumulate(self.bars.lows),
                np.add.accumulate(self.bars.volumes),
            )
        return self._running

    def next_touched(self, reach: Reach, after: datetime) -> int | None:
        """The second of the first point after `after` in a bar that may touch; None: none does."""
        bars = self.bars
        first = max(0, self.index(after))
        touched = np.full(len(bars) - first, reach.at_all)
        if reach.low is not None:
            touched |= bars.lows[first:] <= reach.low
        if reach.high is not None:
            touched |= bars.highs[first:] >= reach.high
        now = int(after.timestamp())
        for offset in touched.nonzero()[0][:2].tolist():  # the running bar's points may be over
            start = bars.starts.item(first + offset)
            second = max(start, start + ((now - start) // POINT_SECONDS + 1) * POINT_SECONDS)
            if second <= start + LAST_POINT * POINT_SECONDS:
                return int(second)
        return None


def within(bars: Bars, sessions: tuple[Session, ...]) -> Bars:
    """The bars inside the sessions; a day without a break is given back as it is."""
    if len(sessions) < 2:
        return bars
    return Bars.joined([bars.between(opens, closes) for opens, closes in sessions])


def previous_close(days: list[Bar]) -> Decimal | None:
    """The close of the last of some daily bars."""
    return days[-1].close if days else None
