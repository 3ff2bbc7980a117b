"""One desk, market and account: sane, or spoilt in a place or two.

A world is a View and the Limits in force. `sane` makes one in which an opening can pass; each
spoiler then changes one thing: to a value at the edge of a limit, to something unknown, or to
nonsense. Equal random sources give equal worlds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from random import Random
from typing import NamedTuple

from guardrails.limits import Limits
from guardrails.terms import Hours, Market, Position, Quote, Side, State, View, WorkingEntry
from tests.support.guarding import (
    AAPL,
    ACCOUNT,
    HK_LADDER,
    LIMITS,
    NOW,
    TENCENT,
    US_LADDER,
    VIEW,
    with_limits,
)

SYMBOLS = {Market.US: ("AAPL", "F", "BRK B", "MSFT"), Market.HK: ("700", "5", "9988", "27")}
OTHERS = ("NVDA", "KO", "XOM", "1299", "388", "T")
SECTORS = ("Technology", "Energy", "Health")
# Where prices are: (least, most) in ticks of the band they lie in, so that all bands are seen.
US_PRICES = ((1_000, 9_999, D("0.0001")), (100, 3_000, D("0.01")), (3_000, 90_000, D("0.01")))
HK_PRICES = (
    (20, 249, D("0.001")),
    (50, 1_999, D("0.005")),
    (1_000, 1_999, D("0.01")),
    (1_000, 2_499, D("0.02")),
    (1_000, 1_999, D("0.05")),
    (1_000, 1_999, D("0.1")),
    (1_000, 2_499, D("0.2")),
    (1_000, 19_990, D("0.5")),
)
LOTS = (100, 200, 400, 500, 1_000, 2_000)
FX = (D("0.128"), D("0.1279"), D("0.12841"), D("0.1"))
# What a broker, or a mistake, may hand over instead of a number.
NOTHINGS = (None, D("NaN"), D("1.8e308"), D("Infinity"), D("-Infinity"), D("sNaN"))
WRONG_PRICES = (*NOTHINGS, D(0), D(-1))
RULES = (
    LIMITS,
    LIMITS,
    with_limits(allow_short=True),
    with_limits(allow_short=True, allow_delayed=True, stop_distance_ticks_min=1),
    with_limits(restricted=("F", "5"), positions_max=3, reward_risk_min=D("2.25")),
    with_limits(sector_pct_max=D("33.3"), gross_exposure_max=D("15200.01")),
)


class World(NamedTuple):
    """What a proposal meets: `view` is of one stock; `spoilt` names what was changed in it."""

    view: View
    limits: Limits
    spoilt: tuple[str, ...]


def world(rng: Random) -> World:
    """A world: sane in about half of all cases, else spoilt in one place or, rarely, in three."""
    limits = rng.choice(RULES)
    view = sane(rng)
    spoilt = []
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 1, 3))):
        spoiler = rng.choice(SPOILERS)
        view = spoiler(rng, view, limits)
        spoilt.append(spoiler.__name__)
    return World(view, limits, tuple(spoilt))


def sane(rng: Random) -> View:
    """A view in which the desk may act, with some holdings; often one in the stock looked at."""
    market = rng.choice((Market.US, Market.US, Market.HK))
    us = market is Market.US
    low, high, tick = rng.choice(US_PRICES if us else HK_PRICES)
    price = rng.randint(low, high) * tick
    base = rng.choice(("USD",) * 9 + ("HKD",))
    rate = D(1) if us == (base == "USD") else (rng.choice(FX) if base == "USD" else D("7.8"))
    instrument = replace(
        AAPL if us else TENCENT,
        symbol=rng.choice(SYMBOLS[market]),
        sector=rng.choice(SECTORS),
        stock_type=rng.choice(("COMMON", "COMMON", "ETF", "REIT", "ADR")),
        lot=rng.choice((1, 1, 1, 10)) if us else _lot(rng, price * rate),
        ladder=US_LADDER if us else HK_LADDER,
    )
    wide = rng.choice((1, 1, 1, 2, 3)) * tick
    fraction = D(rng.randint(4, 60)) / 1000
    view = replace(
        VIEW,
        instrument=instrument,
        quote=Quote(
            bid=price,
            ask=price + wide,
            last=rng.choice((price, price + wide, None)),
            at=NOW - timedelta(milliseconds=rng.randint(0, 9_000)),
            is_realtime=True,
        ),
        atr=(price * fraction).quantize(tick) + tick,
        average_volume_shares=rng.choice((20_000, 50_000, 400_000, 50_000_000)),
        account=replace(
            ACCOUNT,
            base_currency=base,
            day_pnl_base=D(rng.randint(-90_000, 60_000)) / 100,
            fx={"HKD": rate if not us else D("0.128")} if base == "USD" else {"USD": D("7.8")},
        ),
        positions=tuple(other(rng, name) for name in rng.sample(OTHERS, rng.choice((0, 0, 1, 2)))),
        entries=tuple(entry(rng, name) for name in rng.sample(("GE", "6"), rng.choice((0, 0, 1)))),
        orders_last_minute=rng.randint(0, 2),
        orders_today=rng.randint(0, 12),
        proposals_this_session=rng.randint(0, 9),
    )
    return holding(rng, view) if rng.random() < 0.35 else view


def _lot(rng: Random, price_base: D) -> int:
    """A board lot that the desk can pay for, where there is one."""
    fitting = [lot for lot in LOTS if lot * price_base < 2_500]
    return rng.choice(fitting or LOTS[:1])


def other(rng: Random, symbol: str) -> Position:
    """A protected holding in another stock."""
    shares = rng.randint(1, 200) * rng.choice((1, 1, 1, -1))
    price = D(rng.randint(200, 1_500)) / 100
    way = 1 if shares > 0 else -1
    return Position(
        symbol=symbol,
        market=Market.HK if symbol.isdigit() else Market.US,
        con_id=rng.randint(1, 10**6),
        currency="HKD" if symbol.isdigit() else "USD",
        shares=shares,
        average_price=price,
        market_price=rng.choice((price, price + D("0.11"), None)),
        sector=rng.choice(SECTORS),
        stop_price=price - way * D(rng.randint(1, 50)) / 100,
        protected_shares=abs(shares),
    )


def entry(rng: Random, symbol: str) -> WorkingEntry:
    """A working entry in another stock."""
    price = D(rng.randint(200, 1_500)) / 100
    return WorkingEntry(
        symbol=symbol,
        market=Market.HK if symbol.isdigit() else Market.US,
        currency="HKD" if symbol.isdigit() else "USD",
        side=Side.LONG,
        shares=rng.randint(1, 200),
        limit_price=price,
        stop_price=price - D(rng.randint(1, 60)) / 100,
        sector=rng.choice(SECTORS),
    )


def holding(rng: Random, view: View) -> View:
    """The view with its stock held, a stop on the losing side, and nothing else held in it."""
    found, quote = view.instrument, view.quote
    shares = found.lot * rng.randint(1, 9) * rng.choice((1, 1, -1))
    ticks = [tick for start, tick in found.ladder if start <= quote.bid]
    away = max(quote.bid * rng.randint(1, 90) / 1000, ticks[-1] if ticks else D("0.01"))
    held = Position(
        symbol=found.symbol,
        market=found.market,
        con_id=found.con_id,
        currency=found.currency,
        shares=shares,
        average_price=quote.bid,
        market_price=rng.choice((quote.bid, quote.last)),
        sector=found.sector,
        stop_price=(quote.bid - away if shares > 0 else quote.ask + away).quantize(D("0.0001")),
        protected_shares=abs(shares),
        exiting_shares=rng.choice((0, 0, 0, found.lot, abs(shares))),
    )
    others = tuple(one for one in view.positions if one.symbol != found.symbol)
    return replace(view, positions=(*others, held))


Spoiler = Callable[[Random, View, Limits], View]


def _of(noun: str, **choices: tuple) -> Spoiler:
    """A spoiler that sets one field of the view's `noun` ("" is the view) to one of its choices."""

    def spoil(rng: Random, view: View, _limits: Limits) -> View:
        name = rng.choice(sorted(choices))
        value = rng.choice(choices[name])
        if not noun:
            return replace(view, **{name: value})
        was = getattr(view, noun)
        return view if was is None else replace(view, **{noun: replace(was, **{name: value})})

    spoil.__name__ = f"{noun or 'view'} {'/'.join(sorted(choices))}"
    return spoil


def _ago(*seconds: float) -> tuple[datetime, ...]:
    return tuple(NOW - timedelta(seconds=one) for one in seconds)


def _account_at_the_edge(rng: Random, view: View, limits: Limits) -> View:
    """A figure that leaves just, or just not, the room of some lots."""
    if view.instrument is None or view.quote is None or not view.instrument.lot:
        return view
    price = view.quote.bid
    rate = view.account.fx.get(view.instrument.currency, D(1))
    if price is None or not price.is_finite() or not rate.is_finite() or abs(rate) > 10**6:
        return view
    room = rng.randint(1, 3) * view.instrument.lot * price * rate + D(rng.randint(-2, 2)) / 100
    pick = rng.choice(("available_funds_base", "maintenance_margin_base", "day_pnl_base"))
    value = {
        "available_funds_base": room,
        "maintenance_margin_base": 100_000 * limits.margin_use_pct_max / 100 - room,
        "day_pnl_base": room / 20 - limits.day_loss_max,
    }[pick]
    return replace(view, account=replace(view.account, **{pick: value}))


def _book_at_the_edge(rng: Random, view: View, limits: Limits) -> View:
    """A holding that leaves a small room in its sector or in the whole."""
    sector = rng.choice((*SECTORS, ""))
    pct = limits.sector_pct_max if rng.random() < 0.5 else D(100)
    value = limits.gross_exposure_max * pct / 100 - rng.randint(-100, 4_000)
    big = replace(
        other(rng, "UNH"), shares=100, protected_shares=100, sector=sector, market_price=value / 100
    )
    return replace(view, positions=(big, replace(big, symbol="T", shares=1))[: rng.choice((1, 2))])


def _many(rng: Random, view: View, _limits: Limits) -> View:
    """About as many holdings as there may be, each small."""
    held = tuple(
        replace(other(rng, name), shares=1, protected_shares=1)
        for name in ("A", "B", "C", "D", "E", "G")[: rng.randint(2, 6)]
    )
    return replace(view, positions=held, entries=())


def _other_unknown(rng: Random, view: View, _limits: Limits) -> View:
    """Another holding of which something is not known."""
    name, value = rng.choice(
        (
            ("market_price", rng.choice(WRONG_PRICES)),
            ("average_price", rng.choice(WRONG_PRICES[1:])),
            ("stop_price", rng.choice(WRONG_PRICES)),
            ("protected_shares", 0),
            ("protected_shares", 1),
            ("currency", "EUR"),
            ("sector", ""),
        )
    )
    held = replace(replace(other(rng, "UNH"), market_price=None), **{name: value})
    return replace(view, positions=(*view.positions, held))


def _entry_unknown(rng: Random, view: View, _limits: Limits) -> View:
    """A working entry of which something is not known."""
    name, value = rng.choice(
        (
            ("stop_price", rng.choice(WRONG_PRICES)),
            ("limit_price", rng.choice(WRONG_PRICES[1:])),
            ("currency", "EUR"),
            ("sector", ""),
        )
    )
    return replace(view, entries=(replace(entry(rng, "GE"), **{name: value}),))


def _rate_unknown(rng: Random, view: View, _limits: Limits) -> View:
    fx = rng.choice(({}, *(dict.fromkeys(("HKD", "USD"), value) for value in WRONG_PRICES[1:])))
    return replace(view, account=replace(view.account, fx=fx))


def _same_symbol(rng: Random, view: View, _limits: Limits) -> View:
    """An entry in the stock works already, or it was stopped out a while ago."""
    if view.instrument is None:
        return view
    symbol = view.instrument.symbol
    if rng.random() < 0.4:
        return replace(view, entries=(entry(rng, symbol),))
    at = NOW - timedelta(minutes=rng.choice((0, 59, 60, 61)), seconds=rng.choice((0, 1)))
    return replace(view, stopped_out_at={symbol: at})


def _unguarded(rng: Random, view: View, limits: Limits) -> View:
    """The keeper is needed: it is just alive, just not, or was never seen."""
    seconds = limits.keeper_age_seconds_max
    ages = (0, -1, int(seconds), int(seconds) + 1, float(seconds) + 0.000001)
    return replace(view, needs_keeper=True, keeper_at=rng.choice((None, *_ago(*ages))))


def _held_oddly(rng: Random, view: View, _limits: Limits) -> View:
    """The stock is held, and something of that holding is odd."""
    if view.instrument is None or view.quote is None or not view.instrument.lot:
        return view
    if _is_wrong(view.quote.bid) or _is_wrong(view.quote.ask) or not view.instrument.ladder:
        return view
    view = holding(rng, view)
    *others, held = view.positions
    name, value = rng.choice(
        (
            ("stop_price", rng.choice(WRONG_PRICES)),
            ("market_price", rng.choice(WRONG_PRICES)),
            ("exiting_shares", abs(held.shares) - 1),
            ("exiting_shares", abs(held.shares) + 1),
            ("shares", 0),
            ("protected_shares", 0),
            ("currency", "EUR"),
        )
    )
    odd = (replace(held, **{name: value}),) * rng.choice((1, 1, 1, 2))
    return replace(view, positions=(*others, *odd))


def _is_wrong(price: D | None) -> bool:
    """Whether no holding can be built around this price."""
    return price is None or not price.is_finite() or not 0 < price < 10**6


SPOILERS: tuple[Spoiler, ...] = (
    _account_at_the_edge,
    _account_at_the_edge,
    _book_at_the_edge,
    _book_at_the_edge,
    _many,
    _other_unknown,
    _entry_unknown,
    _rate_unknown,
    _same_symbol,
    _same_symbol,
    _held_oddly,
    _unguarded,
    _of("", live_lock=((), ("no drill",), ("no drill", "no alerts"))),
    _of("", state=(State.DEGRADED, State.HALTED)),
    _of("", reconciled_at=(None, *_ago(-1, 0, 7_200, 7_200.000001, 7_201))),
    _of("", atr=WRONG_PRICES),
    _of("", average_volume_shares=(None, -1, 0, 19_999, 20_000, 20_001)),
    _of("", orders_last_minute=(-1, 3, 4, 5), orders_today=(18, 19, 20, 21)),
    _of("", proposals_this_session=(-1, 11, 12, 13)),
    _of("", instrument=(None, AAPL, TENCENT)),
    _of("", quote=(None,)),
    _of("quote", at=_ago(-1, 15, 15.000001, 16, 3_600), is_realtime=(False,)),
    _of("quote", bid=WRONG_PRICES, ask=WRONG_PRICES, last=WRONG_PRICES),
    _of(
        "account",
        net_liquidation_base=(*NOTHINGS, D(0), D(5_000)),
        available_funds_base=(*NOTHINGS, D(0), D(-1)),
        maintenance_margin_base=(*NOTHINGS, D(90_000), D(89_000)),
        day_pnl_base=(*NOTHINGS, D(-2_000), D("-1999.99"), D(-1_600)),
    ),
    _of("instrument", lot=(None, 0, -1, 1, 100, 2_000), con_id=(0, -1), sector=("",)),
    _of("instrument", ladder=((), HK_LADDER, HK_LADDER[3:]), order_types=(frozenset({"LMT"}),)),
    _of("instrument", security_type=("OPT", "WAR"), stock_type=("", "CLOSED-END FUND", "ETN")),
    _of(
        "instrument",
        hours=(
            (),
            *(
                (Hours(NOW + timedelta(seconds=opens), NOW + timedelta(seconds=shuts)),)
                for opens, shuts in ((-9, 1_199), (-9, 1_200), (0, 1_201), (1, 9_000), (-9_000, 0))
            ),
        ),
    ),
)
