"""Requests about the account: values, positions, P&L, and their streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sim.gateway.nouns import Held
from sim.gateway.requests.asker import Asker
from sim.gateway.requests.stamps import contract
from sim.gateway.wire.layout import Values
from sim.gateway.wire.words import UNSET_DOUBLE_TEXT

TOO_MANY_SUMMARIES = 322
Amounts = tuple[Decimal, ...]


@dataclass(slots=True)
class _Stream:
    """A P&L stream: of the account, or of one contract; and what it last said."""

    con_id: int | None
    ready_at: datetime
    told: Amounts | None = None


class Accounts:
    """One client's account requests and subscriptions."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._exchange = asker.core.exchange
        self._refresh = timedelta(seconds=asker.core.rules.account_refresh_seconds)
        self._refreshed_at: datetime | None = None  # of account updates; None: not subscribed
        self._positions = False
        self._multi: set[int] = set()
        self._summaries: dict[int, tuple[str, ...]] = {}
        self._pnl: dict[int, _Stream] = {}
        self.handlers: dict[str, Callable[[Values], None]] = {
            "reqManagedAccts": lambda _: asker.say(
                "managedAccounts", accounts=self._exchange.account_id
            ),
            "reqCurrentTime": lambda _: asker.say(
                "currentTime", time=int(self._exchange.now.timestamp())
            ),
            "reqAccountUpdates": self._updates,
            "reqPositions": self._all_positions,
            "cancelPositions": self._cancel_positions,
            "reqAccountSummary": self._summary,
            "cancelAccountSummary": lambda values: self._end(self._summaries, values),
            "reqAccountUpdatesMulti": self._updates_multi,
            "cancelAccountUpdatesMulti": lambda values: self._multi.discard(values["reqId"]),
            "reqPnL": lambda values: self._subscribe(values, None),
            "cancelPnL": lambda values: self._end(self._pnl, values),
            "reqPnLSingle": lambda values: self._subscribe(values, values["conId"]),
            "cancelPnLSingle": lambda values: self._end(self._pnl, values),
        }

    @staticmethod
    def _end(running: dict[int, _Stream] | dict[int, tuple[str, ...]], values: Values) -> None:
        running.pop(values["reqId"], None)

    @property
    def streams(self) -> bool:
        """Whether a P&L stream runs."""
        return bool(self._pnl)

    @property
    def refresh_at(self) -> datetime | None:
        """When values are pushed again although nothing was traded; None: never."""
        if self._refreshed_at is None:
            return None
        return self._refreshed_at + self._refresh

    # Pushed

    def moved(self, con_ids: tuple[int, ...]) -> None:
        """Positions and values after an execution, to a client that subscribed to them."""
        held = {row.con_id: row for row in self._exchange.held()}
        rows = [held.get(con_id) or _flat(con_id) for con_id in con_ids]
        if self._positions:
            for row in rows:
                self._position(row)
        if self._refreshed_at is not None:
            self._push(rows)

    def _push(self, rows: Iterable[Held]) -> None:
        for row in rows:
            self._portfolio(row)
        self._account_values()
        self._refreshed_at = self._exchange.now

    def tick(self) -> None:
        """What time alone brings: P&L that has changed, and values from time to time."""
        due = self.refresh_at
        if due is not None and self._exchange.now >= due:
            self._push(self._exchange.held())
        for request_id, stream in self._pnl.items():
            if self._exchange.now >= stream.ready_at:
                self._tell(request_id, stream)

    def _tell(self, request_id: int, stream: _Stream) -> None:
        amounts = self._amounts(stream.con_id)
        if amounts is None or amounts == stream.told:
            return
        stream.told = amounts
        if stream.con_id is None:
            daily, unrealised, realised = amounts
            self._asker.say(
                "pnl", reqId=request_id, daily=daily, unrealized=unrealised, realized=realised
            )
            return
        shares, daily, unrealised, realised, value = amounts
        self._asker.say(
            "pnlSingle",
            reqId=request_id,
            position=shares,
            daily=daily,
            unrealized=unrealised,
            realized=realised,
            value=value,
        )

    def _amounts(self, con_id: int | None) -> Amounts | None:
        """What a stream would say now, in cents; None for a contract never held."""
        if con_id is None:
            return tuple(round(amount, 2) for amount in self._exchange.pnl())
        found = self._exchange.pnl_single(con_id)
        return None if found is None else tuple(round(Decimal(amount), 2) for amount in found)

    # Rows

    def _position(self, row: Held) -> None:
        listing = self._asker.core.listing(row.con_id)
        self._asker.say(
            "position",
            account=self._exchange.account_id,
            **contract(listing, ""),
            position=row.shares,
            avgCost=round(row.average_cost, 8),
        )

    def _portfolio(self, row: Held) -> None:
        listing = self._asker.core.listing(row.con_id)
        price = row.market_price if row.market_price is not None else row.average_cost
        self._asker.say(
            "portfolioValue",
            **contract(listing, listing.primary_exchange, key="primaryExchange"),
            position=row.shares,
            marketPrice=price,
            marketValue=price * row.shares,
            averageCost=round(row.average_cost, 8),
            unrealizedPNL=round(row.unrealised_pnl or Decimal(0), 4),
            realizedPNL=round(row.realised_pnl, 4),
            account=self._exchange.account_id,
        )

    def _account_values(self) -> None:
        for tag, value, currency in self._exchange.account_values():
            self._asker.say(
                "accountValue",
                key=tag,
                value=value,
                currency=currency,
                account=self._exchange.account_id,
            )

    # Asked for

    def _updates(self, values: Values) -> None:
        if not values["subscribe"]:
            self._refreshed_at = None
            return
        self._push(self._exchange.held())
        self._asker.say("accountTime", time=f"{self._exchange.now:%H:%M}")
        self._asker.say("accountDownloadEnd", account=self._exchange.account_id)

    def _updates_multi(self, values: Values) -> None:
        request_id = values["reqId"]
        self._multi.add(request_id)
        for tag, value, currency in self._exchange.account_values():
            self._asker.say(
                "accountUpdateMulti",
                reqId=request_id,
                account=self._exchange.account_id,
                key=tag,
                value=value,
                currency=currency,
            )
        self._asker.say("accountUpdateMultiEnd", reqId=request_id)

    def _all_positions(self, _values: Values) -> None:
        self._positions = True
        for row in self._exchange.held():
            if row.shares:
                self._position(row)
        self._asker.say("positionEnd")

    def _cancel_positions(self, _values: Values) -> None:
        self._positions = False

    def _summary(self, values: Values) -> None:
        request_id = values["reqId"]
        if len(self._summaries.keys() - {request_id}) >= self._asker.core.rules.summaries_max:
            text = "Error processing request.-'Maximum number of account summary requests exceeded'"
            self._asker.error(request_id, TOO_MANY_SUMMARIES, text)
            return
        tags = tuple(values["tags"].split(","))
        self._summaries[request_id] = tags
        ledger = any(tag.startswith("$LEDGER") for tag in tags)
        for tag, value, currency in self._exchange.account_values():
            if ledger or tag in tags:
                self._asker.say(
                    "accountSummary",
                    reqId=request_id,
                    account=self._exchange.account_id,
                    key=tag,
                    value=value,
                    currency=currency,
                )
        self._asker.say("accountSummaryEnd", reqId=request_id)

    def _subscribe(self, values: Values, con_id: int | None) -> None:
        """A stream says the largest double until its first number is ready."""
        request_id = values["reqId"]
        seconds = self._asker.core.rules.pnl_ready_seconds
        stream = _Stream(con_id, self._exchange.now + timedelta(seconds=seconds))
        self._pnl[request_id] = stream
        if not seconds:
            self._tell(request_id, stream)
            return
        unknown = dict.fromkeys(("daily", "unrealized", "realized"), UNSET_DOUBLE_TEXT)
        if con_id is None:
            self._asker.say("pnl", reqId=request_id, **unknown)
        elif con_id in self._exchange.books.holdings:
            self._asker.say("pnlSingle", reqId=request_id, **unknown, value=UNSET_DOUBLE_TEXT)
        self._asker.core.later(seconds, self.tick)


def _flat(con_id: int) -> Held:
    """A position that is no more, and realised nothing today."""
    nothing = Decimal(0)
    return Held(
        con_id=con_id,
        shares=0,
        average_cost=nothing,
        market_price=None,
        realised_pnl=nothing,
        unrealised_pnl=nothing,
    )
