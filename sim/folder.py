"""A folder of Parquet bars: read once as arrays, handed out by symbol and day.

Schema: symbol, market (US|HK), ts (UTC, bar start), open, high, low, close, volume. Files without
these columns that are not bars are left out; a file that is broken is named and refused.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.gateway.nouns import Headline

COLUMNS = ("symbol", "market", "ts", "open", "high", "low", "close", "volume")
PRICES = ("open", "high", "low", "close")
DAY_MILLISECONDS = 86_400_000
MINUTE_MILLISECONDS = 60_000
SIZES = (1, 5, 15, 60)  # minutes of intraday bars


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

    def between(self, begin: datetime, end: datetime) -> slice:
        """The bars with begin <= ts < end."""
        low, high = (int(at.timestamp() * 1000) for at in (begin, end))
        return slice(int(np.searchsorted(self.ts, low)), int(np.searchsorted(self.ts, high)))


@dataclass(kw_only=True, slots=True)
class Folder:
    """What a market folder holds."""

    path: Path
    series: dict[tuple[str, str], list[Series]] = field(default_factory=dict)  # finest first
    contracts: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    news: dict[str, list[Headline]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_folder(path: Path) -> Folder:
    """The folder's bars, contracts and news. Raises MarketError with one line."""
    if not path.is_dir():
        raise MarketError(
            f"{path}: no such folder; --market wants a folder of Parquet bars "
            f"(columns {', '.join(COLUMNS)})"
        )
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise MarketError(f"{path}: no *.parquet file in it; name a folder that holds bars")
    folder = Folder(path=path)
    parts: dict[tuple[str, str, int], list[pa.Table]] = {}
    for file in files:
        table = _read(file)
        if table is None:
            folder.left_out.append(file.name)
            continue
        for key, rows in _by_symbol(table, file):
            parts.setdefault(key, []).append(rows)
    if not parts:
        raise MarketError(f"{path}: its Parquet files hold no bars; expected {', '.join(COLUMNS)}")
    for (market, symbol, minutes), arrays in sorted(parts.items()):
        one = _series(market, symbol, minutes, arrays)
        folder.series.setdefault((market, symbol), []).append(one)
    for found in folder.series.values():
        found.sort(key=lambda one: one.minutes or DAY_MILLISECONDS)
    folder.contracts = _contracts(path / "contracts.csv")
    folder.news = _news(path / "news.csv")
    return folder


def _read(file: Path) -> pa.Table | None:
    """The file's bars, or None if it is a table of something else."""
    try:
        names = pq.read_schema(file).names
        if "ts" not in names and "open" not in names:
            return None
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise MarketError(
                f"{file}: columns {', '.join(COLUMNS)} are expected, {', '.join(missing)} missing"
            )
        table = pq.read_table(file, columns=list(COLUMNS))
        table = table.set_column(
            2, "ts", table["ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
        )
        for index, name in enumerate(("symbol", "market")):
            table = table.set_column(index, name, table[name].cast(pa.string()))
        for name in PRICES:
            table = table.set_column(
                table.schema.get_field_index(name), name, table[name].cast(pa.float64())
            )
        return table.set_column(7, "volume", table["volume"].cast(pa.int64()))
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())[:160]
        raise MarketError(
            f"{file}: not readable as Parquet bars ({words}); replace or remove it"
        ) from error


def _by_symbol(table: pa.Table, file: Path) -> list[tuple[tuple[str, str, int], Any]]:
    """((market, symbol, bar minutes), arrays) for each symbol of one file."""
    markets = set(pc.unique(table["market"]).to_pylist())
    if not markets <= {"US", "HK"} or table.num_rows == 0:
        words = ", ".join(sorted(map(str, markets))) or "no rows"
        raise MarketError(f"{file}: column market must hold US or HK, found {words}")
    prices = np.column_stack([table[name].to_numpy() for name in PRICES])
    if not np.isfinite(prices).all() or (prices <= 0).any():
        raise MarketError(f"{file}: prices must be finite and above 0; repair or remove the rows")
    if not (
        (prices[:, 1] >= prices.max(axis=1) - 1e-9) & (prices[:, 2] <= prices.min(axis=1) + 1e-9)
    ).all():
        prices[:, 1], prices[:, 2] = prices.max(axis=1), prices.min(axis=1)
    ts, volume = table["ts"].to_numpy(), np.maximum(table["volume"].to_numpy(), 0)
    keys = pc.binary_join_element_wise(table["market"], table["symbol"], "/").combine_chunks()
    encoded = keys.dictionary_encode()
    codes, names = encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
    order = np.lexsort((ts, codes))
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    groups = np.split(order, edges)
    minutes = _bar_minutes([ts[rows] for rows in groups])
    found = []
    for rows in groups:
        market, _, symbol = names[codes[rows[0]]].partition("/")
        found.append(((market, symbol, minutes), (ts[rows], prices[rows], volume[rows])))
    return found


def _bar_minutes(by_symbol: list[Any]) -> int:
    """The bars' length in minutes: the largest known size within the least step; 0 is a day."""
    if not any((ts % DAY_MILLISECONDS).any() for ts in by_symbol):
        return 0
    steps = np.concatenate([np.diff(ts) for ts in by_symbol])
    positive = steps[steps > 0]
    least = int(positive.min()) / MINUTE_MILLISECONDS if len(positive) else 1
    return next((size for size in reversed(SIZES) if size <= least), 1)


def _series(market: str, symbol: str, minutes: int, parts: list[Any]) -> Series:
    """One series of several files' arrays; of equal times the first file's bar counts."""
    ts = np.concatenate([part[0] for part in parts])
    _, first = np.unique(ts, return_index=True)
    return Series(
        market=market,
        symbol=symbol,
        minutes=minutes,
        ts=ts[first],
        prices=np.concatenate([part[1] for part in parts])[first],
        volume=np.concatenate([part[2] for part in parts])[first],
    )


def _rows(file: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise MarketError(f"{file}: column {', '.join(missing)} is missing")
        return list(reader)


def _contracts(file: Path) -> dict[tuple[str, str], dict[str, str]]:
    rows = _rows(file, ("symbol", "market", "name", "sector", "lot", "currency"))
    return {(row["market"], row["symbol"]): row for row in rows}


def _news(file: Path) -> dict[str, list[Headline]]:
    found: dict[str, list[Headline]] = {}
    for number, row in enumerate(_rows(file, ("ts", "symbol", "headline")), start=1):
        try:
            at = datetime.fromisoformat(row["ts"])
        except ValueError as error:
            raise MarketError(f"{file}: line {number + 1}: ts must be an ISO time") from error
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        line = Headline(at, "FOLDER", f"FOLDER${number:06d}", row["headline"])
        found.setdefault(row["symbol"], []).append(line)
    return found


def days_of(series: Series) -> list[date]:
    """The UTC dates on which the series has bars, in order."""
    return [
        datetime.fromtimestamp(int(day) * 86_400, UTC).date()
        for day in np.unique(series.ts // DAY_MILLISECONDS)
    ]
