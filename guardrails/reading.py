"""Hostile text in, a well-formed proposal or a refusal out: never an exception, never a guess.

The order of reading: size, UTF-8, depth, parse, closed key set, types, ASCII, range. Traps met on
the way, each with its remedy here: NaN and Infinity as JSON, duplicate keys, numbers of a thousand
digits, exponents that overflow in arithmetic, booleans that are ints, look-alike letters, lone
surrogates.
"""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from guardrails.limits import Limits
from guardrails.terms import Check, Intent, Proposal, Side

W = TypeVar("W", Intent, Side)

RULE = "well_formed"
KEYS = (
    "intent",
    "symbol",
    "side",
    "limit_price",
    "stop_price",
    "target_price",
    "target_price_2",
    "confidence",
    "thesis",
)
# What each intent cannot do without; the other keys may be null or absent.
NEEDED = {
    Intent.OPEN: tuple(key for key in KEYS if key != "target_price_2"),
    Intent.CLOSE: ("intent", "symbol", "side", "limit_price"),
    Intent.TIGHTEN: ("intent", "symbol", "side", "stop_price"),
}
SYMBOL = re.compile(r"[A-Z]{1,5}(?:[. ][A-Z])?|[1-9][0-9]{0,4}")
NUMBER_CHARACTERS_MAX = 24
PRICE_MIN, PRICE_MAX = Decimal("0.0001"), Decimal(10_000_000)


class _Malformed(Exception):
    """What was expected, and what was found."""

    def __init__(self, observed: str, limit: str) -> None:
        super().__init__(observed)
        self.observed = observed
        self.limit = limit


def read_proposal(raw: str | bytes, limits: Limits) -> Proposal | tuple[Check, ...]:
    """The proposal in `raw` (the JSON text of propose_order's arguments), or why it is none."""
    try:
        return _proposal(_parsed(raw, limits), limits)
    except _Malformed as error:
        says = f"propose_order: expected {error.limit}; found {error.observed}."
        return (Check(RULE, False, error.observed, error.limit, says),)


def clean(text: str) -> str:
    """The text without control, format, private, unassigned or surrogate characters, on one line.

    For outside text too: what is left can be read by a person and hides nothing.
    """
    kept = (character if unicodedata.category(character)[0] != "C" else " " for character in text)
    return " ".join("".join(kept).split())


def _parsed(raw: str | bytes, limits: Limits) -> dict[str, Any]:
    try:
        data = raw.encode() if isinstance(raw, str) else raw
    except UnicodeEncodeError as error:
        raise _Malformed("a lone surrogate", "valid Unicode text") from error
    if len(data) > limits.input_bytes_max:
        raise _Malformed(f"{len(data)} bytes", f"at most {limits.input_bytes_max} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Malformed(f"byte {error.start} is not UTF-8", "UTF-8 text") from error
    if _depth(text) > limits.input_depth_max:
        raise _Malformed("deeper nesting", f"nesting of at most {limits.input_depth_max} levels")
    try:
        parsed = json.loads(
            text,
            parse_constant=_no_constant,
            parse_int=_number,
            parse_float=_number,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise _Malformed(f"no JSON ({str(error)[:60]})", "one JSON object") from error
    if not isinstance(parsed, dict):
        raise _Malformed(f"a JSON {type(parsed).__name__}", "one JSON object")
    return parsed


def _depth(text: str) -> int:
    """The deepest nesting, counted before parsing; brackets inside strings do not count."""
    deepest = depth = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _no_constant(word: str) -> Any:
    raise _Malformed(f"the number {word}", "finite numbers")


def _number(digits: str) -> Decimal:
    if len(digits) > NUMBER_CHARACTERS_MAX:
        limit = f"numbers of at most {NUMBER_CHARACTERS_MAX} characters"
        raise _Malformed(f"a number of {len(digits)} characters", limit)
    try:
        return Decimal(digits)
    except InvalidOperation as error:
        raise _Malformed(f"the number {digits}", "a decimal number") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Malformed(f"the key {key[:40]!a} twice", "each key once")
        found[key] = value
    return found


def _proposal(found: dict[str, Any], limits: Limits) -> Proposal:
    unknown = sorted(set(found) - set(KEYS))
    if unknown:
        raise _Malformed(f"unknown key {unknown[0][:40]!a}", f"only the keys {', '.join(KEYS)}")
    intent = _word(found, "intent", Intent)
    for key in NEEDED[intent]:
        if found.get(key) is None:
            raise _Malformed(f"no {key}", f"{key} for the intent {intent}")
    return Proposal(
        intent=intent,
        symbol=_symbol(found["symbol"]),
        side=_word(found, "side", Side),
        limit_price=_within(found, "limit_price", PRICE_MIN, PRICE_MAX),
        stop_price=_within(found, "stop_price", PRICE_MIN, PRICE_MAX),
        target_price=_within(found, "target_price", PRICE_MIN, PRICE_MAX),
        target_price_2=_within(found, "target_price_2", PRICE_MIN, PRICE_MAX),
        confidence=_within(found, "confidence", Decimal(0), Decimal(1)),
        thesis=_thesis(found.get("thesis"), intent, limits.thesis_characters_max),
    )


def _word(found: dict[str, Any], key: str, words: type[W]) -> W:
    value = found.get(key)
    by_name = {word.value: word for word in words}
    if not isinstance(value, str) or value not in by_name:
        raise _Malformed(f"{key} {_shown(value)}", f"{key} one of {', '.join(by_name)}")
    return by_name[value]


def _symbol(value: Any) -> str:
    # ASCII first: case folding and normalising turn look-alikes into real symbols.
    if not isinstance(value, str) or not value.isascii() or SYMBOL.fullmatch(value) is None:
        limit = "a symbol exactly as scan shows it (AAPL, 700): capitals, or SEHK digits"
        raise _Malformed(f"symbol {_shown(value)}", limit)
    return value


def _within(found: dict[str, Any], key: str, least: Decimal, most: Decimal) -> Decimal | None:
    value = found.get(key)
    if value is None:
        return None
    if not isinstance(value, Decimal):
        raise _Malformed(f"{key} {_shown(value)}", f"{key} as a JSON number")
    # Comparisons never overflow, arithmetic can; a NaN has no order at all.
    if not value.is_finite() or not least <= value <= most:
        raise _Malformed(f"{key} {_shown(value)}", f"{key} from {least} to {most}")
    return value


def _thesis(value: Any, intent: Intent, characters_max: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Malformed(f"thesis {_shown(value)}", "thesis to be text")
    text = clean(value)[:characters_max]
    if not text and intent is Intent.OPEN:
        raise _Malformed("an empty thesis", "a thesis of a sentence or two")
    return text


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return (str(value) if isinstance(value, Decimal) else ascii(value))[:60]
