"""Minute bars in columns: a market day of thousands of stocks fits in memory.

Prices are whole numbers of UNIT, which every legal price of both markets is (the finest tick is
0.0001); a `Bar` is made when one is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, overload

import numpy as np

from sim.gateway.nouns import Bar

UNIT = Decimal("0.0001")
PER_UNIT = 10_000


def price_of(units: int) -> Decimal:
    """The price of so many units."""
    return units * UNIT


class Bars(Sequence[Bar]):
    """Bars in order of time, in six int64 columns of equal length.

    starts: seconds since 1970, UTC; opens, highs, lows, closes: in UNIT; volumes: shares.
    """

    __slots__ = ("closes", "highs", "lows", "opens", "starts", "volumes")

    def __init__(
        self, starts: Any, opens: Any, highs: Any, lows: Any, closes: Any, volumes: Any
    ) -> None:
        columns = [
            np.asarray(each, dtype=np.int64)
            for each in (starts, opens, highs, lows, closes, volumes)
        ]
        if len({len(each) for each in columns}) != 1:
            raise ValueError(
                f"columns of one length are expected, were {[len(each) for each in columns]}"
            )
        self.starts, self.opens, self.highs, self.lows, self.closes, self.volumes = columns

    @classmethod
    def of(cls, bars: Iterable[Bar]) -> Bars:
        """The columns of ordinary bars; Bars are given back as they are."""
        if isinstance(bars, Bars):
            return bars
        rows = [
            (
                int(bar.at.timestamp()),
                *(int(price * PER_UNIT) for price in (bar.open, bar.high, bar.low, bar.close)),
                bar.volume,
            )
            for bar in bars
        ]
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 6)
        return cls(*table.T)

    @classmethod
    def joined(cls, parts: Sequence[Bars]) -> Bars:
        """Several stretches of time as one, in the order given."""
        columns = [
            np.concatenate([getattr(part, name) for part in parts])
            if parts
            else np.empty(0, np.int64)
            for name in ("starts", "opens", "highs", "lows", "closes", "volumes")
        ]
        return cls(*columns)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> Bar: ...

    @overload
    def __getitem__(self, index: slice) -> Bars: ...

    def __getitem__(self, index: int | slice) -> Bar | Bars:
        if isinstance(index, slice):
            return Bars(
                self.starts[index],
                self.opens[index],
                self.highs[index],
                self.lows[index],
                self.closes[index],
                self.volumes[index],
            )
        return Bar(
            datetime.fromtimestamp(int(self.starts[index]), UTC),
            price_of(int(self.opens[index])),
            price_of(int(self.highs[index])),
            price_of(int(self.lows[index])),
            price_of(int(self.closes[index])),
            int(self.volumes[index]),
        )

    def __iter__(self) -> Iterator[Bar]:
        return (self[n] for n in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compared by content

    def between(self, start: datetime, end: datetime) -> Bars:
        """The bars with start <= at < end; the columns are views, nothing is copied."""
        low = int(np.searchsorted(self.starts, start.timestamp()))
        high = int(np.searchsorted(self.starts, end.timestamp()))
        return self[low:high]
