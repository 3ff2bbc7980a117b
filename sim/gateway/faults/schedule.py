"""When and where a fault strikes: one plan a line, from a file that reproduces a run.

A line is a JSON object: `{"fault": "F3", "leg": "stop"}`. Keys of every fault:

message       strikes no earlier than the n-th request the gateway has read, counted from 1
at            nor before this instant, ISO 8601 with its zone
after_seconds or this long after the gateway's start, in simulated seconds
probability   above 0, at most 1: drawn at every opportunity, from the seed
times         how often it strikes; 0 is without end; default 1
leg, order    only for such orders: entry, target or stop; of this id
symbol        only for this symbol
client        only for the client of this id

A fault takes only the scopes that its opportunities have: one of the connection knows no leg.

Other keys are the fault's own settings. A line `{"seed": 7}` sets the seed of the draws. Blank
lines and lines that begin with # are passed over.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

LEGS = ("entry", "target", "stop")
SCOPES = ("leg", "symbol", "client", "order")
TRIGGERS = ("message", "at", "after_seconds", "probability", "times")
NUMBER_MAX = 10**9  # of anything; as seconds it is thirty years
SHOWN_CHARACTERS = 60  # of what was found, in an error: it stays one line


class ScheduleError(ValueError):
    """A schedule that cannot be used; one line with what was expected and what was found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One scheduled fault."""

    fault: str
    message: int | None = None
    at: datetime | None = None
    after_seconds: float | None = None
    probability: float = 1.0
    times: int = 1
    leg: str | None = None
    symbol: str | None = None
    client: int | None = None
    order: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def line(self, **resolved: Any) -> str:
        """The plan as a line of a schedule, with some of its keys given anew."""
        words: dict[str, Any] = {
            "fault": self.fault,
            "message": self.message,
            "at": self.at.isoformat() if self.at is not None else None,
            "after_seconds": self.after_seconds,
            "probability": self.probability if self.probability != 1 else None,
            "times": self.times if self.times != 1 else None,
            "leg": self.leg,
            "symbol": self.symbol,
            "client": self.client,
            "order": self.order,
            **self.settings,
            **resolved,
        }
        return json.dumps({key: value for key, value in words.items() if value is not None})


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Plans in the order of their lines, and the seed of their draws."""

    plans: tuple[Plan, ...] = ()
    seed: int = 0

    def lines(self) -> list[str]:
        """The schedule as a file would hold it."""
        return [json.dumps({"seed": self.seed}), *(plan.line() for plan in self.plans)]


def nearest(word: str, known: Collection[str]) -> str:
    """`; did you mean X?` where a known word is close, else the known ones."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"


class Kind(Protocol):
    """What can be said of one kind of fault: its settings with their defaults, and its scopes."""

    settings: ClassVar[Mapping[str, Any]]
    scopes: ClassVar[tuple[str, ...]]


def read_schedule(lines: Iterable[str], known: Mapping[str, type[Kind]]) -> Schedule:
    """The schedule of a file's lines.

    known: each kind of fault by its name.
    Raises ScheduleError naming the line.
    """
    plans: list[Plan] = []
    seed = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = _row(line)
            if row.keys() == {"seed"}:
                seed = _whole(row, "seed", 0)
            else:
                plans.append(_plan(row, known))
        except ScheduleError as error:
            raise ScheduleError(f"line {number}: {error}") from error
        except RecursionError:
            raise ScheduleError(f"line {number}: JSON of less depth is expected") from None
    return Schedule(plans=tuple(plans), seed=seed)


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=_each_once)
    except json.JSONDecodeError as error:
        raise ScheduleError(f"JSON is expected ({error.msg})") from error
    except ScheduleError:
        raise
    except ValueError as error:  # more digits than Python takes for a number
        raise ScheduleError("JSON with numbers of a sensible size is expected") from error
    if not isinstance(row, dict):
        raise ScheduleError(f"an object is expected, was {_shown(row)}")
    return row


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in pairs:
        if key in row:
            raise ScheduleError(f"key {_shown(key)} is there twice")
        row[key] = value
    return row


def _shown(value: Any) -> str:
    """What was found, on one line and not at length."""
    words = repr(value)
    return words if len(words) <= SHOWN_CHARACTERS else f"{words[:SHOWN_CHARACTERS]}..."


def _plan(row: dict[str, Any], known: Mapping[str, type[Kind]]) -> Plan:
    name = row.get("fault")
    if not isinstance(name, str) or name not in known:
        raise ScheduleError(f"no fault {_shown(name)}; {nearest(str(name), known)}")
    settings, scopes = known[name].settings, known[name].scopes
    allowed = {"fault", *TRIGGERS, *scopes, *settings}
    for key in row:
        if key in SCOPES and key not in allowed:
            words = ", ".join(scopes) or "nothing"
            raise ScheduleError(f"{name} cannot be narrowed by {key}; it can by {words}")
        if key not in allowed:
            raise ScheduleError(f"{name} has no key {_shown(key)}; {nearest(key, allowed)}")
    own = {key: row[key] for key in settings if key in row}
    for key, value in own.items():
        _check_setting(name, key, value, settings[key])
    return Plan(
        fault=name,
        message=_whole(row, "message", None, least=1),
        at=_instant(row.get("at")),
        after_seconds=_number(row, "after_seconds", None),
        probability=_probability(row),
        times=_whole(row, "times", 1),
        leg=_one_of(row, "leg", LEGS),
        symbol=_text(row, "symbol"),
        client=_whole(row, "client", None),
        order=_whole(row, "order", None),
        settings=own,
    )


def _check_setting(fault: str, key: str, value: Any, default: Any) -> None:
    """A setting has the type of its default; of a tuple of words, it is one of them.

    Numbers are from 0 up, whole where the default is; only a percentage may be below.
    """
    if isinstance(default, tuple):
        if not any(value == one and type(value) is type(one) for one in default):
            words = ", ".join(map(str, default))
            raise ScheduleError(f"{fault}: {key} must be one of {words}, was {_shown(value)}")
        return
    least = -100 if key == "percent" else 0
    if isinstance(default, float):
        fits = _is_number(value, least)
    elif isinstance(default, int) and not isinstance(default, bool):
        fits = _is_number(value, least) and isinstance(value, int)
    else:
        fits = isinstance(value, type(default))
    if not fits:
        raise ScheduleError(
            f"{fault}: {key} must be like its default {default!r}, was {_shown(value)}"
        )


def _is_number(value: Any, least: float) -> bool:
    """Whether it is a number, and not a boolean, from `least` up to the highest; NaN is not."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= value <= NUMBER_MAX


def _whole(row: dict[str, Any], key: str, default: Any, least: int = 0) -> Any:
    value = row.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or not _is_number(value, least):
        raise ScheduleError(
            f"{key} must be a whole number from {least} to {NUMBER_MAX}, was {_shown(value)}"
        )
    return value


def _number(row: dict[str, Any], key: str, default: Any) -> Any:
    value = row.get(key)
    if value is None:
        return default
    if not _is_number(value, 0):
        raise ScheduleError(f"{key} must be a number from 0 to {NUMBER_MAX}, was {_shown(value)}")
    return float(value)


def _probability(row: dict[str, Any]) -> float:
    value = _number(row, "probability", 1.0)
    if not 0 < value <= 1:
        raise ScheduleError(f"probability must be above 0 and at most 1, was {value!r}")
    return float(value)


def _one_of(row: dict[str, Any], key: str, words: tuple[str, ...]) -> str | None:
    value = row.get(key)
    if value is not None and value not in words:
        raise ScheduleError(f"{key} must be one of {', '.join(words)}, was {_shown(value)}")
    return value


def _text(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise ScheduleError(f"{key} must be a text, was {_shown(value)}")
    return value


def _instant(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.utcoffset() is None:
        raise ScheduleError(
            f"at must be an instant with its zone, 2026-11-20T15:10:00Z, was {_shown(value)}"
        )
    return at
