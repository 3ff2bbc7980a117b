"""How a message is laid out: its fields in order, by version, written and read from one table.

A layout is a sequence of parts. Plain parts are one field each; `Rows` is a count and so many
groups; `When` is there only if an earlier field says so; `Rest` is whatever is left. Nothing else
in this package counts positions. Messages are dicts by field name; rows are lists of dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sim.gateway.wire.frames import Field, text
from sim.gateway.wire.words import BadRequest, LeftOver, boolean, decimal, integer, same

Values = Mapping[str, Any]
NEVER = 10_000  # a version that does not come
ROWS_MAX = 1000  # of one message from a client


@dataclass(frozen=True, slots=True)
class Part:
    """One field; present where since <= version < before."""

    name: str
    read: Callable[[str], Any]
    default: str  # what is written where a message has no value for it
    since: int
    before: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A count, then so many rows of parts."""

    name: str
    parts: tuple[AnyPart, ...]


@dataclass(frozen=True, slots=True)
class When:
    """Parts that are there only when an earlier field is `value`; None: when it is not empty."""

    name: str
    parts: tuple[AnyPart, ...]
    value: Any = None

    def holds(self, values: Values, default: str = "") -> bool:
        """Whether the parts are there, by what stands in `values`."""
        found = values.get(self.name, default)
        if self.value is None:
            return bool(found) and found != "0"
        return bool(found == self.value)


@dataclass(frozen=True, slots=True)
class Rest:
    """Whatever is left of the message, as a list of texts."""

    name: str


AnyPart = Part | Rows | When | Rest


class Packed:
    """Rows that are written already: `count` of them, their fields joined by NUL."""

    __slots__ = ("count", "fields")

    def __init__(self, count: int, fields: str) -> None:
        self.count = count
        self.fields = fields


def _part(read: Callable[[str], Any], empty: str) -> Callable[..., Part]:
    def make(name: str, default: Field = None, since: int = 0, before: int = NEVER) -> Part:
        return Part(name, read, empty if default is None else text(default), since, before)

    return make


word = _part(same, "")
whole = _part(integer, "0")
number = _part(decimal, "0")
unset = _part(decimal, "")  # a number that is left empty where there is none
flag = _part(boolean, "0")


def rows(name: str, *parts: AnyPart) -> Rows:
    """A count, then so many rows."""
    return Rows(name, parts)


def when(name: str, *parts: AnyPart, value: Any = None) -> When:
    """Parts that an earlier field calls for."""
    return When(name, parts, value)


@dataclass(frozen=True)
class Layout:
    """One kind of message: its id, the broker's name for it, and its parts after the id."""

    number: int
    name: str
    parts: tuple[AnyPart, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names a message of this kind may give values for."""
        return frozenset(_names(self.parts))

    @cached_property
    def _defaults(self) -> dict[str, str]:
        return {part.name: part.default for part in _plain(self.parts)}

    @cached_property
    def _shaping(self) -> frozenset[str]:
        """The names whose values decide which fields there are."""
        return frozenset(_shaping(self.parts))

    def write(self, values: Values, version: int) -> list[str]:
        """The fields of a message, id first. Raises ValueError for a name it does not have."""
        if not self.names.issuperset(values):
            unknown = ", ".join(sorted(values.keys() - self.names))
            raise ValueError(f"{self.name} has no field {unknown}")
        if self._shaping.isdisjoint(values):
            return self._filled_in(values, version)
        return [str(self.number), *(word for _, word in self._words(self.parts, values, version))]

    def _filled_in(self, values: Values, version: int) -> list[str]:
        """A message of the usual shape: its defaults, with the values put in their places."""
        form = self._forms.get(version)
        if form is None:
            words = list(self._words(self.parts, {}, version))
            places = {name: index for index, (name, _) in enumerate(words, start=1)}
            form = ([str(self.number), *(word for _, word in words)], places)
            self._forms[version] = form
        defaults, places = form
        fields = defaults.copy()
        for name, value in values.items():
            if value is not None and name in places:
                fields[places[name]] = text(value)
        return fields

    @cached_property
    def _forms(self) -> dict[int, tuple[list[str], dict[str, int]]]:
        return {}

    def _words(
        self, parts: Iterable[AnyPart], values: Values, version: int
    ) -> Iterator[tuple[str, str]]:
        """(name, field) in order."""
        for part in parts:
            match part:
                case Part(name, _, default, since, before):
                    if since <= version < before:
                        value = values.get(name)
                        yield name, default if value is None else text(value)
                case When(name, inner):
                    if part.holds(values, self._defaults.get(name, "")):
                        yield from self._words(inner, values, version)
                case Rows(name, inner):
                    found = values.get(name, ())
                    if isinstance(found, Packed):
                        yield name, str(found.count)
                        if found.count:
                            yield name, found.fields
                        continue
                    yield name, str(len(found))
                    for row in found:
                        yield from self._words(inner, row, version)
                case Rest(name):
                    yield from ((name, text(each)) for each in values.get(name, ()))

    def read(self, words: Sequence[str], version: int) -> dict[str, Any]:
        """The values of a message's fields after its id, every one accounted for.

        Raises BadRequest where a field is missing or not of its type, LeftOver where one is too
        many.
        """
        values: dict[str, Any] = {}
        try:
            end = self._read(self.parts, words, 0, version, values)
        except IndexError:
            raise BadRequest(f"a request of {len(words)} fields ends too early") from None
        if end < len(words):
            raise LeftOver(f"{len(words) - end} fields too many in {self.name}")
        return values

    def _read(
        self,
        parts: Iterable[AnyPart],
        words: Sequence[str],
        at: int,
        version: int,
        values: dict[str, Any],
    ) -> int:
        """Where the next field is, once those of `parts` are read from `at` on."""
        for step in self._steps(parts, version):
            if isinstance(step, list):
                for name, read in step:
                    values[name] = read(words[at])
                    at += 1
                continue
            match step:
                case When(_, inner):
                    if step.holds(values):
                        at = self._read(inner, words, at, version, values)
                case Rows(name, inner):
                    count = integer(words[at])
                    if not 0 <= count <= ROWS_MAX:
                        raise BadRequest(f"{count} rows of {name} in {self.name}")
                    at += 1
                    found = values[name] = []
                    for _ in range(count):
                        row: dict[str, Any] = {}
                        at = self._read(inner, words, at, version, row)
                        found.append(row)
                case Rest(name):
                    values[name] = list(words[at:])
                    at = len(words)
        return at

    def _steps(self, parts: Iterable[AnyPart], version: int) -> list[Any]:
        """The parts that a version has: runs of plain ones as (name, read), the others as are."""
        key = (id(parts), version)
        steps = self._runs.get(key)
        if steps is None:
            steps = []
            for part in parts:
                if not isinstance(part, Part):
                    steps.append(part)
                elif part.since <= version < part.before:
                    if not steps or not isinstance(steps[-1], list):
                        steps.append([])
                    steps[-1].append((part.name, part.read))
            self._runs[key] = steps
        return steps

    @cached_property
    def _runs(self) -> dict[tuple[int, int], list[Any]]:
        return {}


def _plain(parts: Iterable[AnyPart]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, Part):
            yield part
        elif isinstance(part, When):
            yield from _plain(part.parts)


def _names(parts: Iterable[AnyPart]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, When):
            yield from _names(part.parts)
        else:
            yield part.name


def _shaping(parts: Iterable[AnyPart]) -> Iterator[str]:
    for part in parts:
        if not isinstance(part, Part):
            yield part.name
        if isinstance(part, When):
            yield from _names(part.parts)


def table(*layouts: Layout) -> dict[str, Layout]:
    """Layouts by name."""
    return {layout.name: layout for layout in layouts}
