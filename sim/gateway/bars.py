"""Minute bars in columns: a market day of thousands of stocks fits in memory.

Prices are whole numbers of UNIT, which every legal price of both markets is (the finest tick is
0.0001); a `Bar` is made when one is looked at.
"""

from __future__ import annotations

import math
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
    return int(units) * UNIT


def units_of(price: Decimal) -> int:
    """How many units a price is. Raises ValueError for a price that is no whole number of them."""
    units = int(price * PER_UNIT)
    if units != price * PER_UNIT:
        raise ValueError(f"prices must be whole numbers of {UNIT}, was {price}")
    return units


class Bars(Sequence[Bar]):
    """Bars in order of time, in six int64 columns of equal length that cannot be written to.

    starts: seconds since 1970, UTC; opens, highs, lows, closes: in UNIT; volumes: shares.
    """

    __slots__ = ("closes", "highs", "lows", "opens", "starts", "volumes")

    def __init__(
        self, starts: Any, opens: Any, highs: Any, lows: Any, closes: Any, volumes: Any
    ) -> None:
        columns = [_column(each) for each in (starts, opens, highs, lows, closes, volumes)]
        if len({len(each) for each in columns}) != 1:
            raise ValueError(
                f"columns of one length are expected, were {[len(each) for each in columns]}"
            )
        self.starts, self.opens, self.highs, self.lows, self.closes, self.volumes = columns

    @classmethod
    def of(cls, bars: Iterable[Bar]) -> Bars:
        """The columns of ordinary bars; Bars are given back as they are.

        Raises ValueError for a price that is no whole number of UNIT or a start inside a second.
        """
        if isinstance(bars, Bars):
            return bars
        rows = [
            (
                _seconds(bar.at),
                *(units_of(price) for price in (bar.open, bar.high, bar.low, bar.close)),
                bar.volume,
            )
            for bar in bars
        ]
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 6)
        return cls(*np.ascontiguousarray(table.T))

    @classmethod
    def joined(cls, parts: Sequence[Bars]) -> Bars:
        """Several stretches of time as one, in the order given."""
        if len(parts) == 1:
            return parts[0]
        nothing = np.empty(0, np.int64)
        columns = (
            zip(*(part.columns() for part in parts), strict=True) if parts else [[nothing]] * 6
        )
        return cls(*(np.concatenate(column) for column in columns))

    def columns(self) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Starts, opens, highs, lows, closes and volumes."""
        return (self.starts, self.opens, self.highs, self.lows, self.closes, self.volumes)

    def __len__(self) -> int:
        return len(self.starts)

    def __repr__(self) -> str:
        return f"<{len(self)} bars>"

    @overload
    def __getitem__(self, index: int) -> Bar: ...

    @overload
    def __getitem__(self, index: slice) -> Bars: ...

    def __getitem__(self, index: int | slice) -> Bar | Bars:
        if isinstance(index, slice):
            return self._views(index)
        return _bar(*(int(column[index]) for column in self.columns()))

    def __iter__(self) -> Iterator[Bar]:
        return map(_bar, *(column.tolist() for column in self.columns()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Bars):
            pairs = zip(self.columns(), other.columns(), strict=True)
            return all(np.array_equal(mine, theirs) for mine, theirs in pairs)
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compared by content

    def picked(self, rows: Any) -> Bars:
        """The bars at some places, or where a mask is true, in the order given; a copy."""
        return Bars(*(column[rows] for column in self.columns()))

    def between(self, start: datetime, end: datetime) -> Bars:
        """The bars with start <= at < end; the columns are views, nothing is copied."""
        # Bars start on whole seconds: an instant inside one excludes what starts with it.
        low, high = (
            int(self.starts.searchsorted(math.ceil(at.timestamp()))) for at in (start, end)
        )
        return self._views(slice(low, high))

    def _views(self, rows: slice) -> Bars:
        # Slices of columns that were checked once need no second check.
        found = object.__new__(Bars)
        found.starts, found.opens, found.highs, found.lows, found.closes, found.volumes = (
            column[rows] for column in self.columns()
        )
        return found


def _column(values: Any) -> Any:
    """An int64 view that cannot be written to; the caller's own array stays as it was."""
    column = np.asarray(values, dtype=np.int64).view()
    column.flags.writeable = False
    return column


def _seconds(at: datetime) -> int:
    if at.microsecond:
        raise ValueError(f"bars must start on a whole second, was {at.isoformat()}")
    return int(at.timestamp())


def _bar(starts: int, opens: int, highs: int, lows: int, closes: int, volumes: int) -> Bar:
    return Bar(
        datetime.fromtimestamp(starts, UTC),
        price_of(opens),
        price_of(highs),
        price_of(lows),
        price_of(closes),
        volumes,
    )
