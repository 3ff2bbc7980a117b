"""The names of the synthetic market: a table of its own, and any number of generated ones.

Generated names are the same in every market, whatever its seed and however many there are: the
first hundred of four thousand are the hundred.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import exp, log

import numpy as np

from sim.gateway.nouns import Listing
from sim.ladders import rule_id
from sim.listings import CURRENCIES, TIME_ZONES, con_ids, standard_lot

FIRST_DAY, LAST_DAY = date(2026, 8, 24), date(2026, 11, 20)

# symbol, name, sector, lot, first price, shares a day
US_NAMES = (
    ("ARDN", "Arden Semiconductors", "Technology", 1, 142.0, 6_200_000),
    ("BLTX", "Beltax Systems", "Technology", 1, 61.5, 3_900_000),
    ("CRVO", "Corvo Networks", "Technology", 1, 23.4, 8_100_000),
    ("DYNQ", "Dynaquant Software", "Technology", 1, 318.0, 1_700_000),
    ("ELMR", "Elmer Robotics", "Industrial", 1, 47.2, 2_600_000),
    ("FRWD", "Forward Freight", "Industrial", 1, 88.1, 1_900_000),
    ("GRNT", "Granite Tools", "Industrial", 1, 36.7, 2_200_000),
    ("HLXB", "Helix Biologics", "Healthcare", 1, 19.8, 5_400_000),
    ("INVA", "Invara Therapeutics", "Healthcare", 1, 9.35, 9_800_000),
    ("JNPR", "Juniper Care", "Healthcare", 1, 73.3, 1_500_000),
    ("KSTL", "Keystel Energy", "Energy", 1, 54.9, 4_300_000),
    ("LUMN", "Luma Drilling", "Energy", 1, 6.42, 12_500_000),
    ("MRDN", "Meridian Bank", "Financial", 1, 41.6, 5_100_000),
    ("NVSK", "Novask Payments", "Financial", 1, 128.4, 2_400_000),
    ("OPLN", "Opaline Insurance", "Financial", 1, 66.0, 1_300_000),
    ("PRKS", "Parkstone Retail", "Consumer", 1, 29.9, 3_700_000),
    ("QUIL", "Quill Apparel", "Consumer", 1, 15.1, 4_600_000),
    ("RVRS", "Riverside Foods", "Consumer", 1, 52.2, 1_800_000),
    ("SLTE", "Slate Materials", "Basic Materials", 1, 33.8, 2_900_000),
    ("TRNQ", "Tranquil Hotels", "Consumer", 1, 77.7, 1_400_000),
    ("UMBR", "Umbra Media", "Communications", 1, 12.6, 6_800_000),
    ("VANE", "Vane Utilities", "Utilities", 1, 58.5, 1_600_000),
    ("WVLN", "Waveline Telecom", "Communications", 1, 25.7, 4_000_000),
    ("XYLO", "Xylo Mining", "Basic Materials", 1, 3.18, 15_000_000),
)
HK_NAMES = (
    ("61", "Harbour Light Holdings", "Financial", 500, 38.2, 4_800_000),
    ("177", "Lantau Semicon", "Technology", 100, 312.0, 3_600_000),
    ("242", "Pearl Delta Motors", "Consumer", 200, 74.6, 6_200_000),
    ("318", "Kowloon Power", "Utilities", 500, 21.9, 5_100_000),
    ("455", "Silk Route Logistics", "Industrial", 1000, 9.62, 8_900_000),
    ("512", "Jade Garden Foods", "Consumer", 2000, 4.31, 11_000_000),
    ("677", "Golden Bay Property", "Property", 1000, 13.7, 7_400_000),
    ("733", "Dragonfly Robotics", "Technology", 200, 46.1, 5_700_000),
    ("861", "Blue Lotus Pharma", "Healthcare", 500, 17.4, 6_600_000),
    ("906", "Typhoon Games", "Communications", 100, 158.3, 2_800_000),
    ("1043", "Mid-Levels Bank", "Financial", 400, 61.2, 5_900_000),
    ("1288", "Causeway Retail", "Consumer", 1000, 7.05, 9_300_000),
    ("1567", "Sai Kung Solar", "Energy", 2000, 2.48, 18_000_000),
    ("1904", "Victoria Shipping", "Industrial", 500, 28.9, 3_400_000),
    ("2231", "Peak Materials", "Basic Materials", 5000, 0.83, 26_000_000),
    ("2406", "Star Ferry Media", "Communications", 1000, 5.66, 7_700_000),
)

SYMBOLS_MAX = 10_000  # generated names; about twice the stocks of a whole exchange
CON_ID_MIN = 100_000_000  # of generated names: above all that are made from a symbol
HK_EVERY = 5  # each fifth generated name is of Hong Kong
LETTERS = 26
US_STEP, US_CODES = 104_729, LETTERS**4  # a prime step visits every code of four letters once
HK_STEP, HK_CODES = 1_237, 3_989  # and every code from 1 to 3988
PRICES = {"US": (0.8, 900.0), "HK": (0.3, 500.0)}  # the first price, evenly over its logarithm
TURNOVER = (4e5, 6e8)  # a day's, in the listing's currency, evenly over its logarithm
FIRST_WORDS = (
    "Alder Amber Anchor Argent Aspen Aurora Beacon Birch Bridge Cedar Cobalt Copper Coral Crescent "
    "Cypress Delta Ember Falcon Garnet Glacier Harvest Heron Indigo Ivory Juniper Lattice Linden "
    "Marble Meadow Mosaic Nimbus Ochre Orchid Pioneer Quartz Raven Saffron Sierra Summit Willow"
)
SECTORS = (
    ("Technology", "Circuits Software Devices Photonics Networks"),
    ("Healthcare", "Therapeutics Diagnostics Biologics Clinics Instruments"),
    ("Financial", "Bancorp Insurance Capital Trust Payments"),
    ("Consumer", "Foods Apparel Retail Brands Leisure"),
    ("Industrial", "Freight Machinery Aerospace Tools Logistics"),
    ("Energy", "Drilling Pipelines Solar Refining Power"),
    ("Basic Materials", "Mining Chemicals Steel Timber Minerals"),
    ("Communications", "Media Telecom Games Studios Broadcast"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A stock of the market, what it costs before the first day, and shares traded on a day."""

    listing: Listing
    price: float
    daily_volume: int
    generated: bool


def names(generated: int) -> list[Name]:
    """The names of the table and so many generated ones, by market and symbol."""
    found = [*_tabled(), *_generated(generated)]
    return sorted(found, key=lambda one: (one.listing.market, one.listing.symbol))


def _tabled() -> Iterator[Name]:
    rows = [("US", *row) for row in US_NAMES] + [("HK", *row) for row in HK_NAMES]
    ids = con_ids((row[0], row[1]) for row in rows)
    for market, symbol, name, sector, lot, price, volume in rows:
        listing = _listing(ids[market, symbol], market, symbol, name, sector, lot)
        yield Name(listing=listing, price=price, daily_volume=volume, generated=False)


def _generated(count: int) -> Iterator[Name]:
    codes = {"US": _us_codes(), "HK": _hk_codes()}
    seed = int.from_bytes(hashlib.blake2b(b"generated names", digest_size=8).digest())
    draws = np.random.default_rng(seed).random((count, 2)).tolist()
    for index, (price_draw, turnover_draw) in enumerate(draws):
        market = "HK" if index % HK_EVERY == HK_EVERY - 1 else "US"
        price = round(_log_even(*PRICES[market], price_draw), 4)
        lot = 1 if market == "US" else standard_lot(price)
        shares = int(_log_even(*TURNOVER, turnover_draw) / price)
        name, sector = _name(index)
        listing = _listing(CON_ID_MIN + index, market, next(codes[market]), name, sector, lot)
        volume = max(shares // lot, 1) * lot
        yield Name(listing=listing, price=price, daily_volume=volume, generated=True)


def _log_even(low: float, high: float, draw: float) -> float:
    return exp(log(low) + draw * (log(high) - log(low)))


def _us_codes() -> Iterator[str]:
    taken = {row[0] for row in US_NAMES}
    for index in range(1, US_CODES):
        rest = index * US_STEP % US_CODES
        code = "".join(chr(ord("A") + rest // LETTERS**place % LETTERS) for place in (3, 2, 1, 0))
        if code not in taken:
            yield code


def _hk_codes() -> Iterator[str]:
    taken = {row[0] for row in HK_NAMES}
    for index in range(1, HK_CODES):
        code = str(index * HK_STEP % HK_CODES)
        if code not in taken:
            yield code


def _name(index: int) -> tuple[str, str]:
    """A company's name and its sector."""
    sector, kinds = SECTORS[index % len(SECTORS)]
    firsts, seconds = FIRST_WORDS.split(), kinds.split()
    turn, first = divmod(index // len(SECTORS), len(firsts))
    series, second = divmod(turn, len(seconds))
    number = f" {series + 1}" if series else ""
    return f"{firsts[first]} {seconds[second]}{number}", sector


def _listing(con_id: int, market: str, symbol: str, name: str, sector: str, lot: int) -> Listing:
    return Listing(
        con_id=con_id,
        symbol=symbol,
        market=market,
        name=name,
        currency=CURRENCIES[market],
        primary_exchange={"US": "NASDAQ", "HK": "SEHK"}[market],
        stock_type="COMMON",
        industry=sector,
        category=sector,
        lot=lot,
        time_zone=TIME_ZONES[market],
        market_rule_id=rule_id(market, "COMMON", LAST_DAY),
    )
