"""Beside the conversation: fills into the ledger as they happen, and the day's loss limit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from desk.book import Book
from desk.hands import Hands
from desk.standing import halt
from desk.sync import take_executions
from edges.errors import EdgeError
from edges.ibkr import Broker
from guardrails.terms import OrderStatus, State


@dataclass(kw_only=True, slots=True)
class Monitor:
    """Keeps the books of one session, and halts the desk at the day's loss limit."""

    broker: Broker
    book: Book
    hands: Hands
    state_dir: Path
    day: date
    breaker: Callable[[tuple[Decimal | None, ...]], State]
    interval_seconds: float
    _seen: deque[Decimal | None] = field(default_factory=lambda: deque(maxlen=2))
    _halted: bool = False

    async def run(self) -> None:
        """Runs until cancelled. A broker that does not answer is noted, and asked again."""
        while True:
            try:
                await asyncio.wait_for(self.broker.changed.wait(), self.interval_seconds)
            except TimeoutError:
                await self.look()
                continue
            self.broker.changed.clear()
            await self._take()

    async def look(self) -> None:
        """One look at fills and at the day's P&L."""
        await self._take()
        pnl = self.broker.day_pnl()
        self._seen.append(pnl)
        if not self._halted and self.breaker(tuple(self._seen)) is State.HALTED:
            self._halted = True  # said once; only a person leaves it
            await self._halt(pnl)

    async def _take(self) -> None:
        try:
            await take_executions(self.broker, self.book)
        except EdgeError as error:
            self.book.alert("books_behind", f"executions could not be read: {error}", "warning")

    async def _halt(self, pnl: Decimal | None) -> None:
        reason = f"the day's P&L of {pnl} is at limits.day_loss_max"
        halt(
            self.book.ledger,
            self.state_dir,
            at=self.book.clock.now(),
            actor="breaker",
            reason=reason,
        )
        self.book.alert("day_loss_halt", reason)
        entries = [
            order.order_ref
            for order in await self.broker.open_orders()
            if not order.parent_id and not order.oca_group and order.order_ref
        ]
        gone = await self.hands.cancel(entries)
        for ref in entries:
            self.book.event(
                ref, OrderStatus.CANCELLED if gone else OrderStatus.UNKNOWN, note=reason
            )
