"""The broker: the one place that talks to Interactive Brokers, and it decides nothing.

Two connections: orders on one, data on the other, so that no order queues behind data requests.
Every answer is a value of `guardrails.terms` or an error of `edges.errors`; None means unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from edges.clock import Clock
from edges.errors import NotServing
from edges.ibkr import account as accounts
from edges.ibkr import contracts, orders, quotes
from edges.ibkr.account import HeldShares
from edges.ibkr.link import Address, Link, Notice
from edges.ibkr.orders import CompletedOrder, LegOrder
from guardrails.terms import Account, Bar, Execution, Instrument, LiveOrder, Market, Quote, Step

__all__ = ["Address", "Broker", "CompletedOrder", "HeldShares", "LegOrder", "Notice"]

LIFE_SIGN_SECONDS = 5.0  # a gateway that does not tell the time in this long must get no order
CLOCK_SKEW_SECONDS_MAX = 30.0


class Broker:
    """The account's broker, through two connections to one gateway."""

    def __init__(self, *, orders_at: Address, data_at: Address, clock: Clock) -> None:
        self._orders = Link(orders_at)
        self._data = Link(data_at)
        self._clock = clock
        self._ladders: dict[int, tuple[Step, ...]] = {}
        self._instruments: dict[str, Instrument | None] = {}
        self.account_id = ""
        self.changed = self._orders.changed  # set when orders, executions or the connection change

    async def connect(self, account_prefix: str) -> None:
        """Connected twice, and proven to serve: time, account, positions, orders, executions.

        account_prefix: what the account id must start with ("DU" for paper and sim).
        Raises NotServing with one line.
        """
        await self._orders.connect()
        await self._data.connect()
        skew = (await self._time() - self._clock.now()).total_seconds()
        if abs(skew) > CLOCK_SKEW_SECONDS_MAX:
            raise NotServing(
                f"the broker's clock and this machine's differ by {skew:.0f} s, allowed are "
                f"{CLOCK_SKEW_SECONDS_MAX:.0f} s: set this machine's clock (NTP)"
            )
        self.account_id = self._account(account_prefix)
        # The library reports a connection as ready when its own synchronisation timed out.
        await self.held()
        await self.open_orders()
        await self.executions()
        await accounts.subscribe_pnl(self._orders, self.account_id)

    def _account(self, prefix: str) -> str:
        found = self._orders.account_ids
        matching = [account for account in found if account.startswith(prefix)]
        if len(matching) != 1 or len(found) != 1:
            raise NotServing(
                f"exactly one account starting with {prefix!r} is expected behind the gateway, "
                f"found {', '.join(found) or 'none'}: log in to the account this mode is for"
            )
        return matching[0]

    async def _time(self) -> datetime:
        return await self._orders.ask_keyed("time", self._orders.ib.reqCurrentTimeAsync)

    async def life_sign(self) -> None:
        """The gateway answers now; raises otherwise. A frozen one would execute a stale order."""
        async with self._orders.keyed:
            await self._orders.ask("time", self._orders.ib.reqCurrentTimeAsync(), LIFE_SIGN_SECONDS)

    # Market

    async def instrument(self, symbol: str) -> Instrument | None:
        """The stock of that symbol, asked for once a session; None where the broker knows none."""
        if symbol not in self._instruments:
            self._instruments[symbol] = await contracts.qualify(self._data, symbol, self._ladders)
        return self._instruments[symbol]

    async def quote(self, instrument: Instrument) -> Quote:
        """The top of the book, asked for now."""
        return await quotes.quote(self._data, instrument, self._clock.now())

    async def bars(self, instrument: Instrument, size: str, count: int) -> tuple[Bar, ...]:
        """The last `count` bars of regular hours, oldest first."""
        return await quotes.bars(self._data, instrument, size, count)

    async def movers(self, market: Market, rows: int, price_min: Decimal) -> tuple[str, ...]:
        """Symbols from the broker's scanner, strongest first."""
        return await quotes.movers(self._data, market, rows, price_min)

    async def headlines(
        self, instrument: Instrument, count: int
    ) -> tuple[tuple[datetime, str, str], ...]:
        """(time, provider, text), newest first."""
        return await quotes.headlines(self._data, instrument, self._clock.now(), count)

    # Account

    async def account(self) -> Account:
        """The account's values, asked for now."""
        return await accounts.account(self._orders, self.account_id)

    async def held(self) -> tuple[HeldShares, ...]:
        """The account's positions, asked for now."""
        return await accounts.held(self._orders, self.account_id)

    def day_pnl(self) -> Decimal | None:
        """The day's P&L in base currency as last streamed; None is unknown."""
        return accounts.day_pnl(self._orders, self.account_id)

    # Orders

    def reserve_ids(self, legs: Sequence[LegOrder]) -> dict[str, int]:
        """Fresh order ids by orderRef."""
        return orders.reserve_ids(self._orders, legs)

    def send(self, leg: LegOrder, ids: dict[str, int]) -> None:
        """The leg is on its way (see orders.send)."""
        orders.send(self._orders, leg, ids)

    def cancel(self, order_id: int) -> None:
        """A cancellation is on its way."""
        orders.cancel(self._orders, order_id)

    async def open_orders(self) -> tuple[LiveOrder, ...]:
        """Every open order of the account, asked for now."""
        return await orders.open_orders(self._orders)

    async def completed_orders(self) -> tuple[CompletedOrder, ...]:
        """Every order finished today, asked for now."""
        return await orders.completed_orders(self._orders)

    async def executions(self) -> tuple[Execution, ...]:
        """Every execution since midnight, asked for now."""
        return await orders.executions(self._orders)

    def notices_of(self, order_id: int) -> tuple[Notice, ...]:
        """What the error channel said about an order."""
        return self._orders.notices_of(order_id)

    @property
    def client_id(self) -> int:
        """The client id under which orders are placed; only they can be changed by us."""
        return self._orders.address.client_id

    def close(self) -> None:
        """Both connections are down."""
        self._orders.close()
        self._data.close()
