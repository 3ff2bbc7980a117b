"""A conversation of the session's own parts on a desk, with a model that says what it is told."""

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
from tests.support.guarding import LIMITS
from tools import Breadth, Toolset, schemas

FREE = Price(input=D(0), cache_write=D(0), cache_read=D(0), output=D(0))


class Says(httpx2.AsyncBaseTransport):
    """A model that gives one list of (tool, arguments) an answer and then ends its turn.

    answers: how often it was asked; results: the tool results it got, a list for each answer.
    """

    def __init__(self, *calls):
        self._calls = calls
        self.answers = 0
        self.results = []

    async def handle_async_request(self, request):
        asked = json.loads(await request.aread())
        if self.answers:
            self.results.append(asked["messages"][-1]["content"])
        content, stop = [{"type": "text", "text": "done"}], "end_turn"
        if self.answers < len(self._calls):
            stop = "tool_use"
            content = [
                {"type": "tool_use", "id": f"t{self.answers}-{n}", "name": name, "input": arguments}
                for n, (name, arguments) in enumerate(self._calls[self.answers])
            ]
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


async def converse(desk, far):
    """How the conversation ended; the desk's books are reconciled before it."""
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
    conversation = Conversation(
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
            refusals_in_row_max=LIMITS.refusals_in_row_max,
        ),
        state=lambda: State.NORMAL,
        refusals_in_row=lambda: floor.refusals_in_row,
        waiting=contextlib.nullcontext,
        wall=WallClock(),
    )
    return await conversation.run(system="s", tools=schemas(), wake="w")
