"""What earlier runs found out, as far as it still holds.

A kill holds while the changed source, the code around it and the file of the test that killed are
the same; a survival, while all tests are. Where a kill holds no longer, its test is tried first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.serving import ROOT

FOLDER = ROOT / ".mutation"
SURVIVED = ""
# What the tests need beside their own files.
AROUND = ("guardrails/**/*.py", "session/*.py", "tests/support/*.py", "tests/*.py", "config.yaml")


@dataclass(frozen=True, slots=True)
class Verdict:
    """by: the test that killed, "timeout" or "crash"; SURVIVED where none did."""

    by: str

    @property
    def is_killed(self) -> bool:
        """Whether the change was noticed."""
        return self.by != SURVIVED


class Memory:
    """Verdicts by mutant, kept in a file."""

    def __init__(self, tests: Sequence[str], file: Path = FOLDER / "verdicts.json") -> None:
        self._file = file
        self._tests = {name: _hash([(ROOT / name).read_bytes()]) for name in tests}
        # Which tests are tried is part of a survival.
        choosing = Path(__file__).with_name("baseline.py").read_bytes()
        self._all_tests = {**self._tests, "choosing": _hash([choosing])}
        self._around = {
            str(path.relative_to(ROOT)): _hash([path.read_bytes()])
            for pattern in AROUND
            for path in sorted(ROOT.glob(pattern))
        }
        self._kept = self._read()
        self._new: dict[str, tuple[str, str]] = {}

    def of(self, mutant: Mutant) -> Verdict | None:
        """The verdict that still holds, or None."""
        by, proof = self._kept.get(_name(mutant), (None, None))
        if by is None or proof != self._proof(mutant, by):
            return None
        return Verdict(by)

    def killer_of(self, mutant: Mutant) -> str | None:
        """The test that killed it once."""
        by, _ = self._kept.get(_name(mutant), (None, None))
        return by or None

    def keep(self, mutant: Mutant, verdict: Verdict) -> None:
        """Remembers it; `save` writes."""
        self._new[_name(mutant)] = (verdict.by, self._proof(mutant, verdict.by))

    def save(self) -> None:
        """Adds what is new to the file, which another run may have written to meanwhile."""
        self._file.parent.mkdir(exist_ok=True)
        beside = self._file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({**self._read(), **self._new}, indent=0), encoding="utf-8")
        beside.replace(self._file)

    def _read(self) -> dict[str, tuple[str, str]]:
        return json.loads(self._file.read_text(encoding="utf-8")) if self._file.is_file() else {}

    def state(self, test: str) -> str:
        """Changes with any source that what this test file does depends on."""
        known = sorted({**self._around, test: self._tests[test]}.items())
        return _hash(f"{name} {value}".encode() for name, value in known)

    def _proof(self, mutant: Mutant, by: str) -> str:
        file = by.partition("::")[0]
        tests = {file: self._tests[file]} if file in self._tests else self._all_tests
        around = {name: one for name, one in self._around.items() if name != mutant.path}
        facts = [
            mutant.source,
            *(f"{name} {one}" for name, one in sorted((around | tests).items())),
        ]
        return _hash(fact.encode() for fact in facts)


def _name(mutant: Mutant) -> str:
    return _hash([mutant.source.encode()]) + f" {mutant.path}:{mutant.function}"


def _hash(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:24]
