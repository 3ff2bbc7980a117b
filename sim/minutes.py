"""Arrays of bars into minute bars on the tick grid, and longer bars into a minute path.

The path keeps the long bar's open, high, low, close and volume exactly; what lies between is
invented, deterministic, and labelled expanded wherever it is shown.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from sim.gateway.nouns import Bar
from sim.ladders import Rule


def on_grid(price: float, rule: Rule) -> Decimal:
    """The legal price nearest to `price`, at least one tick."""
    exact = Decimal(repr(float(price)))
    tick = rule[max(0, bisect_right(rule, (exact, Decimal("Infinity"))) - 1)][1]
    return max(tick, (exact / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick)


def bar_on_grid(at: datetime, prices: Sequence[float], volume: int, rule: Rule) -> Bar:
    """A bar with all four prices legal and low <= open, close <= high."""
    first, high, low, last = (on_grid(price, rule) for price in prices)
    return Bar(at, first, max(first, high, low, last), min(first, high, low, last), last, volume)


def expand(bar: Bar, starts: Sequence[datetime], rule: Rule, *, low_first: bool) -> list[Bar]:
    """Minute bars at `starts` that together are exactly `bar`.

    starts: the minutes the bar covers, at least one. The walk goes from the open over one extreme
    and the other to the close, in straight lines; volume is spread evenly, the rest up front.
    """
    count = len(starts)
    if count < 4:
        return [bar._replace(at=starts[0])]
    first, second = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    anchors = [(0, bar.open), (count // 3, first), (2 * count // 3, second), (count - 1, bar.close)]
    closes: list[Decimal] = [bar.open]
    for (begin, start_price), (end, end_price) in itertools.pairwise(anchors):
        step = (end_price - start_price) / (end - begin)
        closes.extend(on_grid(float(start_price + step * n), rule) for n in range(1, end - begin))
        closes.append(end_price)
    even, rest = divmod(bar.volume, count)
    bars = []
    before = bar.open
    for index, (at, close) in enumerate(zip(starts, closes, strict=True)):
        high, low = max(before, close), min(before, close)
        # Rounding onto the grid may not pass the extremes of the bar itself.
        high, low = min(high, bar.high), max(low, bar.low)
        bars.append(Bar(at, before, high, low, close, even + (1 if index < rest else 0)))
        before = close
    return bars
