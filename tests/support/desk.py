"""A desk on a tiny world: the real broker client over loopback, a real ledger, virtual time."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal as D

from desk.book import Book
from desk.hands import Hands
from desk.view import Viewer
from edges.ibkr import Address, Broker
from guardrails import rule
from guardrails.terms import Intent, Proposal, Side, State
from ledger import Ledger
from sim import clock
from sim.gateway.exchange import Exchange
from sim.gateway.server import Gateway
from tests.support.guarding import LIMITS
from tests.support.tiny import NOON, TinyWorld

OPEN = Proposal(
    intent=Intent.OPEN,
    symbol="AAPL",
    side=Side.LONG,
    limit_price=D("200.05"),
    stop_price=D("194.00"),
    target_price=D("215.00"),
    confidence=D("0.8"),
    thesis="test",
)


class Desk:
    """The parts of a session below the model."""

    def __init__(self, gateway, broker, ledger, virtual):
        self.gateway = gateway
        self.broker = broker
        self.ledger = ledger
        self.book = Book(
            ledger=ledger, clock=virtual, session_id="s1", account_id=broker.account_id
        )
        self.hands = Hands(broker=broker, book=self.book, stop_rest_seconds_max=2.0)
        self.state = State.NORMAL
        self.viewer = Viewer(
            broker=broker,
            ledger=ledger,
            clock=virtual,
            session_id="s1",
            state=lambda: self.state,
            stopped_out_minutes=60,
            alert=self.book.alert,
            needs_keeper=False,
        )

    async def ruled(self, proposal):
        """(proposal id, ruling) of a proposal, recorded as the session records it."""
        self.ledger.add_reconciliation(
            session_id="s1",
            at=self.book.clock.now(),
            account_id=self.book.account_id,
            clean=True,
            findings=[],
        )
        ruling = rule(proposal, await self.viewer.view(proposal.symbol), LIMITS)
        now = self.book.clock.now()
        number = self.ledger.add_proposal("s1", at=now, raw="{}", proposal=proposal)
        self.ledger.add_ruling("s1", number, at=now, ruling=ruling)
        return number, ruling

    def statuses(self):
        """The last recorded status of each order, by the words after the session's id."""
        return {
            row["order_ref"].removeprefix("s1-"): row["status"] for row in self.ledger.orders("s1")
        }

    def alerts(self):
        """The events alerted, in order."""
        return [row["event"] for row in self.ledger.alerts("s1")]


@asynccontextmanager
async def desk_on(tmp_path, world=None, exchange_class=Exchange):
    """A connected desk; must run inside a virtual loop."""
    virtual = clock.VirtualClock(NOON, asyncio.get_running_loop())
    gateway = Gateway(world or TinyWorld(), now=virtual.now, exchange_class=exchange_class)
    await gateway.start()

    def address(client_id):
        return Address(host="127.0.0.1", port=gateway.port, client_id=client_id, timeout_seconds=5)

    broker = Broker(orders_at=address(21), data_at=address(22), clock=virtual)
    await broker.connect("DU")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.start_session(
            session_id="s1",
            started_at=virtual.now(),
            broker="sim",
            dry=True,
            market="tiny",
            model="none",
            prompt_sha256="",
            config_sha256="",
            account_id=broker.account_id,
            versions={},
        )
        try:
            yield Desk(gateway, broker, ledger, virtual)
        finally:
            broker.close()
            await gateway.close()


def in_virtual_time(scenario):
    """What the scenario returns."""
    return clock.run(scenario)


HOUR = timedelta(hours=1)
