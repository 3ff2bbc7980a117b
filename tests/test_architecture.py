"""Who may import whom, and what the project may not say."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("desk", "edges", "guardrails", "ledger", "review", "session", "sim", "tools")
# package -> what it may import of ours besides itself
MAY_IMPORT = {
    "guardrails": set(),
    "ledger": {"guardrails.terms"},
    "edges": {"guardrails.terms"},
    "desk": {"guardrails", "edges", "ledger"},
    "tools": {"guardrails"},
    "review": {"ledger", "guardrails"},
    "sim.gateway": set(),
}
# third party -> the only place that may import it
ONLY_IN = {
    "anthropic": "edges/claude.py",
    "ib_insync": "edges/ibkr/",
    "ib_async": "edges/ibkr/",
    "sqlite_utils": "ledger/",
    "typer": "agent.py",
    "rich": "review/",
    "pyarrow": "sim/",
    "yaml": "session/settings.py",
}


def sources():
    found = [ROOT / "agent.py"]
    for package in PACKAGES:
        found += (ROOT / package).rglob("*.py")
    return found


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(module, prefix):
    return module == prefix or module.startswith(prefix + ".")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_of_ours_only_what_it_may(package):
    files = list((ROOT / package.replace(".", "/")).rglob("*.py"))
    assert files
    for path in files:
        for module in imports(path):
            ours = any(is_within(module, one) for one in PACKAGES)
            if not ours or is_within(module, package):
                continue
            allowed = any(
                is_within(module, one) or is_within(one, module) for one in MAY_IMPORT[package]
            )
            assert allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_a_library_is_imported_only_where_it_belongs():
    for path in sources():
        place = str(path.relative_to(ROOT))
        for module in imports(path):
            home = ONLY_IN.get(module.partition(".")[0])
            assert home is None or place.startswith(home), f"{place} imports {module}"


def test_no_import_cycles_and_the_layers_hold():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_only_the_clock_reads_the_time():
    words = ("datetime.now(", "datetime.utcnow(", "time.time(", "date.today(", "time.monotonic(")
    for path in sources():
        if path.name == "clock.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in words), path
