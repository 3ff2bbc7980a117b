"""The nouns of the simulated gateway: listings, bars, orders, executions, and what happens to them.

Known to every file of this package and to whoever supplies a world. Nothing of the trading system
is imported here: this side of the wire is an independent witness.

prices      Decimal in the listing's currency; None where there is none
quantities  int shares
times       aware datetimes in UTC
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol


class Bar(NamedTuple):
    """One bar; `at` is its start."""

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class Session(NamedTuple):
    """One continuous trading session, [opens_at, closes_at)."""

    opens_at: datetime
    closes_at: datetime


class Headline(NamedTuple):
    """One news headline."""

    at: datetime
    provider: str
    article_id: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One stock of the simulated world."""

    con_id: int
    symbol: str
    market: str  # "US" or "HK"
    name: str
    currency: str
    primary_exchange: str  # NASDAQ, NYSE, ARCA, SEHK
    stock_type: str  # COMMON, ETF, ADR, REIT, ...
    industry: str  # IBKR's industry (sector); "" unknown
    category: str
    lot: int
    time_zone: str  # IBKR's zone name: US/Eastern, Hongkong
    market_rule_id: int


class World(Protocol):
    """What there is to trade and what happened: the far side's whole knowledge of the market."""

    label: (
        str  # shown wherever its data are shown: "synthetic seed 7", "us_1min", "us_1d, expanded"
    )

    def listings(self) -> Sequence[Listing]:
        """Every listing, in a stable order."""

    def market_rule(self, rule_id: int) -> Sequence[tuple[Decimal, Decimal]] | None:
        """(low edge inclusive, increment) pairs in order, or None for an unknown id."""

    def sessions(self, market: str, day: date) -> Sequence[Session]:
        """The continuous sessions of the local day; empty when closed. HK has two (lunch)."""

    def minutes(self, con_id: int, start: datetime, end: datetime) -> Sequence[Bar]:
        """Minute bars with start <= at < end, in order; minutes without a trade are absent.

        sim.gateway.bars.Bars where there are many.
        """

    def halts(self, con_id: int, day: date) -> Sequence[Session]:
        """Spans of the local day in which trading in the listing was halted."""

    def days(self, con_id: int, before: date, count: int) -> Sequence[Bar]:
        """Up to `count` daily bars of trading days before `before` (local), oldest first."""

    def headlines(self, con_id: int, start: datetime, end: datetime) -> Sequence[Headline]:
        """News of the listing in [start, end), oldest first."""

    def usd_per_unit(self, currency: str, at: datetime) -> Decimal:
        """The exchange rate of `currency`; 1 for USD. Raises KeyError for an unknown currency."""


@dataclass(kw_only=True, slots=True)
class Order:
    """An order as the gateway holds it, keyed (client_id, order_id); perm_id is account-wide."""

    client_id: int
    order_id: int
    perm_id: int = 0
    con_id: int
    action: str  # BUY or SELL
    order_type: str  # LMT, STP, STP LMT, MKT
    quantity: int
    limit_price: Decimal | None = None  # wire lmtPrice
    stop_price: Decimal | None = None  # wire auxPrice
    tif: str = "DAY"  # DAY, GTC, GTD or IOC
    oca_group: str = ""
    oca_type: int = 3
    order_ref: str = ""
    transmit: bool = True
    parent_id: int = 0  # the parent's order_id under the same client_id; 0 is none
    outside_rth: bool = False
    what_if: bool = False
    account: str = ""
    exchange: str = ""  # the route as sent
    good_till_date: str = ""  # as sent
    status: str = (
        ""  # PreSubmitted, Submitted, Filled, Cancelled, Inactive; "" while held untransmitted
    )
    why_held: str = ""
    market_cap_price: Decimal = Decimal(0)  # above 0 while the broker caps the price
    filled: int = 0
    average_fill_price: Decimal = Decimal(0)
    last_fill_price: Decimal = Decimal(0)
    commission: Decimal | None = None
    commission_currency: str = ""
    placed_at: datetime | None = None
    completed_at: datetime | None = None
    completed_status: str = ""  # e.g. "Cancelled by Trader", "Filled Size: 100"
    reject_reason: str = ""

    @property
    def remaining(self) -> int:
        """Shares not yet filled."""
        return self.quantity - self.filled


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """One execution with its cost."""

    exec_id: str
    client_id: int
    order_id: int
    perm_id: int
    con_id: int
    order_ref: str
    action: str  # BUY or SELL
    shares: int
    price: Decimal
    at: datetime
    account: str
    exchange: str
    cumulative: int
    average_price: Decimal
    commission: Decimal  # all fees together, in `currency`
    currency: str
    realised_pnl: Decimal | None  # None for an opening fill


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A position of the account; average_cost is per share, with commission as IBKR counts it."""

    con_id: int
    shares: int
    average_cost: Decimal
    market_price: Decimal | None
    realised_pnl: Decimal
    unrealised_pnl: Decimal | None


class Top(NamedTuple):
    """The top of a listing's book and its day so far. None: no such price."""

    at: datetime
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    bid_size: int
    ask_size: int
    last_size: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    previous_close: Decimal | None
    volume: int


# What the exchange reports, in the order in which a client must hear it. Each event carries the
# order as it was at that instant: a copy, never the exchange's own.
class OrderChanged(NamedTuple):
    """Send openOrder and orderStatus of this order."""

    order: Order


class Filled(NamedTuple):
    """Send execDetails, the order's new state without and with its commission, commissionReport."""

    order: Order
    fill: Fill


class Corrected(NamedTuple):
    """Send execDetails and commissionReport of a corrected execution; its id replaces another."""

    fill: Fill


class Refused(NamedTuple):
    """Send an error for this order; `order` is None when the gateway knows no such order."""

    client_id: int
    order_id: int
    code: int
    text: str
    order: Order | None


class AccountMoved(NamedTuple):
    """Positions, portfolio and account values have changed."""

    con_ids: tuple[int, ...]


Event = OrderChanged | Filled | Corrected | Refused | AccountMoved
