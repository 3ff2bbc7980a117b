"""One opening proposal with everything derived from it once: rounded prices, unit risk, size."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from guardrails import fees, ticks
from guardrails.known import known_rate
from guardrails.limits import Limits
from guardrails.side import CLOSING, OPENING, lead
from guardrails.sizing import Room, size
from guardrails.targets import Targets, judge, split
from guardrails.terms import Action, Instrument, Part, Proposal, Quote, Side, Sizing, View

BPS = Decimal(10_000)


# Entry, stop, target: each to its careful side.
ROUNDERS = {
    Action.BUY: (ticks.down, ticks.up, ticks.down),
    Action.SELL: (ticks.up, ticks.down, ticks.up),
}


class Prices(NamedTuple):
    """The prices of a proposal on its instrument's ladder, and the tick at the entry."""

    entry: Decimal
    stop: Decimal
    targets: Targets
    tick: Decimal


class Case(NamedTuple):
    """What the checks of an opening look at. None is unknown, and every check refuses on it.

    shares: the sized number, or one lot where no lot fits: so that the check which leaves no room
    for a lot shows its own arithmetic.
    """

    proposal: Proposal
    view: View
    limits: Limits
    action: Action
    instrument: Instrument | None
    quote: Quote | None
    mid: Decimal | None
    tick: Decimal | None
    entry: Decimal | None
    stop: Decimal | None
    targets: Targets | None
    fx: Decimal | None
    room: Room | None
    sizing: Sizing | None
    shares: int
    parts: tuple[Part, ...]  # of `shares`; empty where there are none, or no target
    value_base: Decimal | None
    risk_base: Decimal | None  # to the stop, with fees of all orders
    gain_base: Decimal | None  # to each part's target, with fees of all orders


def build(proposal: Proposal, view: View, limits: Limits) -> Case:
    """The case of an opening proposal, rounded to the careful side."""
    action = OPENING[proposal.side]
    instrument = view.instrument
    if instrument is not None and instrument.symbol != proposal.symbol:
        instrument = None  # the view is of another stock: nothing of it may be believed
    prices = None if instrument is None else _rounded(proposal, instrument, action, limits)
    entry, stop, targets, tick = prices or (None, None, None, None)
    fx = None if instrument is None else known_rate(view.account, instrument.currency)
    room = Room.of(view, limits, instrument, fx)
    sizing: Sizing | None = None
    parts: tuple[Part, ...] = ()
    value = risk = gain = None
    if instrument is not None and prices is not None and fx is not None:
        sizing, parts = _sized(instrument, action, prices, fx, room, view, limits)
        if parts:
            value, risk, gain = _amounts(instrument, proposal.side, prices, fx, parts, view)
    shares = sum([part.shares for part in parts])
    return Case(
        proposal=proposal,
        view=view,
        limits=limits,
        action=action,
        instrument=instrument,
        quote=view.quote,
        mid=_mid(view.quote),
        tick=tick,
        entry=entry,
        stop=stop,
        targets=targets,
        fx=fx,
        room=room,
        sizing=sizing,
        shares=shares,
        parts=parts,
        value_base=value,
        risk_base=risk,
        gain_base=gain,
    )


def _rounded(
    proposal: Proposal, instrument: Instrument, action: Action, limits: Limits
) -> Prices | None:
    """The prices on the ladder, or None where one is missing or on no ladder.

    A buy limit goes down and a sell limit up; stop and targets go toward the entry. Only a second
    target may be one that the ladder does not know: it is left out alone.
    """
    limit, stop, target = proposal.limit_price, proposal.stop_price, proposal.target_price
    if limit is None or stop is None or target is None:
        return None
    ladder = instrument.ladder
    round_entry, round_stop, round_target = ROUNDERS[action]
    try:
        entry = round_entry(limit, ladder)
        tick = ticks.tick_at(entry, ladder)
        targets: dict[str, Decimal | None] = {"target_price": round_target(target, ladder)}
        stop = round_stop(stop, ladder)
    except ValueError:
        return None  # no ladder, or a price below it
    if proposal.target_price_2 is not None:
        try:
            targets["target_price_2"] = round_target(proposal.target_price_2, ladder)
        except ValueError:
            targets["target_price_2"] = None
    far = limits.target_distance_bps_max
    return Prices(entry, stop, judge(proposal.side, entry, targets, far), tick)


def _sized(
    instrument: Instrument,
    action: Action,
    prices: Prices,
    fx: Decimal,
    room: Room | None,
    view: View,
    limits: Limits,
) -> tuple[Sizing | None, tuple[Part, ...]]:
    """The size and its parts: as many as there are targets, or one where the lots are too few."""

    def sized(parts: int) -> Sizing | None:
        return size(
            entry=prices.entry,
            stop=prices.stop,
            parts=parts,
            fx=fx,
            atr=view.atr,
            instrument=instrument,
            limits=limits,
            room=room,
            action=action,
            on=view.now.date(),
        )

    targets = prices.targets.priced
    sizing = sized(len(targets))
    if sizing is not None and sizing.shares < len(targets) * sizing.lot:
        targets, sizing = targets[:1], sized(1)
    if sizing is None:
        return None, ()
    return sizing, split(sizing.shares or sizing.lot, sizing.lot, targets)


def _mid(quote: Quote | None) -> Decimal | None:
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    if not (quote.bid.is_finite() and quote.ask.is_finite()):
        return None
    return (quote.bid + quote.ask) / 2


def _amounts(
    instrument: Instrument,
    side: Side,
    prices: Prices,
    fx: Decimal,
    parts: tuple[Part, ...],
    view: View,
) -> tuple[Decimal, Decimal, Decimal]:
    """Value, loss at the stop and gain at the targets of the parts, in base currency."""
    entry, stop = prices.entry, prices.stop
    value = risk = gain = Decimal(0)
    action, leaving = OPENING[side], CLOSING[side]
    on = view.now.date()  # in UTC, which is the trading day: see fees.order_fees

    def fee(shares: int, price: Decimal, action: Action) -> Decimal:
        kind = instrument.stock_type
        return fees.order_fees(
            instrument.market, shares, price, on=on, action=action, stock_type=kind
        )

    for shares, target in parts:
        enters = fee(shares, entry, action)
        value += shares * entry
        risk += shares * abs(entry - stop) + enters + fee(shares, stop, leaving)
        gain += shares * lead(side, target, entry) - enters - fee(shares, target, leaving)
    return value * fx, risk * fx, gain * fx
