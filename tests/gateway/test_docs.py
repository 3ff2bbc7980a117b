"""docs/gateway.md names every fault, setting and option that there is, with its default."""

import re
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from sim.gateway.faults import CATALOGUE
from sim.gateway.rules import Rules

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]


def test_every_fault_of_the_catalogue_has_a_row_and_no_other_has():
    named = [row[0].strip("| ") for row in ROWS if re.fullmatch(r"\|? ?F\d+", row[0])]
    assert [name.strip() for name in named] == [f"F{n}" for n in range(1, 41)]
    assert set(CATALOGUE) == {f"F{n}" for n in range(1, 41)}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_faults_row_names_its_lie_and_all_its_settings(name):
    [row] = [row for row in ROWS if row[0].strip("| ") == name]
    said = " ".join((CATALOGUE[name].__doc__ or "").strip().split("\n\n")[0].split())
    assert row[1] == said
    for key, default in CATALOGUE[name].settings.items():
        first = default[0] if isinstance(default, tuple) else default
        shown = f"{first:g}" if isinstance(first, float) else str(first)
        assert f"{key}: {shown.lower() if isinstance(first, bool) else shown}" in row[2], key
    assert len(row[3]) > 10


@pytest.mark.parametrize("name", [one.name for one in fields(Rules)])
def test_a_rules_row_names_its_default(name):
    default = getattr(Rules(), name)
    match default:
        case bool():
            shown = str(default).lower()
        case tuple():
            shown = ",".join(default)
        case int() | Decimal() | str():
            shown = str(default)
    rows = [row for row in ROWS if f"`{name}`" in row[0]]
    assert rows, name
    assert shown in rows[0][1], f"{name}: {rows[0][1]}"


@pytest.mark.parametrize("option", re.findall(r"^agent.py gateway .*?(--[a-z-]+)", PAGE, re.M))
def test_an_option_of_the_page_is_one_of_the_verb(option):
    source = (Path(__file__).resolve().parents[2] / "agent.py").read_text(encoding="utf-8")
    verb = source[source.index("def gateway(") :]
    assert option.removeprefix("--").replace("-", "_") + ":" in verb
