"""Holds a recording of a real gateway against this one's layouts, and says where they differ.

Every message of the recording is read by the layout of its id and version. What does not fit (an
unknown id, a field too few or too many, a field of another type) is a difference; so is a field
that the real gateway always fills with one thing where this one always says another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sim.gateway.wire import answers, requests
from sim.gateway.wire.layout import Layout, Part
from sim.gateway.wire.words import BadRequest

SHOWN_MAX = 3  # examples of one difference
SEEN_MIN = 2  # messages that must agree before a constant is believed


class CaptureError(ValueError):
    """A file that is no recording; one line with what was expected and what was found."""


@dataclass(kw_only=True, slots=True)
class Comparison:
    """What a recording holds, and where it differs from the layouts."""

    versions: list[int] = field(default_factory=list)
    messages: Counter[str] = field(default_factory=Counter)  # by "client placeOrder" and the like
    differences: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)  # fields that always say something else

    @property
    def agrees(self) -> bool:
        """Whether every message was read to its last field."""
        return not self.differences

    def lines(self) -> list[str]:
        """The comparison in words."""
        versions = ", ".join(map(str, self.versions)) or "none"
        found = [f"{sum(self.messages.values())} messages, server version {versions}"]
        found += [f"  {count:6} {name}" for name, count in sorted(self.messages.items())]
        found.append(f"{len(self.differences)} differences of layout")
        found += [f"  {line}" for line in self.differences]
        found.append(f"{len(self.constants)} fields with another usual value")
        return found + [f"  {line}" for line in self.constants]


def compare(lines: Iterable[str]) -> Comparison:
    """The comparison of a recording's lines. Raises CaptureError where they are no recording."""
    comparison = Comparison()
    versions: dict[int, int] = {}  # by connection
    seen: dict[tuple[str, str], Counter[str]] = {}
    shown: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        row = _row(line, number)
        fields, connection, side = row.get("fields"), row["connection"], row["from"]
        if not fields:
            continue
        if side == "gateway" and connection not in versions:
            versions[connection] = _version(fields, number)
            comparison.versions = sorted(set(versions.values()))
            continue
        layout = _layout(side, fields[0])
        name = f"{side} {layout.name if layout is not None else fields[0]}"
        comparison.messages[name] += 1
        problem = _problem(layout, fields, versions.get(connection, 0), seen)
        if problem is not None:
            shown[name] += 1
            if shown[name] <= SHOWN_MAX:
                comparison.differences.append(f"line {number}: {name}: {problem}")
    comparison.constants = sorted(_constants(seen))
    return comparison


def _row(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CaptureError(f"line {number}: JSON is expected ({error})") from error
    if not isinstance(row, dict) or not {"connection", "from"} <= row.keys():
        raise CaptureError(f"line {number}: an object with connection and from is expected")
    return row


def _version(fields: list[str], number: int) -> int:
    if len(fields) != 2 or not fields[0].isdecimal():
        raise CaptureError(f"line {number}: the gateway's version is expected first, was {fields}")
    return int(fields[0])


def _layout(side: str, word: str) -> Layout | None:
    table = requests.BY_NUMBER if side == "client" else answers.BY_NUMBER
    return table.get(int(word)) if word.isdecimal() and len(word) < 5 else None


def _problem(
    layout: Layout | None,
    fields: list[str],
    version: int,
    seen: dict[tuple[str, str], Counter[str]],
) -> str | None:
    if layout is None:
        return "a message that is not laid out here"
    try:
        layout.read(fields[1:], version)
    except BadRequest as error:
        return str(error)
    for part, word in _leading(layout, fields[1:], version):
        seen.setdefault((layout.name, part.name), Counter())[f"{part.default}\0{word}"] += 1
    return None


def _leading(layout: Layout, words: list[str], version: int) -> Iterable[tuple[Part, str]]:
    """The plain parts before the first that is not, each with its field."""
    index = 0
    for part in layout.parts:
        if not isinstance(part, Part):
            return
        if part.since <= version < part.before:
            yield part, words[index]
            index += 1


def _constants(seen: dict[tuple[str, str], Counter[str]]) -> Iterable[str]:
    """Fields in which every message says one thing, and a message of ours another by default."""
    for (message, name), words in seen.items():
        if len(words) != 1 or words.total() < SEEN_MIN:
            continue
        [pair] = words
        ours, _, theirs = pair.partition("\0")
        if ours and theirs != ours:
            yield f"{message}.{name}: always {theirs!r} there, {ours!r} here unless told otherwise"
