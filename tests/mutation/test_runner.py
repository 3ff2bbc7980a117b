"""The runner reports what it must: a survivor that nobody listed, and a listing that is stale."""

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.mutation.__main__ import is_sampled, reported
from tests.mutation.forking import Lost, WorkFailed, in_forks
from tests.mutation.listing import LISTING, Equivalent, listed
from tests.mutation.memory import SURVIVED, Memory, Verdict
from tests.mutation.mutants import mutants
from tests.mutation.report import Progress
from tests.mutation.serving import ROOT

PATH = "guardrails/side.py"
SOURCE = "def side_of(shares):\n    return shares > 0\n"
KILLED = Verdict("tests/guardrails/test_side.py::test_it")
ALIVE = Verdict(SURVIVED)
MADE = mutants(PATH, SOURCE)
FIRST = MADE[0]
ENTRY = Equivalent(
    module=PATH,
    function=FIRST.function,
    original=FIRST.before,
    mutated=FIRST.after,
    reason="none: this is a test",
)
BARE = "[[equivalent]]\nmodule = 'a'\nfunction = ''\noriginal = 'b'\nmutated = 'c'\n"


def status(alive=(), entries=(), is_whole=True):
    verdicts = {one: ALIVE if one in alive else KILLED for one in MADE}
    return reported(MADE, verdicts, entries, {PATH: SOURCE}, is_whole=is_whole)


def test_all_killed_is_success_and_the_score_is_full(capsys):
    assert status() == 0
    assert f"mutants {len(MADE)}, killed {len(MADE)}, " in capsys.readouterr().out


def test_an_unlisted_survivor_is_shown_as_a_diff_with_its_place_and_fails(capsys):
    assert status(alive=[FIRST]) == 1
    told = capsys.readouterr().out
    assert f"{PATH}:2: in side_of" in told
    assert "-    return shares > 0" in told
    assert f"+    {FIRST.after}" in told
    assert "survived 1" in told


def test_a_listed_survivor_is_no_failure_and_does_not_count(capsys):
    assert status(alive=[FIRST], entries=[ENTRY]) == 0
    assert "equivalent 1, survived 0: score 100.00 %" in capsys.readouterr().out


def test_a_listing_of_a_killed_mutant_is_stale(capsys):
    assert status(entries=[ENTRY]) == 1
    assert "is killed" in capsys.readouterr().out


def test_a_listing_of_a_mutant_that_is_no_more_is_stale(capsys):
    gone = replace(ENTRY, original="return shares >= 0")
    assert status(entries=[gone]) == 1
    assert "is not generated" in capsys.readouterr().out
    assert status(entries=[gone], is_whole=False) == 0  # a sample makes only some


@pytest.mark.parametrize(
    "text",
    [
        f"{BARE}reason = ' '\n",
        BARE,
        2 * f"{BARE}reason = 'none'\n",
    ],
)
def test_a_listing_without_a_reason_or_twice_is_refused(tmp_path, text):
    file = tmp_path / "equivalent.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"reason|times"):
        listed(file)


def test_the_listing_of_this_project_can_be_read():
    for one in listed(LISTING):
        assert (ROOT / one.module).is_file()


def test_forks_answer_and_their_failures_are_told_apart():
    def work(job):
        if job == "endless":
            while True:
                pass
        return job.upper()

    answers = dict(in_forks(["a", "endless", "b"], work, workers=2, seconds_max=1))
    assert answers == {"a": "A", "b": "B", "endless": Lost("timeout")}
    with pytest.raises(WorkFailed, match="AttributeError"):
        list(in_forks([1], work, workers=1, seconds_max=1))


def test_a_verdict_holds_until_what_it_rests_on_changes(tmp_path):
    test = "tests/guardrails/test_reducing.py"
    file = tmp_path / "kept" / "verdicts.json"
    memory = Memory([test], file)
    memory.keep(FIRST, Verdict(f"{test}::test_it"))
    memory.keep(MADE[1], ALIVE)
    memory.save()
    again = Memory([test], file)
    assert again.of(FIRST) == Verdict(f"{test}::test_it")
    assert again.of(MADE[1]) == ALIVE
    assert again.of(MADE[2]) is None
    more = Memory([test, "tests/guardrails/test_stops.py"], file)
    assert more.of(FIRST) is not None  # its killer is as it was
    assert more.of(MADE[1]) is None  # a new test may kill it
    gone = Memory(["tests/guardrails/test_stops.py"], file)
    assert gone.of(FIRST) is None
    assert gone.killer_of(FIRST) == f"{test}::test_it"


class Lines(list):
    """A stream that is no terminal."""

    write = list.append

    def isatty(self):
        return False

    def flush(self):
        pass


def test_progress_is_a_line_at_every_tenth():
    lines = Lines()
    progress = Progress(40, lines)
    for number in range(40):
        progress.step(survived=number == 0)
    assert len(lines) == 10
    assert lines[0].startswith(" 10 %")
    assert lines[-1] == "100 %  40 of 40, 1 survived\n"


PLANTED = """
from pathlib import Path
from tests.mutation.__main__ import Trial, noticed_by
from tests.mutation.baseline import measured, prepare, together
from tests.mutation.forking import in_forks
from tests.mutation.mutants import Mutant, mutants

path, tests = "guardrails/side.py", "tests/guardrails/test_reducing.py"
source = Path(path).read_text()
ours = prepare()
baseline = together(measured([tests], 1).values())
planted = Mutant(path=path, operator="none", function="", line=1, before="", after="",
                 source=source + "UNUSED = 1\\n", statement=None)
swapped = next(one for one in mutants(path, source) if one.before.startswith("CLOSING"))
trials = [Trial(one, baseline.rounds_of(one, None)) for one in (planted, swapped)]
for trial, by in in_forks(trials, lambda one: noticed_by(one, ours), workers=1, seconds_max=60):
    print(trial.mutant.operator, by or "survived")
"""


def test_a_planted_survivor_survives_and_a_swapped_side_does_not():
    """In a process of its own: nothing of the project may be imported before a mutant is."""
    done = subprocess.run(
        [sys.executable, "-c", PLANTED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    planted, swapped = done.stdout.splitlines() or [done.stderr, ""]
    assert planted == "none survived"
    assert swapped.partition(" ")[2].startswith("tests/guardrails/test_reducing.py::")


def test_the_sample_holds_every_swap_of_a_side_and_every_dropped_check():
    dropped = mutants("guardrails/checks/desk.py", "DESK = (well_formed, reconciled)\n")
    assert [one.after for one in dropped if is_sampled(one)] == [
        "DESK = (reconciled,)",
        "DESK = (well_formed,)",
    ]
    sides = mutants(PATH, "OPENING = {Side.LONG: Action.BUY}\n")
    assert [one.after for one in sides if is_sampled(one)] == [
        "OPENING = {Side.LONG: Action.SELL}",
        "OPENING = {Side.SHORT: Action.BUY}",
    ]
