"""The fixed toolset: what Claude may ask for, and nothing else.

scan            the day's candidates of a market
quote           one stock now
propose_order   a proposal, which code rules on
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guardrails.limits import Limits
from guardrails.ranking import best_first
from guardrails.reading import SYMBOL, read_proposal
from guardrails.terms import Market, Proposal
from tools.floor import Floor
from tools.propose import propose
from tools.quote import quote
from tools.scan import Breadth, scan
from tools.schemas import schemas

__all__ = ["Breadth", "ToolAnswer", "Toolset", "schemas"]

PROPOSE = "propose_order"
ARGUMENT_CHARACTERS_MAX = 1000  # of scan and quote; propose_order has a limit of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolAnswer:
    """What goes back to the model: JSON text, and whether it is an error."""

    text: str
    is_error: bool


class _Unusable(Exception):
    """Arguments that a tool cannot use; the text says what it takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolset:
    """The three tools of one session."""

    floor: Floor
    limits: Limits
    breadth: Breadth

    def order(self, calls: Sequence[tuple[str, str | bytes]]) -> list[int]:
        """The positions of one answer's calls (name, arguments) in the order to act on them.

        Questions come first, then proposals, best first. Nothing in the calls raises.
        """
        asking = [n for n, (name, _) in enumerate(calls) if name != PROPOSE]
        proposing = [n for n, (name, _) in enumerate(calls) if name == PROPOSE]
        read = [read_proposal(calls[n][1], self.limits) for n in proposing]
        ranked = best_first([one if isinstance(one, Proposal) else None for one in read])
        return asking + [proposing[n] for n in ranked]

    async def call(self, name: str, arguments: str | bytes) -> ToolAnswer:
        """The answer to one call. Nothing in `name` or `arguments` raises.

        arguments: the JSON text as it was received.
        """
        try:
            if name == PROPOSE:
                body, refused = await propose(arguments, self.floor, self.limits)
                return _answer(body, is_error=refused)
            if name == "scan":
                market = Market(_word(arguments, "market", tuple(Market)))
                return _answer(await scan(market, self.floor, self.limits, self.breadth))
            if name == "quote":
                symbol = _symbol(arguments)
                return _answer(await quote(symbol, self.floor, self.limits))
        except _Unusable as error:
            return _answer({"error": str(error)}, is_error=True)
        words = f"there is no tool {name[:40]!a}; use scan, quote or propose_order"
        return _answer({"error": words}, is_error=True)


def _answer(body: dict[str, Any], *, is_error: bool = False) -> ToolAnswer:
    return ToolAnswer(text=json.dumps(body, ensure_ascii=True), is_error=is_error)


def _one(arguments: str | bytes, key: str) -> str:
    """The one text argument a read tool takes."""
    if len(arguments) > ARGUMENT_CHARACTERS_MAX:
        raise _Unusable(f"the arguments are too long; expected {{{key!r}: ...}}")
    try:
        found = json.loads(arguments, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise _Unusable(f"the arguments are no JSON object; expected {{{key!r}: ...}}") from error
    if not isinstance(found, list) or len(found) != 1 or found[0][0] != key:
        raise _Unusable(f"expected exactly one argument, {key!r}")
    value = found[0][1]
    if not isinstance(value, str):
        raise _Unusable(f"{key} must be text")
    return value


def _word(arguments: str | bytes, key: str, words: tuple[str, ...]) -> str:
    value = _one(arguments, key)
    if value not in words:
        raise _Unusable(f"{key} must be one of {', '.join(words)}, was {value[:40]!a}")
    return value


def _symbol(arguments: str | bytes) -> str:
    value = _one(arguments, "symbol")
    if not value.isascii() or SYMBOL.fullmatch(value) is None:
        raise _Unusable(f"symbol must be as scan shows it (AAPL, 700), was {value[:40]!a}")
    return value
