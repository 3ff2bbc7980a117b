"""A plain ib_insync client before a gateway that lies by schedule, in virtual time."""

import asyncio
import logging
from contextlib import asynccontextmanager

import ib_insync

from sim import clock
from sim.gateway.faults import read
from sim.gateway.server import Gateway
from tests.support.tiny import NOON, TinyWorld


class Scene:
    """A gateway, its schedule, and clients of it that know nothing of faults."""

    def __init__(self, gateway, virtual):
        self.gateway = gateway
        self.exchange = gateway.exchange  # the truth
        self.virtual = virtual
        self.errors = []  # (request id, code) of every client, in order
        self.clients = []

    async def connect(self, client_id=7, **more):
        """A connected client; its RequestTimeout stays as the library ships it."""
        ib = ib_insync.IB()
        ib.errorEvent += lambda number, code, *_: self.errors.append((number, code))
        self.clients.append(ib)
        await ib.connectAsync("127.0.0.1", self.gateway.port, client_id, **more)
        return ib

    async def stock(self, ib, symbol="AAPL"):
        """The qualified contract of AAPL (at 200.00, a spread of 0.01) or 700 (at 380)."""
        exchange, currency = ("SMART", "USD") if symbol == "AAPL" else ("SEHK", "HKD")
        [found] = await ib.qualifyContractsAsync(ib_insync.Stock(symbol, exchange, currency))
        return found

    @property
    def codes(self):
        """The codes the clients heard on the error channel, farm notices apart."""
        return [code for _, code in self.errors if code not in (2104, 2106, 2158)]

    @property
    def struck(self):
        """How often each fault struck."""
        return self.gateway.faults.struck.counts

    def live(self):
        """{order id: status} of what really rests at the exchange."""
        return {one.order_id: one.status for one in self.exchange.open_orders()}

    def shares(self, con_id=1):
        """What the account really holds of AAPL (1) or 700 (2)."""
        holding = self.exchange.books.holdings.get(con_id)
        return holding.shares if holding else 0


@asynccontextmanager
async def lying(*lines, world=None, start=NOON, **more):
    """A scene with the schedule's lines; must run inside a virtual loop (see `in_virtual_time`)."""
    loop = asyncio.get_running_loop()
    asyncio.set_event_loop(loop)  # ib_insync asks the policy for it
    virtual = clock.VirtualClock(start, loop)
    gateway = Gateway(world or TinyWorld(), now=virtual.now, schedule=read(lines), **more)
    await gateway.start()
    scene = Scene(gateway, virtual)
    try:
        yield scene
    finally:
        for ib in scene.clients:
            ib.disconnect()
        await gateway.close()


def in_virtual_time(scenario):
    """What the scenario returns."""
    return clock.run(scenario)


def bracket(ib, quantity=100, *, entry=200.05, target=205.0, stop=198.0, tif="GTC"):
    """Parent, target and stop as ib_insync's users write them, the stop last and transmitting."""
    ids = [ib.client.getReqId() for _ in range(3)]
    parent = ib_insync.LimitOrder("BUY", quantity, entry, orderId=ids[0], transmit=False)
    take = ib_insync.LimitOrder(
        "SELL", quantity, target, orderId=ids[1], parentId=ids[0], tif=tif, transmit=False
    )
    protect = ib_insync.StopOrder("SELL", quantity, stop, orderId=ids[2], parentId=ids[0], tif=tif)
    return parent, take, protect


logging.getLogger("ib_insync").setLevel(logging.CRITICAL)  # its complaints are not the test's
