"""limits.refusals_in_row_max: the conversation ends with that many refusals, and none earlier."""

import contextlib
from decimal import Decimal as D

import httpx2
import pytest

from edges.claude import Claude
from edges.clock import WallClock
from guardrails.terms import State
from session.floor import Floor
from session.loop import Bounds, Conversation
from session.money import Meter, Price
from tests.support.desk import desk_on, in_virtual_time
from tests.support.guarding import LIMITS
from tools import Breadth, Toolset, schemas

MOST = LIMITS.refusals_in_row_max
FREE = Price(input=D(0), cache_write=D(0), cache_read=D(0), output=D(0))
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


class OneByOne(httpx2.AsyncBaseTransport):
    """A model that makes one proposal an answer and then ends its turn."""

    def __init__(self, proposals):
        self._proposals = proposals
        self.answers = 0

    async def handle_async_request(self, request):
        await request.aread()
        content, stop = [{"type": "text", "text": "done"}], "end_turn"
        if self.answers < len(self._proposals):
            call = {"name": "propose_order", "input": self._proposals[self.answers]}
            content, stop = [{"type": "tool_use", "id": f"t{self.answers}", **call}], "tool_use"
        self.answers += 1
        body = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return httpx2.Response(200, json=body)


def conversed(tmp_path, proposals):
    """(how it ended, how often the model was asked, the verdicts in the ledger)."""
    far = OneByOne(proposals)

    async def scenario():
        async with desk_on(tmp_path) as desk:
            desk.ledger.add_reconciliation(
                session_id="s1",
                at=desk.book.clock.now(),
                account_id=desk.book.account_id,
                clean=True,
                findings=[],
            )
            floor = Floor(
                broker=desk.broker,
                book=desk.book,
                viewer=desk.viewer,
                hands=desk.hands,
                state=lambda: State.NORMAL,
                price_min=D(1),
            )
            claude = Claude(
                model="m",
                api_key="k",
                base_url="http://offline.invalid",
                transport=far,
                record=lambda attempt: None,
            )
            talk = Conversation(
                claude=claude,
                toolset=Toolset(floor=floor, limits=LIMITS, breadth=Breadth(rows=5, candidates=3)),
                book=desk.book,
                meter=Meter(
                    price=FREE,
                    session_usd_max=D(1),
                    day_usd_max=D(1),
                    month_usd_max=D(1),
                    spent_today_usd=D(0),
                    spent_this_month_usd=D(0),
                ),
                bounds=Bounds(
                    turns_max=20,
                    seconds_max=60,
                    output_tokens_max=100,
                    refusals_in_row_max=MOST,
                ),
                state=lambda: State.NORMAL,
                refusals_in_row=lambda: floor.refusals_in_row,
                waiting=contextlib.nullcontext,
                wall=WallClock(),
            )
            ending = await talk.run(system="s", tools=schemas(), wake="w")
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
