"""A seeded market to practise in: Hong Kong and US names that never existed, on real trading days.

Volume is U-shaped, nights gap, some names trend, gappers have a headline, one name is halted for an
hour on some days, and on one day everything crashes. Each (name, day) is drawn from its own stream,
so any order of access gives the same bars. Numbers are floats until they are put on the tick grid.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from sim import hours
from sim.gateway.nouns import Bar, Headline, Listing
from sim.ladders import RULES, rule_id
from sim.listings import CURRENCIES, TIME_ZONES, con_ids
from sim.minutes import bar_on_grid

FIRST_DAY, LAST_DAY = date(2026, 8, 24), date(2026, 11, 20)
CRASH_DAY = date(2026, 10, 14)
CRASH_DROP, CRASH_BEGINS, CRASH_MINUTES = -0.06, 90, 45
HALT_SHARE, HALT_MINUTES = 0.02, 60
RUNNER_SHARE, RUNNER_DRIFT = 0.15, 0.035  # names that trend up on a day, and by how much
GAP_HEADLINE = 0.025

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
HEADLINES = (
    "{name} raises its outlook after a strong quarter",
    "{name} wins a multi-year contract",
    "{name} surprises with record orders",
)


@dataclass(kw_only=True, slots=True)
class _Name:
    listing: Listing
    price: float
    daily_volume: int
    closes: dict[date, tuple[float, float]] = field(default_factory=dict)  # open, close


class Synthetic:
    """The synthetic market of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        rows = [("US", *row) for row in US_NAMES] + [("HK", *row) for row in HK_NAMES]
        ids = con_ids((row[0], row[1]) for row in rows)
        self._names: dict[int, _Name] = {}
        for market, symbol, name, sector, lot, price, volume in rows:
            listing = Listing(
                con_id=ids[market, symbol],
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
            self._names[listing.con_id] = _Name(listing=listing, price=price, daily_volume=volume)
        self.trading_days = {
            market: [
                day
                for n in range((LAST_DAY - FIRST_DAY).days + 1)
                if hours.is_trading_day(market, day := FIRST_DAY + timedelta(days=n))
            ]
            for market in ("US", "HK")
        }
        self._bars: dict[tuple[int, date], list[Bar]] = {}

    def listings(self) -> list[Listing]:
        """Every name, by market and symbol."""
        return sorted(
            (one.listing for one in self._names.values()), key=lambda one: (one.market, one.symbol)
        )

    def minutes(self, con_id: int, day: date) -> list[Bar]:
        """The day's minute bars; none while halted."""
        key = (con_id, day)
        if key not in self._bars:
            self._bars[key] = self._draw(self._names[con_id], day)
        return self._bars[key]

    def headlines(self, con_id: int, day: date) -> list[Headline]:
        """An hour and a half before the open, where the night gapped up."""
        one = self._names[con_id]
        gap = self._gap(one, day)
        if gap < GAP_HEADLINE:
            return []
        zone = hours.ZONES[one.listing.market]
        at = datetime.combine(day, time(8), zone).astimezone(UTC)
        rng = self._stream(one, day, "headline")
        text = HEADLINES[int(rng.integers(len(HEADLINES)))].format(name=one.listing.name)
        return [Headline(at, "SYNTH", f"SYNTH${con_id}-{day:%Y%m%d}", text)]

    def _stream(self, one: _Name, day: date | None, what: str) -> Any:
        words = f"{self._seed}/{one.listing.market}/{one.listing.symbol}/{day}/{what}"
        return np.random.default_rng(
            int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
        )

    def _gap(self, one: _Name, day: date) -> float:
        rng = self._stream(one, day, "gap")
        scale = 0.035 if rng.random() < RUNNER_SHARE else 0.006
        return float(np.clip(rng.normal(0, scale), -0.12, 0.12))

    def _move(self, one: _Name, day: date) -> float:
        """The day's move from open to close."""
        rng = self._stream(one, day, "move")
        drift = RUNNER_DRIFT if self._gap(one, day) > GAP_HEADLINE else 0.0
        crash = CRASH_DROP if day == CRASH_DAY else 0.0
        return float(np.clip(drift + rng.normal(0, 0.014), -0.15, 0.15)) + crash

    def _open_close(self, one: _Name, day: date) -> tuple[float, float]:
        if day not in one.closes:
            price = one.price
            for each in self.trading_days[one.listing.market]:
                opened = price * (1 + self._gap(one, each))
                price = opened * (1 + self._move(one, each))
                one.closes[each] = (opened, price)
        return one.closes[day]

    def _draw(self, one: _Name, day: date) -> list[Bar]:
        numbers = self._numbers(one, day)
        if numbers is None:
            return []
        prices, volumes, traded = numbers
        starts = hours.minutes(hours.sessions(one.listing.market, day))
        rule = RULES[one.listing.market_rule_id]
        return [bar_on_grid(starts[n], prices[:, n], int(volumes[n]), rule) for n in traded]

    def daily(self, con_id: int, day: date) -> Bar | None:
        """The day's bar: what its minute bars come to, without making them."""
        one = self._names[con_id]
        numbers = self._numbers(one, day)
        if numbers is None:
            return None
        prices, volumes, traded = numbers
        kept = prices[:, traded]
        # Putting onto the grid keeps the order of prices, so extremes may be taken before it.
        ends = (kept[0, 0], kept[1].max(), kept[2].min(), kept[3, -1])
        at = datetime.combine(day, time(), UTC)
        return bar_on_grid(at, ends, int(volumes[traded].sum()), RULES[one.listing.market_rule_id])

    def _numbers(self, one: _Name, day: date) -> tuple[Any, Any, Any] | None:
        """(open, high, low, close by minute), volumes, and the minutes in which it trades."""
        market = one.listing.market
        if day not in self.trading_days[market]:
            return None
        count = sum(
            int((closes - opens).total_seconds()) // 60
            for opens, closes in hours.sessions(market, day)
        )
        opened, closed = self._open_close(one, day)
        rng = self._stream(one, day, "minutes")
        steps = rng.normal(0, 0.0011, count)
        if day == CRASH_DAY:
            steps[CRASH_BEGINS : CRASH_BEGINS + CRASH_MINUTES] += CRASH_DROP / CRASH_MINUTES
        walk = np.cumsum(steps)
        bridge = np.linspace(0, np.log(closed / opened) - walk[-1], count)
        closes = opened * np.exp(walk + bridge)
        opens = np.concatenate([[opened], closes[:-1]])
        wicks = np.abs(rng.normal(0, 0.0005, (2, count)))
        highs = np.maximum(opens, closes) * (1 + wicks[0])
        lows = np.minimum(opens, closes) * (1 - wicks[1])
        volumes = self._volumes(one, rng, count)
        halted = self._halted(rng, count)
        traded = np.array([n for n in range(count) if n not in halted])
        return np.stack([opens, highs, lows, closes]), volumes, traded

    def _volumes(self, one: _Name, rng: Any, count: int) -> Any:
        """Lots by the minute: busy at both ends of the day, quiet in the middle."""
        place = np.linspace(-1, 1, count)
        shape = 0.5 + 1.5 * place**2
        raw = one.daily_volume / count * shape / shape.mean() * rng.lognormal(0, 0.4, count)
        lot = one.listing.lot
        return np.maximum(1, np.rint(raw / lot)).astype(np.int64) * lot

    def _halted(self, rng: Any, count: int) -> range:
        if rng.random() >= HALT_SHARE:
            return range(0)
        begins = int(rng.integers(30, count - HALT_MINUTES))
        return range(begins, begins + HALT_MINUTES)
