"""What holds of every ruling beside its limits: only a ruling makes a ticket, and it is pure.

That no ticket breaks a limit: tests/adversary for one ruling, test_sequences.py for many.
"""

import ast
import dataclasses
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from guardrails import read_proposal, rule
from guardrails.terms import Intent, Proposal, Ticket
from tests.adversary.generator import case
from tests.support.guarding import BUY, LIMITS, ROOT, VIEW

less = st.decimals(min_value=D("0.01"), max_value=50_000, places=2)
figures = st.sampled_from(("available_funds_base", "net_liquidation_base", "day_pnl_base"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), figures, less)
def test_less_money_never_turns_a_refusal_into_an_approval(index, name, amount):
    """With one target: a second one may be dropped for want of lots, and with it its fees."""
    text, (view, limits, _), _ = case(1, index)
    proposal = read_proposal(text, limits)
    assume(isinstance(proposal, Proposal) and proposal.intent is Intent.OPEN)
    proposal, figure = replace(proposal, target_price_2=None), getattr(view.account, name)
    assume(figure is not None and figure.is_finite())
    poorer = replace(view, account=replace(view.account, **{name: figure - amount}))
    if rule(proposal, poorer, limits).approved:
        assert rule(proposal, view, limits).approved


def test_a_ticket_cannot_be_made_or_altered_outside():
    ticket = rule(BUY, VIEW, LIMITS).ticket
    with pytest.raises((TypeError, ValueError), match="seal"):
        replace(ticket, shares=10_000)
    fields = {field.name: getattr(ticket, field.name) for field in dataclasses.fields(ticket)}
    with pytest.raises(RuntimeError, match="guardrails"):
        Ticket(seal=object(), **fields)


def test_nobody_outside_guardrails_names_the_seal():
    outside = [
        path
        for folder in ("desk", "edges", "ledger", "review", "session", "sim", "tools")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(outside) > 50
    for path in [*outside, ROOT / "agent.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert "_SEAL" not in names, path
        assert "Ticket(" not in path.read_text(encoding="utf-8"), path


def test_guardrails_are_pure():
    forbidden = {"os", "time", "random", "logging", "asyncio", "structlog", "socket", "pathlib"}
    for path in Path(ROOT / "guardrails").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not forbidden & {name.partition(".")[0] for name in names}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("float", "open", "print"), path


def test_every_intent_has_a_ruling():
    for intent in Intent:
        assert rule(replace(BUY, intent=intent), VIEW, LIMITS).checks
