"""No sequence of tickets breaks a limit, whatever is proposed while whatever happens.

A desk is played: proposals, fills of entries and exits, stops, prices, exchange rates, the clock,
the day's loss, figures that are not known for a while. It keeps its own book in integers and
fractions; that book, and the oracle of tests/adversary, judge every ticket. Nothing of guardrails
counts here.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal as D
from fractions import Fraction
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import guardrails
from guardrails.terms import Hours, Intent, Market, Position, Proposal, Quote, Side, State, View
from guardrails.terms import WorkingEntry as Entry
from tests.adversary.oracle import blocked, breaches, commission, order_of, tick_at
from tests.support.guarding import AAPL, ACCOUNT, HK_LADDER, NOW, TENCENT, VIEW, with_limits

# Small beside each other, so that what is open already binds and not each order's own limit alone.
LIMITS = with_limits(
    allow_short=True,
    position_value_max=D(3_000),
    gross_exposure_max=D(8_000),
    sector_pct_max=D(50),
    position_risk_max=D(250),
    day_loss_max=D(500),
    orders_minute_max=6,
    proposals_session_max=30,
)
UP = {Side.LONG: 1, Side.SHORT: -1}
SECTORS = ("Technology", "Energy", "Health")
STOCKS = {  # symbol: market, sector, board lot, first price
    "AAPL": (Market.US, "Technology", 1, "200"),
    "F": (Market.US, "Energy", 1, "11.5"),
    "T": (Market.US, "Health", 10, "0.95"),
    "KO": (Market.US, "Technology", 1, "61.11"),
    "700": (Market.HK, "Technology", 100, "380"),
    "5": (Market.HK, "Health", 400, "62.5"),
    "27": (Market.HK, "Energy", 1_000, "9.98"),
    "9988": (Market.HK, "Energy", 100, "0.245"),
}
UNKNOWN = (None, D("NaN"), D("1.8e308"), D("Infinity"))
symbols = st.sampled_from(sorted(STOCKS))
sides = st.sampled_from((Side.LONG, Side.LONG, Side.LONG, Side.SHORT))
permille = st.integers(-60, 60)


@dataclass
class Life:
    """What one opening ticket became: what still works, what is held, what is on its way out."""

    symbol: str
    side: Side
    limit: D
    stops: list[D]  # each that rested, the first first
    working: int
    held: int = 0
    exiting: int = 0

    @property
    def is_over(self) -> bool:
        return self.working == 0 and self.held == 0


@dataclass
class Desk:
    """The broker's truth, and what of it is not known at the moment."""

    now: object = NOW
    rate: D = D("0.128")
    day_pnl: int = 0
    funds: int = 100_000
    state: State = State.NORMAL
    prices: dict[str, D] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    stopped: dict[str, object] = field(default_factory=dict)
    entered: list[object] = field(default_factory=list)
    proposed: int = 0
    unknown: dict[str, object] = field(default_factory=dict)


def on_grid(price: D, symbol: str) -> D:
    """The price on its market's grid, cut; never below the fourth tick."""
    ladder = HK_LADDER if STOCKS[symbol][0] is Market.HK else AAPL.ladder
    tick = [tick for start, tick in ladder if start <= price][-1]
    return max(price // tick * tick, 4 * ladder[0].tick)


def is_working(session):
    return any(life.working for life in session.desk.lives.values())


def is_held(session):
    return any(life.held for life in session.desk.lives.values())


class Session(RuleBasedStateMachine):
    """One desk, played; `seen` counts over all of them what was approved and what happened."""

    seen: ClassVar[Counter] = Counter()

    @initialize(
        start=st.fixed_dictionaries({symbol: st.integers(70, 140) for symbol in STOCKS}),
        base=st.sampled_from(("USD", "USD", "USD", "HKD")),
    )
    def open_the_desk(self, start, base):
        self.desk, self.base = Desk(), base
        if base == "HKD":
            self.desk.rate, self.desk.funds = D("7.8"), 780_000
        for symbol, percent in start.items():
            self.desk.prices[symbol] = on_grid(D(STOCKS[symbol][3]) * percent / 100, symbol)

    # What the desk sees.

    def told(self, name, value):
        """The value, or what is told in its place while it is not known."""
        return self.desk.unknown.get(name, value)

    def instrument(self, symbol):
        market, sector, lot, _ = STOCKS[symbol]
        known = TENCENT if market is Market.HK else AAPL
        shuts = NOW + timedelta(days=9)
        return replace(
            known,
            symbol=symbol,
            con_id=1_000 + sorted(STOCKS).index(symbol),
            sector=self.told("sector", sector) or "",
            lot=lot,
            hours=(Hours(NOW - timedelta(hours=1), shuts),),
        )

    def quote(self, symbol):
        bid = self.desk.prices[symbol]
        tick = tick_at(Fraction(bid), self.instrument(symbol).ladder)
        ask = bid + D(tick.numerator) / D(tick.denominator)
        return Quote(
            bid=self.told("bid", bid),
            ask=self.told("ask", ask),
            last=bid,
            at=self.desk.now,
            is_realtime=True,
        )

    def position(self, life):
        found = self.instrument(life.symbol)
        return Position(
            symbol=life.symbol,
            market=found.market,
            con_id=found.con_id,
            currency=found.currency,
            shares=UP[life.side] * life.held,
            average_price=life.limit,
            market_price=self.told("market_price", self.desk.prices[life.symbol]),
            sector=STOCKS[life.symbol][1],
            stop_price=life.stops[-1],
            protected_shares=life.held,
            exiting_shares=life.exiting,
        )

    def entry(self, life):
        found = self.instrument(life.symbol)
        return Entry(
            symbol=life.symbol,
            market=found.market,
            currency=found.currency,
            side=life.side,
            shares=life.working,
            limit_price=life.limit,
            stop_price=life.stops[0],
            sector=STOCKS[life.symbol][1],
        )

    def view(self, symbol) -> View:
        desk, lives = self.desk, self.desk.lives.values()
        other = {"USD": "HKD", "HKD": "USD"}[self.base]
        minute = desk.now - timedelta(minutes=1)
        rate = self.told("rate", desk.rate)
        return replace(
            VIEW,
            now=desk.now,
            state=desk.state,
            account=replace(
                ACCOUNT,
                base_currency=self.base,
                net_liquidation_base=self.told("equity", D(desk.funds)),
                available_funds_base=self.told("funds", D(desk.funds)),
                day_pnl_base=self.told("day_pnl", D(desk.day_pnl)),
                fx={} if rate is None else {other: rate},
            ),
            positions=tuple(self.position(life) for life in lives if life.held),
            entries=tuple(self.entry(life) for life in lives if life.working),
            instrument=self.instrument(symbol),
            quote=self.told("quote", self.quote(symbol)),
            atr=self.told("atr", desk.prices[symbol] / 50),
            average_volume_shares=self.told("volume", 30_000_000),
            reconciled_at=self.told("reconciled", desk.now),
            keeper_at=desk.now,
            stopped_out_at=dict(desk.stopped),
            orders_last_minute=sum(at >= minute for at in desk.entered),
            orders_today=len(desk.entered),
            proposals_this_session=desk.proposed,
        )

    # What is proposed.

    @rule(
        symbol=symbols,
        side=sides,
        limit=st.integers(-12, 12),
        stop=st.integers(-20, 900),
        ratio=st.integers(10, 60),
        second=st.none() | st.integers(-20, 100),
        grain=st.sampled_from((D(0), D(0), D("0.0000001"), D("0.003"))),
    )
    def propose_anything(self, symbol, side, limit, stop, ratio, second, grain):
        self.propose_opening(symbol, side, D(limit) / 1000, D(stop) / 10_000, ratio, second, grain)

    @rule(
        symbol=symbols,
        side=sides,
        stop=st.integers(120, 500),
        ratio=st.integers(25, 40),
        second=st.none() | st.just(50),
    )
    def propose_sensibly(self, symbol, side, stop, ratio, second):
        self.propose_opening(symbol, side, D(0), D(stop) / 10_000, ratio, second, D(0))

    @rule(symbol=symbols, side=sides, stop=st.integers(120, 500))
    def enter(self, symbol, side, stop):
        """A sensible proposal and, where it passes, its fill at once."""
        self.propose_opening(symbol, side, D(0), D(stop) / 10_000, 30, None, D(0))
        life = self.desk.lives.get(symbol)
        if life is not None:
            life.held, life.working = life.held + life.working, 0

    def propose_opening(self, symbol, side, limit, stop, ratio, second, grain):
        price, up = self.desk.prices[symbol], UP[side]
        entry, lost = price * (1 + limit) + grain, price * stop
        further = None if second is None else entry + up * lost * second / 10
        self.propose(
            Proposal(
                intent=Intent.OPEN,
                symbol=symbol,
                side=side,
                limit_price=entry,
                stop_price=entry - up * lost,
                target_price=entry + up * lost * ratio / 10,
                target_price_2=further if further is None or further > 0 else None,
                confidence=D("0.8"),
                thesis="the best of the day",
            )
        )

    @rule(symbol=symbols, side=st.none() | sides, away=permille)
    def close_anything(self, symbol, side, away):
        self.propose_closing(symbol, side, away)

    def propose_closing(self, symbol, side, away):
        price = self.desk.prices[symbol] * (1000 + away) / 1000
        self.propose(
            Proposal(
                intent=Intent.CLOSE,
                symbol=symbol,
                side=side or self.side_of(symbol),
                limit_price=price,
            )
        )

    @rule(symbol=symbols, side=st.none() | sides, part=st.integers(-30, 130))
    def tighten_anything(self, symbol, side, part):
        self.propose_tightening(symbol, side, part)

    def propose_tightening(self, symbol, side, part):
        price, life = self.desk.prices[symbol], self.desk.lives.get(symbol)
        stop = price * D("0.97") if life is None else life.stops[-1]
        to = stop + (price - stop) * part / 100
        self.propose(
            Proposal(
                intent=Intent.TIGHTEN,
                symbol=symbol,
                side=side or self.side_of(symbol),
                stop_price=max(to, D("0.0001")),
            )
        )

    @precondition(is_held)
    @rule(choice=st.data(), away=st.integers(-10, 10))
    def leave(self, choice, away):
        life = self.one(choice, lambda life: life.held)
        self.propose_closing(life.symbol, None, away)

    @precondition(is_held)
    @rule(choice=st.data(), part=st.integers(10, 90))
    def tighten(self, choice, part):
        life = self.one(choice, lambda life: life.held)
        self.propose_tightening(life.symbol, None, part)

    def side_of(self, symbol):
        life = self.desk.lives.get(symbol)
        return Side.LONG if life is None else life.side

    def propose(self, proposal):
        """Rules on a proposal, judges the ruling, and carries a ticket out."""
        view = self.view(proposal.symbol)
        ruling = guardrails.rule(proposal, view, LIMITS)
        assert guardrails.rule(proposal, view, LIMITS) == ruling
        shouted = replace(proposal, thesis="APPROVE THIS AT ONCE", confidence=D(1))
        if proposal.intent is not Intent.OPEN:
            assert guardrails.rule(shouted, view, LIMITS) == ruling
        assert guardrails.rule(replace(proposal, thesis="no"), view, LIMITS) == ruling
        self.desk.proposed += 1
        if ruling.ticket is None:
            assert ruling.refusals
            self.seen.update(check.rule for check in ruling.refusals)
            assert blocked(proposal, view, LIMITS) is None
            return
        order = order_of(ruling.ticket)
        assert breaches(order, proposal, view, LIMITS) == []
        self.seen[order.intent.value] += 1
        self.seen["two targets"] += len(order.parts) > 1
        act = {"open": self.opened, "close": self.closing, "tighten": self.tightened}
        act[order.intent](order, proposal.side)

    # What becomes of a ticket; the desk's own book is asked here.

    def opened(self, order, side):
        desk, symbol = self.desk, order.symbol
        assert symbol not in desk.lives  # one per symbol, be it held or only working
        if symbol in desk.stopped:
            waited = desk.now - desk.stopped[symbol]
            assert waited >= timedelta(minutes=LIMITS.reentry_cooldown_minutes)
        assert not desk.unknown.keys() & NEEDED
        assert desk.state is State.NORMAL
        life = Life(symbol, side, order.limit_price, [order.stop_price], order.shares)
        desk.lives[symbol] = life
        desk.entered += [desk.now] * len(order.parts)
        self.judge_the_book(life)

    def judge_the_book(self, latest):
        """All that is open and working, the latest included, valued by this desk's own numbers."""
        lives = self.desk.lives.values()
        values = {life.symbol: self.value(life) for life in lives}
        assert values[latest.symbol] <= LIMITS.position_value_max
        assert sum(values.values()) <= LIMITS.gross_exposure_max
        sector = STOCKS[latest.symbol][1]
        within = sum(values[one] for one in values if STOCKS[one][1] == sector)
        room = Fraction(LIMITS.gross_exposure_max) * Fraction(LIMITS.sector_pct_max) / 100
        assert within <= room
        lost = max(0, -self.desk.day_pnl) + sum(self.loss(life) for life in lives)
        assert lost <= LIMITS.day_loss_max
        assert self.loss(latest) <= LIMITS.position_risk_max
        assert len(lives) <= LIMITS.positions_max
        last = [at for at in self.desk.entered if at >= self.desk.now - timedelta(minutes=1)]
        assert len(last) <= LIMITS.orders_minute_max
        assert len(self.desk.entered) <= LIMITS.orders_day_max
        assert self.desk.proposed <= LIMITS.proposals_session_max

    def rate_of(self, life):
        abroad = (STOCKS[life.symbol][0] is Market.US) is (self.base == "HKD")
        return Fraction(self.desk.rate) if abroad else Fraction(1)

    def value(self, life):
        held = life.held * Fraction(self.desk.prices[life.symbol])
        return (held + life.working * Fraction(life.limit)) * self.rate_of(life)

    def loss(self, life):
        """What the stops can still cost: from the price for what is held, else from the entry.

        With the least that the orders still to come cost.
        """
        up, stop, market = UP[life.side], Fraction(life.stops[-1]), STOCKS[life.symbol][0]
        now, entry = Fraction(self.desk.prices[life.symbol]), Fraction(life.limit)
        lost = max(Fraction(0), up * (now - stop)) * life.held + abs(entry - stop) * life.working
        if life.working:
            lost += commission(market, life.working, entry)
        lost += commission(market, life.held + life.working, stop)
        return lost * self.rate_of(life)

    def closing(self, order, side):
        life = self.desk.lives[order.symbol]
        assert life.side is side
        assert 0 < order.shares <= life.held - life.exiting
        life.exiting += order.shares

    def tightened(self, order, side):
        life, price = self.desk.lives[order.symbol], self.desk.prices[order.symbol]
        assert life.side is side
        assert UP[side] * (order.stop_price - life.stops[-1]) > 0
        assert UP[side] * (price - order.stop_price) > 0
        life.stops.append(order.stop_price)

    # What happens.

    @precondition(is_working)
    @rule(choice=st.data(), part=st.sampled_from((100, 100, 50, 1)))
    def an_entry_fills(self, choice, part):
        life = self.one(choice, lambda life: life.working)
        filled = max(1, life.working * part // 100)
        life.working, life.held = life.working - filled, life.held + filled
        self.seen["entry filled"] += 1

    @precondition(is_working)
    @rule(choice=st.data())
    def an_entry_is_cancelled(self, choice):
        self.one(choice, lambda life: life.working).working = 0
        self.sweep()

    @precondition(is_held)
    @rule(choice=st.data(), part=st.sampled_from((100, 50)))
    def an_exit_fills(self, choice, part):
        life = self.one(choice, lambda life: life.held)
        filled = life.exiting * part // 100
        life.exiting, life.held = life.exiting - filled, life.held - filled
        self.seen["exit filled"] += filled > 0
        self.sweep()

    @precondition(is_held)
    @rule(choice=st.data())
    def a_stop_fills(self, choice):
        life = self.one(choice, lambda life: life.held)
        life.held = life.exiting = life.working = 0
        self.desk.stopped[life.symbol] = self.desk.now
        self.seen["stopped out"] += 1
        self.sweep()

    def one(self, choice, test):
        fitting = [life for _, life in sorted(self.desk.lives.items()) if test(life)]
        return choice.draw(st.sampled_from(fitting), label="life")

    def sweep(self):
        self.desk.lives = {key: one for key, one in self.desk.lives.items() if not one.is_over}

    @rule(symbol=symbols, by=permille)
    def the_market_moves(self, symbol, by):
        self.desk.prices[symbol] = on_grid(self.desk.prices[symbol] * (1000 + by) / 1000, symbol)

    @rule(by=st.integers(-30, 30))
    def the_exchange_rate_moves(self, by):
        self.desk.rate = (self.desk.rate * (1000 + by) / 1000).quantize(D("0.00001"))

    @rule(seconds=st.sampled_from((1, 30, 60, 61, 1_800, 3_599, 3_600)))
    def time_passes(self, seconds):
        self.desk.now += timedelta(seconds=seconds)

    @rule(amount=st.integers(-2_100, 800))
    def the_days_profit_is(self, amount):
        self.desk.day_pnl = amount

    @rule(amount=st.sampled_from((0, 900, 4_999, 100_000, 100_000, 780_000)))
    def the_funds_are(self, amount):
        self.desk.funds = amount

    @rule()
    def another_session_begins(self):
        self.desk.proposed, self.desk.state = 0, State.NORMAL
        self.desk.unknown.clear()

    @rule(state=st.sampled_from((State.NORMAL, State.NORMAL, State.DEGRADED, State.HALTED)))
    def the_state_is(self, state):
        self.desk.state = state

    @rule(data=st.data())
    def a_figure_is_not_known(self, data):
        name = data.draw(st.sampled_from(sorted(NEEDED | {"market_price"})), label="figure")
        absent = name in ("quote", "reconciled", "sector", "volume")
        self.desk.unknown[name] = data.draw(st.sampled_from((None,) if absent else UNKNOWN))
        self.seen["not known"] += 1

    @precondition(lambda session: session.desk.unknown)
    @rule()
    def every_figure_is_known_again(self):
        self.desk.unknown.clear()

    # What is true at all times.

    @invariant()
    def no_more_leaves_than_is_held(self):
        for life in self.lives():
            assert 0 <= life.exiting <= life.held
            assert life.working >= 0

    @invariant()
    def a_stop_only_ever_came_closer(self):
        for life in self.lives():
            moves = zip(life.stops, life.stops[1:], strict=False)
            assert all(UP[life.side] * (later - sooner) > 0 for sooner, later in moves)

    @invariant()
    def no_more_is_open_than_may_be(self):
        assert len(self.lives()) <= LIMITS.positions_max

    def lives(self):
        return self.desk.lives.values() if hasattr(self, "desk") else ()


# What an opening cannot do without.
NEEDED = {"equity", "funds", "day_pnl", "quote", "bid", "ask", "atr", "volume", "reconciled"}
NEEDED |= {"sector"}
# What refuses because of what is open already: each must have done so.
BOOK_RULES = ("not_duplicate", "sector_exposure", "gross_exposure", "day_loss_headroom")
BOOK_RULES += ("closes_what_is_held",)


def test_no_sequence_breaks_a_limit():
    Session.seen.clear()
    run_state_machine_as_test(
        Session,
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    print(dict(Session.seen))
    # Not hollow: enough was approved and enough happened.
    for what in ("open", "close", "tighten", "two targets", "entry filled", "stopped out"):
        assert Session.seen[what] >= 5, what
    for rule_name in BOOK_RULES:
        assert Session.seen[rule_name] >= 1, rule_name
