"""Two observations of the day's loss agree on the milder one, whichever of them came first."""

from decimal import Decimal as D
from itertools import permutations

import pytest

from guardrails import day_loss_state
from tests.support.guarding import LIMITS
from tests.support.judging import BREAKER, DEGRADED, HALTED, NORMAL


@pytest.mark.parametrize(
    ("milder", "worse", "state"),
    [
        ("1499.99", "1500", NORMAL),
        ("1499.99", "2000", NORMAL),
        ("1500", "1999.99", DEGRADED),
        ("1500", "2000", DEGRADED),
        ("1999.99", "2000", DEGRADED),
        ("2000", "2000.01", HALTED),
    ],
)
@pytest.mark.parametrize("earlier", [(), (None,), (D(0),), (D(-5_000),), (D("NaN"), D(-5_000))])
def test_the_milder_of_the_last_two_counts_in_either_order(milder, worse, state, earlier):
    for row in permutations((-D(milder), -D(worse))):
        assert day_loss_state((*earlier, *row), LIMITS, BREAKER) is state
