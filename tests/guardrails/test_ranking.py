"""Of several proposals the best is ruled on first; what cannot be read takes nobody's room."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.ranking import best_first, reward_over_risk
from guardrails.terms import Intent, Side
from tests.support.guarding import BUY

TWICE = BUY  # 12 over 6
THRICE = replace(BUY, target_price=D("218"))
SURE = replace(BUY, confidence=D("0.9"))
CLOSE = replace(BUY, intent=Intent.CLOSE)
TIGHTEN = replace(BUY, intent=Intent.TIGHTEN)


@pytest.mark.parametrize(
    ("proposals", "order"),
    [
        ([TWICE, THRICE], [1, 0]),
        ([THRICE, TWICE], [0, 1]),
        ([TWICE, SURE], [1, 0]),  # the reward is the same: confidence decides
        ([SURE, THRICE], [1, 0]),  # reward before confidence
        ([TWICE, TWICE, TWICE], [0, 1, 2]),  # as they stand
        ([None, TWICE, None], [1, 0, 2]),
        ([THRICE, CLOSE, None, TIGHTEN], [1, 3, 0, 2]),  # what makes room comes first
        ([replace(TWICE, confidence=None), TWICE], [1, 0]),
        ([None, replace(TWICE, target_price=None, confidence=None)], [1, 0]),
        ([replace(TWICE, target_price=None), CLOSE, None], [1, 0, 2]),
        ([], []),
    ],
)
def test_best_first(proposals, order):
    assert best_first(proposals) == order


@pytest.mark.parametrize(
    ("changes", "ratio"),
    [
        ({}, 2),
        ({"target_price_2": D("224")}, 3),  # the mean of 2 and 4
        ({"target_price_2": D("190")}, 2),  # one that cannot stand counts for nothing
        ({"target_price": D("190"), "target_price_2": D("224")}, 4),
        ({"target_price": D("190")}, 0),
        ({"target_price": D("200")}, 0),
        ({"stop_price": D("200")}, 0),
        ({"stop_price": D("206")}, 0),
        ({"stop_price": None}, 0),
        ({"limit_price": None}, 0),
        ({"target_price": None}, 0),
        ({"side": Side.SHORT}, 0),
        ({"stop_price": D("199.5")}, 24),  # a small risk is one
        ({"stop_price": D("195")}, D("2.4")),
        ({"target_price_2": D("213"), "stop_price": D("195")}, D("2.5")),
        ({"target_price": D("200.5")}, D("0.5") / 6),  # a small gain is one
        ({"target_price_2": D("200.0")}, 2),  # and none is not
        ({"target_price_2": D("199.5")}, 2),
        ({"side": Side.SHORT, "stop_price": D("206"), "target_price": D("188")}, 2),
    ],
)
def test_reward_over_risk(changes, ratio):
    assert reward_over_risk(replace(BUY, **changes)) == ratio


@given(st.lists(st.sampled_from([TWICE, THRICE, SURE, CLOSE, None]), max_size=8))
def test_every_proposal_is_ruled_on_once(proposals):
    assert sorted(best_first(proposals)) == list(range(len(proposals)))
