"""What the desk lends to the tools: the market as it is told, and the one door to orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from desk.book import Book
from desk.carried import Carried
from desk.hands import Hands
from desk.orders import carry_out
from desk.sync import take_executions
from desk.view import Viewer
from edges.errors import EdgeError
from edges.ibkr import Broker
from guardrails.terms import Bar, Instrument, Market, Proposal, Ruling, State, View
from tools.floor import Headline, LegState, Mover, NoData, Outcome


@dataclass(kw_only=True, slots=True)
class Floor:
    """The desk's side of the three tools, for one session."""

    broker: Broker
    book: Book
    viewer: Viewer
    hands: Hands
    state: Callable[[], State]
    price_min: Decimal
    refusals_in_row: int = 0

    def now(self) -> datetime:
        """The session's time."""
        return self.book.clock.now()

    async def movers(self, market: Market, rows: int) -> Sequence[Mover]:
        """The broker's strongest gainers. Raises NoData if its scanner does not serve."""
        try:
            symbols = await self.broker.movers(market, rows, self.price_min)
        except EdgeError as error:
            raise NoData(str(error)) from error
        found = []
        for rank, symbol in enumerate(symbols, start=1):
            instrument = await self._instrument(symbol)
            name = instrument.name if instrument is not None else ""
            found.append(Mover(symbol=symbol, market=market, name=name, rank=rank))
        return found

    async def _instrument(self, symbol: str) -> Instrument | None:
        try:
            return await self.broker.instrument(symbol)
        except EdgeError as error:
            raise NoData(str(error)) from error

    async def view(self, symbol: str) -> View:
        """The desk seen for `symbol`. Raises NoData if account or positions cannot be read."""
        try:
            return await self.viewer.view(symbol)
        except EdgeError as error:
            raise NoData(str(error)) from error

    async def bars(self, instrument: Instrument, size: str, count: int) -> Sequence[Bar]:
        """The last bars, oldest first. Raises NoData where the broker has none or is silent."""
        try:
            return await self.broker.bars(instrument, size, count)
        except EdgeError as error:
            raise NoData(str(error)) from error

    async def headlines(self, instrument: Instrument, count: int) -> Sequence[Headline]:
        """The newest headlines: outside text, to be shown as such."""
        try:
            rows = await self.broker.headlines(instrument, count)
        except EdgeError as error:
            raise NoData(str(error)) from error
        return [Headline(at=at, source=source, text=text) for at, source, text in rows]

    async def submit(self, raw: str, proposal: Proposal | None, ruling: Ruling) -> Outcome:
        """The ruling is recorded; an approved ticket is carried out and read back."""
        now = self.now()
        with self.book.ledger.transaction():
            proposal_id = self.book.ledger.add_proposal(
                self.book.session_id, at=now, raw=raw, proposal=proposal
            )
            self.book.ledger.add_ruling(self.book.session_id, proposal_id, at=now, ruling=ruling)
        ticket = ruling.ticket
        if ticket is None:
            self.refusals_in_row += 1
            rules = ", ".join(check.rule for check in ruling.refusals)
            self.book.step("ruling", f"proposal {proposal_id} refused: {rules}", {})
            return Outcome(
                proposal_id=proposal_id, status="refused", legs=(), says="nothing was sent"
            )
        self.refusals_in_row = 0
        self.book.step(
            "ruling",
            f"proposal {proposal_id} approved: {ticket.action} {ticket.shares} {ticket.symbol}",
            {},
        )
        try:
            carried = await carry_out(self.hands, ticket, proposal_id, self.state)
        except EdgeError as error:
            self.book.alert("order_outcome_unknown", f"proposal {proposal_id}: {error}")
            carried = Carried(status="unknown", legs=(), says=str(error))
        else:
            await take_executions(self.broker, self.book)
        self.book.step(
            "order", f"proposal {proposal_id}: {carried.says}", {"status": carried.status}
        )
        legs = tuple(
            LegState(
                ref=leg.order_ref,
                leg=leg.leg,
                status=leg.status,
                shares=leg.shares,
                price=leg.price,
            )
            for leg in carried.legs
        )
        return Outcome(proposal_id=proposal_id, status=carried.status, legs=legs, says=carried.says)
