"""Prices land on the ladder, to the named side, checked against a second rounder and a table."""

import csv
from bisect import bisect_right
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import ticks
from guardrails.terms import Step
from tests.support.guarding import HK_LADDER, US_LADDER


def grid(ladder, top):
    """Every legal price up to `top`, by counting: another way than dividing."""
    prices, price = [], D(0)
    while price <= top:
        step = [one for one in ladder if one.from_price <= price][-1]
        price += step.tick
        prices.append(price)
    return prices


HK_GRID = grid(HK_LADDER, D(60))


@given(st.decimals(min_value=D("0.01"), max_value=D(59), places=6))
def test_down_and_up_are_the_neighbours_on_the_counted_grid(price):
    below = HK_GRID[bisect_right(HK_GRID, price) - 1]
    above = below if below == price else HK_GRID[bisect_right(HK_GRID, price)]
    assert ticks.down(price, HK_LADDER) in (below, above)
    assert ticks.up(price, HK_LADDER) in (below, above)
    noise = max(D("1e-9"), D("1e-7") * price)
    if min(price - below, above - price) > noise:
        assert ticks.down(price, HK_LADDER) == below
        assert ticks.up(price, HK_LADDER) == above


def test_float_noise_is_removed_before_rounding():
    assert ticks.up(D("9.050000190734863"), HK_LADDER) == D("9.05")
    assert ticks.down(D("9.049999809265137"), HK_LADDER) == D("9.05")
    assert ticks.up(D("9.0500100"), HK_LADDER) == D("9.055")


@pytest.mark.parametrize(
    ("price", "tick"),
    [("0.9999", "0.0001"), ("1", "0.01"), ("1.5", "0.01")],
)
def test_the_tick_is_that_of_the_last_step_at_or_below_the_price(price, tick):
    assert ticks.tick_at(D(price), US_LADDER) == D(tick)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_no_price_is_an_error(price):
    with pytest.raises(ValueError, match="price must be"):
        ticks.down(D(price), US_LADDER)


def test_no_ladder_and_a_price_below_it_are_errors():
    with pytest.raises(ValueError, match="known ladder"):
        ticks.down(D(1), ())
    with pytest.raises(ValueError, match="known ladder"):
        ticks.down(D(1), (Step(D(2), D(1)),))


def test_every_row_of_the_tick_table_rounds_as_it_says(shared_facts):
    """For a buy the careful side is down, for a sell up ("passive" in the table)."""
    rows = list(csv.DictReader((shared_facts / "tick_cases.csv").open(encoding="utf-8")))
    # Rows without a tick lie outside the exchange's whole price range: no ladder knows that range.
    inside = [row for row in rows if row["tick"]]
    assert len(rows) - len(inside) == 4
    for row in inside:
        ladder = (Step(D(0), D(row["tick"])),)  # the ladder itself is the broker's to tell
        rounder = {"BUY": ticks.down, "SELL": ticks.up}[row["side"]]
        assert rounder(D(row["price_in"]), ladder) == D(row["expected_passive"]), row
