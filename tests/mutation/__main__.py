"""Mutates modules of guardrails/, runs the tests on each mutant, and says who survived.

Exit status: 0 if every mutant is killed or listed with a reason, 1 if one survived unlisted or a
listing is stale, 2 if the tests fail on the code as it is.
"""

from __future__ import annotations

import argparse
import ast
import gc
import os
import pickle
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutation.baseline import (
    Baseline,
    BaselineFailed,
    file_of,
    measured,
    prepare,
    test_files,
    together,
)
from tests.mutation.forking import Lost, in_forks
from tests.mutation.listing import LISTING, Equivalent, listed, stale
from tests.mutation.memory import FOLDER, SURVIVED, Memory, Verdict
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.report import Progress, diff, entry, score
from tests.mutation.serving import ROOT, Chosen, Compiled, run, serve

SECONDS_MAX = 60  # all the tests together take some twenty
SAVED_EVERY = 100  # mutants; what was found out survives an interruption
# The sample: what a slip of the pen does to an order.
SAMPLED = ("MemberSwap", "RoundingSwap", "OrderSwap")
DROPPING = "ElementDrop"  # of these families only
FAMILIES = ("DESK", "INSTRUMENT", "PRICES", "EXPOSURE", "PACE", "OPENING_CHECKS", "RELATIONS")


class Trial(NamedTuple):
    """A mutant and the tests that can notice it, in rounds."""

    mutant: Mutant
    rounds: list[list[str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    told = _told(arguments)
    paths = told.paths or _modules()
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in paths}
    ours = prepare()
    only = (*SAMPLED, DROPPING) if told.sample else ()
    generated = _generated(sources, told.workers, only)
    if told.sample:
        generated = [one for one in generated if is_sampled(one)]
    memory = Memory(test_files())
    try:
        baseline = _baseline(memory, told.workers)
    except BaselineFailed as error:
        print(f"a test fails on the code as it is: {error}")
        return 2
    verdicts = _verdicts(generated, baseline, memory, ours, told.workers)
    entries = [one for one in listed(told.listing) if one.module in sources]
    return reported(generated, verdicts, entries, sources, is_whole=not told.sample)


def is_sampled(mutant: Mutant) -> bool:
    """Whether the mutant belongs to the sample that `make test` runs."""
    is_relation = mutant.before.startswith("Relation")
    is_family = is_relation or mutant.before.partition(" = ")[0] in FAMILIES
    is_dropped = mutant.operator == DROPPING and not mutant.function
    return mutant.operator in SAMPLED or (is_dropped and is_family)


def _told(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", help="modules, such as guardrails/ticks.py; else all")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--sample", action="store_true", help="only sides, roundings, checks")
    parser.add_argument("--listing", type=Path, default=LISTING)
    return parser.parse_args(arguments)


def _modules() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "guardrails").rglob("*.py"))


def _generated(sources: dict[str, str], workers: int, only: Sequence[str]) -> list[Mutant]:
    rings = _rings((ROOT / "guardrails" / "limits.py").read_text(encoding="utf-8"))

    def made(path: str) -> list[Mutant]:
        return mutants(path, sources[path], rings, only)

    found = dict(in_forks(sources, made, workers=workers, seconds_max=300))
    return [mutant for path in sources for mutant in found[path]]


def _rings(limits: str) -> list[list[str]]:
    """The names of settings of one section and one kind, for swapping neighbours."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for section in ast.parse(limits).body:
        if isinstance(section, ast.ClassDef):
            for one in section.body:
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                    kind = (section.name, ast.unparse(one.annotation))
                    kinds.setdefault(kind, []).append(one.target.id)
    return [names for names in kinds.values() if len(names) > 1]


def _baseline(memory: Memory, workers: int) -> Baseline:
    """Each test file is measured again only where it, or what it tests, has changed."""
    file = FOLDER / "baseline.pickle"
    kept: dict[str, tuple[str, Baseline]] = (
        pickle.loads(file.read_bytes()) if file.is_file() else {}
    )
    states = {test: memory.state(test) for test in test_files()}
    known = {test: kept[test][1] for test in states if kept.get(test, ("",))[0] == states[test]}
    known |= measured([test for test in states if test not in known], workers)
    FOLDER.mkdir(exist_ok=True)
    file.write_bytes(pickle.dumps({test: (states[test], known[test]) for test in known}))
    return together(known.values())


def _verdicts(
    generated: Sequence[Mutant],
    baseline: Baseline,
    memory: Memory,
    ours: Mapping[str, Compiled],
    workers: int,
) -> dict[Mutant, Verdict]:
    verdicts = {mutant: memory.of(mutant) for mutant in generated}
    found = {mutant: verdict for mutant, verdict in verdicts.items() if verdict is not None}
    trials = [
        Trial(mutant, baseline.rounds_of(mutant, memory.killer_of(mutant)))
        for mutant in generated
        if mutant not in found
    ]

    def tried(trial: Trial) -> str:
        return noticed_by(trial, ours)

    gc.freeze()  # what the forks share stays shared
    progress = Progress(len(trials))
    try:
        for trial, answer in in_forks(trials, tried, workers=workers, seconds_max=SECONDS_MAX):
            verdict = Verdict(answer.why if isinstance(answer, Lost) else answer)
            found[trial.mutant] = verdict
            memory.keep(trial.mutant, verdict)
            if progress.done % SAVED_EVERY == 0:
                memory.save()
            progress.step(survived=not verdict.is_killed)
    finally:
        memory.save()
    return found


def noticed_by(trial: Trial, ours: Mapping[str, Compiled]) -> str:
    """The test that noticed, or SURVIVED. In a fork: it changes what is imported."""
    gc.disable()  # the process is over before it would matter
    serve(ours, trial.mutant.path, trial.mutant.source)
    for tests in trial.rounds:
        files = list(dict.fromkeys(map(file_of, tests)))
        if tests and (failed := run(files, Chosen(tests), "-x").failed):
            return failed
    return SURVIVED


def reported(
    generated: Sequence[Mutant],
    verdicts: Mapping[Mutant, Verdict],
    entries: Sequence[Equivalent],
    sources: Mapping[str, str],
    *,
    is_whole: bool,
) -> int:
    """Prints survivors, stale entries and the score; the exit status.

    is_whole: whether all mutants of the modules are there, so that an entry without one is stale.
    """
    killed = [mutant for mutant in generated if verdicts[mutant].is_killed]
    names = {one.key for one in entries}
    alive = [mutant for mutant in generated if not verdicts[mutant].is_killed]
    survivors = [mutant for mutant in alive if mutant.key not in names]
    wrong = stale(entries, generated, killed) if is_whole else []
    for mutant in survivors:
        print(diff(mutant, sources[mutant.path]), entry(mutant), "", sep="\n")
    for text in wrong:
        print(f"stale listing: {text}")
    lost = Counter(one.by for one in verdicts.values() if one.by in ("timeout", "crash"))
    print(score(generated, len(killed), lost, len(alive) - len(survivors)))
    return 1 if survivors or wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that forks do not outlive this
    sys.exit(main())
