"""A seeded market to practise in: Hong Kong and US names that never existed, on real trading days.

Volume is U-shaped, nights gap, some names trend, gappers have a headline, one name is halted for an
hour on some days, and on one day everything crashes; or every day is of one kind (synthetic_days).
Each (name, day) is drawn from its own stream, so any order of access gives the same bars. Numbers
are floats until they are put on the tick grid.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from sim import hours
from sim.gateway.bars import Bars
from sim.gateway.nouns import Bar, Headline, Listing, Session
from sim.ladders import RULES
from sim.minutes import bar_on_grid, bars_on_grid
from sim.synthetic_days import (
    CRASH_DAY,
    CRASH_DROP,
    GAP_HEADLINE,
    KINDS,
    MIXED,
    NIGHT_MAX,
    Course,
    Shape,
    course,
    prices,
    shape,
    traded,
    volumes,
)
from sim.synthetic_names import FIRST_DAY, LAST_DAY, Name, names

HEADLINES = (
    "{name} raises its outlook after a strong quarter",
    "{name} wins a multi-year contract",
    "{name} surprises with record orders",
)
NO_BARS = Bars.of(())


class Synthetic:
    """The synthetic market of one seed.

    kind: one of KINDS. symbols: how many names are generated on top of the table's.
    """

    def __init__(self, seed: int, *, kind: str = MIXED.word, symbols: int = 0) -> None:
        self._seed = seed
        self._kind = KINDS[kind]
        found = names(symbols)
        self._listings = [one.listing for one in found]
        self._names = {one.listing.con_id: one for one in found}
        self._courses: dict[int, Course] = {}
        self._last: tuple[int, date, Shape] | None = None
        self.trading_days = {market: _trading_days(market) for market in ("US", "HK")}
        self._places = {
            market: {day: place for place, day in enumerate(days)}
            for market, days in self.trading_days.items()
        }

    def listings(self) -> list[Listing]:
        """Every name, by market and symbol."""
        return self._listings

    def minutes(self, con_id: int, day: date) -> Bars:
        """The day's minute bars; none while halted."""
        one = self._names[con_id]
        drawn = self._shape(one, day)
        if drawn is None:
            return NO_BARS
        rows = traded(drawn)
        # Without a halt the starts are not copied: all names share the day's.
        starts = hours.minute_starts(hours.sessions(one.listing.market, day))
        return bars_on_grid(
            starts[rows],
            self._prices(one, day, drawn)[:, rows],
            volumes(drawn, one.daily_volume, one.listing.lot)[rows],
            RULES[one.listing.market_rule_id],
        )

    def daily(self, con_id: int, day: date) -> Bar | None:
        """The day's bar: what its minute bars come to, without making them."""
        one = self._names[con_id]
        drawn = self._shape(one, day)
        if drawn is None:
            return None
        rows = traded(drawn)
        kept = self._prices(one, day, drawn)[:, rows]
        shares = volumes(drawn, one.daily_volume, one.listing.lot)[rows]
        # Putting onto the grid keeps the order of prices, so extremes may be taken before it.
        ends = (kept[0, 0], kept[1].max(), kept[2].min(), kept[3, -1])
        at = datetime.combine(day, time(), UTC)
        return bar_on_grid(at, ends, int(shares.sum()), RULES[one.listing.market_rule_id])

    def halts(self, con_id: int, day: date) -> tuple[Session, ...]:
        """The spans of the day in which the name is halted, in order."""
        one = self._names[con_id]
        drawn = self._shape(one, day)
        if drawn is None or not drawn.halted:
            return ()
        starts = hours.minute_starts(hours.sessions(one.listing.market, day))
        return tuple(
            Session(_instant(starts[halted.start]), _instant(starts[halted.stop - 1] + 60))
            for halted in drawn.halted
        )

    def headlines(self, con_id: int, day: date) -> list[Headline]:
        """An hour and a half before the open, where the night gapped up."""
        one = self._names[con_id]
        place = self._places[one.listing.market].get(day)
        if place is None or self._course(one).nights[place] < GAP_HEADLINE:
            return []
        zone = hours.ZONES[one.listing.market]
        at = datetime.combine(day, time(8), zone).astimezone(UTC)
        rng = self._stream(one, day, "headline")
        text = HEADLINES[int(rng.integers(len(HEADLINES)))].format(name=one.listing.name)
        return [Headline(at, "SYNTH", f"SYNTH${con_id}-{day:%Y%m%d}", text)]

    def _shape(self, one: Name, day: date) -> Shape | None:
        """The day before it has prices; None on a day without trading."""
        market, con_id = one.listing.market, one.listing.con_id
        place = self._places[market].get(day)
        if place is None:
            return None
        # A day's minutes and its halts are asked for one after the other.
        if self._last is not None and self._last[:2] == (con_id, day):
            return self._last[2]
        rng = self._stream(one, day, self._what("minutes"))
        spans = hours.sessions(market, day)
        counts = [int((closes - opens).total_seconds()) // 60 for opens, closes in spans]
        found = shape(self._kind, rng, counts, market, day, self._course(one).sizes[place])
        self._last = (con_id, day, found)
        return found

    def _prices(self, one: Name, day: date, drawn: Shape) -> Any:
        days, place = self._course(one), self._places[one.listing.market][day]
        return prices(drawn, days.opens[place], days.closes[place])

    def _course(self, one: Name) -> Course:
        con_id = one.listing.con_id
        if con_id not in self._courses:
            days = self.trading_days[one.listing.market]
            if self._kind is MIXED and not one.generated:
                self._courses[con_id] = self._mixed_course(one, days)
            else:
                rng = self._stream(one, None, self._what("days"))
                self._courses[con_id] = course(self._kind, rng, one, days)
        return self._courses[con_id]

    def _mixed_course(self, one: Name, days: list[date]) -> Course:
        """The days of a name of the table, each from streams of its own.

        One stream for all would be cheaper, and would change every bar of the market that the
        documents show.
        """
        nights, opens, closes = [], [], []
        price = one.price
        for day in days:
            rng = self._stream(one, day, "gap")
            scale = MIXED.wide_night if rng.random() < MIXED.wide_share else MIXED.night
            night = float(np.clip(rng.normal(0, scale), -NIGHT_MAX, NIGHT_MAX))
            opened = price * (1 + night)
            run = MIXED.runs if night > GAP_HEADLINE else 0.0
            fall = CRASH_DROP if day == CRASH_DAY else 0.0
            move = run + self._stream(one, day, "move").normal(0, MIXED.day)
            price = opened * (1 + (float(np.clip(move, -0.15, 0.15)) + fall))
            nights.append(night)
            opens.append(opened)
            closes.append(price)
        return Course(nights=nights, opens=opens, closes=closes, sizes=[0.0] * len(days))

    def _what(self, part: str) -> str:
        """The name of a stream; the mixed kind's are those that had no kind beside them."""
        return part if self._kind is MIXED else f"{self._kind.word} {part}"

    def _stream(self, one: Name, day: date | None, what: str) -> Any:
        words = f"{self._seed}/{one.listing.market}/{one.listing.symbol}/{day}/{what}"
        return np.random.default_rng(
            int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
        )


def _trading_days(market: str) -> list[date]:
    days = (FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
    return [day for day in days if hours.is_trading_day(market, day)]


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
