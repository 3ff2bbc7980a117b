"""Keeping the ledger true to the broker: fills as they happen, and how orders ended."""

from __future__ import annotations

from collections.abc import Sequence

from desk.book import Book
from edges.ibkr import Broker, CompletedOrder
from guardrails.terms import LiveOrder, OrderStatus
from ledger import OpenIntent


async def take_executions(broker: Broker, book: Book) -> int:
    """How many executions were new; each stands in the ledger once, with its commission."""
    new = 0
    for execution in await broker.executions():
        if execution.account_id != book.account_id:
            continue
        if book.ledger.add_execution(
            book.session_id, seen_at=book.clock.now(), execution=execution
        ):
            new += 1
            book.step(
                "order",
                f"filled: {execution.action} {execution.shares} {execution.symbol} "
                f"at {execution.price} {execution.currency}",
                {"order_ref": execution.order_ref, "exec_id": execution.exec_id},
            )
        if execution.commission is not None:
            book.ledger.add_commission(
                exec_id=execution.exec_id,
                at=book.clock.now(),
                commission=execution.commission,
                currency=execution.commission_currency,
                realised_pnl=execution.realised_pnl,
            )
    return new


def settle_orders(
    book: Book, live: Sequence[LiveOrder], completed: Sequence[CompletedOrder]
) -> list[OpenIntent]:
    """The orders whose end stays unknown; every other one's is recorded from the broker's lists.

    live, completed: complete answers, read after the executions were taken.
    """
    resting = {order.order_ref for order in live}
    ended = {order.order_ref: order for order in completed}
    filled = book.ledger.filled_shares(book.account_id)
    unknown = []
    for intent in book.ledger.open_intents(book.account_id):
        if intent.order_ref in resting:
            continue
        if filled.get(intent.order_ref, 0) >= intent.shares:
            book.event(intent.order_ref, OrderStatus.FILLED, filled_shares=intent.shares)
        elif intent.order_ref in ended:
            _record_end(book, ended[intent.order_ref], filled.get(intent.order_ref, 0))
        elif intent.status is OrderStatus.INTENT:
            book.event(intent.order_ref, OrderStatus.REJECTED, note="never sent")
        else:
            unknown.append(intent)
    return unknown


def _record_end(book: Book, order: CompletedOrder, filled: int) -> None:
    word = order.completed_status or order.status
    ends = {"Filled": OrderStatus.FILLED, "Inactive": OrderStatus.REJECTED}
    status = ends.get(order.status, OrderStatus.CANCELLED)
    if "expired" in word.lower():
        status = OrderStatus.EXPIRED
    book.event(
        order.order_ref,
        status,
        perm_id=order.perm_id,
        broker_status=order.status,
        filled_shares=filled,
        note=word,
    )
