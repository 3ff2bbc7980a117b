"""Requests about the account: values, positions, P&L, and their streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sim.gateway.core import Core
from sim.gateway.nouns import Held, Listing
from sim.gateway.order_messages import contract_fields
from sim.gateway.wire.frames import Field
from sim.gateway.wire.reader import Reader


class Sender(Protocol):
    """The session that a handler answers through."""

    client_id: int
    version: int

    def send(self, *fields: Field) -> None:
        """One message."""

    def error(self, request_id: int, code: int, text: str) -> None:
        """One message of the error channel."""


class Accounts:
    """One client's account requests and subscriptions."""

    def __init__(self, core: Core, session: Sender) -> None:
        self._core = core
        self._session = session
        self._values = False  # subscribed to account updates
        self._positions = False
        self._multi: set[int] = set()
        self._pnl: dict[int, tuple[Field, ...] | None] = {}  # request id -> what was last told
        self._pnl_single: dict[int, tuple[int, tuple[Field, ...] | None]] = {}
        self.handlers: dict[int, Callable[[Reader], None]] = {
            6: self._updates,
            17: lambda _: session.send(15, 1, core.exchange.account_id),
            49: lambda _: session.send(49, 1, int(core.exchange.now.timestamp())),
            61: self._all_positions,
            62: self._summary,
            63: lambda _: None,
            64: self._cancel_positions,
            76: self._updates_multi,
            77: self._cancel_multi,
            92: self._subscribe_pnl,
            93: self._cancel_pnl,
            94: self._subscribe_single,
            95: self._cancel_single,
        }

    @property
    def streams(self) -> bool:
        """Whether a P&L stream runs."""
        return bool(self._pnl or self._pnl_single)

    def moved(self, con_ids: tuple[int, ...]) -> None:
        """Positions and values after an execution, to a client that subscribed to them."""
        held = {row.con_id: row for row in self._core.exchange.held()}
        for con_id in con_ids:
            row = held.get(con_id)
            if row is None:
                continue
            if self._positions:
                self._position(row)
            if self._values:
                self._portfolio(row)
        if self._values:
            self._account_values()

    def tick(self) -> None:
        """P&L streams tell what has changed since they last spoke."""
        for request_id, told in self._pnl.items():
            daily, unrealised, realised = self._core.exchange.pnl()
            now: tuple[Field, ...] = (round(daily, 2), round(unrealised, 2), round(realised, 2))
            if now != told:
                self._pnl[request_id] = now
                self._session.send(94, request_id, *now)
        for request_id, (con_id, told) in self._pnl_single.items():
            found = self._core.exchange.pnl_single(con_id)
            if found is None:
                continue
            shares, *amounts = found
            now = (shares, *(round(amount, 2) for amount in amounts))
            if now != told:
                self._pnl_single[request_id] = (con_id, now)
                self._session.send(95, request_id, *now)

    def _listing(self, row: Held) -> Listing:
        return self._core.listing(row.con_id)

    def _position(self, row: Held) -> None:
        listing = self._listing(row)
        self._session.send(
            61,
            3,
            self._core.exchange.account_id,
            *contract_fields(listing, ""),
            row.shares,
            round(row.average_cost, 8),
        )

    def _portfolio(self, row: Held) -> None:
        listing = self._listing(row)
        price = row.market_price if row.market_price is not None else row.average_cost
        self._session.send(
            7,
            8,
            *contract_fields(listing, listing.primary_exchange),
            row.shares,
            price,
            price * row.shares,
            round(row.average_cost, 8),
            round(row.unrealised_pnl, 4) if row.unrealised_pnl is not None else 0,
            round(row.realised_pnl, 4),
            self._core.exchange.account_id,
        )

    def _account_values(self) -> None:
        for tag, value, currency in self._core.exchange.account_values():
            self._session.send(6, 2, tag, value, currency, self._core.exchange.account_id)

    def _updates(self, fields: Reader) -> None:
        fields.skip(1)
        self._values = fields.boolean()
        if not self._values:
            return
        self._account_values()
        for row in self._core.exchange.held():
            self._portfolio(row)
        self._session.send(8, 1, f"{self._core.exchange.now:%H:%M}")
        self._session.send(54, 1, self._core.exchange.account_id)

    def _updates_multi(self, fields: Reader) -> None:
        fields.skip(1)
        request_id = fields.integer()
        self._multi.add(request_id)
        account_id = self._core.exchange.account_id
        for tag, value, currency in self._core.exchange.account_values():
            self._session.send(73, 1, request_id, account_id, "", tag, value, currency)
        self._session.send(74, 1, request_id)

    def _cancel_multi(self, fields: Reader) -> None:
        fields.skip(1)
        self._multi.discard(fields.integer())

    def _all_positions(self, _fields: Reader) -> None:
        self._positions = True
        for row in self._core.exchange.held():
            if row.shares:
                self._position(row)
        self._session.send(62, 1)

    def _cancel_positions(self, _fields: Reader) -> None:
        self._positions = False

    def _summary(self, fields: Reader) -> None:
        fields.skip(1)
        request_id = fields.integer()
        fields.skip(1)
        tags = fields.text().split(",")
        account_id = self._core.exchange.account_id
        ledger = any(tag.startswith("$LEDGER") for tag in tags)
        for tag, value, currency in self._core.exchange.account_values():
            if ledger or tag in tags:
                self._session.send(63, 1, request_id, account_id, tag, value, currency)
        self._session.send(64, 1, request_id)

    def _subscribe_pnl(self, fields: Reader) -> None:
        self._pnl[fields.integer()] = None
        self.tick()

    def _cancel_pnl(self, fields: Reader) -> None:
        self._pnl.pop(fields.integer(), None)

    def _subscribe_single(self, fields: Reader) -> None:
        request_id = fields.integer()
        fields.skip(2)
        self._pnl_single[request_id] = (fields.integer(), None)
        self.tick()

    def _cancel_single(self, fields: Reader) -> None:
        self._pnl_single.pop(fields.integer(), None)
