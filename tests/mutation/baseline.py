"""The tests on the code as it is: which of them reaches which line, and how long each takes."""

from __future__ import annotations

import ast
import functools
import importlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import hypothesis
import pytest

from tests.mutation.forking import Lost, in_forks
from tests.mutation.mutants import Mutant
from tests.mutation.serving import EXAMPLES_MAX, ROOT, Chosen, Compiled, compiled, run

# Where guardrails/ is tested. tests/session/test_settings.py holds the relations between limits.
TESTS = ("tests/guardrails", "tests/session/test_settings.py")
# Not needed for a kill (measured), and slow: what goes through the tools or the session, long
# random sequences, and tests that read files or start a program, which do not see the change.
LEFT_OUT = (
    "tests/guardrails/test_catalogue.py",
    "tests/guardrails/test_docs.py",
    "tests/guardrails/test_limits_conversation.py",
    "tests/guardrails/test_sequences.py",
    "tests/guardrails/test_tick_tables_sim.py",
    "tests/guardrails/test_ticks.py::test_an_entry_goes_out_at_the_price_of_the_table",
    "tests/guardrails/test_ticks.py::test_a_closing_goes_out_at_the_price_of_the_table",
    "tests/guardrails/test_ticks.py::test_a_stop_is_tightened_to_the_price_of_the_table",
    "tests/guardrails/test_properties.py::test_nobody_outside_guardrails_names_the_seal",
    "tests/guardrails/test_properties.py::test_guardrails_are_pure",
    "tests/guardrails/test_harm.py::test_no_hostile_day_loses_more_than_its_bound",
    "tests/session/test_settings.py::test_the_program_refuses_them_with_exit_3",
)
SECONDS_MAX = 600
SLOW_SECONDS = 0.2
WALKED = "/"  # after the name of a package that is imported as a whole
WHOLE = "guardrails" + WALKED
IMPORTED = ""  # the context of what runs while modules are imported


class BaselineFailed(RuntimeError):
    """A test fails on the code as it is; nothing can be said about changed code."""


@dataclass(slots=True)
class Baseline:
    """What the tests do.

    seconds: of each test.
    reached: path -> line -> the tests that ran it; IMPORTED is none of them.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    reached: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The tests that can notice the change, fastest first.

        Outside functions the change works on import, so all can that run anything of the module
        or of one that imports it, or whose file imports one of them to look at it.
        """
        found = self._running(mutant) - {IMPORTED}
        if mutant.statement is not None and IMPORTED not in self._running(mutant):
            return self._fastest(found)
        above = importers(mutant.path)
        for path in above:
            for tests in self.reached.get(path, {}).values():
                found.update(tests)
        found.update(test for test in self.seconds if looks_at(file_of(test), above))
        return self._fastest(found - {IMPORTED})

    def rounds_of(self, mutant: Mutant, killer: str | None) -> list[list[str]]:
        """The same tests in two rounds, most likely to be over after the first.

        A round imports only its own files. The first is the test that killed once; or, without the
        slow ones, for a change outside functions the tests of files that import the module, and
        else those of the file from which most tests run the changed lines.
        """
        tests = self.tests_of(mutant)
        if not tests:
            return []
        if killer in tests:
            likely = [killer]
        else:
            quick = [test for test in tests if self.seconds[test] < SLOW_SECONDS] or tests
            if mutant.statement is None:
                own = frozenset({mutant.path})
                likely = [test for test in quick if looks_at(file_of(test), own)] or quick
            else:
                running = self._running(mutant)
                near = [test for test in quick if test in running] or quick
                [(file, _)] = Counter(map(file_of, near)).most_common(1)
                likely = [test for test in near if file_of(test) == file]
        chosen = set(likely)
        return [likely, [test for test in tests if test not in chosen]]

    def _running(self, mutant: Mutant) -> set[str]:
        """The tests that run the changed statement, or anything of a module changed outside one."""
        lines = self.reached.get(mutant.path, {})
        first, last = mutant.statement or (0, max(lines, default=0))
        return {test for line, tests in lines.items() if first <= line <= last for test in tests}

    def _fastest(self, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda test: (self.seconds.get(test, 0.0), test))


@functools.cache
def importers(path: str) -> frozenset[str]:
    """The modules of guardrails/ that import it, directly or not, and itself.

    The package's own __init__ is passed over: it imports all, for others to find them there.
    """
    known = {
        str(one.relative_to(ROOT)): set(_imports(one))
        for one in (ROOT / "guardrails").rglob("*.py")
        if one != ROOT / "guardrails" / "__init__.py"
    }
    found = {path}
    while True:
        names = {_module(one) for one in found}
        more = {one for one, imported in known.items() if imported & names} - found
        if not more:
            return frozenset(found)
        found |= more


@functools.cache
def looks_at(file: str, paths: frozenset[str]) -> bool:
    """Whether a test file imports one of these modules by name, or the package to walk it."""
    imported = set(_imports(ROOT / file))
    return WHOLE in imported or not imported.isdisjoint({_module(path) for path in paths})


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name + WALKED for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def file_of(test: str) -> str:
    """The file of a test id."""
    return test.partition("::")[0]


def test_files() -> list[str]:
    """The files of TESTS that are not left out, as pytest names them."""
    found = []
    for place in TESTS:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("test_*.py"))
    names = [str(path.relative_to(ROOT)) for path in found]
    return [name for name in names if name not in LEFT_OUT]


def prepare() -> dict[str, Compiled]:
    """Imports what the tests need, except this project's own modules, which it returns compiled.

    For forks to start with.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    # Equal runs: no database, no random seed; and no minute spent on making a failure small.
    hypothesis.settings.register_profile(
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES_MAX,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutation")
    hypothesis.given(hypothesis.strategies.text())(lambda text: None)()  # reads its tables once
    [(_, found)] = in_forks([test_files()], _imported_by, workers=1, seconds_max=SECONDS_MAX)
    for name, _ in found:
        if not _is_ours(name) and name not in sys.modules:
            importlib.import_module(name)
    ours = {name: compiled(file) for name, file in found if _is_ours(name)}
    return {name: one for name, one in ours.items() if name not in sys.modules}


def _imported_by(files: Sequence[str]) -> list[tuple[str, str]]:
    """What collecting the tests imports: names and files."""
    before = set(sys.modules)
    run(files, Chosen(()), "--collect-only")
    files_of = {name: getattr(one, "__file__", None) for name, one in sys.modules.items()}
    # Without a file of its own: made at run time by another module, which makes it again.
    return [(name, file) for name, file in files_of.items() if file and name not in before]


def _is_ours(name: str) -> bool:
    top = name.partition(".")[0]
    return (ROOT / top).is_dir() or (ROOT / f"{top}.py").is_file()


def measured(files: Sequence[str], workers: int) -> dict[str, Baseline]:
    """What each of the files does on the code on disk.

    Raises BaselineFailed naming a test that fails on it.
    """
    parts = {}
    for file, part in in_forks(files, _measured, workers=workers, seconds_max=SECONDS_MAX):
        if isinstance(part, Lost):
            raise BaselineFailed(f"{file} ({part.why})")
        failed, parts[file] = part
        if failed:
            raise BaselineFailed(failed)
    return parts


def together(parts: Iterable[Baseline]) -> Baseline:
    """One baseline of several."""
    whole = Baseline()
    for part in parts:
        whole.seconds |= part.seconds
        for path, lines in part.reached.items():
            into = whole.reached.setdefault(path, {})
            for line, tests in lines.items():
                into.setdefault(line, []).extend(tests)
    return whole


def _measured(file: str) -> tuple[str, Baseline]:
    watch = coverage.Coverage(
        data_file=None, config_file=False, include=[str(ROOT / "guardrails" / "*")]
    )
    watch.start()
    chosen = run([file], _Watched(None, LEFT_OUT, watch=watch))
    watch.stop()
    data = watch.get_data()
    reached = {
        str(Path(name).relative_to(ROOT)): data.contexts_by_lineno(name)
        for name in data.measured_files()
    }
    return chosen.failed, Baseline(chosen.seconds, reached)


@dataclass(eq=False)
class _Watched(Chosen):
    """Also tells coverage which test is running."""

    watch: coverage.Coverage = field(kw_only=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        """One test's context."""
        self.watch.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.watch.switch_context(IMPORTED)
