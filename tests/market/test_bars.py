"""Bars in columns are the same bars: whatever is taken of them is what a list would give."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.gateway.bars import UNIT, Bars, price_of, units_of
from sim.gateway.nouns import Bar

BEGIN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
prices = st.integers(1, 10**9).map(price_of)
bars = st.builds(
    lambda minutes, rows: [
        Bar(BEGIN + timedelta(minutes=minute), *row)
        for minute, row in zip(sorted(minutes), rows, strict=False)
    ],
    st.sets(st.integers(0, 400), max_size=30),
    st.lists(st.tuples(prices, prices, prices, prices, st.integers(0, 10**12)), max_size=30),
)
places = st.none() | st.integers(-40, 40)


def bar(minute, price="1", volume=100):
    return Bar(BEGIN + timedelta(minutes=minute), D(price), D(price), D(price), D(price), volume)


@given(bars)
def test_columns_hold_every_bar_as_it_was(rows):
    found = Bars.of(rows)
    assert list(found) == rows
    assert found == rows
    assert len(found) == len(rows)
    assert Bars.of(found) is found


@given(bars, places, places, st.sampled_from([None, 1, 2, -1, -3]))
def test_slices_are_those_of_a_list(rows, start, stop, step):
    assert Bars.of(rows)[start:stop:step] == rows[start:stop:step]


@given(bars, st.integers(-40, 40))
def test_places_are_those_of_a_list_from_either_end(rows, place):
    found = Bars.of(rows)
    if -len(rows) <= place < len(rows):
        assert found[place] == rows[place]
    else:
        with pytest.raises(IndexError):
            found[place]


@given(bars, st.integers(-70, 30_000), st.integers(-70, 30_000), st.sampled_from([0, 1, 999_999]))
def test_between_includes_its_start_and_excludes_its_end(rows, first, last, micros):
    start = BEGIN + timedelta(seconds=first, microseconds=micros)
    end = BEGIN + timedelta(seconds=last, microseconds=micros)
    assert Bars.of(rows).between(start, end) == [row for row in rows if start <= row.at < end]


@given(bars, bars, bars)
def test_stretches_are_joined_in_the_order_given(one, two, three):
    assert Bars.joined([Bars.of(one), Bars.of(two), Bars.of(three)]) == one + two + three


def test_nothing_is_an_empty_stretch():
    for nothing in (Bars.of([]), Bars.joined([]), Bars.of([bar(0)])[1:]):
        assert (len(nothing), list(nothing), bool(nothing)) == (0, [], False)
        assert nothing.between(BEGIN, BEGIN + timedelta(days=1)) == []


def test_picked_bars_come_by_mask_or_place():
    rows = [bar(n, str(n + 1)) for n in range(4)]
    found = Bars.of(rows)
    assert found.picked(np.array([True, False, False, True])) == [rows[0], rows[3]]
    assert found.picked(np.array([2, 1])) == [rows[2], rows[1]]


def test_views_share_the_columns_and_no_one_can_write_to_them():
    found = Bars.of([bar(n) for n in range(10)])
    view = found.between(BEGIN + timedelta(minutes=3), BEGIN + timedelta(minutes=6))
    assert np.shares_memory(view.closes, found.closes)
    for one in (found, view):
        with pytest.raises(ValueError, match="read-only"):
            one.closes[0] = 5
    mine = np.array([1, 2, 3])
    Bars(mine, mine, mine, mine, mine, mine)
    mine[0] = 7  # the caller's own array stays writable


def test_bars_equal_what_holds_the_same_bars_and_nothing_else():
    rows = [bar(0), bar(1)]
    assert Bars.of(rows) == Bars.of(rows)
    assert Bars.of(rows) == tuple(rows)
    assert Bars.of(rows) != Bars.of(rows[:1])
    assert Bars.of(rows) != [bar(0), bar(2)]
    assert Bars.of(rows) != 3
    with pytest.raises(TypeError):
        hash(Bars.of(rows))


def test_what_columns_cannot_hold_is_refused_and_never_cut_off():
    with pytest.raises(ValueError, match="one length"):
        Bars([1], [1], [1], [1], [1], [])
    with pytest.raises(ValueError, match=r"1\.00005"):
        Bars.of([bar(0, "1.00005")])
    with pytest.raises(ValueError, match="whole second"):
        Bars.of([bar(0)._replace(at=BEGIN + timedelta(microseconds=1))])
    with pytest.raises(OverflowError):
        Bars.of([bar(0, volume=2**63)])


@given(st.integers(-(10**12), 10**12))
def test_units_and_prices_turn_into_each_other(units):
    assert units_of(price_of(units)) == units
    assert price_of(units) == units * UNIT
