"""The exchanges' own tables of price steps by date, and the broker's ladder held against them.

The broker's market rule is what accepts or rejects an order, so it is the authority; a table is the
second witness. Where the two disagree somebody is wrong, and only prices on both grids are used.

Steps are written from their lower edge, as the broker's are. HKEX counts an edge to the band below
it, but each edge is a multiple of both neighbouring ticks: only what lies between edges can differ.

Not covered: debt, structured products (HKEX Parts B and E) and auctions; nor which US stocks are
assigned a half-penny tick from 2027-11-01 on, only that such a ladder is then no disagreement.

Sources, as of 2026-11-20: HKEX Second Schedule, Parts A and D; HKEX Reduction of Minimum Spreads,
phase 1 from 2025-08-04 and phase 2 from 2026-08-03; HKEX page of exchange traded products (new
steps for funds from 2020-06-01, those of Part A before); 17 CFR 242.612 with Release 34-105656.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from guardrails.finding import shown
from guardrails.terms import Instrument, Market, Step
from guardrails.ticks import Ladder

D = Decimal


class Table(NamedTuple):
    """The ladder in force from `first` to `last` (both included; None: until further notice).

    price_min, price_max: the range the exchange takes; None is no bound.
    """

    name: str
    first: date
    last: date | None
    price_min: Decimal
    price_max: Decimal | None
    ladder: Ladder


class Difference(NamedTuple):
    """Between `low` and `high` (None: upward) the broker says one tick or none, a table another."""

    low: Decimal
    high: Decimal | None
    broker: Decimal | None
    table: Decimal


def _steps(text: str) -> Ladder:
    words = [D(word) for word in text.split()]
    return tuple(Step(low, tick) for low, tick in zip(words[::2], words[1::2], strict=True))


_CENT = D("0.01")
_FROM_100 = " 100 0.1 200 0.2 500 0.5 1000 1 2000 2 5000 5"
_BEFORE_2025 = _steps("0 0.001 0.25 0.005 0.5 0.01 10 0.02 20 0.05" + _FROM_100)
_PHASE_1 = _steps("0 0.001 0.25 0.005 0.5 0.01 10 0.01 20 0.02 50 0.05" + _FROM_100)
_PHASE_2 = _steps("0 0.001 0.25 0.005 10 0.01 20 0.02 50 0.05" + _FROM_100)
_FUNDS = _steps("0 0.001 1 0.002 5 0.005 10 0.01 20 0.02 100 0.05 200 0.1 500 0.2 1000 0.5 2000 1")

PART_A = (
    Table("HKEX Part A", date(2007, 1, 1), date(2025, 8, 3), _CENT, D(9995), _BEFORE_2025),
    Table("HKEX Part A, phase 1", date(2025, 8, 4), date(2026, 8, 2), _CENT, D(9995), _PHASE_1),
    Table("HKEX Part A, phase 2", date(2026, 8, 3), None, _CENT, D(9995), _PHASE_2),
)
PART_D = (
    Table("HKEX Part A", date(2007, 1, 1), date(2020, 5, 31), _CENT, D(9995), _BEFORE_2025),
    Table("HKEX Part D", date(2020, 6, 1), None, _CENT, D(9999), _FUNDS),
)
RULE_612 = (
    Table("Rule 612", date(2006, 2, 1), None, D("0.0001"), None, _steps("0 0.0001 1 0.01")),
)
HALF_PENNY = (
    Table(
        "Rule 612, half-penny",
        date(2027, 11, 1),  # the first business day of that November
        None,
        D("0.0001"),
        None,
        _steps("0 0.0001 1 0.005"),
    ),
)

# By the broker's word for the stock. Any other word, and none, may stand for either.
_SCHEDULES = {
    Market.HK: {"COMMON": (PART_A,), "REIT": (PART_A,), "ETF": (PART_D,)},
    Market.US: {},
}
_ANY = {Market.HK: (PART_A, PART_D), Market.US: (RULE_612,)}
_ASSIGNED = {Market.HK: (), Market.US: (HALF_PENNY,)}  # for some stocks, nobody tells which

# What can be a tick at all. Two ladders have a common grid worth the name up to so many times the
# coarser tick (0.02 and 0.05 need 2); beyond, one of them is no ladder of prices.
_TICK_MIN, _TICK_MAX = D("0.000001"), D(1000)
_COARSER_TIMES_MAX = 10


def table(market: Market, stock_type: str, on: date) -> Ladder | None:
    """The exchange's ladder for such a stock on that day, or None where no single one is known.

    stock_type: the broker's word. `on` is the market's local date.
    Raises KeyError for a market without tables.
    """
    ladders = {one.ladder for one in _in_force(_schedules(market, stock_type), on)}
    return ladders.pop() if len(ladders) == 1 else None


def cross_checked(instrument: Instrument, on: date) -> tuple[Instrument, str | None]:
    """The instrument on the careful ladder, and where broker and table disagree, or None.

    They agree: the instrument as it is. So it is too where one of them is unknown: without the
    broker's ladder nothing may be opened, and without a table there is nothing to hold it against.
    A ladder that cannot be one, or has no grid in common with the table, becomes unknown.

    A stock whose kind is unknown may be on either table of its market. The broker knows which, so a
    ladder that is one of them is right; one that is neither must be on the grids of both.
    `on` is the market's local date.
    """
    ladder = instrument.ladder
    if not ladder:
        return instrument, None
    if not _can_be_a_ladder(ladder):
        says = f"{instrument.symbol}: the broker's price steps cannot be any; none are used."
        return replace(instrument, ladder=()), says
    schedules = _schedules(instrument.market, instrument.stock_type)
    known = _in_force((*schedules, *_ASSIGNED[instrument.market]), on)
    found = [(one, differences(ladder, one)) for one in known]
    if not found or not all(differing for _, differing in found):
        return instrument, None
    merged: Ladder | None = ladder
    for one, _ in found:
        merged = None if merged is None else merge(merged, one.ladder)
    told = " ".join(_told(one, differing) for one, differing in found)
    used = "None are used." if merged is None else "Only prices on both are used."
    return replace(instrument, ladder=merged or ()), f"{instrument.symbol}: {told} {used}"


def differences(ladder: Ladder, other: Table) -> tuple[Difference, ...]:
    """Where within the table's price range the ladder has another tick, or none; ascending."""
    most = other.price_max
    written = {step.from_price for step in (*ladder, *other.ladder)}
    edges = sorted({max(edge, other.price_min) for edge in written})
    if most is not None:
        edges = [edge for edge in edges if edge < most]
    found = []
    for low, high in zip(edges, [*edges[1:], most], strict=True):
        broker, exchange = _tick_from(low, ladder), _tick_from(low, other.ladder)
        if exchange is not None and broker != exchange:
            found.append(Difference(low, high, broker, exchange))
    return tuple(found)


def merge(one: Ladder, other: Ladder) -> Ladder | None:
    """The ladder whose prices are on both, from where both begin; None where they share no grid.

    Its tick is the least common multiple: the coarser one where that is a multiple of the finer.
    """
    edges = sorted({step.from_price for step in (*one, *other)})
    merged = []
    for edge in edges:
        first, second = _tick_from(edge, one), _tick_from(edge, other)
        if first is None or second is None:
            continue
        tick = _common(first, second)
        if tick > _COARSER_TIMES_MAX * max(first, second):
            return None
        merged.append(Step(edge, tick))
    return tuple(merged)


def _schedules(market: Market, stock_type: str) -> tuple[tuple[Table, ...], ...]:
    return _SCHEDULES[market].get(stock_type, _ANY[market])


def _in_force(schedules: tuple[tuple[Table, ...], ...], on: date) -> tuple[Table, ...]:
    return tuple(
        one
        for schedule in schedules
        for one in schedule
        if one.first <= on and (one.last is None or on <= one.last)
    )


def _can_be_a_ladder(ladder: Ladder) -> bool:
    """Whether steps are finite, ascend from zero or above, and each tick is of a sensible size."""
    edges = [step.from_price for step in ladder]
    return (
        all(step.from_price.is_finite() and step.tick.is_finite() for step in ladder)
        and edges[0] >= 0
        and all(low < high for low, high in pairwise(edges))
        and all(_TICK_MIN <= step.tick <= _TICK_MAX for step in ladder)
    )


def _tick_from(price: Decimal, ladder: Ladder) -> Decimal | None:
    """The tick from that price upward, or None below the first step."""
    tick = None
    for step in ladder:
        if step.from_price <= price:
            tick = step.tick
    return tick


def _common(one: Decimal, other: Decimal) -> Decimal:
    """The least common multiple of two ticks."""
    (top, bottom), (other_top, other_bottom) = one.as_integer_ratio(), other.as_integer_ratio()
    mine, theirs = top * other_bottom, other_top * bottom
    return one * (lcm(mine, theirs) // mine)


def _told(other: Table, differing: tuple[Difference, ...]) -> str:
    parts = [
        f"{_range(low, high)} the broker says {'no tick' if broker is None else shown(broker)} "
        f"and the table {shown(exchange)}"
        for low, high, broker, exchange in differing
    ]
    return f"price steps differ from {other.name}: {'; '.join(parts)}."


def _range(low: Decimal, high: Decimal | None) -> str:
    return f"from {shown(low)} upward" if high is None else f"from {shown(low)} to {shown(high)}"
