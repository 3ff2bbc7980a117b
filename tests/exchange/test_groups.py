"""OCA groups: who goes, who shrinks, who is blocked; and never more sold than was bought."""

from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.gateway.rules import Rules
from tests.exchange.market import (
    RICH,
    at_minute,
    bracket,
    exchange,
    live,
    order,
    placed,
    shares,
    statuses,
    still,
    words,
)
from tests.support.tiny import US_CLOSE

# At minute 40 the price rises to 205 with volume for 250 shares at each point, and stays.
RISE = {n: still("205", 4000) for n in range(40, 45)}
BOTH = {40: (D("200"), D("206"), D("190"), D("200"), 100_000)}


def pair(oca_type, quantity=400, group="g"):
    """Two sales of one group, of a position that is there."""
    terms = {"oca_group": group, "oca_type": oca_type, "quantity": quantity, "tif": "GTC"}
    return [
        order(1, "SELL", limit="204", **terms),
        order(2, "SELL", "STP", stop="195", **terms),
    ]


def holding(minutes, oca_type, quantity=400):
    market = exchange(minutes, cash=RICH)
    market.by_broker(1, "BUY", quantity)
    placed(market, pair(oca_type, quantity))
    return market


def test_type_1_cancels_all_others_at_the_first_fill():
    market = holding(RISE, 1)
    events = words(market.advance(at_minute(40)))
    assert events == [(1, "fill", 250), (2, "Cancelled", ""), (2, "error", 202)]


@pytest.mark.parametrize("oca_type", [2, 3])
def test_types_2_and_3_shrink_the_others_by_what_has_filled(oca_type):
    market = holding(RISE, oca_type)
    events = words(market.advance(at_minute(40)))
    assert events == [(1, "fill", 250), (2, "PreSubmitted", "trigger")]
    assert live(market, 2).quantity == 150
    market.advance(at_minute(41))
    assert market.open_orders() == []
    assert shares(market) == 0


def test_the_exits_of_one_entry_are_a_group_without_being_named_one():
    market = exchange(RISE, cash=RICH)
    placed(market, bracket(quantity=400, oca_group="", oca_type=3))
    market.advance(at_minute(40))
    assert live(market, 3).quantity == 150
    market.advance(at_minute(41))
    assert market.open_orders() == []


def test_exits_of_another_entry_are_not_of_the_group():
    market = exchange(RISE, cash=RICH)
    placed(market, bracket(quantity=100, oca_group=""))
    for one in bracket(quantity=100, oca_group="", target="230"):
        one.order_id += 10
        one.parent_id = one.parent_id and 11
        market.place(one)
    market.advance(at_minute(41))
    assert [one.order_id for one in market.open_orders()] == [12, 13]


@pytest.mark.parametrize(("oca_type", "at_once"), [(2, 1), (3, 2)])
def test_with_a_block_only_one_of_a_group_trades_at_a_point(oca_type, at_once):
    market = exchange({40: still("205", 4000)}, cash=RICH)
    market.by_broker(1, "BUY", 400)
    terms = {"oca_group": "g", "oca_type": oca_type, "quantity": 300}
    market.place(order(1, "SELL", limit="204", **{**terms, "quantity": 100}))
    market.place(order(2, "SELL", limit="204.5", **terms))
    market.advance(at_minute(40))
    assert len(market.fills()) - 1 == at_once  # the first is the broker's purchase
    market.advance(at_minute(41))
    assert sum(fill.shares for fill in market.fills()[1:]) == 300


@pytest.mark.parametrize("oca_type", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_bar_that_reaches_both_exits_fills_one(oca_type, seed):
    market = exchange(BOTH, seed=seed, cash=RICH)
    placed(market, bracket(oca_type=oca_type))
    market.advance(at_minute(42))
    assert [fill.action for fill in market.fills()] == ["BUY", "SELL"]
    assert statuses(market) == []


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(0, 9),
    st.integers(194, 199),
    st.integers(201, 206),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from(["g", ""]),
    st.booleans(),
    st.integers(100, 6000),
)
def test_no_group_overfills(quantity, seed, low, high, oca_type, group, on_full, volume):
    swings = {n: (D(200), D(high), D(low), D(200), volume) for n in range(30, 390)}
    rules = Rules(children_arm_on_full=on_full, parent_end_takes_children="unfilled")
    market = exchange(swings, seed=seed, cash=RICH, rules=rules)
    legs = bracket(
        "200.01", f"{high}.00", f"{low}.00", quantity, oca_group=group, oca_type=oca_type
    )
    placed(market, legs)
    for minute in (31, 35, 40, 60, 120, 240):
        market.advance(at_minute(minute))
        assert shares(market) >= 0
    market.cancel(7, 1)
    market.advance(US_CLOSE + timedelta(minutes=1))
    bought = sum(fill.shares for fill in market.fills() if fill.action == "BUY")
    sold = sum(fill.shares for fill in market.fills() if fill.action == "SELL")
    assert bought - sold == shares(market) >= 0
    assert all(one.filled <= one.quantity for one in market.completed_orders())
