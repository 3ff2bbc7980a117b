"""The way out: closing and tightening. No state, quote, count or missing account blocks it.

Closing is bounded by what is held, computed here and never taken from the proposal. Tightening
moves the resting stop toward the price, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from guardrails import ticks
from guardrails.finding import shown
from guardrails.known import known_price
from guardrails.limits import Limits
from guardrails.side import CLOSING, side_of
from guardrails.terms import (
    _SEAL,
    Action,
    Check,
    Instrument,
    Intent,
    Position,
    Proposal,
    Quote,
    Ruling,
    Side,
    Ticket,
    View,
)

BPS = Decimal(10_000)
UNVALUED = Decimal(0)  # a reduction takes no room; its value bounds nothing
# A sell limit goes up and a buy limit down: never worse than asked.
ROUND_EXIT = {Action.SELL: ticks.up, Action.BUY: ticks.down}
# A stop goes toward the price it protects from.
ROUND_STOP = {Action.SELL: ticks.up, Action.BUY: ticks.down}


def rule_close(proposal: Proposal, view: View, limits: Limits) -> Ruling:
    """A ticket for all that is held and not yet leaving, at the proposal's limit price."""
    position, held = _held(proposal, view)
    if position is None:
        return Ruling(checks=(held,), ticket=None)
    leaving = abs(position.shares) - position.exiting_shares
    free = _closable(position, leaving)
    action = CLOSING[proposal.side]
    price = _rounded(proposal.limit_price, proposal.symbol, view, action, ROUND_EXIT)
    collar = _in_close_collar(price, _quote(proposal.symbol, view), limits)
    checks = (held, free, collar)
    if not all(check.ok for check in checks):
        return Ruling(checks=checks, ticket=None)
    return Ruling(checks=checks, ticket=_ticket(Intent.CLOSE, position, view, leaving, price, None))


def rule_tighten(proposal: Proposal, view: View) -> Ruling:
    """A ticket that moves the position's stop closer to the price."""
    position, held = _held(proposal, view)
    if position is None:
        return Ruling(checks=(held,), ticket=None)
    action = CLOSING[proposal.side]
    price = _rounded(proposal.stop_price, proposal.symbol, view, action, ROUND_STOP)
    toward = _toward_the_price(proposal.side, position, price, view)
    if not toward.ok:
        return Ruling(checks=(held, toward), ticket=None)
    ticket = _ticket(Intent.TIGHTEN, position, view, abs(position.shares), None, price)
    return Ruling(checks=(held, toward), ticket=ticket)


def _held(proposal: Proposal, view: View) -> tuple[Position | None, Check]:
    """The one position of the symbol if it is on the named side, and the finding."""
    symbol, named = proposal.symbol, proposal.side
    limit = f"a {named} position in {symbol}"
    matching = [one for one in view.positions if one.symbol == symbol and one.shares != 0]
    if len(matching) != 1:
        says = f"no position in {symbol} is held."
        return None, Check("position_held", False, "none", limit, says)
    position = matching.pop()
    observed, side = f"{position.shares} shares", side_of(position.shares)
    if side is not named:
        says = f"the position in {symbol} is {side}; say side {side}."
        return None, Check("position_held", False, observed, limit, says)
    return position, Check("position_held", True, observed, limit)


def _closable(position: Position, leaving: int) -> Check:
    observed = f"{leaving} of {abs(position.shares)} shares not yet leaving"
    ok = leaving > 0
    says = "" if ok else "exits for the whole position are working already; wait for them."
    return Check("closes_what_is_held", ok, observed, "> 0", says)


def _instrument(symbol: str, view: View) -> Instrument | None:
    """The view's instrument, if it is of this stock: nothing of another may be believed."""
    found = view.instrument
    return found if found is not None and found.symbol == symbol else None


def _quote(symbol: str, view: View) -> Quote | None:
    """The view's quote, unless the view is of another stock."""
    found = view.instrument
    return view.quote if found is None or found.symbol == symbol else None


def _rounded(
    given: Decimal | None,
    symbol: str,
    view: View,
    action: Action,
    rounders: Mapping[Action, ticks.Rounder],
) -> Decimal | None:
    """The price on the ladder, or as it is where no ladder is known: the way out stays open."""
    price, instrument = known_price(given), _instrument(symbol, view)
    if price is None or instrument is None:
        return price
    try:
        return rounders[action](price, instrument.ladder)
    except ValueError:
        return price


def _in_close_collar(price: Decimal | None, quote: Quote | None, limits: Limits) -> Check:
    collar = limits.close_collar_bps
    limit = f"within {shown(collar)} bps of mid, where there is a quote"
    if price is None:
        return Check("close_in_collar", False, "no price", limit, "closing needs a limit_price.")
    bid, ask = (None, None) if quote is None else (known_price(quote.bid), known_price(quote.ask))
    if bid is None or ask is None or bid > ask:
        return Check("close_in_collar", True, "no quote", limit)
    mid = (bid + ask) / 2
    distance = (price - mid) / mid * BPS
    ok = abs(distance) <= collar
    says = ""
    if not ok:
        low, high = mid * (1 - collar / BPS), mid * (1 + collar / BPS)
        says = (
            f"limit_price {shown(price)} is {distance:+.0f} bps from mid {shown(mid)}; "
            f"{shown(low)} to {shown(high)} passes."
        )
    return Check("close_in_collar", ok, f"{distance:+.1f} bps", limit, says)


def _toward_the_price(side: Side, position: Position, price: Decimal | None, view: View) -> Check:
    limit = "between the resting stop and the price"
    stop = known_price(position.stop_price)
    if stop is None:
        says = f"no stop of {position.symbol} rests at the broker, so none can be moved."
        return Check("stop_tightens", False, "no stop", limit, says)
    if price is None:
        return Check("stop_tightens", False, "no price", limit, "tightening needs a stop_price.")
    market = _market_price(side, position, view)
    if market is None:
        says = "the price of the stock is unknown; a stop beyond it would sell at once."
        return Check("stop_tightens", False, "price unknown", limit, says)
    low, high = {Side.LONG: (stop, market), Side.SHORT: (market, stop)}[side]
    ok = low < price < high
    says = ""
    if not ok:
        says = (
            f"stop_price {shown(price)} is not between {shown(low)} and {shown(high)} "
            f"(the resting stop {shown(stop)} and the price {shown(market)})."
        )
    return Check("stop_tightens", ok, shown(price), f"{shown(low)}..{shown(high)}", says)


def _market_price(side: Side, position: Position, view: View) -> Decimal | None:
    told: tuple[Decimal | None, ...] = (position.market_price,)
    if (quote := _quote(position.symbol, view)) is not None:
        touch = {Side.LONG: quote.bid, Side.SHORT: quote.ask}[side]
        told = (touch, quote.last, position.market_price)
    return next((price for one in told if (price := known_price(one)) is not None), None)


def _ticket(
    intent: Intent,
    position: Position,
    view: View,
    shares: int,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
) -> Ticket:
    instrument = _instrument(position.symbol, view)
    action = CLOSING[side_of(position.shares)]
    return Ticket(
        seal=_SEAL,
        intent=intent,
        symbol=position.symbol,
        market=position.market,
        con_id=position.con_id,
        exchange="" if instrument is None else instrument.exchange,
        currency=position.currency,
        action=action,
        exit_action=action,
        shares=shares,
        limit_price=limit_price,
        stop_price=stop_price,
        parts=(),
        value_base=UNVALUED,
        risk_base=UNVALUED,
    )
