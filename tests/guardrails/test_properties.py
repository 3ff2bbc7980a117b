"""Whatever is proposed wherever, a ticket keeps every limit; and only a ruling makes one."""

import ast
import dataclasses
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import day_loss_state, rule, ticks
from guardrails.terms import Intent, Market, Side, State, Ticket
from session.settings import load
from tests.support.guarding import (
    ACCOUNT,
    BUY,
    HK_LADDER,
    LIMITS,
    OTHER,
    QUOTE,
    ROOT,
    TENCENT,
    VIEW,
    with_limits,
)

money = st.decimals(min_value=0, max_value=200_000, places=2)
prices = st.decimals(min_value=D("0.01"), max_value=D(900), places=4)
near = st.decimals(min_value=D("0.8"), max_value=D("1.2"), places=4)


@st.composite
def cases(draw):
    last = draw(prices)
    lot = draw(st.sampled_from([1, 100, 500, 2000]))
    hk = draw(st.booleans())
    instrument = replace(TENCENT, lot=lot) if hk else replace(TENCENT, market=Market.US, lot=1)
    quote = replace(QUOTE, bid=last, ask=last * D("1.001"), last=last)
    held = replace(
        OTHER,
        shares=draw(st.integers(1, 60)),
        market_price=draw(prices),
        stop_price=draw(prices),
        sector=draw(st.sampled_from(["Technology", "Energy", ""])),
    )
    held = replace(held, protected_shares=held.shares)
    view = replace(
        VIEW,
        instrument=instrument,
        quote=quote,
        atr=draw(st.decimals(min_value=D("0.001"), max_value=50, places=3)),
        average_volume_shares=draw(st.integers(0, 10_000_000)),
        positions=draw(st.sampled_from([(), (held,)])),
        account=replace(
            ACCOUNT,
            available_funds_base=draw(money),
            day_pnl_base=draw(st.decimals(min_value=-2500, max_value=500, places=2)),
            maintenance_margin_base=draw(money),
        ),
    )
    proposal = replace(
        BUY,
        symbol="700",
        side=draw(st.sampled_from(list(Side))),
        limit_price=last * draw(near),
        stop_price=last * draw(near),
        target_price=last * draw(near),
        confidence=draw(st.decimals(min_value=0, max_value=1, places=2)),
    )
    return proposal, view


@settings(max_examples=400, deadline=None)
@given(cases(), st.booleans())
def test_no_ticket_breaks_a_limit(case, allow_short):
    proposal, view = case
    limits = with_limits(allow_short=allow_short)
    ruling = rule(proposal, view, limits)
    assert rule(proposal, view, limits) == ruling
    ticket = ruling.ticket
    assert (ticket is not None) == all(check.ok for check in ruling.checks)
    if ticket is None:
        return
    fx = view.account.fx["HKD"]
    entry, stop, target = ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price
    sign = 1 if proposal.side is Side.LONG else -1
    assert ticket.shares > 0
    assert ticket.shares % view.instrument.lot == 0
    assert ticket.shares * entry * fx <= limits.position_value_max
    assert ticket.shares * entry * fx <= view.account.available_funds_base
    loss = ticket.shares * abs(entry - stop) * fx
    assert loss <= limits.position_risk_max
    assert loss <= limits.day_loss_max + min(view.account.day_pnl_base, D(0))
    assert sign * (entry - stop) > 0
    assert sign * (target - entry) >= limits.reward_risk_min * sign * (entry - stop)
    for price in (entry, stop, target):
        assert price % ticks.tick_at(price, HK_LADDER) == 0
    assert ticket.shares <= view.average_volume_shares * limits.adv_pct_max / 100
    assert len(view.positions) < limits.positions_max


@settings(max_examples=150, deadline=None)
@given(cases(), st.decimals(min_value=1, max_value=10_000, places=2))
def test_less_money_never_turns_a_refusal_into_an_approval(case, less):
    proposal, view = case
    poorer = replace(
        view,
        account=replace(
            view.account, available_funds_base=view.account.available_funds_base - less
        ),
    )
    if rule(proposal, poorer, LIMITS).approved:
        assert rule(proposal, view, LIMITS).approved


@given(st.text(max_size=200))
def test_the_thesis_decides_nothing(thesis):
    told = rule(replace(BUY, thesis=thesis), VIEW, LIMITS)
    plain = rule(BUY, VIEW, LIMITS)
    assert told == plain


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


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ((D(-1999), D("-1999.99")), State.DEGRADED),
        ((D(-2000), D(-2000)), State.HALTED),
        ((D(0), D(-2000)), State.NORMAL),  # one outlying tick moves nothing
        ((D(-2000), D(0)), State.NORMAL),
        ((D(-1500), D(-1500)), State.DEGRADED),
        ((D("-1499.99"), D(-1500)), State.NORMAL),
        ((D(0), D(-2000), D(-2000)), State.HALTED),
        ((D(-2000),), State.NORMAL),
        ((), State.DEGRADED),
        ((D(0), None), State.DEGRADED),
        ((D(0), D("NaN")), State.DEGRADED),
        ((None, D(0)), State.NORMAL),
    ],
)
def test_the_breaker_needs_two_observations_and_a_number(seen, state):
    breaker = load(ROOT / "config.yaml", environ={}).breaker
    assert day_loss_state(seen, LIMITS, breaker) is state


def test_every_intent_has_a_ruling():
    for intent in Intent:
        assert rule(replace(BUY, intent=intent), VIEW, LIMITS).checks
