"""Beside the conversation: the day's loss limit halts the desk and leaves its stops alone."""

import asyncio
from decimal import Decimal as D

import guardrails
from desk.orders import carry_out
from desk.standing import standing
from guardrails.terms import State
from session.monitor import Monitor
from session.settings import load
from tests.support.desk import OPEN, desk_on, in_virtual_time
from tests.support.guarding import ROOT, with_limits
from tests.support.tiny import DAY, TinyWorld

BREAKER = load(ROOT / "config.yaml", environ={}).breaker


def monitor_of(desk, folder, limits):
    return Monitor(
        broker=desk.broker,
        book=desk.book,
        hands=desk.hands,
        state_dir=folder,
        day=DAY,
        breaker=lambda seen: guardrails.day_loss_state(seen, limits, BREAKER),
        interval_seconds=30.0,
    )


def test_a_losing_day_halts_once_and_keeps_the_stop(tmp_path):
    fall = {n: (D(196), D(196), D(196), D(196), 10_000) for n in range(35, 390)}

    async def scenario():
        async with desk_on(tmp_path, TinyWorld(fall)) as desk:
            number, ruling = await desk.ruled(OPEN)
            await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)
            watching = asyncio.create_task(monitor_of(desk, tmp_path, tight()).run())
            await asyncio.sleep(600)
            watching.cancel()
            live = [(o.symbol, o.order_type) for o in await desk.broker.open_orders()]
            return live, standing(desk.ledger, tmp_path), desk.alerts()

    live, now, alerts = in_virtual_time(scenario)
    assert now.state is State.HALTED
    assert (tmp_path / "HALT").exists()
    assert "limits.day_loss_max" in (tmp_path / "HALT").read_text()
    assert ("AAPL", "STP") in live
    assert alerts.count("day_loss_halt") == 1


def tight():
    """Fifty dollars lost are the day's limit."""
    return with_limits(day_loss_max=D(50))


def test_a_quiet_day_halts_nothing_and_books_the_fill(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            watching = asyncio.create_task(monitor_of(desk, tmp_path, tight()).run())
            number, ruling = await desk.ruled(OPEN)
            await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)
            await asyncio.sleep(600)
            watching.cancel()
            return (
                standing(desk.ledger, tmp_path).state,
                len(desk.ledger.fills("s1")),
                desk.alerts(),
            )

    assert in_virtual_time(scenario) == (State.NORMAL, 1, [])
