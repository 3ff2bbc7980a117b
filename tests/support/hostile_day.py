"""A day of a hijacked model against a market that always goes to the stop, and the books of it.

The books are kept here from fills alone: cash out, cash in, fees. Nothing of the code that bounds
the loss is used to count it. Time stands still and the pace of a minute is not held against the
model: neither bounds a day.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal as D

from guardrails import day_loss_state, fees, rule
from guardrails.terms import Action, Hours, Intent, Market, Position, Side, State, WorkingEntry
from tests.support.guarding import AAPL, ACCOUNT, BUY, NOW, QUOTE, TENCENT, VIEW
from tests.support.judging import BREAKER

RATE = {"USD": D(1), "HKD": D("0.128")}
SECTORS = ("Technology", "Energy", "Health", "Finance")
OPEN_ALL_DAY = (Hours(NOW, NOW + timedelta(days=1)),)
SIGN = {Side.LONG: 1, Side.SHORT: -1}
ENTERS = {Side.LONG: Action.BUY, Side.SHORT: Action.SELL}
LEAVES = {Side.LONG: Action.SELL, Side.SHORT: Action.BUY}
CAPITAL = D(100_000)


@dataclass
class Holding:
    """One entry and what has become of it. `mark` is where the market stands."""

    ticket: object
    side: Side
    sector: str
    mark: D
    stop: D
    is_filled: bool

    @property
    def shares(self):
        return sum(part.shares for part in self.ticket.parts)

    @property
    def worth(self):
        """Of one share: at the market, or at the limit of an entry that still works."""
        return self.mark if self.is_filled else self.ticket.limit_price

    @property
    def rate(self):
        return RATE[self.ticket.currency]


@dataclass
class Day:
    """The account, its holdings and the rulings of a day. `view` is what a ruling may look at."""

    limits: object
    trips: bool = True  # whether the day's breaker does its work
    realised: D = D(0)  # base, fees of fills included
    holdings: dict = field(default_factory=dict)
    entries: int = 0
    stopped_out_at: dict = field(default_factory=dict)
    state: State = State.NORMAL
    seen: list = field(default_factory=lambda: [D(0), D(0)])
    largest: D = D(0)
    in_market: D = D(0)
    most_open: int = 0
    fees: D = D(0)
    late_fees: D = D(0)  # paid after the last entry for leaving beyond the stop
    late_gaps: D = D(0)  # what stops lost beyond their prices after the last entry

    def propose(self, symbol, market, side, price, stop_bps, reward, atr_pct, fills):
        """The ruling on an entry at the far side of the book; an approved one is carried out."""
        instrument, sector = _instrument(symbol, market)
        sign, half = SIGN[side], price * D("0.0025")
        proposal = replace(
            BUY,
            symbol=symbol,
            side=side,
            limit_price=price + sign * half,
            stop_price=price * (1 - sign * stop_bps / 10_000),
            target_price=price * (1 + sign * min(stop_bps * reward, D(2950)) / 10_000),
        )
        quote = replace(QUOTE, bid=price - half, ask=price + half, last=price)
        view = replace(
            self.view(),
            instrument=instrument,
            quote=quote,
            atr=price * atr_pct / 100,
            average_volume_shares=10**12,
        )
        ruling = rule(proposal, view, self.limits)
        if ruling.ticket is not None:
            self._enter(ruling.ticket, side, sector, price, fills)
        return ruling

    def view(self):
        """What the gate is shown now."""
        held = [one for one in self.holdings.values() if one.is_filled]
        gross = sum((one.shares * one.mark * one.rate for one in held), D(0))
        account = replace(
            ACCOUNT,
            day_pnl_base=self.pnl(),
            net_liquidation_base=CAPITAL + self.pnl(),
            available_funds_base=CAPITAL + self.pnl() - gross,
            gross_position_value_base=gross,
            maintenance_margin_base=gross / 4,
            fx={"HKD": RATE["HKD"]},
        )
        return replace(
            VIEW,
            state=self.state,
            account=account,
            positions=tuple(_position(one) for one in held),
            entries=tuple(_entry(one) for one in self.holdings.values() if not one.is_filled),
            stopped_out_at=dict(self.stopped_out_at),
            orders_today=self.entries,
        )

    def pnl(self):
        """Realised, unrealised and fees, in base currency."""
        return self.realised + sum(
            (
                SIGN[one.side] * one.shares * (one.mark - one.ticket.limit_price) * one.rate
                for one in self.holdings.values()
                if one.is_filled
            ),
            D(0),
        )

    def fill(self, symbol):
        """A working entry fills, whole, at its limit price."""
        one = self.holdings[symbol]
        if not one.is_filled:
            one.is_filled = True
            self._pay(one, one.ticket.limit_price, ENTERS[one.side])

    def move(self, symbol, way):
        """The market moves to `way` (0..1) of the distance from the stop to the first target."""
        one = self.holdings[symbol]
        target = min(part.target_price for part in one.ticket.parts)
        if one.side is Side.SHORT:
            target = max(part.target_price for part in one.ticket.parts)
        one.mark = one.stop + way * (target - one.stop)

    def tighten(self, symbol):
        """The model moves the stop as near to the market as it may."""
        one = self.holdings[symbol]
        instrument, _ = _instrument(symbol, one.ticket.market)
        proposal = replace(
            BUY,
            intent=Intent.TIGHTEN,
            symbol=symbol,
            side=one.side,
            stop_price=one.mark * (1 - SIGN[one.side] * D("0.001")),
        )
        view = replace(self.view(), instrument=instrument, quote=None)
        ticket = rule(proposal, view, self.limits).ticket
        if ticket is not None:
            assert SIGN[one.side] * (ticket.stop_price - one.stop) > 0
            one.stop = ticket.stop_price

    def stop_out(self, symbol, gap):
        """The market goes through the stop, which fills `gap` (a share of its price) beyond it."""
        self.fill(symbol)
        one = self.holdings.pop(symbol)
        sign, price = SIGN[one.side], one.stop * (1 - SIGN[one.side] * gap)
        self.realised += sign * one.shares * (price - one.ticket.limit_price) * one.rate
        self.late_gaps += one.shares * one.stop * gap * one.rate
        if price > 0:
            self._pay(one, price, LEAVES[one.side])
        self.stopped_out_at[symbol] = NOW
        self.look()

    def look(self):
        """Two looks of the breaker at the day's P&L; a halt stays."""
        self.seen += [self.pnl(), self.pnl()]
        if self.trips and self.state is not State.HALTED:
            self.state = day_loss_state(self.seen, self.limits, BREAKER)

    def end(self, gap):
        """Everything that is open, working entries too, ends at its stop. The day's loss."""
        for symbol in list(self.holdings):
            self.stop_out(symbol, gap)
        return -self.realised

    def _enter(self, ticket, side, sector, price, fills):
        self.entries += 1
        self.late_fees = self.late_gaps = D(0)
        self.holdings[ticket.symbol] = Holding(
            ticket, side, sector, mark=price, stop=ticket.stop_price, is_filled=False
        )
        entered = [one.shares * one.worth * one.rate for one in self.holdings.values()]
        rate = RATE[ticket.currency]
        self.largest = max(self.largest, ticket.shares * ticket.limit_price * rate)
        self.in_market = max(self.in_market, sum(entered, D(0)))
        self.most_open = max(self.most_open, len(self.holdings))
        if fills:
            self.fill(ticket.symbol)

    def _pay(self, one, price, action):
        ticket = one.ticket
        for part in ticket.parts:
            fee, at_stop = (
                fees.order_fees(
                    ticket.market,
                    part.shares,
                    at,
                    on=NOW.date(),
                    action=action,
                    stock_type="COMMON",
                )
                for at in (price, one.stop)
            )
            self.fees += fee * one.rate
            if action is LEAVES[one.side]:
                self.late_fees += max(fee - at_stop, D(0)) * one.rate
            self.realised -= fee * one.rate


def _instrument(symbol, market):
    """The stock; its sector follows from its name, so that a symbol has one."""
    sector = SECTORS[ord(symbol[-1]) % len(SECTORS)]
    like = {Market.US: AAPL, Market.HK: TENCENT}[market]
    return replace(like, symbol=symbol, sector=sector, hours=OPEN_ALL_DAY), sector


def _position(one):
    ticket = one.ticket
    return Position(
        symbol=ticket.symbol,
        market=ticket.market,
        con_id=ticket.con_id,
        currency=ticket.currency,
        shares=SIGN[one.side] * one.shares,
        average_price=ticket.limit_price,
        market_price=one.mark,
        sector=one.sector,
        stop_price=one.stop,
        target_price=ticket.parts[0].target_price,
        protected_shares=one.shares,
    )


def _entry(one):
    ticket = one.ticket
    return WorkingEntry(
        symbol=ticket.symbol,
        market=ticket.market,
        currency=ticket.currency,
        side=one.side,
        shares=one.shares,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        sector=one.sector,
    )
