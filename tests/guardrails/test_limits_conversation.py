"""limits.refusals_in_row_max: the conversation ends with that many refusals, and none earlier."""

import pytest

from tests.support.conversing import Says, converse
from tests.support.desk import desk_on, in_virtual_time
from tests.support.guarding import LIMITS

MOST = LIMITS.refusals_in_row_max
GOOD = {
    "intent": "open",
    "symbol": "AAPL",
    "side": "long",
    "limit_price": 200.05,
    "stop_price": 194.0,
    "target_price": 215.0,
    "confidence": 0.8,
    "thesis": "up",
}
BAD = GOOD | {"confidence": 0.1}


def conversed(tmp_path, proposals):
    """(how it ended, how often the model was asked, the verdicts in the ledger)."""
    far = Says(*([("propose_order", proposal)] for proposal in proposals))

    async def scenario():
        async with desk_on(tmp_path) as desk:
            ending = await converse(desk, far)
            verdicts = desk.ledger.rows("SELECT approved FROM rulings ORDER BY proposal_id")
            return ending, [row["approved"] for row in verdicts]

    ending, verdicts = in_virtual_time(scenario)
    return ending, far.answers, verdicts


@pytest.mark.parametrize(
    ("refused", "outcome", "asked"),
    [
        (MOST - 1, "ended", MOST),  # asked once more, and the model ends its turn
        (MOST, "refusals", MOST),
        (MOST + 1, "refusals", MOST),  # the one over it is never heard
    ],
)
def test_refusals_in_row_max(tmp_path, refused, outcome, asked):
    ending, answers, verdicts = conversed(tmp_path, [BAD] * refused)
    assert (ending.outcome, answers) == (outcome, asked)
    assert verdicts == [0] * min(refused, MOST)
    if outcome == "refusals":
        assert str(MOST) in ending.says


def test_an_approval_between_them_begins_the_row_anew(tmp_path):
    proposals = [*[BAD] * (MOST - 1), GOOD, *[BAD] * (MOST - 1)]
    ending, _, verdicts = conversed(tmp_path, proposals)
    assert ending.outcome == "ended"
    assert verdicts == [0] * (MOST - 1) + [1] + [0] * (MOST - 1)
