"""What the simulated gateway costs: an acknowledgement, bars, a polled day, a market of thousands.

Through the real client over loopback, client and gateway in one process and one loop unless said.
"""

import asyncio
import itertools
import socket
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import ib_insync
import pytest

from sim import clock
from sim.gateway.server import Gateway
from sim.gateway.wire import requests
from sim.gateway.wire.frames import frame
from sim.market import open_market
from tests.support.wire import hello, start
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


@pytest.fixture
def wire(tmp_path):
    """A started connection to a gateway in a process of its own, without a client library."""
    config = tmp_path / "config.yaml"
    config.write_text((ROOT / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, ROOT / "agent.py", "gateway", "--port", "0", "--config", config],
        stdout=subprocess.PIPE,
        text=True,
    )
    port = int(process.stdout.readline().split("127.0.0.1:")[1].split(",")[0])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(hello() + start())
        time.sleep(0.5)
        connection.recv(1 << 16)
        yield connection
    process.terminate()
    process.communicate(timeout=20)


def test_order_to_acknowledgement_on_the_wire(benchmark, wire):
    """From the order's bytes to the first bytes of its answer, orders one after another."""
    numbers = itertools.count(1)
    resting = {"symbol": "ARDN", "secType": "STK", "exchange": "SMART", "currency": "USD"}
    resting |= {"action": "BUY", "totalQuantity": 1, "orderType": "LMT", "lmtPrice": "50.5"}
    cancel = requests.SERVED["cancelOrder"]
    orders = []

    def setup():
        if orders:
            wire.sendall(frame(cancel.write({"orderId": orders.pop()}, 176)))
            assert b"Cancelled" in wire.recv(1 << 16)
        orders.append(next(numbers))
        values = {**resting, "orderId": orders[-1], "tif": "GTC"}
        return (frame(requests.PLACE_ORDER.write(values, 176)),), {}

    def place(message):
        wire.sendall(message)
        assert b"Submitted" in wire.recv(1 << 16)

    benchmark.pedantic(place, setup=setup, rounds=1000)


def test_order_to_acknowledgement_through_the_client(benchmark, served):
    """Until ib_insync's trade says so; most of it is the client's own work."""
    found = []

    async def orders():
        for _ in range(300):
            order = ib_insync.LimitOrder("BUY", 1, 50.0, tif="GTC")
            began = time.perf_counter()
            trade = served.ib.placeOrder(served.stock, order)
            while trade.orderStatus.status == "PendingSubmit":
                await trade.statusEvent
            found.append(time.perf_counter() - began)
            served.ib.cancelOrder(order)
            while not trade.isDone():
                await trade.statusEvent

    benchmark.pedantic(lambda: served.runner.run(orders()), rounds=3)
    benchmark.extra_info["acknowledged_ms_p50"] = round(statistics.median(found) * 1000, 3)


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
world = open_market(None, symbols=4079)
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
