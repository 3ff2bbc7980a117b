"""What the parts cost: a ruling, a durable fact, an order with its legs read back, a clock."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from desk.orders import carry_out
from guardrails import read_proposal, rule
from ledger import Ledger
from sim import clock
from tests.guardrails.test_reading import raw
from tests.ledger.test_ledger import AT, begin
from tests.support.desk import OPEN, desk_on
from tests.support.guarding import BUY, LIMITS, OTHER, VIEW


def test_one_ruling_all_checks(benchmark):
    assert benchmark(rule, BUY, VIEW, LIMITS).approved


def test_one_ruling_with_two_targets_beside_four_positions(benchmark):
    held = tuple(
        replace(OTHER, symbol=symbol, shares=10, protected_shares=10, sector="Energy")
        for symbol in ("A", "B", "C", "D")
    )
    two = replace(BUY, target_price_2=BUY.target_price + 8)
    assert len(benchmark(rule, two, replace(VIEW, positions=held), LIMITS).ticket.parts) == 2


def test_one_refusal_by_many_rules(benchmark):
    bad = replace(BUY, stop_price=BUY.limit_price + 1, confidence=BUY.confidence / 2)
    assert len(benchmark(rule, bad, replace(VIEW, quote=None), LIMITS).refusals) > 3


def test_reading_one_proposal(benchmark):
    text = raw()
    assert benchmark(read_proposal, text, LIMITS).symbol == "AAPL"


def test_appending_one_fact_durable(benchmark, tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        begin(ledger)
        benchmark(lambda: ledger.add_step("s1", at=AT, kind="text", summary="x", body={"a": 1}))


def test_ticket_to_three_legs_read_back(benchmark, tmp_path):
    """Over loopback, intent and sending committed, in real time: the loop's clock is not asked."""
    runner = asyncio.Runner(loop_factory=clock.VirtualLoop)
    desk_context = desk_on(tmp_path)

    async def enter():
        return await desk_context.__aenter__()

    desk = runner.run(enter())

    async def prepare():
        for order in desk.gateway.exchange.open_orders():
            if not order.parent_id:
                desk.broker.cancel(order.order_id)
        await asyncio.sleep(20)  # the pace of entries is limited by the minute
        return await desk.ruled(replace(OPEN, limit_price=OPEN.limit_price - 1))

    def setup():
        number, ruling = runner.run(prepare())
        assert ruling.approved, ruling.refusals
        return (number, ruling.ticket), {}

    def send(number, ticket):
        carried = runner.run(carry_out(desk.hands, ticket, number, lambda: desk.state))
        assert carried.status == "resting"

    benchmark.pedantic(send, setup=setup, rounds=11)  # proposals_session_max is 12

    async def leave():
        await desk_context.__aexit__(None, None, None)

    runner.run(leave())
    runner.close()


def test_a_day_of_waking_every_15_seconds_in_virtual_time(benchmark):
    async def day():
        for _ in range(int(timedelta(hours=6.5).total_seconds() / 15)):
            await asyncio.sleep(15)

    benchmark.pedantic(lambda: clock.run(day), rounds=5)
