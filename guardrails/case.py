"""One opening proposal with everything derived from it once: rounded prices, unit risk, size."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from guardrails import fees, ticks
from guardrails.limits import Limits
from guardrails.side import OPENING
from guardrails.sizing import Room, size
from guardrails.terms import Action, Instrument, Proposal, Quote, Sizing, View

ONE = Decimal(1)
BPS = Decimal(10_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
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
    target: Decimal | None
    fx: Decimal | None
    room: Room | None
    sizing: Sizing | None
    shares: int
    value_base: Decimal | None
    risk_base: Decimal | None  # to the stop, with fees of both orders
    gain_base: Decimal | None  # to the target, with fees of both orders


def build(proposal: Proposal, view: View, limits: Limits) -> Case:
    """The case of an opening proposal, rounded to the careful side."""
    action = OPENING[proposal.side]
    instrument = view.instrument
    if instrument is not None and instrument.symbol != proposal.symbol:
        instrument = None  # the view is of another stock: nothing of it may be believed
    entry, stop, target, tick = _rounded(proposal, instrument, action)
    fx = None if instrument is None else _fx(view, instrument.currency)
    room = Room.of(view, limits, instrument, fx)
    sizing = None
    if instrument is not None and entry is not None and stop is not None and fx is not None:
        sizing = size(
            entry=entry,
            stop=stop,
            fx=fx,
            atr=view.atr,
            instrument=instrument,
            limits=limits,
            room=room,
        )
    shares = 0 if sizing is None else sizing.shares or sizing.lot
    value, risk, gain = _amounts(instrument, entry, stop, target, fx, shares)
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
        target=target,
        fx=fx,
        room=room,
        sizing=sizing,
        shares=shares,
        value_base=value,
        risk_base=risk,
        gain_base=gain,
    )


def _rounded(
    proposal: Proposal, instrument: Instrument | None, action: Action
) -> tuple[Decimal | None, Decimal | None, Decimal | None, Decimal | None]:
    """Entry, stop and target on the ladder, and the tick at the entry.

    A buy limit goes down and a sell limit up; stop and target go toward the entry.
    """
    given = (proposal.limit_price, proposal.stop_price, proposal.target_price)
    if instrument is None or any(price is None for price in given):
        return None, None, None, None
    limit, stop, target = (price for price in given if price is not None)
    ladder = instrument.ladder
    rounders = {
        Action.BUY: (ticks.down, ticks.up, ticks.down),
        Action.SELL: (ticks.up, ticks.down, ticks.up),
    }
    round_entry, round_stop, round_target = rounders[action]
    try:
        entry = round_entry(limit, ladder)
        return (
            entry,
            round_stop(stop, ladder),
            round_target(target, ladder),
            ticks.tick_at(entry, ladder),
        )
    except ValueError:
        return None, None, None, None  # no ladder, or a price below it


def _fx(view: View, currency: str) -> Decimal | None:
    """Base currency per unit of `currency`, or None where the broker told no usable rate."""
    if currency == view.account.base_currency:
        return ONE
    rate = view.account.fx.get(currency)
    return rate if rate is not None and rate.is_finite() and rate > 0 else None


def _mid(quote: Quote | None) -> Decimal | None:
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    if not (quote.bid.is_finite() and quote.ask.is_finite()):
        return None
    return (quote.bid + quote.ask) / 2


def _amounts(
    instrument: Instrument | None,
    entry: Decimal | None,
    stop: Decimal | None,
    target: Decimal | None,
    fx: Decimal | None,
    shares: int,
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Value, loss at the stop and gain at the target of the order, in base currency."""
    if instrument is None or entry is None or stop is None or target is None or fx is None:
        return None, None, None
    if shares <= 0:
        return None, None, None
    fee = fees.order_fees(instrument.market, shares, max(entry, stop, target))
    cost = 2 * fee
    return (
        shares * entry * fx,
        (shares * abs(entry - stop) + cost) * fx,
        (shares * abs(target - entry) - cost) * fx,
    )
