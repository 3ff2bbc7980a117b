"""Which way an order goes: both sides stand in every table, and no shares have no side."""

import pytest

from guardrails.side import CLOSING, OPENING, WINNING, side_of
from guardrails.terms import Action, Side


def test_every_side_is_opened_one_way_and_closed_the_other():
    assert OPENING == {Side.LONG: Action.BUY, Side.SHORT: Action.SELL}
    assert CLOSING == {Side.LONG: Action.SELL, Side.SHORT: Action.BUY}
    assert WINNING == {Side.LONG: 1, Side.SHORT: -1}


def test_the_side_of_a_holding_is_its_sign_and_nothing_held_has_none():
    assert (side_of(1), side_of(-1)) == (Side.LONG, Side.SHORT)
    with pytest.raises(ValueError, match="no side"):
        side_of(0)
