"""One listing's position: its executions in order, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One execution in the books; `signed` is above 0 for a purchase."""

    signed: int
    price: Decimal
    cost: Decimal
    at: datetime
    day: date  # at the listing's exchange
    reference: str

    @property
    def paid(self) -> Decimal:
        """What left the account: below 0 for a sale."""
        return self.signed * self.price + self.cost


@dataclass(kw_only=True, slots=True)
class Holding:
    """Shares below 0 are short. average_cost is a share's, commission included as IBKR counts it:

    a purchase's is added to what was paid, a short sale's is taken from what was received. Of an
    execution that closes and opens at once each share bears the same part of the cost.
    """

    shares: int = 0
    average_cost: Decimal = NOTHING
    realised: dict[date, Decimal] = field(default_factory=dict)  # by local day
    entries: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> Decimal | None:
        """Books an execution; returns what it realised, or None for one that closes nothing."""
        self.entries.append(entry)
        size = abs(entry.signed)
        closing = min(size, abs(self.shares)) if self.shares * entry.signed < 0 else 0
        realised = self._close(entry, closing) if closing else None
        if size > closing:
            self._open(entry, size - closing)
        return realised

    def _close(self, entry: Entry, shares: int) -> Decimal:
        gain = (entry.price - self.average_cost) * shares
        realised = gain if self.shares > 0 else -gain
        realised -= entry.cost * shares / abs(entry.signed)
        self.realised[entry.day] = self.realised.get(entry.day, NOTHING) + realised
        self.shares += shares if entry.signed > 0 else -shares
        if self.shares == 0:
            self.average_cost = NOTHING
        return realised

    def _open(self, entry: Entry, shares: int) -> None:
        cost = entry.cost * shares / abs(entry.signed)
        paid = abs(self.shares) * self.average_cost + shares * entry.price
        paid += cost if entry.signed > 0 else -cost
        self.average_cost = paid / (abs(self.shares) + shares)
        self.shares += shares if entry.signed > 0 else -shares

    def shares_before(self, at: datetime) -> int:
        """What was held just before an instant."""
        return sum(entry.signed for entry in self.entries if entry.at < at)
