"""Arrays of bars onto the tick grid, and longer bars into a minute path.

The path keeps the long bar's open, high, low, close and volume exactly; what lies between is
invented, deterministic, and labelled expanded wherever it is shown.

Rounding is that of the exact decimal value, the shortest decimal that names the float: to the
nearest tick, half to the even number of ticks, at least one tick. A price on a band's low edge has
that band's tick. `on_grid` does so for one price with Decimals, `units_on_grid` for arrays.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any

import numpy as np

from sim.gateway.bars import PER_UNIT, Bars
from sim.gateway.nouns import Bar
from sim.ladders import Rule

MICRO = 1_000_000  # micro-prices to one: edges, ticks and half ticks are whole numbers of them
MICRO_PER_UNIT = MICRO // PER_UNIT
PRICE_MAX = 1e8  # a price times MICRO must keep below 15 digits; no stock comes near


def on_grid(price: float, rule: Rule) -> Decimal:
    """The legal price nearest to `price`, at least one tick."""
    exact = Decimal(repr(float(price)))
    tick = rule[max(0, bisect_right(rule, (exact, Decimal("Infinity"))) - 1)][1]
    return max(tick, (exact / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick)


def bar_on_grid(at: datetime, prices: Sequence[float], volume: int, rule: Rule) -> Bar:
    """A bar with all four prices legal and low <= open, close <= high."""
    first, high, low, last = (on_grid(price, rule) for price in prices)
    return Bar(at, first, max(first, high, low, last), min(first, high, low, last), last, volume)


def units_on_grid(prices: Any, rule: Rule) -> Any:
    """What `on_grid` says of each of an array of prices, in UNIT.

    prices: finite, below PRICE_MAX. A float equal to `micro / MICRO` has that decimal for its
    shortest name, since decimals of at most 15 digits are each named by a float of their own; any
    other float lies strictly beside it, on the side that the comparison of the floats says. So
    whole micro-prices and a side decide every rounding as the exact decimal would.
    """
    edges, ticks = _steps(rule)
    micro = np.rint(prices * MICRO)
    side = np.sign(prices - micro / MICRO).astype(np.int64)
    micro = micro.astype(np.int64)
    band = np.maximum(np.searchsorted(edges, 2 * micro + side, side="right") - 1, 0)
    tick = ticks[band]
    count, rest = np.divmod(micro, tick)
    past_half = 2 * rest - tick
    # On a half the side decides, and without one the odd count, which goes up to the even.
    past_half = np.where(past_half == 0, 2 * side + (count & 1), past_half)
    return np.maximum(count + (past_half > 0), 1) * (tick // MICRO_PER_UNIT)


@lru_cache(maxsize=16)
def _steps(rule: Rule) -> tuple[Any, Any]:
    """The rule's edges, in half micro-prices, and its ticks, in micro-prices."""
    edges, ticks = zip(*rule, strict=True)
    return (
        np.array([int(edge * 2 * MICRO) for edge in edges]),
        np.array([int(tick * MICRO) for tick in ticks]),
    )


def bars_on_grid(starts: Any, prices: Any, volumes: Any, rule: Rule) -> Bars:
    """What `bar_on_grid` says of each bar. prices: four rows, open, high, low and close."""
    units = units_on_grid(prices, rule)
    return Bars(starts, units[0], units.max(axis=0), units.min(axis=0), units[3], volumes)


def expand(whole: Bars, starts: Any, counts: Any, rule: Rule, *, low_first: Any) -> Bars:
    """Minute bars at `starts` of which each stretch is together exactly one bar of `whole`.

    starts: the minutes the bars cover, one bar's after the other's; counts: how many minutes each
    bar covers, at least one. The walk goes from the open over one extreme and the other to the
    close, in straight lines; low_first tells by bar which extreme comes first. Volume is spread
    evenly, the rest up front. Of fewer than four minutes only the first has a bar.
    """
    firsts = np.cumsum(counts) - counts
    table = np.zeros((6, len(starts)), np.int64)
    table[0] = starts
    walked = np.ones(len(starts), bool)
    for count in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == count)
        cells = firsts[rows][:, None] + np.arange(count)
        some = whole.picked(rows)
        if count < 4:
            walked[cells[:, 1:]] = False
            table[1:, cells[:, 0]] = some.columns()[1:]
        else:
            table[1:, cells] = _walks(some, count, rule, low_first[rows])
    return Bars(*table[:, walked])


def _walks(whole: Bars, count: int, rule: Rule, low_first: Any) -> Any:
    """Open, high, low, close and volume of `count` minutes, a row of them for each bar."""
    firsts = np.where(low_first, whole.lows, whole.highs)
    seconds = np.where(low_first, whole.highs, whole.lows)
    anchors = np.stack([whole.opens, firsts, seconds, whole.closes], axis=1)
    places = np.array([0, count // 3, 2 * count // 3, count - 1])
    minute = np.arange(count)
    leg = np.minimum(np.searchsorted(places, minute, side="right") - 1, 2)
    length = (places[1:] - places[:-1])[leg]
    done = minute - places[leg]
    travelled = anchors[:, leg] * (length - done) + anchors[:, leg + 1] * done
    # Anchors are legal, and rounding keeps the order of prices: no minute passes an extreme.
    closes = units_on_grid(travelled / (length * PER_UNIT), rule)
    opens = np.concatenate([closes[:, :1], closes[:, :-1]], axis=1)
    even, rest = np.divmod(whole.volumes, count)
    volumes = even[:, None] + (minute < rest[:, None])
    return np.stack([opens, np.maximum(opens, closes), np.minimum(opens, closes), closes, volumes])
