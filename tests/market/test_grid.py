"""Rounding in arrays is the rounding of exact decimals; an expanded bar is that bar exactly."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.gateway.bars import Bars, units_of
from sim.gateway.nouns import Bar
from sim.ladders import HK_PHASE_2, RULES, US_RULE
from sim.minutes import bar_on_grid, bars_on_grid, expand, on_grid, units_on_grid

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def exactly(prices, rule):
    return [units_of(on_grid(price, rule)) for price in prices]


@pytest.mark.parametrize("number", RULES)
@given(prices=st.lists(st.floats(1e-9, 99_999_999, allow_nan=False), min_size=1, max_size=50))
def test_arrays_are_rounded_as_single_prices_are(number, prices):
    assert units_on_grid(np.array(prices), RULES[number]).tolist() == exactly(prices, RULES[number])


@pytest.mark.parametrize("number", RULES)
def test_halves_edges_and_their_neighbours_are_rounded_as_decimals_are(number):
    rule = RULES[number]
    # Floats that name a half tick or a band's edge, and the floats next to them on either side.
    named = [float((n + D("0.5")) * tick) for _, tick in rule for n in range(400)]
    named += [float(edge + n * tick / 2) for edge, tick in rule for n in range(-5, 6)]
    named = [price for price in named if price > 0]
    prices = [*named, *np.nextafter(named, 1e9), *np.nextafter(named, 0), *np.float32(named)]
    prices = [float(price) for price in prices]
    assert units_on_grid(np.array(prices), rule).tolist() == exactly(prices, rule)


@pytest.mark.parametrize(
    ("price", "rounded"),
    [
        (142.005, "142"),  # half to even, whatever the float's own value is
        (142.015, "142.02"),
        (142.00500000000002, "142.01"),
        (0.99995, "1"),
        (0.9999, "0.9999"),
        (1.005, "1"),
        (0.00001, "0.0001"),  # at least one tick
    ],
)
def test_prices_go_to_the_nearest_tick_half_to_even(price, rounded):
    assert units_on_grid(np.array([price]), RULES[US_RULE]).tolist() == [units_of(D(rounded))]


@given(st.lists(st.tuples(*[st.floats(0.01, 5000)] * 4), min_size=1, max_size=20))
def test_bars_in_arrays_are_the_bars_one_by_one(rows):
    rule = RULES[HK_PHASE_2]
    starts = [int(BEGIN.timestamp()) + 60 * n for n in range(len(rows))]
    found = bars_on_grid(starts, np.array(rows).T, [7] * len(rows), rule)
    assert found == [
        bar_on_grid(datetime.fromtimestamp(at, UTC), row, 7, rule)
        for at, row in zip(starts, rows, strict=True)
    ]


prices = st.decimals(min_value=D("0.5"), max_value=D(900), places=2)


def whole(row, volume):
    rule = RULES[HK_PHASE_2]
    first, other, low, last = (on_grid(float(price), rule) for price in row)
    all_four = (first, other, low, last)
    return Bar(BEGIN, first, max(all_four), min(all_four), last, volume)


@given(
    st.lists(prices, min_size=4, max_size=4),
    st.integers(0, 10**7),
    st.integers(4, 400),
    st.booleans(),
)
@example([D(1), D(2), D("0.5"), D("1.5")], 3, 4, True)
def test_expansion_keeps_open_high_low_close_and_volume(row, volume, count, low_first):
    bar, rule = whole(row, volume), RULES[HK_PHASE_2]
    starts = np.array([int(BEGIN.timestamp()) + 60 * n for n in range(count)])
    counts, order = np.array([count]), np.array([low_first])
    bars = list(expand(Bars.of([bar]), starts, counts, rule, low_first=order))
    assert [bar.at for bar in bars] == [BEGIN + timedelta(minutes=n) for n in range(count)]
    assert (bars[0].open, bars[-1].close) == (bar.open, bar.close)
    assert max(bar.high for bar in bars) == bar.high
    assert min(bar.low for bar in bars) == bar.low
    assert sum(bar.volume for bar in bars) == volume
    for before, after in itertools.pairwise(bars):
        assert after.open == before.close
    for price in (price for bar in bars for price in bar[1:5]):
        assert price == on_grid(float(price), rule)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12))
def test_many_bars_expand_as_each_does_alone(stretches):
    rule = RULES[HK_PHASE_2]
    counts = np.array([count for count, _ in stretches])
    order = np.array([low_first for _, low_first in stretches])
    firsts = np.cumsum(counts) - counts
    starts = int(BEGIN.timestamp()) + 60 * np.arange(counts.sum())
    bars = Bars.of(
        whole([D(5 + n), D(9 + n), D(3), D(6)], 10 * n)._replace(
            at=BEGIN + timedelta(minutes=int(first))
        )
        for n, first in enumerate(firsts)
    )
    alone = [
        expand(
            bars[n : n + 1],
            starts[firsts[n] : firsts[n] + counts[n]],
            counts[n : n + 1],
            rule,
            low_first=order[n : n + 1],
        )
        for n in range(len(bars))
    ]
    assert expand(bars, starts, counts, rule, low_first=order) == Bars.joined(alone)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_bar_of_fewer_than_four_minutes_stays_one_bar(count):
    bar = whole([D(5), D(9), D(3), D(6)], 11)
    starts = int(BEGIN.timestamp()) + 60 * np.arange(count)
    found = expand(
        Bars.of([bar]), starts, np.array([count]), RULES[HK_PHASE_2], low_first=np.array([True])
    )
    assert found == [bar]
