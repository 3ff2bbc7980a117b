"""What a run says: how far it is, who survived, the score."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import TextIO

from tests.mutation.mutants import Mutant

WIDTH = 40


class Progress:
    """A bar on a terminal; elsewhere a line at every tenth."""

    def __init__(self, total: int, stream: TextIO = sys.stderr) -> None:
        self._total, self._stream = total, stream
        self.done = self._survived = 0

    def step(self, *, survived: bool) -> None:
        """One more is done."""
        before = self.done * 10 // self._total
        self.done += 1
        self._survived += survived
        text = f"{self.done} of {self._total}, {self._survived} survived"
        if self._stream.isatty():
            filled = self.done * WIDTH // self._total
            end = "\n" if self.done == self._total else ""
            bar = "#" * filled + "." * (WIDTH - filled)
            self._stream.write(f"\r[{bar}] {text}{end}")
        elif self.done * 10 // self._total > before:
            self._stream.write(f"{self.done * 100 // self._total:3d} %  {text}\n")
        self._stream.flush()


def diff(mutant: Mutant, source: str) -> str:
    """The change as a unified diff, headed by file, line and operator."""
    lines = difflib.unified_diff(
        source.splitlines(),
        mutant.source.splitlines(),
        mutant.path,
        f"{mutant.path} ({mutant.operator})",
        lineterm="",
        n=1,
    )
    where = f"{mutant.path}:{mutant.line}: in {mutant.function or 'the module'}"
    return "\n".join([where, *lines])


def entry(mutant: Mutant) -> str:
    """The listing's entry for the mutant, without a reason yet."""
    return "\n".join(
        [
            "[[equivalent]]",
            f"module = {mutant.path!r}",
            f"function = {mutant.function!r}",
            f"original = {_text(mutant.before)}",
            f"mutated = {_text(mutant.after)}",
            'reason = ""',
        ]
    )


def _text(line: str) -> str:
    return f"'{line}'" if "'" not in line else f"'''{line}'''"


def score(generated: Sequence[Mutant], killed: int, lost: dict[str, int], equivalent: int) -> str:
    """One line: how many of those that can be killed were."""
    able = len(generated) - equivalent
    share = 100 * killed / able if able else 100.0
    by = "".join(f", {count} by {why}" for why, count in sorted(lost.items()))
    return (
        f"mutants {len(generated)}, killed {killed}{by}, equivalent {equivalent}, "
        f"survived {able - killed}: score {share:.2f} %"
    )
