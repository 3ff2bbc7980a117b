"""F9, F10 and F19: a plain client adds up what it is told, and is told only of its own orders."""

import asyncio

import ib_insync
import pytest

from tests.support.lying import bracket, in_virtual_time, lying
from tests.support.tiny import TinyWorld, flat

HOUR = 3600


def limit(price=201.0, action="BUY", quantity=10, **more):
    """An order that trades at once: the market is 200.00 at 200.01."""
    return ib_insync.LimitOrder(action, quantity, price, **more)


async def sent(scene, orders, settle=60):
    """The client and its trades, some time after it placed them one after the other."""
    ib = await scene.connect()
    stock = await scene.stock(ib)
    trades = [ib.placeOrder(stock, order) for order in orders(ib)]
    await asyncio.sleep(settle)
    return ib, trades


def position(ib):
    """What the client believes to hold of its only stock."""
    return sum(one.position for one in ib.positions())


# F9


def test_a_status_told_twice_is_counted_twice_by_whoever_adds_up_what_it_says():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "duplicate"}') as scene:
            told, events = [], []

            def counted(ib):
                heard = ib.wrapper.orderStatus

                def hears(number, status, filled, *rest):
                    told.append(filled)
                    heard(number, status, filled, *rest)

                ib.wrapper.orderStatus = hears
                ib.orderStatusEvent += lambda trade: events.append(trade.orderStatus.filled)
                return [limit()]

            _, [trade] = await sent(scene, counted)
            honest = 1 + scene.exchange.rules.status_twice_after_fill
            assert told.count(10) == honest + 1
            assert events.count(10) == 1  # the library itself lets no repetition through
            assert trade.filled() == scene.shares() == 10

    in_virtual_time(scenario)


def test_a_stale_status_makes_a_filled_order_active_again():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "stale", "seconds": 5}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()], settle=4)
            assert trade.orderStatus.status == "Filled"
            await asyncio.sleep(HOUR)
            assert trade.orderStatus.status == "PreSubmitted"
            assert (trade.isDone(), ib.openTrades()) == (False, [trade])
            assert trade.orderStatus.remaining == 10
            assert (scene.live(), scene.shares()) == ({}, 10)

    in_virtual_time(scenario)


def test_an_execution_that_comes_after_its_status_leaves_a_filled_order_without_a_fill():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "status_first", "seconds": 30}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()], settle=20)
            assert trade.orderStatus.status == "Filled"
            assert (trade.filled(), ib.fills()) == (0, [])
            assert scene.shares() == 10
            await asyncio.sleep(20)
            assert trade.filled() == 10
            assert trade.fills[0].commissionReport.commission > 0

    in_virtual_time(scenario)


def test_an_execution_that_was_lost_leaves_a_filled_order_without_a_fill_until_asked_for():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "no_execution"}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()], settle=HOUR)
            assert trade.orderStatus.status == "Filled"
            assert (trade.filled(), trade.remaining()) == (0, 10)
            assert scene.shares() == 10
            await ib.reqExecutionsAsync()
            assert trade.filled() == 10

    in_virtual_time(scenario)


def test_an_order_whose_status_is_lost_is_pending_for_ever_with_fills():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "no_status"}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()], settle=HOUR)
            assert trade.orderStatus.status == "PendingSubmit"
            assert trade.filled() == 10
            assert ib.openTrades() == [trade]
            assert (scene.live(), scene.shares()) == ({}, 10)

    in_virtual_time(scenario)


def test_a_fill_whose_commission_is_late_was_free_of_charge_until_then():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "late_commission", "seconds": 30}') as scene:
            _, [trade] = await sent(scene, lambda _: [limit()], settle=20)
            report = trade.fills[0].commissionReport
            assert (report.execId, report.commission) == ("", 0.0)
            assert scene.exchange.fills()[0].commission > 0
            await asyncio.sleep(20)
            assert report.commission == pytest.approx(float(scene.exchange.fills()[0].commission))

    in_virtual_time(scenario)


def test_a_loss_that_is_told_as_the_largest_double_is_no_loss_to_the_client():
    async def scenario():
        async with lying('{"fault": "F9", "kind": "no_realised"}') as scene:

            def bought_and_sold(_):
                return [limit(), limit(199.0, "SELL")]

            _, trades = await sent(scene, bought_and_sold)
            assert trades[1].fills[0].commissionReport.realizedPNL == 0.0
            assert scene.exchange.fills()[1].realised_pnl < 0

    in_virtual_time(scenario)


# F10


def test_a_corrected_execution_is_counted_twice():
    async def scenario():
        async with lying('{"fault": "F10", "seconds": 30, "percent": 1}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            first, second = [fill.execution for fill in trade.fills]
            assert first.execId.rpartition(".")[0] == second.execId.rpartition(".")[0]
            assert (first.execId[-3:], second.execId[-3:]) == (".01", ".02")
            assert second.price > first.price
            assert trade.filled() == sum(fill.execution.shares for fill in ib.fills()) == 20
            assert trade.remaining() == -10
            assert scene.shares() == 10
            [truth] = scene.exchange.fills()
            assert float(truth.price) == pytest.approx(second.price)

    in_virtual_time(scenario)


def test_a_correction_to_fewer_shares_leaves_the_client_with_more_than_there_ever_were():
    async def scenario():
        async with lying('{"fault": "F10", "percent": 0, "share": 0.6}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            assert [fill.execution.shares for fill in trade.fills] == [10, 6]
            assert trade.filled() == 16
            assert scene.shares() == position(ib) == 6
            assert trade.orderStatus.status == "Filled"
            assert trade.orderStatus.filled == 10

    in_virtual_time(scenario)


def test_a_busted_execution_is_a_fill_to_the_client_for_ever():
    async def scenario():
        async with lying('{"fault": "F10", "percent": 0, "share": 0}') as scene:
            _, [trade] = await sent(scene, lambda _: [limit()])
            assert trade.filled() == 10
            assert trade.orderStatus.status == "Filled"
            assert scene.shares() == 0

    in_virtual_time(scenario)


# F19


def test_a_liquidation_closes_the_position_and_leaves_the_exits_to_open_another():
    async def scenario():
        world = TinyWorld({n: flat("197.00") for n in range(40, 60)})
        line = '{"fault": "F19", "after_seconds": 300}'
        async with lying(line, world=world) as scene:
            ib, trades = await sent(scene, bracket, settle=240)
            assert position(ib) == scene.shares() == 100
            await asyncio.sleep(120)
            assert position(ib) == scene.shares() == 0
            assert (len(ib.trades()), len(ib.fills())) == (3, 1)  # nobody sold, as far as it hears
            assert all(trade.isActive() for trade in trades[1:])
            await asyncio.sleep(HOUR / 4)
            assert scene.shares() == -100
            assert trades[2].orderStatus.status == "Filled"

    in_virtual_time(scenario)


def test_no_liquidation_happens_while_the_market_is_closed():
    async def scenario():
        line = '{"fault": "F19", "at": "2026-11-20T21:30:00Z"}'
        async with lying(line) as scene:
            await sent(scene, lambda _: [limit()], settle=12 * HOUR)
            assert (scene.shares(), scene.struck) == (10, {})
            await asyncio.sleep(60 * HOUR)
            assert (scene.shares(), scene.struck) == (0, {"F19": 1})

    in_virtual_time(scenario)


def test_the_execution_of_a_liquidation_bears_no_order_and_no_reference():
    async def scenario():
        async with lying('{"fault": "F19", "after_seconds": 300}') as scene:
            ib, _ = await sent(scene, lambda _: [limit(orderRef="ours")], settle=400)
            executions = [fill.execution for fill in await ib.reqExecutionsAsync()]
            assert [one.orderRef for one in executions] == ["ours", ""]
            last = executions[-1]
            assert (last.side, last.shares) == ("SLD", 10)
            assert (last.orderId, last.clientId) == (0, 0)

    in_virtual_time(scenario)


def test_an_order_by_hand_moves_the_position_of_a_client_that_never_traded():
    async def scenario():
        line = (
            '{"fault": "F19", "kind": "manual", "symbol": "AAPL", "action": "SELL", "shares": 30,'
            ' "after_seconds": 60}'
        )
        async with lying(line) as scene:
            ib = await scene.connect()
            await asyncio.sleep(120)
            assert position(ib) == scene.shares() == -30
            assert (ib.trades(), ib.fills()) == ([], [])
            [fill] = await ib.reqExecutionsAsync()
            assert (fill.execution.clientId, fill.execution.orderRef) == (0, "")
            assert fill.execution.orderId < 0

    in_virtual_time(scenario)


def test_a_client_0_hears_of_an_order_by_hand_but_does_not_tie_the_fill_to_it():
    async def scenario():
        line = '{"fault": "F19", "kind": "manual", "symbol": "AAPL", "after_seconds": 60}'
        async with lying(line) as scene:
            ib = await scene.connect(0)
            await asyncio.sleep(120)
            [trade] = ib.trades()
            assert trade.order.orderId < 0
            assert trade.orderStatus.status == "Filled"
            assert scene.shares() == 100
            assert trade.filled() == 0  # the execution came before the order it belongs to
            assert [fill.execution.shares for fill in ib.fills()] == [100]

    in_virtual_time(scenario)
