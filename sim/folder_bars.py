"""The bars of one Parquet file: checked, put in order, and told apart by symbol.

Repaired, since the bars are certain all the same: rows in any order; of several rows of one symbol
and time the first counts; times without a zone are UTC, times in another are turned into it; a high
or a low that another price of the bar passes is moved there; volume below 0 is none; zeros before a
Hong Kong code are dropped, as IBKR drops them. Whatever else cannot be is refused by name: prices
that are none, cells without a value, times inside a minute, and bars of two lengths in one file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.minutes import PRICE_MAX

COLUMNS = ("symbol", "market", "ts", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close")
TYPES = {
    "symbol": pa.string(),
    "market": pa.string(),
    "ts": pa.timestamp("ms", tz="UTC"),
    "volume": pa.int64(),
} | dict.fromkeys(PRICES, pa.float64())
MARKETS = {"US", "HK"}
SYMBOL_LENGTH_MAX = 24  # the longest stock symbol of IBKR has 12; the wire takes any
DAY_MILLISECONDS, MINUTE_MILLISECONDS = 86_400_000, 60_000
SIZES = (1, 5, 15, 30, 60)  # minutes of intraday bars
YEARS = (np.datetime64("1980-01-01"), np.datetime64("2100-01-01"))
VOLUME_MAX = 10**12  # shares; a thousand times the busiest day of any stock, and sums fit in int64
# A symbol's day of so many bars, of which so great a share follows the one before it by the same
# time, has bars of that length and not gaps.
RUN_BARS, RUN_SHARE = 6, 0.9


class MarketError(ValueError):
    """Market data that cannot be used; one line with what was expected, found, and what to do."""


@dataclass(kw_only=True, slots=True)
class Series:
    """All bars of one symbol in one bar size, by time. `minutes` is 0 for daily bars."""

    market: str
    symbol: str
    minutes: int
    ts: Any  # int64 milliseconds, ascending
    prices: Any  # float64, a row of four for each bar
    volume: Any  # int64
    days: Any  # int64, the UTC days since 1970 that have bars, ascending

    @property
    def key(self) -> tuple[str, str, int]:
        """What bars must share to be one series."""
        return (self.market, self.symbol, self.minutes)

    def rows(self, spans: Iterable[tuple[int, int]]) -> Any:
        """The places of the bars with begin <= ts < end, in milliseconds, of any of the spans."""
        edges = [self.ts.searchsorted(span).tolist() for span in spans]
        return np.concatenate([np.empty(0, np.int64), *(np.arange(*each) for each in edges)])


def read_series(file: Path) -> list[Series] | None:
    """The file's series, one for each symbol; None for a table of something else than bars."""
    table = _read(file)
    if table is None:
        return None
    if table.num_rows == 0:
        raise MarketError(f"{file}: bars are expected, found no rows; remove the file")
    _check_cells(table, file)
    ts, prices, volume = _numbers(table, file)
    codes, names = _codes(table, file)
    order = np.lexsort((ts, codes))
    codes, ts = codes[order], ts[order]
    minutes = _bar_minutes(codes, ts, file)
    edges = np.flatnonzero(np.diff(codes)) + 1
    found = []
    for rows in np.split(np.arange(len(ts)), edges):
        market, symbol = names[codes[rows[0]]]
        places = order[rows]
        found.append(_series(market, symbol, minutes, ts[rows], prices[places], volume[places]))
    return found


def joined(parts: list[Series]) -> Series:
    """One series of several files'; of equal times the first file's bar counts."""
    if len(parts) == 1:
        return parts[0]
    market, symbol, minutes = parts[0].key
    columns = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("ts", "prices", "volume")
    ]
    return _series(market, symbol, minutes, *columns)


def _series(market: str, symbol: str, minutes: int, ts: Any, prices: Any, volume: Any) -> Series:
    _, first = np.unique(ts, return_index=True)
    ts = ts[first]
    return Series(
        market=market,
        symbol=symbol,
        minutes=minutes,
        ts=ts,
        prices=prices[first],
        volume=volume[first],
        days=np.unique(ts // DAY_MILLISECONDS),
    )


def _read(file: Path) -> pa.Table | None:
    """The file's columns in their types, or None if it is a table of something else."""
    try:
        schema = pq.read_schema(file)
        if "ts" not in schema.names and "open" not in schema.names:
            return None
        missing = [name for name in COLUMNS if name not in schema.names]
        if missing:
            raise MarketError(
                f"{file}: columns {', '.join(COLUMNS)} are expected, {', '.join(missing)} missing"
            )
        kind = schema.field("ts").type
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise MarketError(
                f"{file}: not readable as Parquet bars (column ts must hold timestamps, was {kind})"
            )
        table = pq.read_table(file, columns=list(COLUMNS))
        columns = [table[name].cast(TYPES[name]) for name in COLUMNS]
        return pa.table(dict(zip(COLUMNS, columns, strict=True)))
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())[:160]
        raise MarketError(
            f"{file}: not readable as Parquet bars ({words}); replace or remove it"
        ) from error


def _check_cells(table: pa.Table, file: Path) -> None:
    for name in COLUMNS:
        if table[name].null_count:
            raise MarketError(
                f"{file}: column {name} has {table[name].null_count} cells without a value; "
                "fill them or remove the rows"
            )
    markets = set(pc.unique(table["market"]).to_pylist())
    if not markets <= MARKETS:
        words = ", ".join(sorted(repr(each[:SYMBOL_LENGTH_MAX]) for each in markets - MARKETS))
        raise MarketError(f"{file}: column market must hold US or HK, found {words}")


def _numbers(table: pa.Table, file: Path) -> tuple[Any, Any, Any]:
    """Milliseconds, prices in rows of four, and volumes."""
    ts = table["ts"].cast(pa.int64()).to_numpy()
    begin, end = (int(year.astype("datetime64[ms]").astype(np.int64)) for year in YEARS)
    if ts.min() < begin or ts.max() >= end:
        raise MarketError(
            f"{file}: times must lie from {YEARS[0]} to {YEARS[1]}; repair the column"
        )
    odd = np.count_nonzero(ts % MINUTE_MILLISECONDS)
    if odd:
        raise MarketError(
            f"{file}: bars must start on a whole minute, {odd} do not; put them together to minutes"
        )
    prices = np.column_stack([table[name].to_numpy() for name in PRICES])
    if not ((prices > 0) & (prices < PRICE_MAX)).all():
        raise MarketError(
            f"{file}: prices must be finite and above 0 (and below {PRICE_MAX:,.0f}); "
            "repair or remove the rows"
        )
    prices[:, 1], prices[:, 2] = prices.max(axis=1), prices.min(axis=1)
    volume = np.maximum(table["volume"].to_numpy(), 0)
    if volume.max() > VOLUME_MAX:
        raise MarketError(
            f"{file}: volume of a bar may be at most {VOLUME_MAX:,} shares, was {volume.max():,}"
        )
    return ts, prices, volume


def _codes(table: pa.Table, file: Path) -> tuple[Any, list[tuple[str, str]]]:
    """A number for each row's symbol, and the (market, symbol) that each number stands for."""
    keys = pc.binary_join_element_wise(table["market"], table["symbol"], "/").combine_chunks()
    encoded = keys.dictionary_encode()
    names: dict[tuple[str, str], int] = {}
    numbers = []
    for key in encoded.dictionary.to_pylist():
        market, _, symbol = key.partition("/")
        symbol = symbol.lstrip("0") if market == "HK" else symbol
        if not symbol.isprintable() or not 0 < len(symbol.strip()) <= SYMBOL_LENGTH_MAX:
            raise MarketError(
                f"{file}: a symbol of 1 to {SYMBOL_LENGTH_MAX} characters is expected, "
                f"found {symbol[:SYMBOL_LENGTH_MAX]!r}"
            )
        numbers.append(names.setdefault((market, symbol), len(names)))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return np.array(numbers)[codes], list(names)


def _bar_minutes(codes: Any, ts: Any, file: Path) -> int:
    """The bars' length in minutes: the largest known size within the least step; 0 is a day.

    Raises MarketError if some symbol's day has bars of a greater length.
    """
    if not (ts % DAY_MILLISECONDS).any():
        return 0
    steps = np.diff(ts)
    inside = (np.diff(codes) == 0) & (steps > 0)
    least = int(steps[inside].min()) // MINUTE_MILLISECONDS if inside.any() else 1
    minutes = next((size for size in reversed(SIZES) if size <= least), 1)
    inside &= np.diff(ts // DAY_MILLISECONDS) == 0
    longest = _longest_run(inside, steps) // MINUTE_MILLISECONDS
    if longest in SIZES and longest > minutes:
        raise MarketError(
            f"{file}: bars of one length are expected in a file, found {minutes} and {longest} "
            "minutes; put each length into a file of its own"
        )
    return minutes


def _longest_run(inside: Any, steps: Any) -> int:
    """The greatest step, in milliseconds, at which a whole day of one symbol's bars follow."""
    # Runs of steps inside one symbol's day; duplicates (step 0) break no run's least step.
    kept = np.flatnonzero(inside)
    if len(kept) == 0:
        return 0
    begins = np.concatenate([[0], np.flatnonzero(np.diff(kept) > 1) + 1])
    counts = np.diff(np.append(begins, len(kept)))
    leasts = np.minimum.reduceat(steps[kept], begins)
    same = np.add.reduceat(steps[kept] == np.repeat(leasts, counts), begins)
    regular = (counts >= RUN_BARS) & (same >= RUN_SHARE * counts)
    return int(leasts[regular].max()) if regular.any() else 0
