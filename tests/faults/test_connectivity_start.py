"""F20, F27 to F30 and F38: what a plain client believes of a start that went wrong in silence."""

import asyncio

import ib_insync
import pytest

from tests.support.lying import in_virtual_time, lying

# The first client's start is messages 1 to 7; then come its question about the contract and its
# orders. The next client starts with message 11 or so.
MARKERS = (
    "openOrderEnd",
    "positionEnd",
    "accountDownloadEnd",
    "completedOrdersEnd",
    "accountUpdateMultiEnd",
)


def limit(price=195.0, action="BUY", quantity=10, **more):
    """An order that rests below the market of 200.00 at 200.01."""
    return ib_insync.LimitOrder(action, quantity, price, **more)


async def with_an_order_and_a_position(scene):
    """The ids of the orders that a client left behind: one rests, one has bought 10 shares."""
    ib = await scene.connect()
    stock = await scene.stock(ib)
    resting = ib.placeOrder(stock, limit())
    ib.placeOrder(stock, ib_insync.MarketOrder("BUY", 10))
    await asyncio.sleep(30)
    assert scene.shares() == 10
    ib.disconnect()
    await asyncio.sleep(1)
    return resting.order.orderId


def test_a_fresh_order_id_is_refused_as_a_duplicate():
    async def scenario():
        async with lying('{"fault": "F20"}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            first, second = ib.placeOrder(stock, limit()), ib.placeOrder(stock, limit())
            await asyncio.sleep(1)
            assert scene.errors[-1] == (first.order.orderId, 103)
            assert first.orderStatus.status == "Cancelled"  # the client's word: it never was
            assert second.orderStatus.status == "Submitted"
            assert list(scene.live()) == [second.order.orderId]

    in_virtual_time(scenario)


def test_when_the_next_id_goes_backwards_a_client_uses_ids_again_and_is_refused():
    async def scenario():
        async with lying('{"fault": "F20", "kind": "restart", "message": 8}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            for _ in range(3):
                ib.placeOrder(stock, ib_insync.MarketOrder("BUY", 1))
            await asyncio.sleep(30)
            true_next = scene.exchange.next_id(7)
            ib.disconnect()
            await asyncio.sleep(1)
            again = await scene.connect()
            trade = again.placeOrder(stock, limit())
            await asyncio.sleep(1)
            assert trade.order.orderId < true_next
            assert trade.orderStatus.status == "Cancelled"
            assert scene.errors[-1] == (trade.order.orderId, 103)

    in_virtual_time(scenario)


def test_with_a_backward_id_a_client_without_its_open_orders_changes_one_unknowingly():
    async def scenario():
        async with lying('{"fault": "F20", "kind": "restart", "message": 8}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            old = ib.placeOrder(stock, limit(195.0))
            await asyncio.sleep(1)
            ib.disconnect()
            await asyncio.sleep(1)
            again = await scene.connect(readonly=True)  # ib_insync: no open orders are asked for
            while again.client.getReqId() < old.order.orderId - 1:
                pass
            new = again.placeOrder(stock, limit(150.0))
            await asyncio.sleep(1)
            assert new.order.orderId == old.order.orderId
            [only] = scene.exchange.open_orders()  # the client believes in two
            assert float(only.limit_price) == 150.0

    in_virtual_time(scenario)


@pytest.mark.parametrize("marker", MARKERS)
def test_connect_succeeds_though_the_end_of_a_list_never_came(marker):
    async def scenario():
        async with lying(f'{{"fault": "F27", "marker": "{marker}"}}') as scene:
            connected = []
            ib = ib_insync.IB()
            scene.clients.append(ib)
            ib.connectedEvent += lambda: connected.append(True)
            began = scene.virtual.now()
            await ib.connectAsync("127.0.0.1", scene.gateway.port, 7)
            assert ib.isConnected()
            assert connected == [True]
            seconds = (scene.virtual.now() - began).total_seconds()
            assert 4 <= seconds < 5  # all that tells: it took the timeout

    in_virtual_time(scenario)


def test_connect_raises_when_the_end_of_the_executions_never_came():
    async def scenario():
        async with lying('{"fault": "F27", "marker": "execDetailsEnd"}') as scene:
            with pytest.raises(asyncio.TimeoutError):
                await scene.connect()
            assert not scene.clients[0].isConnected()

    in_virtual_time(scenario)


def test_an_ended_list_without_its_rows_is_believed_empty():
    async def scenario():
        lines = [
            f'{{"fault": "F27", "marker": "{marker}", "missing": "rows", "message": 11}}'
            for marker in ("openOrderEnd", "positionEnd", "accountDownloadEnd")
        ]
        async with lying(*lines) as scene:
            resting = await with_an_order_and_a_position(scene)
            ib = await scene.connect()
            assert (ib.positions(), ib.openTrades(), ib.portfolio()) == ([], [], [])
            assert scene.shares() == 10
            assert scene.live() == {resting: "Submitted"}

    in_virtual_time(scenario)


def test_of_a_list_only_the_first_row_comes_and_nothing_says_so():
    async def scenario():
        line = '{"fault": "F27", "missing": "rest", "message": 12}'
        async with lying(line) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            for price in (195.0, 194.0, 193.0):
                ib.placeOrder(stock, limit(price))
            await asyncio.sleep(1)
            ib.disconnect()
            await asyncio.sleep(1)
            again = await scene.connect()
            assert len(again.openTrades()) == 1
            assert len(scene.live()) == 3

    in_virtual_time(scenario)


def test_a_read_only_gateway_lets_connect_succeed_without_the_open_orders():
    async def scenario():
        async with lying('{"fault": "F28", "message": 11}') as scene:
            resting = await with_an_order_and_a_position(scene)
            ib = await scene.connect()
            assert ib.isConnected()
            assert (-1, 321) in scene.errors
            assert ib.openTrades() == []
            assert scene.live() == {resting: "Submitted"}

    in_virtual_time(scenario)


def test_a_cancellation_refused_as_read_only_is_believed_done_while_the_order_lives():
    async def scenario():
        async with lying('{"fault": "F28", "message": 10}') as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), limit())
            await asyncio.sleep(1)
            ib.cancelOrder(trade.order)
            await asyncio.sleep(1)
            assert (trade.order.orderId, 321) in scene.errors
            assert trade.orderStatus.status == "Cancelled"
            assert ib.openTrades() == []
            assert scene.live() == {trade.order.orderId: "Submitted"}

    in_virtual_time(scenario)


def test_global_cancel_of_a_read_only_gateway_cancels_nothing():
    async def scenario():
        async with lying('{"fault": "F28", "message": 10}') as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(await scene.stock(ib), limit())
            await asyncio.sleep(1)
            ib.reqGlobalCancel()
            await asyncio.sleep(1)
            assert scene.errors[-1] == (-1, 321)
            assert scene.live() == {trade.order.orderId: "Submitted"}

    in_virtual_time(scenario)


def test_after_a_slow_synchronisation_the_client_is_connected_and_knows_nothing_yet():
    async def scenario():
        line = '{"fault": "F29", "message": 11, "seconds": 20, "span_seconds": 2}'
        async with lying(line) as scene:
            await with_an_order_and_a_position(scene)
            ib = await scene.connect()
            assert ib.isConnected()
            assert (ib.openTrades(), ib.positions(), ib.accountValues()) == ([], [], [])
            assert (len(scene.live()), scene.shares()) == (1, 10)
            await asyncio.sleep(30)
            assert len(ib.openTrades()) == 1
            assert len(ib.positions()) == 1

    in_virtual_time(scenario)


def test_a_late_list_is_taken_for_the_answer_to_the_next_question():
    async def scenario():
        line = '{"fault": "F29", "message": 11, "seconds": 7, "span_seconds": 20}'
        async with lying(line) as scene:
            await with_an_order_and_a_position(scene)
            connecting = asyncio.ensure_future(scene.connect())
            await asyncio.sleep(1)
            ib = scene.clients[-1]
            ib.placeOrder(ib_insync.Stock("AAPL", "SMART", "USD"), limit(199.0, "SELL"))
            await asyncio.sleep(4)
            assert scene.shares() == 0
            asked = scene.virtual.now()
            [row] = await ib.reqPositionsAsync()
            assert (scene.virtual.now() - asked).total_seconds() < 3  # each answer takes 7
            assert row.position == 10
            with pytest.raises(asyncio.TimeoutError):
                await connecting

    in_virtual_time(scenario)


def test_connect_raises_when_the_executions_are_late_too():
    async def scenario():
        async with lying('{"fault": "F29", "span_seconds": 60}') as scene:
            with pytest.raises(asyncio.TimeoutError):
                await scene.connect()

    in_virtual_time(scenario)


@pytest.mark.parametrize("kind", ["bytes", "coalesced"])
def test_a_client_that_frames_rightly_survives_any_split(kind):
    async def scenario():
        async with lying(f'{{"fault": "F30", "kind": "{kind}"}}') as scene:
            ib = ib_insync.IB()
            arrived = []
            ib.client.conn.hasData += lambda data: arrived.append(len(data))
            scene.clients.append(ib)
            await ib.connectAsync("127.0.0.1", scene.gateway.port, 7)
            trade = ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(30)
            assert trade.orderStatus.status == "Filled"
            assert trade.filled() == scene.shares() == 10
            assert scene.struck == {"F30": 1}
            assert len(ib.accountValues()) > 10
            messages = ib.client.connectionStats().numMsgRecv
            if kind == "bytes":
                assert sum(arrived) < len(arrived) * 3  # the kernel joins some
            else:
                assert len(arrived) < messages / 5

    in_virtual_time(scenario)


def test_a_client_that_frames_rightly_survives_a_frame_of_megabytes():
    async def scenario():
        async with lying('{"fault": "F30", "kind": "huge", "megabytes": 3}') as scene:
            ib = await scene.connect()
            xml = await ib.reqScannerParametersAsync()
            assert len(xml) > 3_000_000
            assert "MOST_ACTIVE" in xml
            assert await ib.reqCurrentTimeAsync()

    in_virtual_time(scenario)


@pytest.mark.parametrize("disconnect", ["true", "false"])
def test_what_is_above_the_rate_is_dropped_after_100(disconnect):
    async def scenario():
        async with lying(f'{{"fault": "F38", "disconnect": {disconnect}}}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            ib.client.MaxRequests = 0  # else the client sends at most 45 in a second
            await asyncio.sleep(2)
            trades = [ib.placeOrder(stock, limit(150.0 + n)) for n in range(15)]
            for _ in range(40):
                ib.client.reqMarketDataType(1)
            last = ib.placeOrder(stock, limit(140.0))
            await asyncio.sleep(2)
            assert scene.codes == [100]
            assert len(scene.live()) == len(trades)
            assert last.orderStatus.status == "PendingSubmit"
            assert last.isActive()
            assert ib.isConnected() == (disconnect == "false")

    in_virtual_time(scenario)


def test_the_library_keeps_its_own_pace_and_an_order_behind_it_waits():
    async def scenario():
        async with lying('{"fault": "F38"}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            for _ in range(300):
                ib.client.reqMarketDataType(1)
            trade = ib.placeOrder(stock, limit())
            await asyncio.sleep(5)
            assert scene.codes == []
            assert trade.orderStatus.status == "PendingSubmit"
            await asyncio.sleep(5)
            assert trade.orderStatus.status == "Submitted"

    in_virtual_time(scenario)
