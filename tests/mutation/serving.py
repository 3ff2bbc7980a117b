"""One run of chosen tests in this process, on a module whose source is not the one on disk.

Only for a forked process that has imported nothing of the project yet, and that ends afterwards.
Nothing is written anywhere. What is on disk was read and compiled before the fork: it may be edited
meanwhile.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = (
    "-q",
    "--assert=plain",
    "--tb=no",
    "--no-header",
    "--no-summary",
    f"--rootdir={ROOT}",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-p",
    "no:unraisableexception",  # collects garbage thrice, a third of a short run
    "-p",
    "no:threadexception",
    "-p",
    "pytest_asyncio.plugin",
)
EXAMPLES_MAX = 20
SETTINGS = "_hypothesis_internal_use_settings"  # where hypothesis keeps what a decorator asked for
# What the program says when tests ran: all passed, some failed, a module did not import, none left.
RAN = (0, 1, 2, 5)


class Compiled(NamedTuple):
    """A module of the project, ready to run."""

    path: str
    code: CodeType


def _shorten(test: object) -> None:
    """A property that asks for hundreds of examples is content with a few: what it holds is tried
    at exact values beside it."""
    asked = getattr(test, SETTINGS, None)
    if asked is not None and asked.max_examples > EXAMPLES_MAX:
        setattr(test, SETTINGS, hypothesis.settings(asked, max_examples=EXAMPLES_MAX))


def compiled(path: str) -> Compiled:
    """The module as it is on disk."""
    source = Path(path).read_bytes()
    return Compiled(path, compile(source, path, "exec", dont_inherit=True))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, module: Compiled) -> None:
        super().__init__(fullname, module.path)
        self._code = module.code

    def get_code(self, fullname):
        return self._code


class _Finder:
    """Finds the modules it was given; a path has no part in it."""

    def __init__(self, modules: Mapping[str, Compiled]) -> None:
        self._modules = modules

    def find_spec(self, fullname, path=None, target=None):
        module = self._modules.get(fullname)
        if module is None:
            return None
        file = Path(module.path)
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=_Loader(fullname, module),
            submodule_search_locations=[str(file.parent)] if file.name == "__init__.py" else None,
        )


@dataclass(eq=False)
class Chosen:
    """A pytest plugin: runs the chosen tests in the given order, and keeps the first that failed.

    order: test ids; None is all of them, as collected.
    """

    order: Sequence[str] | None
    left_out: Sequence[str] = ()
    failed: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """The chosen ones in their order, properties with few examples."""
        for item in items:
            _shorten(getattr(item, "obj", None))
        if self.order is None:
            items[:] = [one for one in items if not one.nodeid.startswith(tuple(self.left_out))]
            return
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[name] for name in self.order if name in by_id]

    def pytest_runtest_logreport(self, report):
        """How long it took, and whether it failed."""
        spent = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = spent
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report):
        """A test file that cannot be imported fails as a whole."""
        if report.failed and not self.failed:
            self.failed = report.nodeid


def serve(modules: Mapping[str, Compiled], path: str, source: str) -> None:
    """From now on `path` (guardrails/ticks.py) is imported with this source, the others as given.

    Raises RuntimeError if one of them has been imported already.
    """
    if imported := [name for name in modules if name in sys.modules]:
        raise RuntimeError(f"must not be imported before they are served: {imported}")
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    file = str(ROOT / path)
    changed = Compiled(file, compile(source, file, "exec", dont_inherit=True))
    sys.meta_path.insert(0, _Finder({**modules, name: changed}))


def run(files: Sequence[str], chosen: Chosen, *options: str) -> Chosen:
    """The tests of these files that are chosen, run once.

    Raises RuntimeError where pytest could not run at all.
    """
    os.chdir(ROOT)
    status = pytest.main([*OPTIONS, *options, *files], plugins=[chosen])
    if status not in RAN:
        raise RuntimeError(f"pytest ended with {status!r} on {' '.join(files)}")
    return chosen
