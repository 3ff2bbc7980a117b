"""Several proposals in one answer: the best takes the room, and a bad one sinks nobody."""

import contextlib
import json
from decimal import Decimal as D

import httpx2

from edges.claude import Claude
from edges.clock import WallClock
from guardrails.terms import State
from session.floor import Floor
from session.loop import Bounds, Conversation
from session.money import Meter, Price
from tests.support.desk import desk_on, in_virtual_time
from tests.support.guarding import LIMITS
from tools import Breadth, Toolset, schemas

GOOD = {
    "intent": "open",
    "symbol": "AAPL",
    "side": "long",
    "limit_price": 200.05,
    "stop_price": 194.0,
    "target_price": 212.5,
    "target_price_2": None,
    "confidence": 0.8,
    "thesis": "up",
}
BETTER = GOOD | {"target_price": 220.0}
BAD = GOOD | {"target_price": "a lot"}
FREE = Price(input=D(0), cache_write=D(0), cache_read=D(0), output=D(0))


class Answers(httpx2.AsyncBaseTransport):
    """First the calls, in one answer; then the end. What came back is kept."""

    def __init__(self, *calls):
        self._calls = calls
        self.results = None

    async def handle_async_request(self, request):
        asked = json.loads(await request.aread())
        if len(asked["messages"]) == 1:
            content = [
                {"type": "tool_use", "id": f"t{n}", "name": name, "input": arguments}
                for n, (name, arguments) in enumerate(self._calls)
            ]
            return self._answer(content, "tool_use")
        self.results = asked["messages"][-1]["content"]
        return self._answer([{"type": "text", "text": "done"}], "end_turn")

    def _answer(self, content, stop):
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


def conversed(tmp_path, *calls):
    """(results in the order of the calls, the steps of the record, the open orders)."""
    far = Answers(*calls)

    async def scenario():
        async with desk_on(tmp_path) as desk:
            now = desk.book.clock.now()
            desk.ledger.add_reconciliation(
                session_id="s1",
                at=now,
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
            talk = Conversation(
                claude=Claude(
                    model="m",
                    api_key="k",
                    base_url="http://offline.invalid",
                    transport=far,
                    record=lambda attempt: None,
                ),
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
                    turns_max=5, seconds_max=60, output_tokens_max=100, refusals_in_row_max=5
                ),
                state=lambda: State.NORMAL,
                refusals_in_row=lambda: floor.refusals_in_row,
                waiting=contextlib.nullcontext,
                wall=WallClock(),
            )
            ending = await talk.run(system="s", tools=schemas(), wake="w")
            assert ending.outcome == "ended", ending
            return desk.ledger.steps("s1"), await desk.broker.open_orders()

    steps, live = in_virtual_time(scenario)
    assert [result["tool_use_id"] for result in far.results] == [f"t{n}" for n in range(len(calls))]
    return [json.loads(result["content"]) for result in far.results], steps, live


def refusals(answer):
    return [row["rule"] for row in answer["refused_by"]]


def test_the_best_of_several_proposals_takes_the_room_and_a_bad_one_sinks_nobody(tmp_path):
    (bad, good, quote, better), steps, _ = conversed(
        tmp_path,
        ("propose_order", BAD),
        ("propose_order", GOOD),
        ("quote", {"symbol": "AAPL"}),
        ("propose_order", BETTER),
    )
    assert refusals(bad) == ["well_formed"]
    assert better["verdict"] == "approved"
    assert better["targets"] == [{"shares": 24, "target_price": 220.0}]
    assert "not_duplicate" in refusals(good)
    assert quote["position"] is None  # questions are answered before anything is sent
    numbers = (better["proposal"], good["proposal"], bad["proposal"])
    assert numbers == (1, 2, 3)  # the order of ruling
    calls = [json.loads(step["body"])["id"] for step in steps if step["kind"] == "tool_call"]
    assert calls == ["t2", "t3", "t1", "t0"]


def test_what_was_left_out_of_an_approved_order_is_told(tmp_path):
    [answer], _, live = conversed(
        tmp_path, ("propose_order", BETTER | {"target_price_2": 219.0, "limit_price": 199.5})
    )
    assert answer["verdict"] == "approved"
    assert answer["left_out"] == ["target_price_2 219 is not beyond 220 and is left out."]
    assert [order.order_type for order in live] == ["LMT", "LMT", "STP"]


def test_two_targets_are_two_brackets_in_the_answer_too(tmp_path):
    [answer], _, live = conversed(
        tmp_path, ("propose_order", BETTER | {"target_price_2": 230.0, "limit_price": 199.5})
    )
    assert answer["targets"] == [
        {"shares": 13, "target_price": 220.0},
        {"shares": 12, "target_price": 230.0},
    ]
    assert len(answer["orders"]) == len(live) == 6
    assert answer["left_out"] == []
