"""The conversation: the model asks, code answers, within bounds, every word recorded first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from desk.book import Book
from edges.claude import Answer, Claude
from edges.clock import Clock
from guardrails.terms import State
from session.money import Meter, Tokens
from tools import Toolset

ENDED_WELL = frozenset({"end_turn", "stop_sequence"})
SHOWN_CHARACTERS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How far a conversation may go."""

    turns_max: int
    seconds_max: float
    output_tokens_max: int  # of one answer
    refusals_in_row_max: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """Why the conversation is over. `well` is whether it ended as it should."""

    outcome: str
    says: str
    turns: int
    well: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """One conversation with the model."""

    claude: Claude
    toolset: Toolset
    book: Book
    meter: Meter
    bounds: Bounds
    state: Callable[[], State]
    refusals_in_row: Callable[[], int]
    waiting: Callable[[], AbstractContextManager[None]]  # around each wait for the model
    wall: Clock  # money is spent in real time, whatever time is simulated

    async def run(self, *, system: str, tools: Sequence[dict[str, Any]], wake: str) -> Ending:
        """The ending, after as many turns as the bounds allow.

        History is only ever appended to: the bytes of earlier turns stay the same for the cache
        and for replay.
        """
        messages: list[Mapping[str, Any]] = [
            {"role": "user", "content": [{"type": "text", "text": wake}]}
        ]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.bounds.seconds_max
        turns = 0
        while True:
            reached = self._bound_reached(turns, deadline - loop.time(), messages, system)
            if reached is not None:
                return Ending(outcome=reached[0], says=reached[1], turns=turns, well=True)
            turns += 1
            answer = await self._ask(system, tools, messages, deadline - loop.time(), turns)
            if answer.stop_reason in ENDED_WELL:
                return Ending(
                    outcome="ended", says="the model ended its turn", turns=turns, well=True
                )
            if answer.stop_reason != "tool_use":
                says = f"the model stopped with {answer.stop_reason!r}; nothing of it was acted on"
                return Ending(
                    outcome=f"stopped_{answer.stop_reason}", says=says, turns=turns, well=False
                )
            messages.append(answer.echo)
            messages.append({"role": "user", "content": await self._results(answer)})

    def _bound_reached(
        self, turns: int, seconds_left: float, messages: Sequence[Any], system: str
    ) -> tuple[str, str] | None:
        bounds = self.bounds
        if (state := self.state()) is State.HALTED:
            return "halted", f"the desk became {state}"
        if turns >= bounds.turns_max:
            return "turns_max", f"session.turns_max of {bounds.turns_max} turns is reached"
        if seconds_left <= 0:
            return "seconds_max", f"session.seconds_max of {bounds.seconds_max:g} s is reached"
        if self.refusals_in_row() >= bounds.refusals_in_row_max:
            return "refusals", f"{bounds.refusals_in_row_max} proposals in a row were refused"
        characters = len(system) + len(json.dumps(messages, ensure_ascii=False))
        refusal = self.meter.refusal(characters, bounds.output_tokens_max)
        return None if refusal is None else ("usd_max", refusal)

    async def _ask(
        self,
        system: str,
        tools: Sequence[dict[str, Any]],
        messages: Sequence[Mapping[str, Any]],
        seconds: float,
        turn: int,
    ) -> Answer:
        self.book.step("request", f"turn {turn}", {"messages": len(messages)})
        with self.waiting():
            answer = await self.claude.ask(
                system=system,
                tools=tools,
                messages=messages,
                max_tokens=self.bounds.output_tokens_max,
                deadline_seconds=seconds,
            )
        usage = answer.usage
        tokens = Tokens(
            input=usage.input_tokens,
            cache_write=usage.cache_write_tokens,
            cache_read=usage.cache_read_tokens,
            output=usage.output_tokens,
        )
        self.book.ledger.add_usage(
            self.book.session_id,
            at=self.wall.now(),
            model=answer.model,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            usd=self.meter.book(tokens),
        )
        for text in answer.texts:
            self.book.step("text", _short(text), {"text": text})
        return answer

    async def _results(self, answer: Answer) -> list[dict[str, Any]]:
        """One tool_result for each call, in the order of the calls, in one message.

        The calls are acted on in the toolset's order, so that of several proposals the best takes
        the room that is left.
        """
        results: dict[int, dict[str, Any]] = {}
        for n in self.toolset.order([(call.name, call.arguments) for call in answer.calls]):
            call = answer.calls[n]
            self.book.step(
                "tool_call",
                f"{call.name} {_short(call.arguments)}",
                {"id": call.id, "name": call.name, "arguments": call.arguments},
            )
            reply = await self.toolset.call(call.name, call.arguments)
            self.book.step(
                "tool_result",
                _short(reply.text),
                {"id": call.id, "is_error": reply.is_error, "text": reply.text},
            )
            results[n] = {
                "type": "tool_result",
                "tool_use_id": call.id,
                "content": reply.text,
                "is_error": reply.is_error,
            }
        return [results[n] for n in sorted(results)]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
