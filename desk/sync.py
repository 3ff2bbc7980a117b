"""Keeping the ledger true to the broker while a session runs: fills, order ends, the day's P&L."""

from __future__ import annotations

from desk.book import Book
from edges.ibkr import Broker


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
