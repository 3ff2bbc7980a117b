"""What the simulated gateway costs: an acknowledgement, bars, a polled day, a market of thousands.

Through the real client over loopback, client and gateway in one process and one loop unless said.
"""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import ib_insync
import pytest

from sim import clock
from sim.gateway.server import Gateway
from sim.market import open_market
from tests.test_agent import ROOT

START_HOUR = 16  # UTC: late morning in New York


class Served:
    """A gateway over the synthetic market and a connected client, in a loop of their own."""

    def __init__(self, runner, client_requests_max=0):
        self.runner = runner
        self._requests_max = client_requests_max
        runner.run(self._begin())

    async def _begin(self):
        loop = asyncio.get_running_loop()
        asyncio.set_event_loop(loop)
        world = open_market(None, seed=0)
        day = world.trading_days("US")[-1]
        start = datetime(day.year, day.month, day.day, START_HOUR, tzinfo=UTC)
        began = loop.time()
        self.gateway = Gateway(
            world.on(day), now=lambda: start + timedelta(seconds=loop.time() - began)
        )
        await self.gateway.start()
        self.ib = ib_insync.IB()
        self.ib.client.MaxRequests = self._requests_max  # the library's own brake is not measured
        await self.ib.connectAsync("127.0.0.1", self.gateway.port, 1)
        stock = ib_insync.Stock("ARDN", "SMART", "USD")
        [self.stock] = await self.ib.qualifyContractsAsync(stock)

    def end(self):
        """Disconnected and closed."""

        async def end():
            self.ib.disconnect()
            await self.gateway.close()

        self.runner.run(end())


@pytest.fixture
def served():
    """In real time."""
    with asyncio.Runner() as runner:
        one = Served(runner)
        yield one
        one.end()


def test_order_to_acknowledgement(benchmark, served):
    async def place():
        order = ib_insync.LimitOrder("BUY", 1, 50.0, tif="GTC")
        trade = served.ib.placeOrder(served.stock, order)
        while trade.orderStatus.status == "PendingSubmit":
            await trade.statusEvent
        return trade

    async def clear(trade):
        served.ib.cancelOrder(trade.order)
        while trade.isActive():
            await trade.statusEvent

    placed = []

    def setup():
        if placed:
            served.runner.run(clear(placed.pop()))

    benchmark.pedantic(lambda: placed.append(served.runner.run(place())), setup=setup, rounds=400)


@pytest.mark.parametrize("written", [2, 1], ids=["seconds", "local-time"])
def test_sixty_days_of_minute_bars(benchmark, served, written):
    async def bars():
        return await served.ib.reqHistoricalDataAsync(
            served.stock, "", "60 D", "1 min", "TRADES", True, written
        )

    found = served.runner.run(bars())
    benchmark.extra_info["bars"] = len(found)
    benchmark.pedantic(lambda: served.runner.run(bars()), rounds=7)
    benchmark.extra_info["bars_per_second"] = round(len(found) / benchmark.stats.stats.median)
    assert len(found) > 20_000


def test_sixty_days_of_minute_bars_never_asked_before(benchmark):
    """The first request of a new gateway: the market draws the bars too."""

    def setup():
        runner = asyncio.Runner()
        return (Served(runner),), {}

    def ask(one):
        async def bars():
            return await one.ib.reqHistoricalDataAsync(
                one.stock, "", "60 D", "1 min", "TRADES", True, 2
            )

        found = one.runner.run(bars())
        one.end()
        one.runner.close()
        benchmark.extra_info["bars"] = len(found)

    benchmark.pedantic(ask, setup=setup, rounds=5)


def test_a_day_of_polling_every_thirty_seconds(benchmark):
    """5.5 hours, 660 polls of positions, open orders and account values, with orders resting."""

    async def day():
        loop = asyncio.get_running_loop()
        asyncio.set_event_loop(loop)
        world = open_market(None, seed=0)
        last = world.trading_days("US")[-1]
        start = datetime(last.year, last.month, last.day, 14, 31, tzinfo=UTC)
        gateway = Gateway(world.on(last), now=clock.VirtualClock(start, loop).now)
        await gateway.start()
        ib = ib_insync.IB()
        await ib.connectAsync("127.0.0.1", gateway.port, 1)
        [stock] = await ib.qualifyContractsAsync(ib_insync.Stock("ARDN", "SMART", "USD"))
        ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 10, 50.0))
        for _ in range(660):
            await ib.reqPositionsAsync()
            await ib.reqAllOpenOrdersAsync()
            await ib.reqCurrentTimeAsync()
            await asyncio.sleep(30)
        assert len(ib.openTrades()) == 1
        ib.disconnect()
        await gateway.close()

    benchmark.pedantic(lambda: clock.run(day), rounds=5)


WHOLE_MARKET = """
import resource, sys, time
from datetime import UTC, datetime, timedelta
from sim.gateway.exchange import Exchange
from sim.market import open_market
began = time.perf_counter()
world = open_market(None, symbols=4119)
day = world.trading_days("US")[-1]
world = world.on(day)
now = datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
exchange = Exchange(world, start=now)
loaded = time.perf_counter()
tops = [exchange.top(one.con_id) for one in world.listings()]
first = time.perf_counter() - loaded
again = time.perf_counter()
tops = [exchange.top(one.con_id) for one in world.listings()]
second = time.perf_counter() - again
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{len(tops)} {rss:.0f} {first:.3f} {second:.3f}")
"""


def test_a_market_of_thousands_for_a_day(benchmark):
    """A process of its own: names, resident MB, seconds for all tops at first and again."""
    found = []

    def load():
        done = subprocess.run(
            [sys.executable, "-c", WHOLE_MARKET],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(done.stdout.split())

    benchmark.pedantic(load, rounds=3)
    names, megabytes, first, again = found[-1]
    benchmark.extra_info.update(
        names=int(names), megabytes=float(megabytes), first_tops=first, tops_again=again
    )
    assert float(megabytes) < 1024
