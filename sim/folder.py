"""A folder of Parquet bars: read once as arrays, handed out by symbol and day.

Schema: symbol, market (US|HK), ts (UTC, bar start), open, high, low, close, volume. Files without
these columns that are not bars are left out; a file that is broken is named and refused. Beside
the bars may lie contracts.csv (symbol, market, name, sector, lot, currency) and news.csv (ts,
symbol, headline); control characters in them become spaces.
"""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sim.folder_bars import COLUMNS, MarketError, Series, joined, read_series
from sim.gateway.nouns import Headline


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
    parts: dict[tuple[str, str, int], list[Series]] = {}
    for file in files:
        found = read_series(file)
        if found is None:
            folder.left_out.append(file.name)
        for one in found or ():
            parts.setdefault(one.key, []).append(one)
    if not parts:
        raise MarketError(f"{path}: its Parquet files hold no bars; expected {', '.join(COLUMNS)}")
    for market, symbol, minutes in sorted(parts, key=_finest_first):
        folder.series.setdefault((market, symbol), []).append(
            joined(parts[market, symbol, minutes])
        )
    folder.contracts = _contracts(path / "contracts.csv")
    folder.news = _news(path / "news.csv")
    return folder


def _finest_first(key: tuple[str, str, int]) -> tuple[str, str, bool, int]:
    market, symbol, minutes = key
    return (market, symbol, minutes == 0, minutes)


def _rows(file: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    """The file's lines by column, a cell that is not there as ""; none without the file."""
    if not file.exists():
        return []
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle, restval="")
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise MarketError(f"{file}: column {', '.join(missing)} is missing")
            return [{name: _plain(row[name]) for name in reader.fieldnames or ()} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        words = " ".join(str(error).split())[:160]
        raise MarketError(f"{file}: not readable as UTF-8 text in columns ({words})") from error


def _plain(text: str) -> str:
    """The text with a space for each control character: the wire ends its fields with one."""
    return "".join(" " if unicodedata.category(each) == "Cc" else each for each in text)


def _contracts(file: Path) -> dict[tuple[str, str], dict[str, str]]:
    rows = _rows(file, ("symbol", "market", "name", "sector", "lot", "currency"))
    return {(row["market"], _code(row)): row for row in rows}


def _code(row: dict[str, str]) -> str:
    return row["symbol"].lstrip("0") if row["market"] == "HK" else row["symbol"]


def _news(file: Path) -> dict[str, list[Headline]]:
    found: dict[str, list[Headline]] = {}
    for number, row in enumerate(_rows(file, ("ts", "symbol", "headline")), start=1):
        try:
            at = datetime.fromisoformat(row["ts"])
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            words = f"ts must be an ISO time, was {row['ts'][:40]!r}"
            raise MarketError(f"{file}: line {number + 1}: {words}") from error
        line = Headline(at, "FOLDER", f"FOLDER${number:06d}", row["headline"])
        found.setdefault(row["symbol"], []).append(line)
    return found
