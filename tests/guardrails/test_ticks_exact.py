"""The edges of rounding: how much is a float's noise, and what lies at the edge of a step."""

from decimal import Decimal as D

import pytest

from guardrails import ticks
from guardrails.terms import Step
from tests.support.guarding import HK_LADDER, US_LADDER


@pytest.mark.parametrize(
    ("price", "above"),
    [
        # Below 0.01, where a ten-millionth is less: a thousand-millionth.
        ("0.005000001", "0.0050"),
        ("0.0050000011", "0.0051"),
        # A ten-millionth of the price.
        ("10.000001", "10.00"),
        ("10.0000011", "10.01"),
        # Never more than a twentieth of a tick, where a ten-millionth is: at 10,000.
        ("10000.00049", "10000.00"),
        ("10000.0005", "10000.00"),
        ("10000.00051", "10000.01"),
    ],
)
def test_noise_is_so_much_and_no_more(price, above):
    assert ticks.up(D(price), US_LADDER) == D(above)


@pytest.mark.parametrize(
    ("price", "below", "above"),
    [
        ("10.004", "10", "10.01"),
        ("9.996", "9.995", "10"),
        ("0.2504", "0.25", "0.255"),
        ("0.2496", "0.249", "0.25"),
        ("10", "10", "10"),
    ],
)
def test_an_edge_of_a_step_is_a_price(price, below, above):
    assert ticks.down(D(price), HK_LADDER) == D(below)
    assert ticks.up(D(price), HK_LADDER) == D(above)


def test_ticks_above_one_are_multiples_too():
    ladder = (Step(D(0), D(2)),)
    assert (ticks.down(D(2001), ladder), ticks.up(D(2001), ladder)) == (D(2000), D(2002))


def test_a_ladder_may_begin_above_zero_and_its_first_price_is_on_it():
    ladder = (Step(D(2), D(1)),)
    assert ticks.tick_at(D(2), ladder) == D(1)
    assert ticks.down(D(2), ladder) == D(2)
    with pytest.raises(ValueError, match="known ladder"):
        ticks.tick_at(D("1.99"), ladder)
