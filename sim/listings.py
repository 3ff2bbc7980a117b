"""What is known of a folder's symbols: names, sectors, lots. What is assumed is said to be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sim.folder import Folder, MarketError
from sim.gateway.nouns import Listing
from sim.ladders import rule_id

LOTS = (1, 50, 100, 500, 1000, 2000, 5000, 10000)  # HKEX's standard sizes since 2026-11-16
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


def folder_listings(folder: Folder, day: date) -> tuple[list[Listing], bool]:
    """The folder's listings on a day, by market and symbol; and whether a lot had to be assumed."""
    ids = con_ids(folder.series)
    known = _known(folder)
    listings = []
    assumed = False
    for key in sorted(folder.series):
        market, symbol = key
        facts = known.get(key) or _plain(market, symbol)
        lot = facts.lot
        if lot is None:
            lot = 1 if market == "US" else _assumed_lot(float(folder.series[key][0].prices[-1][3]))
            assumed = assumed or market == "HK"
        listings.append(
            Listing(
                con_id=ids[key],
                symbol=symbol,
                market=market,
                name=facts.name,
                currency=CURRENCIES[market],
                primary_exchange=facts.exchange,
                stock_type=facts.stock_type,
                industry=facts.sector,
                category=facts.sector,
                lot=lot,
                time_zone=TIME_ZONES[market],
                market_rule_id=rule_id(market, facts.stock_type, day),
            )
        )
    return listings, assumed


def _plain(market: str, symbol: str) -> Facts:
    return Facts(
        name=symbol,
        sector="",
        stock_type="INDEX" if symbol.lstrip("^.") in INDEXES else "COMMON",
        lot=None,
        exchange={"US": "NASDAQ", "HK": "SEHK"}[market],
    )


def _assumed_lot(price: float) -> int:
    return min(LOTS, key=lambda lot: abs(lot * price - LOT_VALUE_HKD))


def _known(folder: Folder) -> dict[tuple[str, str], Facts]:
    """contracts.csv if the folder has one, else the tables of a `meta` folder beside it."""
    if folder.contracts:
        return {key: _from_contract(key, row, folder) for key, row in folder.contracts.items()}
    for parent in list(folder.path.resolve().parents)[:2]:
        if (parent / "meta").is_dir():
            return _from_meta(parent / "meta")
    return {}


def _from_contract(key: tuple[str, str], row: dict[str, str], folder: Folder) -> Facts:
    try:
        lot = int(row["lot"])
    except ValueError as error:
        words = f"{folder.path / 'contracts.csv'}: lot of {key[1]} must be a whole number"
        raise MarketError(f"{words}, was {row['lot']!r}") from error
    plain = _plain(*key)
    return Facts(
        name=row["name"],
        sector=row["sector"],
        stock_type=row.get("stock_type") or plain.stock_type,
        lot=lot,
        exchange=plain.exchange,
    )


def _from_meta(meta: Path) -> dict[tuple[str, str], Facts]:
    found: dict[tuple[str, str], Facts] = {}
    for file in sorted(meta.glob("hk_securities*.parquet"))[-1:]:
        for row in pq.read_table(file).to_pylist():
            found["HK", str(row["symbol"])] = Facts(
                name=str(row["name"] or ""),
                sector=str(row["sector"] or row["industry_group"] or row["industry"] or ""),
                stock_type=_hk_type(row),
                lot=_lot(row["board_lot"]),
                exchange="SEHK",
            )
    for file in sorted(meta.glob("us_symbols*.parquet"))[-1:]:
        for row in pq.read_table(file).to_pylist():
            is_fund = bool(row["etf"]) and str(row["etf"]).upper() not in ("N", "FALSE")
            found["US", str(row["symbol"])] = Facts(
                name=str(row["name"] or ""),
                sector=str(row["gics_sector"] or row["nasdaq_industry"] or ""),
                stock_type="ETF" if is_fund else "COMMON",
                lot=1,
                exchange=str(row["primary_exchange"] or "NASDAQ"),
            )
    return found


def _hk_type(row: dict[str, Any]) -> str:
    words = f"{row['category']} {row['sub_category']}".lower()
    if "exchange traded" in words or "etf" in words:
        return "ETF"
    return "REIT" if "real estate investment" in words else "COMMON"


def _lot(value: Any) -> int | None:
    try:
        return int(Decimal(str(value).replace(",", "")))
    except (ArithmeticError, ValueError):
        return None
