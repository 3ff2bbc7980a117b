"""F36, F37, F39: a plain client is told false contracts, calendars and accounts, and takes them."""

import asyncio
from decimal import Decimal

import ib_insync
import pytest

from tests.support.lying import in_virtual_time, lying
from tests.support.tiny import TinyWorld, flat


def apple():
    """AAPL, not yet qualified."""
    return ib_insync.Stock("AAPL", "SMART", "USD")


async def bars_of(ib, contract):
    """The minute bars of half an hour."""
    return await ib.reqHistoricalDataAsync(contract, "", "1800 S", "1 min", "TRADES", True)


def test_an_ambiguous_contract_stays_without_an_id():
    async def scenario():
        async with lying('{"fault": "F36"}') as scene:
            ib = await scene.connect()
            stock = apple()
            assert await ib.qualifyContractsAsync(stock) == []
            assert stock.conId == 0
            assert len({row.contract.conId for row in await ib.reqContractDetailsAsync(stock)}) == 2

    in_virtual_time(scenario)


def test_an_unknown_contract_is_an_empty_answer_and_stays_without_an_id():
    async def scenario():
        async with lying('{"fault": "F36", "kind": "unknown"}') as scene:
            ib = await scene.connect()
            stock = apple()
            assert await ib.qualifyContractsAsync(stock) == []
            assert await ib.reqContractDetailsAsync(stock) == []
            assert (stock.conId, scene.codes) == (0, [200, 200])

    in_virtual_time(scenario)


def test_a_contract_with_a_new_id_has_no_position_to_who_looks_by_id():
    async def scenario():
        async with lying('{"fault": "F36", "kind": "changed", "after_seconds": 60}') as scene:
            ib = await scene.connect()
            ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(90)
            stock = await scene.stock(ib)
            held = {row.contract.conId: row.position for row in ib.positions()}
            assert held.get(stock.conId, 0) == 0
            assert scene.shares() == 10
            way_out = ib.placeOrder(stock, ib_insync.MarketOrder("SELL", 10))
            await asyncio.sleep(30)
            assert way_out.orderStatus.status == "Cancelled"
            assert scene.codes[-1] == 200
            assert scene.shares() == 10

    in_virtual_time(scenario)


def test_an_order_on_a_wrong_step_is_refused_with_110_and_never_believed_done():
    async def scenario():
        async with lying('{"fault": "F37"}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            rule = await ib.reqMarketRuleAsync(26)
            step = rule[-1].increment
            assert step == 0.005
            trade = ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 10, 199 + step))
            await asyncio.sleep(36_000)
            assert 110 in scene.codes
            assert not trade.isDone()
            assert scene.live() == {}

    in_virtual_time(scenario)


def test_two_sessions_joined_by_a_comma_cannot_be_read():
    async def scenario():
        async with lying('{"fault": "F37", "kind": "commas"}') as scene:
            ib = await scene.connect()
            tencent = ib_insync.Stock("700", "SEHK", "HKD")
            [details] = await ib.reqContractDetailsAsync(tencent)
            with pytest.raises(ValueError, match="unconverted data remains"):
                details.tradingSessions()

    in_virtual_time(scenario)


def test_a_market_said_to_be_closed_every_day_trades_all_the_same():
    async def scenario():
        async with lying('{"fault": "F37", "kind": "closed"}') as scene:
            ib = await scene.connect()
            [details] = await ib.reqContractDetailsAsync(apple())
            assert details.tradingSessions() == []
            ib.placeOrder(apple(), ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(30)
            assert scene.shares() == 10

    in_virtual_time(scenario)


def test_bars_in_an_unknown_zone_are_an_empty_list_after_a_minute():
    async def scenario():
        async with lying('{"fault": "F37", "kind": "zone"}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            asked = scene.virtual.now()
            assert len(await bars_of(ib, stock)) == 0
            assert 60 <= (scene.virtual.now() - asked).total_seconds() < 61

    in_virtual_time(scenario)


def test_an_execution_in_an_unknown_zone_is_lost_and_the_filled_order_has_no_fills():
    async def scenario():
        async with lying('{"fault": "F37", "kind": "zone"}') as scene:
            ib = await scene.connect()
            trade = ib.placeOrder(apple(), ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(30)
            assert trade.orderStatus.status == "Filled"
            assert (trade.fills, trade.filled()) == ([], 0)
            assert scene.shares() == 10

    in_virtual_time(scenario)


def test_stale_account_values_go_on_showing_money_that_is_gone():
    async def scenario():
        world = TinyWorld({n: flat("150.00") for n in range(33, 300)})
        async with lying('{"fault": "F39"}', world=world) as scene:
            ib = await scene.connect()
            ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 400))
            await asyncio.sleep(1800)
            told = {row.tag: row.value for row in ib.accountValues() if row.currency == "USD"}
            true = {
                tag: value
                for tag, value, currency in scene.exchange.account_values()
                if currency == "USD"
            }
            assert float(told["NetLiquidation"]) == 100_000
            assert float(true["NetLiquidation"]) < 81_000
            summary = {row.tag: row.value for row in await ib.accountSummaryAsync()}
            assert summary["NetLiquidation"] == told["NetLiquidation"]

    in_virtual_time(scenario)


@pytest.mark.parametrize("tag", ["AvailableFunds", "NetLiquidation"])
def test_an_account_value_that_is_never_told_is_simply_not_there(tag):
    async def scenario():
        async with lying(f'{{"fault": "F39", "kind": "missing", "tag": "{tag}"}}') as scene:
            ib = await scene.connect()
            told = {row.tag for row in ib.accountValues()}
            assert tag not in told
            assert tag not in {row.tag for row in await ib.accountSummaryAsync()}
            assert {"BuyingPower"} < told
            assert tag in {row[0] for row in scene.exchange.account_values()}

    in_virtual_time(scenario)


def test_a_loss_limit_is_never_broken_by_the_largest_double():
    async def scenario():
        world = TinyWorld({n: flat("150.00") for n in range(33, 300)})
        async with lying('{"fault": "F39", "kind": "pnl_unset"}', world=world) as scene:
            ib = await scene.connect()
            ib.placeOrder(await scene.stock(ib), ib_insync.MarketOrder("BUY", 400))
            pnl = ib.reqPnL("DU0000001")
            await asyncio.sleep(1800)
            assert not pnl.dailyPnL < -1000
            assert pnl.dailyPnL > 1e308
            assert scene.exchange.pnl()[0] < -19_000

    in_virtual_time(scenario)


def test_only_the_cash_in_hkd_is_told():
    async def scenario():
        cash = {"USD": Decimal(100_000), "HKD": Decimal(50_000)}
        async with lying('{"fault": "F39", "kind": "hkd_only"}', cash=cash) as scene:
            ib = await scene.connect()
            rows = [row for row in ib.accountValues() if row.tag == "CashBalance"]
            assert [(row.currency, float(row.value)) for row in rows] == [("HKD", 50_000)]
            assert scene.exchange.books.cash["USD"] == 100_000

    in_virtual_time(scenario)
