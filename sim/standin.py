"""An offline stand-in for Claude: a rule-based momentum trader that answers the Messages API.

It is not a model and knows nothing: it buys strength near its averages, puts a stop one average
true range away and a target beyond twice that, makes a seeded mistake now and then, and corrects it
from the words of the refusal. The same seed and the same market give the same answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

import httpx2

NAME = "standin"
ANNOUNCEMENT = (
    "OFFLINE STAND-IN: I am a rule-based script, not Claude. No model is asked, nothing costs "
    "money, and what I do shows that the desk works, not that it earns."
)
LATENCY_SECONDS = (5.0, 40.0)
CHARACTERS_PER_TOKEN = 3.5
MISTAKE_SHARE = 0.45
CANDIDATES_QUOTED = 4
PROPOSALS_MAX = 5
STOP_ATR, STOP_PCT_MIN, STOP_PCT_MAX = 1.0, 0.008, 0.05
TARGET_OVER_STOP, TARGET_EXTRA_PCT = 2.2, 0.006
KNOWN_FIELDS = frozenset(
    {
        "model",
        "max_tokens",
        "system",
        "tools",
        "messages",
        "cache_control",
        "output_config",
        "metadata",
        "tool_choice",
        "thinking",
        "stop_sequences",
        "stream",
    }
)


class _Invalid(Exception):
    """A request that the Messages API would answer with 400."""


@dataclass(kw_only=True)
class _Plan:
    """Where the trader stands in its session."""

    to_quote: list[str] = field(default_factory=list)
    quotes: dict[str, dict[str, Any]] = field(default_factory=dict)  # by symbol, as last told
    to_judge: list[str] = field(default_factory=list)  # quoted, not yet decided on
    to_correct: list[str] = field(default_factory=list)  # refused, to be proposed once more
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)  # tool id -> proposal
    retried: set[str] = field(default_factory=set)
    proposed: int = 0
    approved: int = 0
    scanned: bool = False
    said: list[str] = field(default_factory=list)


class StandIn(httpx2.AsyncBaseTransport):
    """The stand-in as the transport under the SDK, for one session."""

    def __init__(self, *, seed: int = 0, thinks: bool = True) -> None:
        """thinks: takes a seeded while for each answer, as a model does; for virtual time."""
        self._thinks = thinks
        self._random = random.Random(f"standin/{seed}")
        self._plan = _Plan()
        self._answers = 0
        self._seen_characters = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One answer in the shape of the Messages API, after a seeded while."""
        body = await request.aread()
        if self._thinks:
            await asyncio.sleep(self._random.uniform(*LATENCY_SECONDS))
        self._answers += 1
        headers = {"request-id": f"req_standin_{self._answers:04d}"}
        try:
            asked = _checked(body)
        except _Invalid as error:
            refusal = {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": str(error)},
            }
            return httpx2.Response(400, headers=headers, json=refusal)
        content = self._content(asked)
        stop = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
        return httpx2.Response(
            200,
            headers=headers,
            json={
                "id": f"msg_standin_{self._answers:04d}",
                "type": "message",
                "role": "assistant",
                "model": NAME,
                "content": content,
                "stop_reason": stop,
                "stop_sequence": None,
                "usage": self._usage(body, content),
            },
        )

    def _usage(self, body: bytes, content: list[dict[str, Any]]) -> dict[str, int]:
        """Tokens as a service with a warm cache would count them."""
        characters = len(body)
        new = max(0, characters - self._seen_characters)
        read, self._seen_characters = self._seen_characters, characters
        return {
            "input_tokens": 12,
            "cache_creation_input_tokens": int(new / CHARACTERS_PER_TOKEN),
            "cache_read_input_tokens": int(read / CHARACTERS_PER_TOKEN),
            "output_tokens": int(len(json.dumps(content)) / CHARACTERS_PER_TOKEN),
        }

    # The trader

    def _content(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """What the trader says and asks for now."""
        for tool_id, answer in _results(asked["messages"][-1]):
            self._take(tool_id, answer)
        if not self._plan.scanned:
            self._plan.scanned = True
            markets = _open_markets(asked["messages"][0])
            blocks: list[dict[str, Any]] = [_text(ANNOUNCEMENT)]
            blocks += [self._call("scan", {"market": market}) for market in markets]
            return blocks if markets else [*blocks, _text("No market is open: nothing to do.")]
        if self._plan.to_quote:
            batch, self._plan.to_quote = self._plan.to_quote[:2], self._plan.to_quote[2:]
            return [self._call("quote", {"symbol": symbol}) for symbol in batch]
        proposal = self._next_proposal()
        if proposal is not None:
            call = self._call("propose_order", proposal)
            self._plan.pending[call["id"]] = proposal
            return [_text(f"I propose {proposal['symbol']}: {proposal['thesis']}"), call]
        summary = " ".join(self._plan.said) or "Nothing was attractive; doing nothing is fine."
        return [_text(f"Stand-in's summary: {summary}")]

    def _call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        words = f"{self._answers}/{name}/{json.dumps(arguments, sort_keys=True)}"
        digest = hashlib.blake2b(words.encode(), digest_size=8).hexdigest()
        return {"type": "tool_use", "id": f"toolu_{digest}", "name": name, "input": arguments}

    def _take(self, tool_id: str, answer: dict[str, Any]) -> None:
        if "candidates" in answer:
            wanted = [row["symbol"] for row in answer["candidates"] if not row.get("held")]
            self._plan.to_quote += wanted[:CANDIDATES_QUOTED]
        elif tool_id in self._plan.pending:
            self._judge(self._plan.pending.pop(tool_id), answer)
        elif "symbol" in answer and "bid" in answer:
            self._plan.quotes[answer["symbol"]] = answer
            self._plan.to_judge.append(answer["symbol"])

    def _judge(self, proposal: dict[str, Any], answer: dict[str, Any]) -> None:
        symbol = proposal["symbol"]
        if answer.get("verdict") == "approved":
            self._plan.approved += 1
            self._plan.said.append(f"{symbol} was approved, {answer.get('status')}.")
            return
        rules = [row["rule"] for row in answer.get("refused_by", ())]
        self._plan.said.append(f"{symbol} was refused by {', '.join(rules) or 'nobody'}.")
        if symbol not in self._plan.retried and rules and set(rules) <= set(_CORRECTIONS):
            self._plan.retried.add(symbol)
            self._plan.to_correct.append(symbol)

    def _next_proposal(self) -> dict[str, Any] | None:
        if self._plan.proposed >= PROPOSALS_MAX:
            return None
        if self._plan.to_correct:
            symbol = self._plan.to_correct.pop(0)
            self._plan.proposed += 1
            return self._proposal(symbol, self._plan.quotes[symbol])
        while self._plan.to_judge:
            symbol = self._plan.to_judge.pop(0)
            quote = self._plan.quotes[symbol]
            if _is_attractive(quote):
                self._plan.proposed += 1
                return self._maybe_mistaken(self._proposal(symbol, quote))
            self._plan.said.append(f"{symbol} is not attractive.")
        return None

    def _proposal(self, symbol: str, quote: dict[str, Any]) -> dict[str, Any]:
        limit = float(quote["ask"])
        atr = float(quote.get("atr") or limit * 0.02)
        distance = min(max(STOP_ATR * atr, STOP_PCT_MIN * limit), STOP_PCT_MAX * limit)
        change = float(quote.get("change_pct") or 0)
        return {
            "intent": "open",
            "symbol": symbol,
            "side": "long",
            "limit_price": limit,
            "stop_price": round(limit - distance, 4),
            "target_price": round(
                limit + TARGET_OVER_STOP * distance + TARGET_EXTRA_PCT * limit, 4
            ),
            "confidence": round(min(0.9, 0.72 + max(change, 0) / 100), 2),
            "thesis": f"Up {change:.1f} % on the day with the fast average over the slow one.",
        }

    def _maybe_mistaken(self, proposal: dict[str, Any]) -> dict[str, Any]:
        """Now and then a wrong stop, a poor target or too little confidence."""
        if self._random.random() >= MISTAKE_SHARE:
            return proposal
        limit, stop = proposal["limit_price"], proposal["stop_price"]
        mistake = self._random.choice(("stop", "target", "confidence"))
        if mistake == "stop":
            return {**proposal, "stop_price": round(2 * limit - stop, 4)}
        if mistake == "target":
            return {**proposal, "target_price": round(limit + (limit - stop) * 0.8, 4)}
        return {**proposal, "confidence": 0.55}


# Refusals that a second, correct proposal can answer.
_CORRECTIONS = ("stop_protects", "target_pays", "confidence_min", "entry_in_collar")


def _is_attractive(quote: dict[str, Any]) -> bool:
    fast, slow = quote.get("ema9_5min"), quote.get("ema21_5min")
    left = quote.get("session_closes_in_minutes")
    if (
        not quote.get("ask")
        or not fast
        or not slow
        or not quote.get("atr")
        or not left
        or quote.get("position")
    ):
        return False
    return bool(fast > slow and (quote.get("change_pct") or 0) > 0 and left > 30)


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _open_markets(first: dict[str, Any]) -> list[str]:
    """The markets that the opening message says are open."""
    text = json.dumps(first.get("content"))
    found = re.search(r"Open now: ([A-Z, ]+)", text)
    return [word for word in ("HK", "US") if found is not None and word in found[1]]


def _results(last: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(tool id, answer) of the last message; answers that are no object are empty."""
    found = []
    content = last.get("content")
    for block in content if isinstance(content, list) else ():
        if block.get("type") == "tool_result":
            answer = json.loads(_words(block.get("content")))
            found.append((block["tool_use_id"], answer if isinstance(answer, dict) else {}))
    return found


def _words(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(block.get("text", "")) for block in content)
    return str(content)


def _checked(body: bytes) -> dict[str, Any]:
    """The request, held to what the Messages API demands. Raises _Invalid."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise _Invalid("the body is not JSON") from error
    if not isinstance(asked, dict):
        raise _Invalid("the body is not an object")
    unknown = sorted(set(asked) - KNOWN_FIELDS)
    if unknown:
        raise _Invalid(f"{unknown[0]}: Extra inputs are not permitted")
    for name in ("model", "max_tokens", "messages"):
        if name not in asked:
            raise _Invalid(f"{name}: Field required")
    _check_turns(asked["messages"])
    return asked


def _check_turns(messages: Any) -> None:
    """Every tool_use must be answered in the very next message, and nothing else be answered."""
    if not isinstance(messages, list) or not messages or messages[0].get("role") != "user":
        raise _Invalid("messages: the first message must be the user's")
    open_ids: set[str] = set()
    for index, message in enumerate(messages):
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        answered = [one["tool_use_id"] for one in blocks if one.get("type") == "tool_result"]
        if set(answered) != open_ids or len(answered) != len(open_ids):
            raise _Invalid(f"messages.{index}: tool_result blocks do not match the tool_use blocks")
        open_ids = {one["id"] for one in blocks if one.get("type") == "tool_use"}
    if open_ids:
        raise _Invalid("messages: the last tool_use has no tool_result")
