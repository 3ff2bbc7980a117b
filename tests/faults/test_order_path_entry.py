"""F1 to F6, F13 and F14: a plain client takes silence for waiting, and an error for an end."""

import asyncio
import math

import ib_insync
import pytest

from tests.support.lying import bracket, in_virtual_time, lying
from tests.support.tiny import TinyWorld, flat

HOUR = 3600
ENDS = (161, 104, 105, 10148, 201, 321, 329, 10349, 10311)  # to the client, not to the order
WARNINGS = (110, 202, 399, 404, 2109)
DIPS = {n: flat("194.00") for n in range(35, 60)}  # five minutes after noon, a resting buy fills


def limit(price=195.0, action="BUY", quantity=10, **more):
    """An order that rests below the market of 200.00 at 200.01."""
    return ib_insync.LimitOrder(action, quantity, price, **more)


def statuses(trades):
    """What the client believes of each."""
    return [trade.orderStatus.status for trade in trades]


async def sent(scene, orders, settle=60):
    """The client and its trades, some time after it placed them one after the other."""
    ib = await scene.connect()
    stock = await scene.stock(ib)
    trades = [ib.placeOrder(stock, order) for order in orders(ib)]
    await asyncio.sleep(settle)
    return ib, trades


# F1


def test_an_order_that_was_lost_is_pending_and_active_for_ever():
    async def scenario():
        async with lying('{"fault": "F1"}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit(price=201.0)], settle=HOUR)
            assert trade.orderStatus.status == "PendingSubmit"
            assert trade.isActive()
            assert ib.openTrades() == [trade]
            assert (scene.live(), scene.exchange.completed_orders()) == ({}, [])
            assert (scene.shares(), scene.codes) == (0, [])

    in_virtual_time(scenario)


def test_a_change_that_was_lost_leaves_the_client_with_a_price_that_does_not_rest():
    async def scenario():
        async with lying('{"fault": "F1", "of": "change"}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            trade.order.lmtPrice = 190.0
            ib.placeOrder(trade.contract, trade.order)
            await asyncio.sleep(HOUR)
            assert trade.orderStatus.status == "Submitted"
            assert trade.order.lmtPrice == 190.0
            [resting] = scene.exchange.open_orders()
            assert resting.limit_price == 195

    in_virtual_time(scenario)


# F2


def test_an_order_whose_acknowledgement_is_late_trades_while_the_client_still_waits():
    async def scenario():
        async with lying('{"fault": "F2", "seconds": 30}') as scene:
            _, [trade] = await sent(scene, lambda _: [limit(price=201.0)], settle=29)
            assert (trade.orderStatus.status, trade.fills) == ("PendingSubmit", [])
            assert scene.shares() == 10
            await asyncio.sleep(2)
            assert trade.orderStatus.status == "Filled"
            assert [entry.status for entry in trade.log] == [
                "PendingSubmit",
                "PreSubmitted",
                "PreSubmitted",  # the execution
                "Filled",
            ]
            assert trade.fills[0].commissionReport.commission > 0

    in_virtual_time(scenario)


def test_whoever_asks_for_open_orders_finds_one_whose_acknowledgement_is_late():
    async def scenario():
        async with lying('{"fault": "F2", "seconds": 600}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            assert trade.orderStatus.status == "PendingSubmit"
            assert await ib.reqOpenOrdersAsync() == [trade]
            assert trade.orderStatus.status == "Submitted"

    in_virtual_time(scenario)


def test_an_acknowledgement_that_never_comes_leaves_a_filled_order_pending_for_ever():
    async def scenario():
        async with lying('{"fault": "F2", "seconds": 0}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit(price=201.0)], settle=HOUR)
            assert (trade.orderStatus.status, trade.fills) == ("PendingSubmit", [])
            assert ib.openTrades() == [trade]
            assert (scene.live(), scene.shares()) == ({}, 10)
            assert [one.position for one in ib.positions()] == [10]  # its only trace

    in_virtual_time(scenario)


# F3


def test_a_rejected_entry_takes_its_exits_along_and_the_client_knows_it():
    async def scenario():
        async with lying('{"fault": "F3", "leg": "entry"}') as scene:
            _, trades = await sent(scene, bracket)
            assert scene.live() == {}
            assert trades[0].orderStatus.status == "Cancelled"
            assert scene.shares() == 0

    in_virtual_time(scenario)


def test_a_rejected_target_leaves_the_entry_and_its_stop_to_go_live():
    async def scenario():
        async with lying('{"fault": "F3", "leg": "target"}') as scene:
            _, trades = await sent(scene, bracket)
            assert statuses(trades) == ["Filled", "Cancelled", "PreSubmitted"]
            assert scene.live() == {trades[2].order.orderId: "PreSubmitted"}
            assert scene.shares() == 100

    in_virtual_time(scenario)


def test_a_rejected_stop_sent_last_leaves_entry_and_target_held_and_pending_for_ever():
    async def scenario():
        async with lying('{"fault": "F3", "leg": "stop"}') as scene:
            ib, trades = await sent(scene, bracket, settle=HOUR)
            assert statuses(trades) == ["PendingSubmit", "PendingSubmit", "Cancelled"]
            assert ib.openTrades() == trades[:2]
            assert (scene.live(), scene.shares()) == ({}, 0)  # they wait for a leg that transmits
            assert await ib.reqAllOpenOrdersAsync() == []

    in_virtual_time(scenario)


def test_a_rejected_stop_that_was_not_last_leaves_a_position_without_protection():
    async def scenario():
        async with lying('{"fault": "F3", "leg": "stop"}') as scene:

            def stop_in_the_middle(ib):
                entry, target, stop = bracket(ib)
                stop.transmit, target.transmit = False, True
                stop.orderId, target.orderId = target.orderId, stop.orderId
                return [entry, stop, target]

            _, trades = await sent(scene, stop_in_the_middle)
            assert statuses(trades) == ["Filled", "Cancelled", "Submitted"]
            assert scene.shares() == 100
            assert [one.order_type for one in scene.exchange.open_orders()] == ["LMT"]

    in_virtual_time(scenario)


# F4


@pytest.mark.parametrize(("fault", "is_done"), [("F3", True), ("F4", False)])
def test_a_rejection_is_an_end_until_the_order_is_said_to_be_inactive(fault, is_done):
    async def scenario():
        async with lying(f'{{"fault": "{fault}"}}') as scene:
            ended = []

            def watched(ib):
                ib.orderStatusEvent += lambda trade: ended.append(trade.isDone())
                return [limit()]

            _, [trade] = await sent(scene, watched)
            assert ended[0]  # 201 is taken for the end of it
            assert trade.isDone() == is_done
            assert not trade.isActive()
            assert scene.live() == {}
            [rejected] = scene.exchange.completed_orders()
            assert rejected.status == "Inactive"

    in_virtual_time(scenario)


# F5


@pytest.mark.parametrize("code", ENDS)
def test_an_error_on_a_resting_order_makes_it_cancelled_to_the_client_and_it_fills(code):
    async def scenario():
        line = f'{{"fault": "F5", "code": {code}}}'
        async with lying(line, world=TinyWorld(DIPS)) as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            assert scene.codes == [code]
            assert trade.orderStatus.status == "Cancelled"
            assert ib.openTrades() == []
            assert list(scene.live().values()) == ["Submitted"]
            await asyncio.sleep(600)
            assert scene.shares() == 10
            assert trade.orderStatus.status == "Filled"

    in_virtual_time(scenario)


@pytest.mark.parametrize("code", WARNINGS)
def test_an_error_that_the_client_takes_for_a_warning_leaves_no_trace_on_the_order(code):
    async def scenario():
        line = f'{{"fault": "F5", "code": {code}}}'
        async with lying(line, world=TinyWorld(DIPS)) as scene:
            _, [trade] = await sent(scene, lambda _: [limit()])
            assert scene.codes == [code]
            assert trade.orderStatus.status == "Submitted"
            assert all(entry.errorCode == 0 for entry in trade.log)
            assert list(scene.live().values()) == ["Submitted"]
            await asyncio.sleep(600)
            assert (scene.shares(), trade.orderStatus.status) == (10, "Filled")

    in_virtual_time(scenario)


@pytest.mark.parametrize("code", [*ENDS, *WARNINGS])
def test_a_change_that_is_refused_ends_the_order_for_the_client_and_it_rests_unchanged(code):
    async def scenario():
        line = f'{{"fault": "F5", "code": {code}, "on": "change"}}'
        async with lying(line, world=TinyWorld(DIPS)) as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            trade.order.lmtPrice = 190.0
            ib.placeOrder(trade.contract, trade.order)
            await asyncio.sleep(60)
            believed = "Cancelled" if code in ENDS else "Submitted"
            assert trade.orderStatus.status == believed
            assert [one.limit_price for one in scene.exchange.open_orders()] == [195]
            await asyncio.sleep(600)
            assert (scene.shares(), trade.orderStatus.status) == (10, "Filled")

    in_virtual_time(scenario)


@pytest.mark.parametrize("code", [161, 10148, 202])
def test_a_refused_cancellation_ends_the_order_for_the_client_and_it_fills(code):
    async def scenario():
        line = f'{{"fault": "F5", "code": {code}, "on": "cancel"}}'
        async with lying(line, world=TinyWorld(DIPS)) as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            ib.cancelOrder(trade.order)
            await asyncio.sleep(60)
            believed = "PendingCancel" if code in WARNINGS else "Cancelled"
            assert trade.orderStatus.status == believed
            assert list(scene.live().values()) == ["Submitted"]
            await asyncio.sleep(600)
            assert (scene.shares(), trade.orderStatus.status) == (10, "Filled")

    in_virtual_time(scenario)


# F6


def test_an_order_refused_for_its_tick_is_pending_and_active_for_ever():
    async def scenario():
        async with lying('{"fault": "F6", "kind": "tick"}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()], settle=HOUR)
            assert scene.codes == [110]
            assert trade.orderStatus.status == "PendingSubmit"
            assert ib.openTrades() == [trade]
            assert scene.live() == {}

    in_virtual_time(scenario)


def test_an_order_refused_for_its_size_is_cancelled_although_the_size_was_good():
    async def scenario():
        async with lying('{"fault": "F6", "kind": "lot"}') as scene:
            _, [trade] = await sent(scene, lambda _: [limit()])
            assert scene.codes == [321]
            assert trade.orderStatus.status == "Cancelled"
            assert "market rule" in trade.log[-1].message
            assert scene.live() == {}

    in_virtual_time(scenario)


# F13


@pytest.mark.parametrize("leg", ["target", "stop"])
def test_a_leg_that_vanished_unheard_is_pending_for_ever_beside_a_live_family(leg):
    async def scenario():
        async with lying(f'{{"fault": "F13", "leg": "{leg}"}}') as scene:
            ib, trades = await sent(scene, bracket, settle=HOUR)
            lost = trades[{"target": 1, "stop": 2}[leg]]
            assert lost.orderStatus.status == "PendingSubmit"
            assert lost in ib.openTrades()
            assert (scene.shares(), scene.codes) == (100, [])
            assert lost.order.orderId not in scene.live()
            assert len(scene.live()) == 1

    in_virtual_time(scenario)


def test_a_stop_that_was_acknowledged_and_vanished_still_protects_in_the_client_s_eyes():
    async def scenario():
        async with lying(
            '{"fault": "F13", "leg": "stop", "acknowledged": true, "seconds": 60}'
        ) as scene:
            _, trades = await sent(scene, bracket, settle=50)
            assert len(scene.live()) == 2
            await asyncio.sleep(HOUR)
            assert statuses(trades) == ["Filled", "Submitted", "PreSubmitted"]
            assert trades[2].isActive()
            assert scene.live() == {trades[1].order.orderId: "Submitted"}
            assert scene.codes == []

    in_virtual_time(scenario)


def test_an_entry_that_stays_untransmitted_is_pending_for_ever_beside_its_acknowledged_exits():
    async def scenario():
        async with lying('{"fault": "F13", "kind": "parent_held"}') as scene:
            _, trades = await sent(scene, bracket, settle=HOUR)
            assert statuses(trades) == ["PendingSubmit", "PreSubmitted", "PreSubmitted"]
            assert list(scene.live().values()) == ["", "PreSubmitted", "PreSubmitted"]
            assert scene.shares() == 0  # an honest entry would have traded at once

    in_virtual_time(scenario)


# F14


def test_a_what_if_without_an_answer_hangs_for_ever():
    async def scenario():
        async with lying('{"fault": "F14"}') as scene:
            ib = await scene.connect()
            asked = ib.whatIfOrderAsync(await scene.stock(ib), limit())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asked, HOUR)

    in_virtual_time(scenario)


@pytest.mark.parametrize(("kind", "margin_is_known"), [("margins", False), ("commission", True)])
def test_a_what_if_without_numbers_hands_the_client_the_largest_double(kind, margin_is_known):
    async def scenario():
        async with lying(f'{{"fault": "F14", "kind": "{kind}"}}') as scene:
            ib = await scene.connect()
            state = await ib.whatIfOrderAsync(await scene.stock(ib), limit(price=200.05))
            assert state.commission > 1e308
            assert math.isfinite(state.commission)  # no test for nan or infinity finds it
            assert (float(state.initMarginChange) < 1e308) == margin_is_known
            assert (float(state.equityWithLoanAfter) < 1e308) == margin_is_known

    in_virtual_time(scenario)
