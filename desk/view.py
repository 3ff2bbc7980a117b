"""What a ruling looks at, gathered from the broker and the ledger at one instant.

Whatever a source does not tell stays None, and the guardrails refuse on it. Two failures are not
caught: the account's own positions and open orders must be known, or there is no view at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from desk.day import day_start, trading_day
from desk.figures import ATR_DAYS, VOLUME_DAYS, average_true_range, average_volume
from desk.reconcile import protected_shares
from edges.clock import Clock
from edges.errors import OutcomeUnknown, Refused
from edges.ibkr import Broker, HeldShares
from guardrails.terms import (
    Action,
    Instrument,
    LiveOrder,
    OrderStatus,
    Position,
    Quote,
    Side,
    State,
    View,
    WorkingEntry,
)
from guardrails.tick_tables import cross_checked
from ledger import Ledger

MAY_STILL_FILL = frozenset({OrderStatus.SENT, OrderStatus.UNKNOWN})
SIDES = {Action.BUY: Side.LONG, Action.SELL: Side.SHORT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """Assembles views for one session."""

    broker: Broker
    ledger: Ledger
    clock: Clock
    session_id: str
    state: Callable[[], State]
    stopped_out_minutes: int  # how far back stop-outs are looked up
    alert: Callable[[str, str, str], None]  # event, text, severity: Book.alert
    needs_keeper: bool  # whether positions depend on the keeper between sessions
    _days: dict[tuple[str, date], tuple[Decimal | None, int | None]] = field(default_factory=dict)
    _told_of_ticks: set[str] = field(default_factory=set)

    async def view(self, symbol: str | None) -> View:
        """The desk as it stands now, seen for a proposal in `symbol`, or for none.

        Raises OutcomeUnknown or NotServing if positions, orders or the account cannot be read.
        """
        instrument = None if symbol is None else await self.instrument(symbol)
        quote, atr, volume = None, None, None
        if instrument is not None:
            quote = await self._quote(instrument)
            atr, volume = await self._recent_days(instrument)
        account = await self.broker.account()
        held = await self.broker.held()
        live = await self.broker.open_orders()
        now = self.clock.now()
        market_day = day_start(now, instrument.market) if instrument else now - timedelta(days=1)
        account_id = self.broker.account_id
        return View(
            now=now,
            state=self.state(),
            account=account,
            positions=tuple([await self._position(one, live) for one in held]),
            entries=tuple(await self._entries(held, live)),
            needs_keeper=self.needs_keeper,
            instrument=instrument,
            quote=quote,
            atr=atr,
            average_volume_shares=volume,
            reconciled_at=self.ledger.last_clean_reconciliation(account_id),
            stopped_out_at=self.ledger.stopped_out_since(
                now - timedelta(minutes=self.stopped_out_minutes), account_id
            ),
            orders_last_minute=self.ledger.orders_since(now - timedelta(minutes=1), account_id),
            orders_today=self.ledger.orders_since(market_day, account_id),
            proposals_this_session=self.ledger.proposals_count(self.session_id),
        )

    async def instrument(self, symbol: str) -> Instrument | None:
        """The stock as the broker describes it, on the ladder that its exchange's table bears out.

        Where the two disagree prices are those on both, and a person is told once a session.
        """
        found = await self.broker.instrument(symbol)
        if found is None:
            return None
        checked, says = cross_checked(found, trading_day(self.clock.now(), found.market))
        if says is not None and symbol not in self._told_of_ticks:
            self._told_of_ticks.add(symbol)
            self.alert("tick_tables_disagree", says, "warning")
        return checked

    async def _quote(self, instrument: Instrument) -> Quote | None:
        try:
            return await self.broker.quote(instrument)
        except (OutcomeUnknown, Refused):
            return None  # no quote is a refusal by quote_usable, with its own words

    async def _recent_days(self, instrument: Instrument) -> tuple[Decimal | None, int | None]:
        today = trading_day(self.clock.now(), instrument.market)
        key = (instrument.symbol, today)
        if key not in self._days:
            try:
                bars = await self.broker.bars(
                    instrument, "1 day", max(ATR_DAYS + 1, VOLUME_DAYS) + 1
                )
            except (OutcomeUnknown, Refused):
                return None, None  # not kept: the source may serve the next time
            complete = [bar for bar in bars if bar.at.date() < today]
            self._days[key] = (average_true_range(complete), average_volume(complete))
        return self._days[key]

    async def _position(self, held: HeldShares, live: Sequence[LiveOrder]) -> Position:
        instrument = await self.broker.instrument(held.symbol)
        reducing = Action.SELL if held.shares > 0 else Action.BUY
        exits = [o for o in live if o.con_id == held.con_id and o.action is reducing]
        stops = [o for o in exits if o.stop_price is not None]
        groups = {o.oca_group for o in stops if o.oca_group}
        targets = [o for o in exits if o.stop_price is None and o.oca_group in groups]
        others = [o for o in exits if o.stop_price is None and o.oca_group not in groups]
        return Position(
            symbol=held.symbol,
            market=held.market,
            con_id=held.con_id,
            currency=held.currency,
            shares=held.shares,
            average_price=held.average_price,
            market_price=held.market_price,
            sector=instrument.sector if instrument else "",
            stop_price=_careful_stop(stops, held.shares),
            target_price=targets[0].limit_price if targets else None,
            protected_shares=protected_shares(held, live),
            exiting_shares=sum(o.shares - o.filled_shares for o in others),
        )

    async def _entries(
        self, held: Sequence[HeldShares], live: Sequence[LiveOrder]
    ) -> list[WorkingEntry]:
        """Open orders that can enlarge a position, and sent ones of which nothing is known."""
        signed = {one.con_id: one.shares for one in held}
        by_ref: dict[str, WorkingEntry] = {}
        for order in live:
            if order.parent_id or _reduces(order, signed.get(order.con_id, 0)):
                continue
            child = [o for o in live if o.parent_id == order.order_id and o.stop_price is not None]
            instrument = await self.broker.instrument(order.symbol)
            price = order.limit_price or order.stop_price
            if instrument is None or price is None:
                raise OutcomeUnknown(f"open order {order.order_ref or order.perm_id} is unreadable")
            by_ref[order.order_ref or str(order.perm_id)] = WorkingEntry(
                symbol=order.symbol,
                market=instrument.market,
                currency=instrument.currency,
                side=SIDES[order.action],
                shares=order.shares - order.filled_shares,
                limit_price=price,
                stop_price=child[0].stop_price if child else None,
                sector=instrument.sector,
            )
        for intent in self.ledger.open_intents(self.broker.account_id):
            may_fill = intent.is_entry and intent.status in MAY_STILL_FILL
            if may_fill and intent.order_ref not in by_ref and intent.limit_price is not None:
                instrument = await self.broker.instrument(intent.symbol)
                by_ref[intent.order_ref] = WorkingEntry(
                    symbol=intent.symbol,
                    market=intent.market,
                    currency=intent.currency,
                    side=SIDES[intent.action],
                    shares=intent.shares,
                    limit_price=intent.limit_price,
                    sector=instrument.sector if instrument else "",
                )
        return list(by_ref.values())


def _reduces(order: LiveOrder, shares: int) -> bool:
    """Whether the order is on the side that makes a position of `shares` smaller."""
    return (shares > 0 and order.action is Action.SELL) or (
        shares < 0 and order.action is Action.BUY
    )


def _careful_stop(stops: Sequence[LiveOrder], shares: int) -> Decimal | None:
    """The stop farthest from the market: the one that gives the position its largest loss."""
    prices = [order.stop_price for order in stops if order.stop_price is not None]
    if not prices:
        return None
    return min(prices) if shares > 0 else max(prices)
