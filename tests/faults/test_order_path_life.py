"""F7, F8, F11, F12 and F15 to F18: a plain client takes what was true once for what is true."""

import asyncio
from datetime import timedelta
from decimal import Decimal as D

import ib_insync
import pytest

from tests.support.lying import bracket, in_virtual_time, lying
from tests.support.tiny import HK_OPEN, NOON, US_CLOSE, TinyWorld, flat

HOUR = 3600
DAY = 24 * HOUR
LATE = US_CLOSE - timedelta(minutes=10)
HK_NOON = HK_OPEN + timedelta(minutes=30)
HKD = {"HKD": D(1_000_000)}


def limit(price=195.0, action="BUY", quantity=10, **more):
    """An order that rests below the market of 200.00 at 200.01."""
    return ib_insync.LimitOrder(action, quantity, price, **more)


def statuses(trades):
    """What the client believes of each."""
    return [trade.orderStatus.status for trade in trades]


def world_at(price, since=35, until=60):
    """AAPL at another price from some minute after the open on; noon is minute 30."""
    return TinyWorld({n: flat(price) for n in range(since, until)})


async def sent(scene, orders, settle=60):
    """The client and its trades, some time after it placed them one after the other."""
    ib = await scene.connect()
    stock = await scene.stock(ib)
    trades = [ib.placeOrder(stock, order) for order in orders(ib)]
    await asyncio.sleep(settle)
    return ib, trades


# F7


def test_an_entry_that_stalls_in_part_is_submitted_for_ever_and_its_exits_are_for_all_of_it():
    async def scenario():
        async with lying('{"fault": "F7", "share": 0.4}') as scene:
            _, trades = await sent(scene, bracket, settle=HOUR)
            assert trades[0].orderStatus.status == "Submitted"
            assert trades[0].isActive()
            assert trades[0].filled() == scene.shares() == 40
            assert [trade.order.totalQuantity for trade in trades] == [100, 100, 100]
            assert list(scene.live().values()) == ["Submitted", "Submitted", "PreSubmitted"]

    in_virtual_time(scenario)


def test_an_entry_buys_on_after_its_stop_has_struck_and_the_stop_sells_that_too():
    async def scenario():
        line = '{"fault": "F7", "share": 0.4, "seconds": 600}'
        async with lying(line, world=world_at("197.00", until=38)) as scene:
            _, trades = await sent(scene, bracket, settle=500)
            assert (trades[0].filled(), trades[2].filled()) == (40, 40)
            assert scene.shares() == 0
            assert trades[0].isActive()  # flat, and still buying
            await asyncio.sleep(200)
            assert (trades[0].filled(), trades[2].filled()) == (100, 100)
            assert scene.shares() == 0

    in_virtual_time(scenario)


def test_exits_that_wait_for_the_whole_entry_let_its_part_fall_through_the_stop():
    async def scenario():
        line = '{"fault": "F7", "share": 0.4, "children": "full"}'
        async with lying(line, world=world_at("197.00")) as scene:
            _, trades = await sent(scene, bracket, settle=HOUR / 4)
            assert scene.exchange.top(1).last < D("198.00")
            assert scene.shares() == 40
            assert trades[2].isActive()  # as a stop that protects would be
            assert trades[2].orderStatus.whyHeld == "child,trigger"
            assert trades[2].fills == []

    in_virtual_time(scenario)


def test_an_entry_fills_on_once_its_stall_is_over():
    async def scenario():
        async with lying('{"fault": "F7", "share": 0.25, "seconds": 300}') as scene:
            _, [trade] = await sent(scene, lambda _: [limit(201.0, quantity=100)], settle=290)
            assert trade.filled() == 25
            await asyncio.sleep(60)
            assert trade.orderStatus.status == "Filled"
            assert [fill.execution.shares for fill in trade.fills] == [25, 75]

    in_virtual_time(scenario)


def test_a_part_of_an_entry_in_hong_kong_is_of_whole_lots():
    async def scenario():
        async with lying('{"fault": "F7", "share": 0.5}', start=HK_NOON, cash=HKD) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib, "700")
            trade = ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 300, 381.0))
            await asyncio.sleep(HOUR)
            assert trade.filled() == scene.shares(2) == 100

    in_virtual_time(scenario)


# F8


def test_an_order_may_fill_between_its_cancellation_and_the_answer():
    async def scenario():
        async with lying('{"fault": "F8"}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            ib.cancelOrder(trade.order)
            assert trade.orderStatus.status == "PendingCancel"
            await asyncio.sleep(60)
            assert scene.codes == [10148]
            assert trade.orderStatus.status == "Filled"
            assert scene.shares() == 10

    in_virtual_time(scenario)


def test_a_part_may_fill_before_the_rest_is_cancelled():
    async def scenario():
        async with lying('{"fault": "F8", "share": 0.3}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            ib.cancelOrder(trade.order)
            await asyncio.sleep(60)
            assert trade.orderStatus.status == "Cancelled"
            assert trade.isDone()
            assert trade.filled() == scene.shares() == 3

    in_virtual_time(scenario)


def test_an_order_that_was_told_cancelled_fills_all_the_same():
    async def scenario():
        async with lying('{"fault": "F8", "kind": "after", "seconds": 30}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit()])
            ib.cancelOrder(trade.order)
            await asyncio.sleep(20)
            assert (trade.orderStatus.status, ib.openTrades()) == ("Cancelled", [])
            assert scene.live() == {}
            await asyncio.sleep(20)
            assert scene.shares() == 10
            assert trade.orderStatus.status == "Filled"  # done was not done

    in_virtual_time(scenario)


# F11


@pytest.mark.parametrize(
    ("told", "believed", "codes"),
    [
        ("notice", ["Submitted", "PreSubmitted"], [202, 202]),
        ("status", ["Cancelled", "Cancelled"], []),
        ("both", ["Cancelled", "Cancelled"], [202, 202]),
    ],
)
def test_exits_that_were_good_till_cancelled_expire_and_the_notice_alone_says_nothing(
    told, believed, codes
):
    async def scenario():
        async with lying(f'{{"fault": "F11", "told": "{told}"}}', start=LATE) as scene:
            ib, trades = await sent(scene, bracket, settle=HOUR)
            assert statuses(trades[1:]) == believed
            assert [code for code in scene.codes if code == 202] == codes
            assert [trade.order.tif for trade in trades[1:]] == ["GTC", "GTC"]
            assert (scene.live(), scene.shares()) == ({}, 100)  # naked overnight
            await ib.reqOpenOrdersAsync()
            assert statuses(trades[1:]) == believed  # an order that is gone is in no list

    in_virtual_time(scenario)


def test_only_the_leg_that_the_schedule_names_expires():
    async def scenario():
        async with lying('{"fault": "F11", "leg": "stop"}', start=LATE) as scene:
            _, trades = await sent(scene, bracket, settle=HOUR)
            assert statuses(trades[1:]) == ["Submitted", "PreSubmitted"]
            assert list(scene.live()) == [trades[1].order.orderId]

    in_virtual_time(scenario)


# F12


def test_an_exit_that_was_not_cancelled_fills_too_and_turns_the_position_around():
    async def scenario():
        minutes = {n: flat("206.00") for n in range(35, 40)}
        minutes |= {n: flat("197.00") for n in range(40, 60)}
        async with lying('{"fault": "F12", "leg": "stop"}', world=TinyWorld(minutes)) as scene:
            ib, trades = await sent(scene, bracket, settle=420)
            assert trades[1].orderStatus.status == "Filled"
            assert (scene.shares(), ib.positions()) == (0, [])  # flat, as it should be, but:
            assert list(scene.live()) == [trades[2].order.orderId]
            await asyncio.sleep(420)
            assert statuses(trades) == ["Filled", "Filled", "Filled"]
            assert scene.shares() == -100
            assert ib.positions()[0].position == -100

    in_virtual_time(scenario)


# F15


def test_a_stop_may_fill_far_beyond_its_price():
    async def scenario():
        line = '{"fault": "F15", "percent": 7}'
        async with lying(line, world=world_at("197.90")) as scene:
            _, trades = await sent(scene, bracket, settle=600)
            [fill] = trades[2].fills
            assert fill.execution.price == pytest.approx(184.14)  # 198.00 less 7%
            assert scene.exchange.fills()[-1].price == D("184.14")
            assert scene.exchange.top(1).low == D("197.90")  # nobody ever saw such a price

    in_virtual_time(scenario)


def test_a_stop_that_sleeps_rests_untouched_while_the_price_is_through_it():
    async def scenario():
        line = '{"fault": "F15", "kind": "asleep", "seconds": 600}'
        async with lying(line, world=world_at("190.00", until=90)) as scene:
            _, trades = await sent(scene, bracket, settle=800)
            assert scene.exchange.top(1).last == D("190.00")
            assert trades[2].orderStatus.status == "PreSubmitted"
            assert trades[2].isActive()
            assert scene.shares() == 100
            await asyncio.sleep(200)
            assert trades[2].orderStatus.status == "Filled"
            assert trades[2].orderStatus.avgFillPrice == pytest.approx(190.0)

    in_virtual_time(scenario)


def test_a_stop_never_fills_below_the_lowest_price_there_is():
    async def scenario():
        line = '{"fault": "F15", "percent": 5000}'
        async with lying(line, world=world_at("197.90")) as scene:
            await sent(scene, bracket, settle=600)
            assert scene.exchange.fills()[-1].price == D("0.0001")

    in_virtual_time(scenario)


# F16


@pytest.mark.parametrize(
    ("kind", "action"), [("LMT", "BUY"), ("LMT", "SELL"), ("MKT", "BUY"), ("MKT", "SELL")]
)
def test_a_marketable_order_at_a_price_cap_is_submitted_and_does_not_trade(kind, action):
    async def scenario():
        async with lying('{"fault": "F16", "seconds": 600}') as scene:
            through = {"BUY": 205.0, "SELL": 195.0}[action]
            order = ib_insync.Order(
                action=action, totalQuantity=10, orderType=kind, lmtPrice=through
            )
            _, [trade] = await sent(scene, lambda _: [order], settle=590)
            assert trade.orderStatus.status == "Submitted"
            assert trade.isActive()
            assert trade.orderStatus.mktCapPrice > 0
            assert scene.codes == [2161]
            assert scene.shares() == 0
            await asyncio.sleep(60)
            assert trade.orderStatus.status == "Filled"
            assert trade.orderStatus.mktCapPrice == 0
            assert abs(scene.shares()) == 10

    in_virtual_time(scenario)


# F17


def test_an_order_held_to_the_next_session_waits_in_an_open_market_and_fills_at_its_open():
    async def scenario():
        async with lying('{"fault": "F17"}', start=NOON) as scene:
            order = ib_insync.MarketOrder("BUY", 10)
            _, [trade] = await sent(scene, lambda _: [order], settle=6 * HOUR)
            assert scene.codes == [399]
            assert trade.orderStatus.status == "PreSubmitted"
            assert trade.isActive()
            assert (list(scene.live().values()), scene.shares()) == (["PreSubmitted"], 0)
            await asyncio.sleep(3 * DAY)  # over the weekend to Monday's open
            assert trade.orderStatus.status == "Filled"
            [fill] = scene.exchange.fills()
            assert fill.at == NOON - timedelta(minutes=30) + timedelta(days=3)

    in_virtual_time(scenario)


# F18


def test_a_short_sale_on_hold_fills_by_surprise_and_its_cancellation_is_never_acknowledged():
    async def scenario():
        async with lying('{"fault": "F18", "seconds": 300}') as scene:
            ib, [trade] = await sent(scene, lambda _: [limit(201.0, "SELL", tif="GTC")])
            assert scene.codes == [404]
            assert trade.orderStatus.status == "PreSubmitted"
            assert trade.orderStatus.whyHeld == "locate"
            ib.cancelOrder(trade.order)
            await asyncio.sleep(200)
            assert trade.orderStatus.status == "PendingCancel"
            assert not trade.isActive()  # to the client it is as good as gone
            assert list(scene.live().values()) == ["PreSubmitted"]
            await asyncio.sleep(60)
            assert scene.shares() == -10
            assert trade.orderStatus.status == "Filled"

    in_virtual_time(scenario)


def test_a_sale_of_shares_that_are_held_needs_no_locate():
    async def scenario():
        async with lying('{"fault": "F18"}') as scene:

            def bought_and_sold(_):
                return [ib_insync.MarketOrder("BUY", 10), ib_insync.MarketOrder("SELL", 10)]

            _, trades = await sent(scene, bought_and_sold)
            assert statuses(trades) == ["Filled", "Filled"]
            assert scene.struck == {}

    in_virtual_time(scenario)
