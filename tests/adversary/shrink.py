"""The smallest text that still fails the same way, by dropping and rounding, a step at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal

STEPS_MAX = 400  # tries of the failing call; each takes about a millisecond


def smallest(text: str | bytes, still_fails: Callable[[str | bytes], bool]) -> str | bytes:
    """`text`, or something shorter or rounder for which `still_fails` holds too."""
    tries = 0
    shrunk = True
    while shrunk:
        shrunk = False
        for simpler in _simpler(text):
            tries += 1
            if tries > STEPS_MAX:
                return text
            if still_fails(simpler):
                text, shrunk = simpler, True
                break
    return text


def _simpler(text: str | bytes) -> Iterator[str | bytes]:
    """Simpler texts, the boldest first. Every one is simpler than the last: shrinking ends."""
    try:
        found = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        yield from _shorter(text)
        return
    if not isinstance(found, dict):
        yield from _shorter(text)
        return
    for key in found:
        yield _told({name: value for name, value in found.items() if name != key})
    for key, value in found.items():
        for rounder in _rounder(value):
            simpler = _told({**found, key: rounder})
            if len(simpler) < len(text):
                yield simpler


def _rounder(value: object) -> Iterator[object]:
    if isinstance(value, str) and len(value) > 1:
        yield value[: len(value) // 2]
        yield value[0]
    if isinstance(value, Decimal) and value.is_finite():
        for digits in range(1, len(value.as_tuple().digits)):
            yield Decimal(f"{value:.{digits}g}")


def _shorter(text: str | bytes) -> Iterator[str | bytes]:
    size = len(text) // 2
    while size:
        for at in range(0, len(text), size):
            yield text[:at] + text[at + size :]
        size //= 2


def _told(found: dict[str, object]) -> str:
    """JSON text with the numbers digit for digit."""
    return "{" + ", ".join(f"{json.dumps(key)}: {_value(found[key])}" for key in found) + "}"


def _value(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, default=str)
