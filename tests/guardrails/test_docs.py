"""docs/guardrails.md lists every reason code there is, and the limits of harm as computed."""

import ast
import re
from dataclasses import replace
from decimal import Decimal as D

import guardrails
from guardrails import rule
from guardrails.checks import OPENING_CHECKS
from guardrails.harm import worst_day
from guardrails.terms import Intent
from session.settings import load
from tests.support.guarding import BUY, HELD, LIMITS, ROOT, VIEW

PAGE = (ROOT / "docs" / "guardrails.md").read_text(encoding="utf-8")


def rows(heading):
    """The cells of each row of the table under a heading, the code without its backticks."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {cells[0].strip("| `"): cells[1:] for cells in found}


def called_with(folder, function):
    """The words that a function is called with as a reason code, wherever in the folder."""
    words = set()
    for path in (ROOT / folder).rglob("*.py") if "." not in folder else [ROOT / folder]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
                words |= {
                    one.value
                    for one in [*node.args, *(key.value for key in node.keywords)]
                    if isinstance(one, ast.Constant)
                    and isinstance(one.value, str)
                    and re.fullmatch(r"[a-z]+(_[a-z]+)+", one.value)
                }
    return words


def test_every_check_of_an_opening_has_its_row_and_no_other_has():
    names = [check.__name__ for check in OPENING_CHECKS if check.__name__ != "well_formed"]
    assert sorted(rows("Openings")) == sorted(names)
    assert set(rows("Reading")) == {"well_formed", "view_complete"}


def test_a_check_is_named_after_its_function():
    names = [check.rule for check in rule(BUY, VIEW, LIMITS).checks]
    assert names == [check.__name__ for check in OPENING_CHECKS]


def test_the_way_out_has_its_rows():
    view = replace(VIEW, positions=(HELD,))
    close = replace(BUY, intent=Intent.CLOSE)
    tighten = replace(BUY, intent=Intent.TIGHTEN, stop_price=D(195))
    emitted = {check.rule for one in (close, tighten) for check in rule(one, view, LIMITS).checks}
    assert set(rows("The way out")) == emitted == called_with("guardrails/reducing.py", "Check")


def test_the_needs_of_a_position_have_their_rows():
    named = called_with("guardrails/stops", "_leaving") | called_with("guardrails/stops", "_made")
    assert named | {"unprotected", "overprotected"} == set(rows("What a position needs"))


def test_the_breakers_have_their_rows():
    figures = (guardrails.states.DAY_PNL, guardrails.states.EQUITY, guardrails.states.MARGIN)
    breakers = {"day_loss", "drawdown", "margin_use"} | {f"{name}_unknown" for name in figures}
    assert set(rows("When the desk degrades or halts")) == breakers


def test_every_row_says_what_it_protects_from():
    for heading in ("Reading", "Openings", "The way out"):
        for code, cells in rows(heading).items():
            assert len(cells) == 3, code
            assert all(len(cell) > 5 for cell in cells), code


def test_the_keys_that_rows_name_are_limits_or_settings():
    settings = load(ROOT / "config.yaml", environ={})
    known = set(type(settings.limits).model_fields)
    known |= {f"stops.{key}" for key in type(settings.stops).model_fields}
    known |= {f"breaker.{key}" for key in type(settings.breaker).model_fields}
    known |= {f"limits.{key}" for key in type(settings.limits).model_fields}
    for heading in ("Reading", "Openings", "The way out", "What a position needs"):
        for code, cells in rows(heading).items():
            for word in re.findall(r"`([a-z.]+_[a-z_]+)`", cells[0] + cells[1]):
                assert word in known or word == "_max", (code, word)


def test_the_limits_of_harm_are_those_of_the_shipped_configuration():
    settings = load(ROOT / "config.yaml", environ={})
    harm = worst_day(settings.limits, settings.stops, settings.breaker)
    said = PAGE.split("\n## Limits of harm\n")[1].split("\n## ")[0]
    assert "\n".join(f"- {sentence}" for sentence in harm.says()) in said
