"""What the desk writes down of each order: intent, then sent, then what was read back.

Each entry is committed before the next act: what was not recorded is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from edges.clock import Clock
from edges.ibkr import LegOrder
from guardrails.terms import Leg, LiveOrder, Market, OrderStatus
from ledger import Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """The session's pen: every fact it writes carries the session and the time."""

    ledger: Ledger
    clock: Clock
    session_id: str
    account_id: str

    def intend(
        self, legs: Iterable[tuple[Leg, LegOrder]], *, proposal_id: int, market: Market
    ) -> None:
        """The orders that are about to be sent stand in the ledger, all or none."""
        with self.ledger.transaction():
            for name, leg in legs:
                self.ledger.add_intent(
                    order_ref=leg.order_ref,
                    session_id=self.session_id,
                    proposal_id=proposal_id,
                    at=self.clock.now(),
                    leg=name,
                    account_id=leg.account_id,
                    symbol=leg.symbol,
                    market=market,
                    con_id=leg.con_id,
                    currency=leg.currency,
                    action=leg.action,
                    shares=leg.shares,
                    order_type=leg.order_type,
                    limit_price=leg.limit_price,
                    stop_price=leg.stop_price,
                    tif=leg.tif,
                    oca_group=leg.oca_group,
                    parent_ref=leg.parent_ref,
                )

    def sending(self, legs: Iterable[LegOrder], ids: dict[str, int], client_id: int) -> None:
        """The orders are marked as sent, with the ids they go out under."""
        with self.ledger.transaction():
            for leg in legs:
                self.event(
                    leg.order_ref,
                    OrderStatus.SENT,
                    order_id=ids[leg.order_ref],
                    client_id=client_id,
                )

    def found(self, order: LiveOrder, status: OrderStatus, note: str = "") -> None:
        """An order as the broker lists it."""
        self.event(
            order.order_ref,
            status,
            perm_id=order.perm_id,
            order_id=order.order_id,
            client_id=order.client_id,
            broker_status=order.status,
            filled_shares=order.filled_shares,
            note=note,
        )

    def event(
        self,
        order_ref: str,
        status: OrderStatus,
        *,
        perm_id: int = 0,
        order_id: int = 0,
        client_id: int = 0,
        broker_status: str = "",
        filled_shares: int = 0,
        average_price: Decimal | None = None,
        note: str = "",
    ) -> None:
        """One event in an order's life."""
        self.ledger.add_order_event(
            order_ref=order_ref,
            at=self.clock.now(),
            status=status,
            perm_id=perm_id,
            order_id=order_id,
            client_id=client_id,
            broker_status=broker_status,
            filled_shares=filled_shares,
            average_price=average_price,
            note=note,
        )

    def step(self, kind: str, summary: str, body: dict[str, object]) -> None:
        """A step of the transcript."""
        self.ledger.add_step(
            self.session_id, at=self.clock.now(), kind=kind, summary=summary, body=body
        )

    def alert(self, event: str, text: str, severity: str = "critical") -> None:
        """An alert, and a step of the transcript that says so."""
        self.ledger.add_alert(
            session_id=self.session_id,
            at=self.clock.now(),
            event=event,
            severity=severity,
            text=text,
        )
        self.step("alert", text, {"event": event, "severity": severity})
