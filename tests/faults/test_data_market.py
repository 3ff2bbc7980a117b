"""F31 to F35: a plain client takes errors for quotes, old or false prices, and no bars for none."""

import asyncio
import math

import pytest

from tests.support.lying import in_virtual_time, lying
from tests.support.tiny import TinyWorld, flat


def rising(to="210.00", at=33):
    """AAPL stands at 200.00 and from that minute of the session on at another price."""
    return TinyWorld({n: flat(to) for n in range(at, 120)})


async def bars_of(ib, contract, duration="1800 S", size="1 min"):
    """Bars as ib_insync's users ask for them."""
    return await ib.reqHistoricalDataAsync(contract, "", duration, size, "TRADES", True)


@pytest.mark.parametrize("code", [354, 10089, 10168, 10197])
def test_an_error_in_place_of_quotes_is_a_ticker_full_of_nan(code):
    async def scenario():
        async with lying(f'{{"fault": "F31", "code": {code}, "times": 0}}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            if code == 354:  # an error ends a snapshot as if it had been answered
                [ticker] = await ib.reqTickersAsync(stock)
            else:
                ticker = ib.reqMktData(stock)
                await asyncio.sleep(60)
            assert scene.codes == [code]
            assert all(map(math.isnan, (ticker.bid, ticker.ask, ticker.last)))
            assert not ticker.ask > 100  # a limit tested with > or < is never broken
            assert not ticker.ask < 300
            assert float(scene.exchange.top(1).ask) == 200.01

    in_virtual_time(scenario)


def test_an_error_in_place_of_a_second_snapshot_gives_the_quotes_of_the_first():
    async def scenario():
        async with lying('{"fault": "F31", "after_seconds": 60}', world=rising()) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            await ib.reqTickersAsync(stock)
            await asyncio.sleep(600)
            [ticker] = await ib.reqTickersAsync(stock)
            assert scene.codes == [354]
            assert ticker.bid == 200.0  # the library keeps one ticker for a contract
            assert float(scene.exchange.top(1).bid) == 210.0

    in_virtual_time(scenario)


def test_delayed_quotes_land_where_live_ones_were_asked_for():
    async def scenario():
        async with lying('{"fault": "F32"}', world=rising(at=20)) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            ib.reqMarketDataType(1)
            ticker = ib.reqMktData(stock)
            await asyncio.sleep(1)
            assert (ticker.bid, ticker.ask) == (200.0, 200.01)
            assert float(scene.exchange.top(1).bid) == 210.0
            assert scene.codes == [10167]  # a warning to the library: logged, nothing more
            assert ticker.marketDataType == 3  # and this, for who looks

    in_virtual_time(scenario)


def test_stale_quotes_stand_still_while_the_market_moves():
    async def scenario():
        line = '{"fault": "F33", "after_seconds": 60}'
        async with lying(line, world=rising()) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            ticker = ib.reqMktData(stock)
            await asyncio.sleep(900)
            [snapshot] = await ib.reqTickersAsync(await scene.stock(ib))
            assert (ticker.bid, snapshot.bid) == (200.0, 200.0)
            assert float(scene.exchange.top(1).bid) == 210.0
            assert scene.codes == []

    in_virtual_time(scenario)


def test_quotes_that_were_stale_move_again_when_the_strike_is_over():
    async def scenario():
        line = '{"fault": "F33", "after_seconds": 60, "seconds": 600}'
        async with lying(line, world=rising()) as scene:
            ib = await scene.connect()
            ticker = ib.reqMktData(await scene.stock(ib))
            await asyncio.sleep(600)
            assert ticker.bid == 200.0
            await asyncio.sleep(100)
            assert ticker.bid == 210.0

    in_virtual_time(scenario)


@pytest.mark.parametrize(("kind", "price"), [("minus_one", -1.0), ("zero", 0.0)])
def test_no_price_is_a_number_below_every_stop(kind, price):
    async def scenario():
        async with lying(f'{{"fault": "F33", "kind": "{kind}"}}') as scene:
            ib = await scene.connect()
            ticker = ib.reqMktData(await scene.stock(ib))
            await asyncio.sleep(1)
            assert (ticker.bid, ticker.ask, ticker.last) == (price, price, price)
            assert ticker.last <= 198.0  # a stop of one's own would sell at 200
            assert not ticker.hasBidAsk()
            assert float(scene.exchange.top(1).last) == 200.0

    in_virtual_time(scenario)


def test_a_price_that_is_not_a_number_breaks_no_limit():
    async def scenario():
        line = '{"fault": "F33", "kind": "nan", "after_seconds": 60}'
        async with lying(line, world=rising("100.00")) as scene:
            ib = await scene.connect()
            ticker = ib.reqMktData(await scene.stock(ib))
            await asyncio.sleep(30)
            assert ticker.last == 200.0
            await asyncio.sleep(600)
            assert math.isnan(ticker.last)
            assert not ticker.last <= 198.0  # the market has halved
            assert float(scene.exchange.top(1).last) == 100.0

    in_virtual_time(scenario)


def test_a_crossed_book_has_a_spread_below_nothing():
    async def scenario():
        async with lying('{"fault": "F33", "kind": "crossed"}') as scene:
            ib = await scene.connect()
            ticker = ib.reqMktData(await scene.stock(ib))
            await asyncio.sleep(1)
            assert (ticker.bid, ticker.ask) == (200.01, 200.0)
            assert (
                ticker.ask - ticker.bid < 0.05
            )  # a narrow spread, to who asks for at most so much
            assert ticker.hasBidAsk()
            top = scene.exchange.top(1)
            assert top.bid < top.ask

    in_virtual_time(scenario)


def test_a_split_looks_like_a_crash_by_nine_tenths():
    async def scenario():
        line = '{"fault": "F33", "kind": "split", "after_seconds": 300}'
        async with lying(line) as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            ticker = ib.reqMktData(stock)
            await asyncio.sleep(600)
            assert (ticker.last, ticker.bid) == (20.0, 20.0)
            closes = [bar.close for bar in await bars_of(ib, stock)]
            assert (closes[0], closes[-1]) == (200.0, 20.0)
            assert float(scene.exchange.top(1).last) == 200.0

    in_virtual_time(scenario)


def test_a_lie_about_one_symbol_leaves_the_other_as_it_is():
    async def scenario():
        line = '{"fault": "F33", "kind": "zero", "symbol": "700"}'
        async with lying(line) as scene:
            ib = await scene.connect()
            apple, tencent = await scene.stock(ib), await scene.stock(ib, "700")
            tickers = await ib.reqTickersAsync(apple, tencent)
            assert [ticker.bid for ticker in tickers] == [200.0, 0.0]

    in_virtual_time(scenario)


@pytest.mark.parametrize(("kind", "codes"), [("no_data", [162]), ("pacing", [162]), ("empty", [])])
def test_bars_refused_for_whatever_reason_are_an_empty_list(kind, codes):
    async def scenario():
        async with lying(f'{{"fault": "F34", "kind": "{kind}"}}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            assert len(await bars_of(ib, stock)) == 0
            assert scene.codes == codes
            assert len(await bars_of(ib, stock)) >= 30

    in_virtual_time(scenario)


def test_bars_that_never_come_are_an_empty_list_after_a_minute():
    async def scenario():
        async with lying('{"fault": "F35"}') as scene:
            ib = await scene.connect()
            stock = await scene.stock(ib)
            asked = scene.virtual.now()
            assert len(await bars_of(ib, stock)) == 0
            assert 60 <= (scene.virtual.now() - asked).total_seconds() < 61
            assert len(await bars_of(ib, stock)) > 0

    in_virtual_time(scenario)
