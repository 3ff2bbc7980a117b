"""What is known of a folder's symbols: names, sectors, lots. What is assumed is said to be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sim.folder import Folder
from sim.folder_bars import MarketError, Series
from sim.gateway.nouns import Listing
from sim.ladders import rule_id

LOTS = (1, 50, 100, 500, 1000, 2000, 5000, 10000)  # HKEX's standard sizes since 2026-11-16
LOT_MAX = 1_000_000  # issuers' lots go up to 100,000
LOT_VALUE_HKD = 10_000  # an assumed lot is the standard size nearest to this value
CURRENCIES = {"US": "USD", "HK": "HKD"}
TIME_ZONES = {"US": "US/Eastern", "HK": "Hongkong"}  # IBKR's names
INDEXES = frozenset({"HSI", "SPX", "NDX", "DJI", "IXIC", "RUT", "VIX", "HSTECH"})
CON_ID_MIN, CON_IDS = 10_000_000, 80_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What one symbol is; lot None is unknown."""

    name: str
    sector: str
    stock_type: str
    lot: int | None
    exchange: str
    lot_is_assumed: bool = False


def con_ids(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """A contract id for each (market, symbol): the same in every run, collisions by order."""
    taken: dict[int, tuple[str, str]] = {}
    found = {}
    for key in sorted(keys):
        digest = hashlib.blake2b("/".join(key).encode(), digest_size=8).digest()
        number = CON_ID_MIN + int.from_bytes(digest) % CON_IDS
        while number in taken:
            number += 1
        taken[number] = key
        found[key] = number
    return found


def facts_of(folder: Folder) -> dict[tuple[str, str], Facts]:
    """What each of the folder's symbols is, with a lot; where none is known one is assumed.

    Raises MarketError for a contract that cannot be.
    """
    known = _known(folder)
    return {
        key: _with_lot(key, known.get(key) or _plain(*key), many[0])
        for key, many in folder.series.items()
    }


def _with_lot(key: tuple[str, str], facts: Facts, series: Series) -> Facts:
    if facts.lot is not None:
        return facts
    if key[0] == "US":
        return replace(facts, lot=1)
    return replace(facts, lot=standard_lot(float(series.prices[-1][3])), lot_is_assumed=True)


def listing_of(key: tuple[str, str], con_id: int, facts: Facts, day: date) -> Listing:
    """The listing of a symbol whose lot is known, with the market rule in force on the day."""
    market, symbol = key
    if facts.lot is None:
        raise ValueError(f"a lot is expected for {symbol}, was unknown")
    return Listing(
        con_id=con_id,
        symbol=symbol,
        market=market,
        name=facts.name,
        currency=CURRENCIES[market],
        primary_exchange=facts.exchange,
        stock_type=facts.stock_type,
        industry=facts.sector,
        category=facts.sector,
        lot=facts.lot,
        time_zone=TIME_ZONES[market],
        market_rule_id=rule_id(market, facts.stock_type, day),
    )


def _plain(market: str, symbol: str) -> Facts:
    return Facts(
        name=symbol,
        sector="",
        stock_type="INDEX" if symbol.lstrip("^.") in INDEXES else "COMMON",
        lot=None,
        exchange={"US": "NASDAQ", "HK": "SEHK"}[market],
    )


def standard_lot(price: float) -> int:
    """The standard size that comes nearest to LOT_VALUE_HKD at this price."""
    return min(LOTS, key=lambda lot: abs(lot * price - LOT_VALUE_HKD))


def _known(folder: Folder) -> dict[tuple[str, str], Facts]:
    """contracts.csv if the folder has one, else the tables of a `meta` folder beside it."""
    if folder.contracts:
        return {key: _from_contract(key, row, folder) for key, row in folder.contracts.items()}
    for parent in list(folder.path.resolve().parents)[:2]:
        if (parent / "meta").is_dir():
            return _from_meta(parent / "meta", folder.series)
    return {}


def _from_contract(key: tuple[str, str], row: dict[str, str], folder: Folder) -> Facts:
    file, (market, symbol) = folder.path / "contracts.csv", key
    if market not in CURRENCIES:
        raise MarketError(f"{file}: market of {symbol} must be US or HK, was {market!r}")
    lot = _lot(row["lot"])
    if lot is None:
        raise MarketError(
            f"{file}: lot of {symbol} must be a whole number from 1 to {LOT_MAX}, "
            f"was {row['lot']!r}"
        )
    if row["currency"] != CURRENCIES[market]:
        raise MarketError(
            f"{file}: currency of {symbol} must be {CURRENCIES[market]} in market {market}, "
            f"was {row['currency']!r}"
        )
    plain = _plain(*key)
    return Facts(
        name=row["name"],
        sector=row["sector"],
        stock_type=row.get("stock_type") or plain.stock_type,
        lot=lot,
        exchange=plain.exchange,
    )


def _from_meta(meta: Path, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Facts]:
    symbols = pa.array([symbol for _, symbol in wanted])
    found: dict[tuple[str, str], Facts] = {}
    for file in sorted(meta.glob("hk_securities*.parquet"))[-1:]:
        for row in _rows_of(file, symbols):
            found["HK", str(row["symbol"])] = Facts(
                name=str(row["name"] or ""),
                sector=str(row["sector"] or row["industry_group"] or row["industry"] or ""),
                stock_type=_hk_type(row),
                lot=_lot(row["board_lot"]),
                exchange="SEHK",
            )
    for file in sorted(meta.glob("us_symbols*.parquet"))[-1:]:
        for row in _rows_of(file, symbols):
            is_fund = bool(row["etf"]) and str(row["etf"]).upper() not in ("N", "FALSE")
            found["US", str(row["symbol"])] = Facts(
                name=str(row["name"] or ""),
                sector=str(row["gics_sector"] or row["nasdaq_industry"] or ""),
                stock_type="ETF" if is_fund else "COMMON",
                lot=1,
                exchange=str(row["primary_exchange"] or "NASDAQ"),
            )
    return found


def _rows_of(file: Path, symbols: pa.Array) -> list[dict[str, Any]]:
    table = pq.read_table(file)
    named = table["symbol"].cast(pa.string())
    rows: list[dict[str, Any]] = table.filter(pc.is_in(named, symbols)).to_pylist()
    return rows


def _hk_type(row: dict[str, Any]) -> str:
    words = f"{row['category']} {row['sub_category']}".lower()
    if "exchange traded" in words or "etf" in words:
        return "ETF"
    return "REIT" if "real estate investment" in words else "COMMON"


def _lot(value: Any) -> int | None:
    """The lot that is written, or None where none is."""
    try:
        lot = Decimal(str(value).replace(",", ""))
    except ArithmeticError:
        return None
    return int(lot) if lot.is_finite() and 0 < lot <= LOT_MAX and lot == int(lot) else None
