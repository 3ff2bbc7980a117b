"""F21 to F26: a plain client holds the connection, and what it last heard, for the truth."""

import asyncio

import ib_insync
import pytest

from tests.support.lying import bracket, in_virtual_time, lying
from tests.support.tiny import TinyWorld, flat


async def reconnected(scene, client_id=7):
    """Another IB object of the same client id, as after a restart of the program."""
    return await scene.connect(client_id)


def limit(price=195.0, action="BUY", quantity=10):
    """An order that rests below the market of 200.00 at 200.01."""
    return ib_insync.LimitOrder(action, quantity, price)


@pytest.mark.parametrize(("when", "resting"), [("after", ["Submitted"]), ("before", [])])
def test_after_a_reset_the_client_knows_no_trades_whether_or_not_the_order_lives(when, resting):
    async def scenario():
        line = f'{{"fault": "F21", "request": "placeOrder", "when": "{when}"}}'
        async with lying(line) as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), limit())
            await asyncio.sleep(1)
            assert not ib.isConnected()
            assert (ib.trades(), ib.positions()) == ([], [])
            assert trade.isActive()  # the object it still holds says the same in both cases
            assert trade.orderStatus.status == "PendingSubmit"
            assert list(scene.live().values()) == resting

    in_virtual_time(scenario)


def test_an_order_found_again_after_a_reset_is_another_trade_and_the_old_one_never_learns():
    async def scenario():
        world = TinyWorld({n: flat("190.00") for n in range(32, 60)})
        async with lying('{"fault": "F21", "request": "placeOrder"}', world=world) as scene:
            ib = await scene.connect()
            old = ib.placeOrder(await scene.stock(ib), limit())
            await asyncio.sleep(1)
            await ib.connectAsync("127.0.0.1", scene.gateway.port, 7)
            [new] = ib.openTrades()
            assert new is not old
            await asyncio.sleep(180)
            assert scene.shares() == 10
            assert new.orderStatus.status == "Filled"
            assert old.orderStatus.status == "PendingSubmit"
            assert old.isActive()

    in_virtual_time(scenario)


def test_a_request_under_way_at_a_reset_raises_connection_error():
    async def scenario():
        async with lying(
            '{"fault": "F21", "request": "reqCurrentTime", "when": "before"}'
        ) as scene:
            ib = await scene.connect()
            with pytest.raises(ConnectionError):
                await ib.reqCurrentTimeAsync()

    in_virtual_time(scenario)


def test_a_reset_in_the_middle_of_a_bracket_leaves_its_entry_alone_with_the_exchange():
    async def scenario():
        # The message that follows the sync (7) and one question about the contract is the entry.
        async with lying('{"fault": "F21", "message": 9, "when": "after"}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            entry, target, stop = bracket(ib)
            entry.transmit = True
            for order in (entry, target, stop):
                ib.placeOrder(stock, order)
            await asyncio.sleep(60)
            assert scene.shares() == 100
            assert scene.live() == {}  # nothing protects it
            assert ib.positions() == []

    in_virtual_time(scenario)


def test_an_idle_reset_strikes_every_client_without_a_message():
    async def scenario():
        async with lying('{"fault": "F21", "when": "idle", "after_seconds": 30}') as scene:
            one, other = await scene.connect(1), await scene.connect(2)
            await asyncio.sleep(29)
            assert (one.isConnected(), other.isConnected()) == (True, True)
            await asyncio.sleep(2)
            assert (one.isConnected(), other.isConnected()) == (False, False)

    in_virtual_time(scenario)


def test_an_order_sent_into_a_frozen_gateway_executes_at_the_thaw():
    async def scenario():
        world = TinyWorld({n: flat("205.00") for n in range(33, 60)})
        line = '{"fault": "F22", "request": "placeOrder", "seconds": 600}'
        async with lying(line, world=world) as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(590)
            assert ib.isConnected()
            assert trade.orderStatus.status == "PendingSubmit"
            assert scene.shares() == 0
            await asyncio.sleep(60)
            assert scene.shares() == 10
            [fill] = trade.fills
            assert fill.execution.price > 205  # it was sent when the market stood at 200

    in_virtual_time(scenario)


def test_a_cancellation_that_is_frozen_too_does_not_overtake_the_order():
    async def scenario():
        async with lying('{"fault": "F22", "request": "placeOrder", "seconds": 60}') as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 10))
            ib.cancelOrder(trade.order)
            await asyncio.sleep(30)
            assert trade.orderStatus.status == "PendingCancel"
            await asyncio.sleep(60)
            assert scene.shares() == 10
            assert 10148 in scene.codes

    in_virtual_time(scenario)


def test_a_freeze_after_the_request_hides_an_order_that_was_taken():
    async def scenario():
        line = '{"fault": "F22", "request": "placeOrder", "seconds": 60, "when": "after"}'
        async with lying(line) as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(50)
            assert scene.shares() == 10
            assert trade.orderStatus.status == "PendingSubmit"
            assert ib.positions() == []
            await asyncio.sleep(20)
            assert trade.orderStatus.status == "Filled"

    in_virtual_time(scenario)


def test_nobody_can_connect_to_a_frozen_gateway_and_the_clients_it_has_stay_connected():
    async def scenario():
        async with lying('{"fault": "F22", "when": "idle", "after_seconds": 5}') as scene:
            ib = await scene.connect(1)
            await asyncio.sleep(10)
            assert ib.isConnected()
            with pytest.raises(asyncio.TimeoutError):
                await scene.connect(2)
            await asyncio.sleep(60)
            assert (await scene.connect(3)).isConnected()

    in_virtual_time(scenario)


def test_a_wedged_gateway_accepts_and_answers_nobody_while_its_clients_seem_connected():
    async def scenario():
        async with lying('{"fault": "F23", "after_seconds": 5}') as scene:
            ib = await scene.connect(1)
            await asyncio.sleep(6)
            for client_id in (2, 3):
                with pytest.raises(asyncio.TimeoutError):
                    await scene.connect(client_id)
            trade = ib.placeOrder(ib_insync.Stock("AAPL", "SMART", "USD"), limit())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(ib.reqCurrentTimeAsync(), 36_000)
            assert ib.isConnected()
            assert trade.isActive()
            assert scene.live() == {}

    in_virtual_time(scenario)


def test_a_wedge_ends_with_a_restart_of_the_gateway():
    async def scenario():
        lines = ('{"fault": "F23"}', '{"fault": "F26", "after_seconds": 600, "seconds": 60}')
        async with lying(*lines) as scene:
            with pytest.raises(asyncio.TimeoutError):
                await scene.connect()
            await asyncio.sleep(700)
            assert (await scene.connect()).isConnected()

    in_virtual_time(scenario)


def test_a_stuck_client_id_is_a_bare_timeout_and_only_the_error_channel_says_326():
    async def scenario():
        async with lying('{"fault": "F24", "seconds": 300}') as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), limit())
            await asyncio.sleep(1)
            ib.disconnect()
            await asyncio.sleep(1)
            with pytest.raises(asyncio.TimeoutError) as caught:
                await reconnected(scene)
            assert str(caught.value) == ""
            assert 326 in scene.codes
            assert scene.live() == {trade.order.orderId: "Submitted"}
            other = await reconnected(scene, 8)
            assert other.openTrades() == []  # under another id the order is out of reach
            await asyncio.sleep(300)
            assert len((await reconnected(scene)).openTrades()) == 1

    in_virtual_time(scenario)


def test_a_client_id_stuck_for_ever_is_free_after_a_restart():
    async def scenario():
        lines = ('{"fault": "F24"}', '{"fault": "F26", "after_seconds": 3600}')
        async with lying(*lines) as scene:
            (await scene.connect()).disconnect()
            await asyncio.sleep(3000)
            with pytest.raises(asyncio.TimeoutError):
                await reconnected(scene)
            await asyncio.sleep(800)
            assert (await reconnected(scene)).isConnected()

    in_virtual_time(scenario)


@pytest.mark.parametrize("restored", [1101, 1102])
def test_after_1100_the_connection_seems_alive_and_neither_orders_nor_fills_pass(restored):
    async def scenario():
        world = TinyWorld({n: flat("194.00") for n in range(32, 90)})
        line = f'{{"fault": "F25", "after_seconds": 60, "seconds": 300, "restored": {restored}}}'
        async with lying(line, world=world) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            trade = ib.placeOrder(stock, limit(195.0))
            await asyncio.sleep(70)
            lost = ib.placeOrder(stock, limit(150.0))
            await asyncio.sleep(200)
            assert ib.isConnected()
            assert await asyncio.wait_for(ib.reqCurrentTimeAsync(), 1)
            assert scene.codes == [1100]
            assert scene.shares() == 10
            await asyncio.sleep(100)
            assert scene.codes == [1100, restored]
            assert trade.orderStatus.status == "Submitted"  # it was filled in the gap
            assert trade.fills == []
            assert lost.orderStatus.status == "PendingSubmit"
            assert lost.isActive()
            assert scene.live() == {}
            assert ib.positions() == []

    in_virtual_time(scenario)


@pytest.mark.parametrize(("restored", "bid"), [(1101, 200.0), (1102, 210.0)])
def test_after_1101_tickers_are_silent_and_say_nothing_of_it(restored, bid):
    async def scenario():
        world = TinyWorld({n: flat("210.00") for n in range(33, 90)})
        line = f'{{"fault": "F25", "after_seconds": 60, "seconds": 60, "restored": {restored}}}'
        async with lying(line, world=world) as scene:
            ib = await scene.connect()
            ticker = ib.reqMktData(await scene.stock(ib))
            await asyncio.sleep(30)
            assert ticker.bid == 200.0
            await asyncio.sleep(1000)
            assert ticker.bid == bid
            assert scene.codes == [1100, restored]
            assert float(scene.exchange.top(1).bid) == 210.0

    in_virtual_time(scenario)


def test_what_was_pending_in_the_gap_may_come_late():
    async def scenario():
        world = TinyWorld({n: flat("194.00") for n in range(32, 90)})
        line = '{"fault": "F25", "after_seconds": 60, "seconds": 300, "pending": "late"}'
        async with lying(line, world=world) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            trade = ib.placeOrder(stock, limit(195.0))
            await asyncio.sleep(200)
            late = ib.placeOrder(stock, ib_insync.MarketOrder("SELL", 10))
            await asyncio.sleep(100)
            assert (trade.orderStatus.status, scene.shares()) == ("Submitted", 10)
            assert late.orderStatus.status == "PendingSubmit"
            await asyncio.sleep(100)
            assert (trade.orderStatus.status, late.orderStatus.status) == ("Filled", "Filled")
            assert scene.shares() == 0

    in_virtual_time(scenario)


def test_who_connects_in_the_gap_hears_2110_and_cannot_synchronise():
    async def scenario():
        async with lying('{"fault": "F25", "seconds": 300}') as scene:
            with pytest.raises(asyncio.TimeoutError):
                await scene.connect()
            assert scene.codes == [2110]
            await asyncio.sleep(300)
            assert (await scene.connect()).isConnected()

    in_virtual_time(scenario)


def test_a_nightly_restart_loses_what_was_not_transmitted_and_native_orders_fill_meanwhile():
    async def scenario():
        world = TinyWorld({n: flat("194.00") for n in range(32, 90)})
        line = '{"fault": "F26", "after_seconds": 60, "seconds": 300}'
        async with lying(line, world=world) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            native = ib.placeOrder(stock, limit(195.0))
            held = ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 10, 190.0, transmit=False))
            await asyncio.sleep(90)
            assert not ib.isConnected()
            with pytest.raises(ConnectionRefusedError):
                await scene.connect(8)
            await asyncio.sleep(300)
            assert scene.shares() == 10
            await ib.connectAsync("127.0.0.1", scene.gateway.port, 7)
            assert ib.openTrades() == []
            assert native.orderStatus.status == "Submitted"  # it was filled
            assert held.isActive()  # it is gone: to transmit it now would be a new order
            assert ib.client.getReqId() > held.order.orderId  # ids are kept

    in_virtual_time(scenario)


def test_the_restarted_gateway_listens_on_the_port_it_had():
    async def scenario():
        async with lying('{"fault": "F26", "after_seconds": 10, "seconds": 10}') as scene:
            port = scene.gateway.port
            await asyncio.sleep(15)
            with pytest.raises(ConnectionRefusedError):
                await scene.connect()
            await asyncio.sleep(15)
            assert scene.gateway.port == port
            assert (await scene.connect()).isConnected()

    in_virtual_time(scenario)
