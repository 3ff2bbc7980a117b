"""The nouns of this desk: what is proposed, seen, ruled, held and resting.

Only values live here: no clock, no I/O, no decision. Everything that crosses from one package to
another is one of these. Conventions that hold for all of them:

prices      Decimal, in the instrument's own currency, > 0; None means unknown, never zero.
shares      int; signed only in `Position.shares` (negative is short).
*_base      Decimal in the account's base currency.
times       aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Intent(StrEnum):
    """What a proposal wants to happen."""

    OPEN = "open"
    CLOSE = "close"
    TIGHTEN = "tighten"


class Side(StrEnum):
    """The direction of a position, as the model says it."""

    LONG = "long"
    SHORT = "short"


class Action(StrEnum):
    """The direction of an order, as the broker takes it."""

    BUY = "BUY"
    SELL = "SELL"


class State(StrEnum):
    """What the desk may do: everything, reduce only, or reduce only until a person resumes."""

    NORMAL = "NORMAL"
    DEGRADED = "DEGRADED"
    HALTED = "HALTED"


class Market(StrEnum):
    """The markets of this desk."""

    HK = "HK"
    US = "US"


class Leg(StrEnum):
    """The part an order plays; the last word of its orderRef."""

    ENTRY = "entry"
    TARGET = "target"
    STOP = "stop"
    CLOSE = "close"


class OrderStatus(StrEnum):
    """The life of an order as this desk tells it (DESIGN part 8)."""

    INTENT = "intent"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    RESTING = "resting"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Step(NamedTuple):
    """From `from_price` (inclusive) upward, prices are multiples of `tick`."""

    from_price: Decimal
    tick: Decimal


class Hours(NamedTuple):
    """One continuous trading session, [opens_at, closes_at)."""

    opens_at: datetime
    closes_at: datetime


class Part(NamedTuple):
    """A share of an opening that has a target, and a stop, of its own."""

    shares: int
    target_price: Decimal


class Check(NamedTuple):
    """One rule's finding.

    `says` is filled where `ok` is False: the numbers, and what would pass. Where `ok` is True it
    tells what was left out of the order, if anything was.
    """

    rule: str
    ok: bool
    observed: str
    limit: str
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What the model asked for, well formed but not yet judged."""

    intent: Intent
    symbol: str
    side: Side
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    target_price_2: Decimal | None = None  # beyond the first; the lots are then split
    confidence: Decimal | None = None
    thesis: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """One stock as the broker described it in this session."""

    symbol: str
    market: Market
    con_id: int
    name: str
    currency: str
    exchange: str
    primary_exchange: str
    security_type: str
    stock_type: str = ""  # COMMON, ETF, ADR, ...; "" is unknown
    sector: str = ""  # "" is unknown
    lot: int | None = None  # shares; None is unknown
    ladder: tuple[Step, ...] = ()  # () is unknown
    order_types: frozenset[str] = frozenset()
    hours: tuple[Hours, ...] = ()  # the liquid sessions of the days around now, in order


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """The book's top at `at`."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    at: datetime
    is_realtime: bool
    previous_close: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar; `at` is its start."""

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A holding the broker reports, with what protects it."""

    symbol: str
    market: Market
    con_id: int
    currency: str
    shares: int
    average_price: Decimal
    market_price: Decimal | None = None
    sector: str = ""
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    protected_shares: int = 0  # under a stop that rests at the broker
    exiting_shares: int = 0  # under working exits other than the resting bracket legs


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkingEntry:
    """An entry that may still fill, UNKNOWN ones included: they count against every limit."""

    symbol: str
    market: Market
    currency: str
    side: Side
    shares: int
    limit_price: Decimal
    stop_price: Decimal | None = None
    sector: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account as the broker reports it; None is unknown."""

    account_id: str
    base_currency: str
    net_liquidation_base: Decimal | None
    available_funds_base: Decimal | None
    gross_position_value_base: Decimal | None
    maintenance_margin_base: Decimal | None
    day_pnl_base: Decimal | None
    fx: Mapping[str, Decimal] = field(default_factory=dict)  # base currency per unit of the key


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Everything a ruling may look at, at one instant."""

    now: datetime
    state: State
    account: Account
    positions: tuple[Position, ...]
    entries: tuple[WorkingEntry, ...]
    instrument: Instrument | None  # of the proposal's symbol; None where the broker knows none
    quote: Quote | None
    atr: Decimal | None  # average true range of a day, in the instrument's currency
    average_volume_shares: int | None  # a day's
    reconciled_at: datetime | None  # the last clean reconciliation
    needs_keeper: bool  # whether positions here depend on the keeper between sessions
    keeper_at: datetime | None = None  # its last heartbeat; None is none
    live_lock: tuple[str, ...] = ()  # what keeps real money locked, in words; empty is nothing
    stopped_out_at: Mapping[str, datetime] = field(default_factory=dict)  # by symbol
    orders_last_minute: int = 0
    orders_today: int = 0
    proposals_this_session: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizing:
    """How the number of shares came about. `bounds` are shares allowed by each rule, by name."""

    shares: int
    lot: int
    price_base: Decimal
    target_value_base: Decimal
    atr_scale: Decimal
    bounds: Mapping[str, int]
    binding: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveOrder:
    """An order the broker lists as open, as read back from it."""

    order_ref: str
    order_id: int
    client_id: int
    perm_id: int
    parent_id: int
    symbol: str
    con_id: int
    action: Action
    order_type: str
    shares: int
    filled_shares: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    tif: str
    oca_group: str
    oca_type: int
    status: str  # the broker's own word
    account_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One fill the broker reports. The execId's root names it; a later suffix corrects it."""

    exec_id: str
    order_ref: str
    perm_id: int
    account_id: str
    symbol: str
    market: Market
    currency: str
    action: Action
    shares: int
    price: Decimal
    at: datetime
    commission: Decimal | None = None
    commission_currency: str = ""
    realised_pnl: Decimal | None = None

    @property
    def root(self) -> str:
        """The execId without its last suffix: equal for an execution and its corrections."""
        return self.exec_id.rpartition(".")[0] or self.exec_id


_SEAL = object()  # Only this package may name it: holding it is the right to approve an order.


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """An approved order: the only thing the desk will carry out, and only a ruling can make one.

    The seal is a constructor argument that is not stored, so `dataclasses.replace` cannot make an
    altered copy either.
    """

    seal: InitVar[object]
    intent: Intent
    symbol: str
    market: Market
    con_id: int
    exchange: str
    currency: str
    action: Action  # of the first order sent: the entry, or the exit
    exit_action: Action  # of the orders that reduce the position
    shares: int
    limit_price: Decimal | None  # None only for a tightening
    stop_price: Decimal | None  # None only for a closing
    parts: tuple[Part, ...]  # of an opening, nearest target first, together `shares`; else empty
    value_base: Decimal
    risk_base: Decimal

    @property
    def target_price(self) -> Decimal | None:
        """The nearest target of an opening; None for the other intents."""
        return self.parts[0].target_price if self.parts else None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise RuntimeError("a Ticket is made by guardrails.rule() and nowhere else")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """The verdict on one proposal: every check that ran, and the ticket if all of them passed."""

    checks: tuple[Check, ...]
    ticket: Ticket | None
    sizing: Sizing | None = None

    @property
    def approved(self) -> bool:
        """Whether an order may be sent."""
        return self.ticket is not None

    @property
    def refusals(self) -> tuple[Check, ...]:
        """The checks that failed, in the order in which they ran."""
        return tuple(check for check in self.checks if not check.ok)
