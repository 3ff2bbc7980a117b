"""What the tools are lent: the market as the broker tells it, and the one door to orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from guardrails.terms import (
    Bar,
    Instrument,
    Leg,
    Market,
    OrderStatus,
    Proposal,
    Ruling,
    View,
)


class NoData(Exception):
    """A source did not serve: that is no data, never no signal."""


class Mover(NamedTuple):
    """One line of the broker's scanner. The name is outside text."""

    symbol: str
    market: Market
    name: str
    rank: int


class Headline(NamedTuple):
    """One headline: outside text."""

    at: datetime
    source: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LegState:
    """One order of an approved proposal as it was last seen at the broker."""

    ref: str
    leg: Leg
    status: OrderStatus
    shares: int
    price: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a proposal."""

    proposal_id: int
    status: str
    legs: tuple[LegState, ...]
    says: str


class Floor(Protocol):
    """Lent by the desk. Every method but `submit` raises NoData where its source fails."""

    def now(self) -> datetime:
        """The session's time."""

    async def movers(self, market: Market, rows: int) -> Sequence[Mover]:
        """The strongest gainers of the day, by the broker's scanner."""

    async def view(self, symbol: str) -> View:
        """The desk as it stands, seen for `symbol`."""

    async def bars(self, instrument: Instrument, size: str, count: int) -> Sequence[Bar]:
        """The last bars of a size ("5 mins", "1 day"), oldest first."""

    async def headlines(self, instrument: Instrument, count: int) -> Sequence[Headline]:
        """The newest headlines."""

    async def submit(self, raw: str, proposal: Proposal | None, ruling: Ruling) -> Outcome:
        """Records the ruling, and carries an approved ticket out."""
