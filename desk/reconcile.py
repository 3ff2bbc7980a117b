"""Broker truth against the ledger: every difference is named, none is acted on.

ledger_only  shares that the ledger's executions leave, and the broker does not hold
broker_only  shares the broker holds, and no execution in the ledger explains
quantity     both have the symbol, in different amounts
unresolved   an order that was sent and whose end is not known, and that is not open at the broker
unprotected  a position without a resting stop over all its shares

Executions since midnight are taken into the ledger first: a fill that was missed is news, not a
difference. This module sends nothing and deletes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from desk.book import Book
from desk.sync import settle_orders, take_executions
from edges.ibkr import Broker, HeldShares
from guardrails.terms import LiveOrder
from ledger import OpenIntent

BLOCKING = frozenset({"ledger_only", "broker_only", "quantity", "unresolved"})
STOP_TYPES = frozenset({"STP", "STP LMT", "TRAIL"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One difference, with what each side says."""

    kind: str
    symbol: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What was found; clean means that nothing forbids new entries."""

    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether broker and ledger agree on every position and every order's end."""
        return not any(finding.kind in BLOCKING for finding in self.findings)


async def reconcile(broker: Broker, book: Book) -> Reconciliation:
    """Broker and ledger compared on complete reads; the result stands in the ledger.

    Raises OutcomeUnknown or NotServing where a read fails: then nothing is concluded.
    """
    positions = await broker.held()
    live = await broker.open_orders()
    completed = await broker.completed_orders()
    await take_executions(broker, book)
    in_ledger = book.ledger.positions(book.account_id)
    findings = [
        *_positions(positions, in_ledger),
        *(_unresolved(one) for one in settle_orders(book, live, completed)),
        *_protection(positions, live),
    ]
    result = Reconciliation(findings=tuple(findings))
    book.ledger.add_reconciliation(
        session_id=book.session_id,
        at=book.clock.now(),
        account_id=book.account_id,
        clean=result.clean,
        findings=[
            {"kind": finding.kind, "symbol": finding.symbol, "says": finding.says}
            for finding in findings
        ],
    )
    for finding in findings:
        book.alert(f"reconcile_{finding.kind}", f"{finding.symbol}: {finding.says}")
    return result


def _positions(positions: Sequence[HeldShares], in_ledger: Mapping[str, int]) -> list[Finding]:
    at_broker = {position.symbol: position.shares for position in positions}
    found = []
    for symbol in sorted(at_broker.keys() | in_ledger.keys()):
        broker_shares, ledger_shares = at_broker.get(symbol, 0), in_ledger.get(symbol, 0)
        if broker_shares == ledger_shares:
            continue
        kind = "quantity"
        if broker_shares == 0:
            kind = "ledger_only"
        elif ledger_shares == 0:
            kind = "broker_only"
        says = f"broker holds {broker_shares} shares, the ledger's executions leave {ledger_shares}"
        found.append(Finding(kind=kind, symbol=symbol, says=says))
    return found


def _unresolved(intent: OpenIntent) -> Finding:
    says = f"{intent.order_ref} was {intent.status}; it is in none of the broker's lists"
    return Finding(kind="unresolved", symbol=intent.symbol, says=says)


def _protection(positions: Sequence[HeldShares], live: Sequence[LiveOrder]) -> list[Finding]:
    found = []
    for position in positions:
        under_stop = protected_shares(position, live)
        if under_stop < abs(position.shares):
            says = f"{under_stop} of {abs(position.shares)} shares are under a resting stop"
            found.append(Finding(kind="unprotected", symbol=position.symbol, says=says))
    return found


def protected_shares(position: HeldShares, live: Sequence[LiveOrder]) -> int:
    """Shares of the position under a stop that rests at the broker; never more than are held."""
    reducing = "SELL" if position.shares > 0 else "BUY"
    stops = sum(
        order.shares - order.filled_shares
        for order in live
        if order.con_id == position.con_id
        and order.action == reducing
        and order.order_type in STOP_TYPES
        and order.status in ("PreSubmitted", "Submitted")
    )
    return min(stops, abs(position.shares))
