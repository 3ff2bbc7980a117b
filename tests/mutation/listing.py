"""equivalent.toml: changes that no test can notice, each with its reason."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant

LISTING = Path(__file__).with_name("equivalent.toml")
KEYS = {"module", "function", "original", "mutated", "reason"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Equivalent:
    """One change that makes no difference, and why."""

    module: str
    function: str
    original: str
    mutated: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The key of the mutants it stands for."""
        return (self.module, self.function, self.original, self.mutated)


def listed(path: Path = LISTING) -> list[Equivalent]:
    """The entries. Raises ValueError for one that is incomplete, without a reason, or twice."""
    with path.open("rb") as file:
        entries = tomllib.load(file).get("equivalent", [])
    for entry in entries:
        if set(entry) != KEYS or not entry["reason"].strip():
            raise ValueError(f"expected exactly {sorted(KEYS)} and a reason, found {entry}")
    found = [Equivalent(**entry) for entry in entries]
    for key, times in Counter(one.key for one in found).items():
        if times > 1:
            raise ValueError(f"listed {times} times: {key}")
    return found


def stale(
    entries: Iterable[Equivalent], generated: Iterable[Mutant], killed: Collection[Mutant]
) -> list[str]:
    """What is wrong with each entry that stands for no mutant, or for one that a test kills.

    entries: those of the modules that were mutated.
    """
    made = {mutant.key for mutant in generated}
    dead = {mutant.key for mutant in killed}
    return [
        f"{one.module}: {one.function}: {one.original!r} -> {one.mutated!r} {why}"
        for one in entries
        for is_wrong, why in (
            (one.key not in made, "is not generated any more"),
            (one.key in dead, "is killed: it is not equivalent"),
        )
        if is_wrong
    ]
