"""The simulated exchange and order desk: order life, families, matching. No socket, no clock.

What happened is returned as events in the order in which a client must hear it. Sequences follow
captures of real gateways. Everything is decided in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal

from sim.gateway.exchange import acts, arrivals, cancelling
from sim.gateway.exchange.agenda import Agenda
from sim.gateway.exchange.books import Books
from sim.gateway.exchange.floor import Floor
from sim.gateway.exchange.path import Paths
from sim.gateway.exchange.steps import happen
from sim.gateway.exchange.truth import Truth
from sim.gateway.exchange.what_if import what_if
from sim.gateway.nouns import Event, Fill, Held, Listing, Order, Refused, Top, World
from sim.gateway.rules import Rules


class Exchange:
    """One account trading on the listings of a world."""

    def __init__(
        self,
        world: World,
        *,
        start: datetime,
        account_id: str = "DU0000001",
        base_currency: str = "USD",
        cash: Mapping[str, Decimal] | None = None,
        seed: int = 0,
        rules: Rules | None = None,
        truth: Truth | None = None,
    ) -> None:
        """truth: how the exchange answers; a fault is one that lies."""
        self.rules = rules or Rules()
        self.account_id = account_id
        listings = world.listings()
        self.by_con_id = {listing.con_id: listing for listing in listings}
        self.by_symbol = {(one.symbol, one.market): one for one in listings}
        self.paths = Paths(
            world,
            seed=seed,
            spread_ticks=self.rules.spread_ticks,
            low_first=self._hurts_first if self.rules.extremes == "worst" else None,
        )
        self.books = Books(
            world=world,
            base=base_currency,
            cash=dict(cash or {"USD": Decimal(100_000)}),
            listings=self.by_con_id,
            mark=self.paths.last,
        )
        self.books.begin_day(start)
        self._floor = Floor(
            now=start,
            account_id=account_id,
            rules=self.rules,
            truth=truth or Truth(),
            listings=self.by_con_id,
            paths=self.paths,
            books=self.books,
        )
        self._agenda = Agenda(self._floor)

    def _hurts_first(self, listing: Listing, at: datetime) -> bool:
        """The low comes first for who was not short when the bar began, the high for a short."""
        holding = self.books.holdings.get(listing.con_id)
        return holding is None or holding.shares_before(at) >= 0

    # Reading

    @property
    def now(self) -> datetime:
        """The instant up to which everything has happened."""
        return self._floor.now

    def top(self, con_id: int) -> Top:
        """The top of a listing's book now."""
        return self.paths.top(self.by_con_id[con_id], self.now)

    def open_orders(self) -> list[Order]:
        """Transmitted orders that are not finished, by permId."""
        return self._floor.register.open_orders()

    def completed_orders(self) -> list[Order]:
        """Finished orders, in the order in which they ended."""
        return list(self._floor.register.done)

    def fills(self, since: datetime | None = None) -> list[Fill]:
        """Executions, oldest first."""
        return [fill for fill in self._floor.fills if since is None or fill.at >= since]

    def held(self) -> list[Held]:
        """Positions, and flat rows of those closed today."""
        return self.books.held(self.now)

    def account_values(self) -> list[tuple[str, str, str]]:
        """(tag, value, currency) rows."""
        return self.books.values(self.now)

    def pnl(self) -> tuple[Decimal, Decimal, Decimal]:
        """(daily, unrealised, realised) in base currency."""
        return self.books.pnl(self.now)

    def pnl_single(self, con_id: int) -> tuple[int, Decimal, Decimal, Decimal, Decimal] | None:
        """(position, daily, unrealised, realised, value) of one listing; None if not held today."""
        for row in self.held():
            if row.con_id == con_id:
                open_gain = row.unrealised_pnl or Decimal(0)
                price = row.average_cost if row.market_price is None else row.market_price
                daily = self.books.daily(con_id, self.now)
                return row.shares, daily, open_gain, row.realised_pnl, row.shares * price
        return None

    def next_id(self, client_id: int) -> int:
        """The lowest order id the client may use."""
        return self._floor.register.last_id(client_id) + 1

    # Time

    def next_wake(self) -> datetime | None:
        """The next instant at which something can happen to a live order; None if none lives."""
        return self._agenda.next_step()

    def advance(self, to: datetime) -> list[Event]:
        """What happened in (now, to]; now is `to` afterwards. Going back is no move."""
        events: list[Event] = []
        if to <= self.now:
            return events
        while (at := self._agenda.next_step()) is not None and at <= to:
            self._move(at)
            events.extend(happen(self._floor, self._agenda.due()))
        self._move(to)
        return events

    def _move(self, at: datetime) -> None:
        """It is `at`; nothing happens in between."""
        if at.date() != self.now.date():
            self.books.begin_day(datetime.combine(at.astimezone(UTC).date(), time(), UTC))
        self._floor.now = at

    # Orders

    def place(self, order: Order) -> list[Event]:
        """A new order, or new terms for a live or held one of the same key."""
        return arrivals.place(self._floor, order)

    def cancel(self, client_id: int, order_id: int) -> list[Event]:
        """Cancels one order of that client."""
        return cancelling.cancel(self._floor, (client_id, order_id))

    def cancel_all(self) -> list[Event]:
        """Cancels every open order of the account."""
        return cancelling.cancel_all(self._floor)

    def what_if(self, order: Order) -> Mapping[str, Decimal] | Refused:
        """Margin before and after the order in base currency, its commission in the listing's."""
        return what_if(self._floor, order)

    # What only a fault does

    def fill(self, client_id: int, order_id: int, shares: int, price: Decimal) -> list[Event]:
        """An execution of a live or an ended order; at most what remains of it."""
        return acts.fill_order(self._floor, (client_id, order_id), shares, price)

    def correct(self, exec_id: str, shares: int, price: Decimal) -> list[Event]:
        """An execution was of other shares or at another price: a new id of the same root."""
        return acts.correct_fill(self._floor, exec_id, shares, price)

    def by_broker(self, con_id: int, action: str, shares: int, order_id: int = 0) -> list[Event]:
        """A trade that no client asked for: a liquidation, or an order placed by hand."""
        return acts.trade_by_broker(self._floor, con_id, action, shares, order_id)

    def drop(self, client_id: int, order_id: int) -> None:
        """An order, live or held, is gone without a word."""
        acts.drop(self._floor, (client_id, order_id))

    def lose_held(self) -> None:
        """All untransmitted orders vanish, as at a restart."""
        self._floor.register.held.clear()
