"""What an order breaks, worked out a second time: integers and fractions, nothing of guardrails.

`breaches` looks at one order in the view in which it was approved; `blocked` at a reduction that
was refused though nothing may refuse it. Both name the rule first. Only nouns (guardrails.terms)
and the numbers of Limits are shared with what is judged.

Fees are a lower bound: the broker's commission alone. What breaks a limit with less than is charged
breaks it with all that is charged.

A figure that is missing, not finite, or as large as the broker's word for "none" is unknown, and an
order that would need it breaks `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from guardrails.limits import Limits
from guardrails.terms import Position, Proposal, Quote, Step, View

ABSURD = 10**15  # no price, amount or rate is so large; 1.797E308 is the broker's "none"
OPENS = {"long": "BUY", "short": "SELL"}
REDUCES = {"long": "SELL", "short": "BUY"}
EXCHANGE_RANGE = {"US": (Fraction(1, 10_000), None), "HK": (Fraction(1, 100), 9995)}
UP = {"long": 1, "short": -1}
NOISE = Fraction(1, 20)  # of a tick: what rounding may take for a float's noise


class Order(NamedTuple):
    """A ticket as plain values, so that a test can describe a wrong one."""

    intent: str
    symbol: str
    market: str
    con_id: int
    exchange: str
    currency: str
    action: str
    exit_action: str
    shares: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    parts: tuple[tuple[int, Decimal], ...]
    value_base: Decimal
    risk_base: Decimal


def order_of(ticket: Any) -> Order:
    """The plain values of a ticket."""
    return Order(*(getattr(ticket, name) for name in Order._fields))


def known(number: Decimal | int | None) -> Fraction | None:
    """The number, or None where it says nothing."""
    if number is None or (isinstance(number, Decimal) and not number.is_finite()):
        return None
    return Fraction(number) if abs(number) < ABSURD else None


def price(number: Decimal | None) -> Fraction | None:
    """A price that can be believed: known and above zero."""
    found = known(number)
    return found if found is not None and found > 0 else None


def tick_at(where: Fraction, ladder: tuple[Step, ...]) -> Fraction | None:
    """The tick in force, or None where the ladder tells none."""
    ticks = [Fraction(tick) for start, tick in ladder if Fraction(start) <= where]
    return ticks[-1] if ticks and where > 0 else None


def breaches(order: Order, proposal: Proposal, view: View, limits: Limits) -> list[str]:
    """Everything that this approved order breaks, each beginning with a rule's name."""
    if order.intent != proposal.intent or order.symbol != proposal.symbol:
        return [f"identity: {order.intent} {order.symbol} was not asked for"]
    return list(_JUDGES[order.intent](order, proposal, view, limits))


def _opening(order: Order, proposal: Proposal, view: View, limits: Limits) -> Iterator[str]:
    found, side = view.instrument, proposal.side.value
    if found is None or found.symbol != order.symbol:
        yield "instrument_known: opened in a stock that the view does not describe"
        return
    told = (found.market, found.con_id, found.exchange, found.currency)
    if told != (order.market, order.con_id, order.exchange, order.currency):
        yield "identity: not the contract of the view"
    if (order.action, order.exit_action) != (OPENS[side], REDUCES[side]):
        yield f"side_known: a {side} is opened by {order.action} and left by {order.exit_action}"
    entry, stop = price(order.limit_price), price(order.stop_price)
    if entry is None or stop is None or not order.parts:
        yield "well_formed: an opening without entry, stop or target"
        return
    if not found.lot or order.shares <= 0:
        yield "lots: no lot or no shares"
        return
    yield from _standing(proposal, view, limits)
    yield from _quoted(view, limits, entry, proposal)
    yield from _priced(order, proposal, view, limits, entry, stop)
    yield from _split(order, found.lot)
    yield from _sized(order, view, limits, entry, stop)


def _standing(proposal: Proposal, view: View, limits: Limits) -> Iterator[str]:
    """What must hold before any number of the order is looked at."""
    found, now, symbol = view.instrument, view.now, proposal.symbol
    if view.state != "NORMAL":
        yield f"state_allows: {view.state}"
    at = view.reconciled_at
    oldest = timedelta(seconds=float(limits.reconcile_age_seconds_max))
    if at is None or not timedelta(0) <= now - at <= oldest:
        yield f"reconciled: {at}"
    oldest = timedelta(seconds=float(limits.keeper_age_seconds_max))
    seen = view.keeper_at
    if view.needs_keeper and (seen is None or not timedelta(0) <= now - seen <= oldest):
        yield f"keeper_alive: {seen}"
    if view.live_lock:
        yield f"live_lock: {view.live_lock}"
    left = [shut - now for opens, shut in found.hours if opens <= now < shut]
    if not left or max(left) < timedelta(minutes=limits.no_entry_before_close_minutes):
        yield f"session_open: {left}"
    kind = (found.security_type, found.stock_type)
    if kind[0] != "STK" or kind[1] not in limits.stock_types or found.con_id <= 0:
        yield f"instrument_known: {kind}"
    if symbol in limits.restricted:
        yield "instrument_known: restricted"
    if proposal.side == "short" and not (limits.allow_short and found.market == "US"):
        yield "short_allowed: a short"
    if not {"LMT", "STP"} <= found.order_types:
        yield "order_type_supported: no limit or no stop order"
    sure = known(proposal.confidence)
    if sure is None or sure < Fraction(limits.confidence_min):
        yield f"confidence_min: {sure}"
    taken = {one.symbol for one in (*view.positions, *view.entries)}
    if symbol in taken:
        yield "not_duplicate: held or working"
    out = view.stopped_out_at.get(symbol)
    if out is not None and now - out < timedelta(minutes=limits.reentry_cooldown_minutes):
        yield f"not_duplicate: stopped out at {out}"
    if len(taken) + 1 > limits.positions_max:
        yield f"positions_max: {len(taken)} and one more"


def _quoted(view: View, limits: Limits, entry: Fraction, proposal: Proposal) -> Iterator[str]:
    quote = view.quote
    bid, ask = (None, None) if quote is None else (price(quote.bid), price(quote.ask))
    if quote is None or bid is None or ask is None or bid > ask:
        yield "quote_usable: not two-sided"
        return
    if quote.last is not None and price(quote.last) is None:
        yield f"quote_usable: last {quote.last}"
    if not (quote.is_realtime or limits.allow_delayed):
        yield "quote_usable: delayed"
    oldest = timedelta(seconds=float(limits.quote_age_seconds_max))
    if not timedelta(0) <= view.now - quote.at <= oldest:
        yield f"quote_usable: of {quote.at}"
    mid = (bid + ask) / 2
    if (ask - bid) * 10_000 > Fraction(limits.spread_bps_max) * mid:
        yield "quote_usable: too wide"
    if abs(entry - mid) * 10_000 > Fraction(limits.collar_bps) * mid:
        yield f"entry_in_collar: {float(entry)} at a middle of {float(mid)}"
    least, most = EXCHANGE_RANGE[view.instrument.market]
    for one in (entry, price(proposal.limit_price)):
        if one is None or one < least or (most is not None and one > most):
            yield f"entry_in_collar: {one} is no price of the exchange"


def _priced(
    order: Order,
    proposal: Proposal,
    view: View,
    limits: Limits,
    entry: Fraction,
    stop: Fraction,
) -> Iterator[str]:
    side, ladder = proposal.side.value, view.instrument.ladder
    up = UP[side]
    # Each on the grid and on the careful side of what was asked: +1 means not below it.
    yield from _on_grid("entry", entry, (proposal.limit_price,), ladder, -up)
    yield from _on_grid("stop", stop, (proposal.stop_price,), ladder, up)
    losing = up * (entry - stop)
    least, most = Fraction(limits.stop_distance_bps_min), Fraction(limits.stop_distance_bps_max)
    if not least * entry <= losing * 10_000 <= most * entry or losing <= 0:
        yield f"stop_protects: {float(losing * 10_000 / entry)} bps"
    tick = tick_at(entry, ladder)
    if tick is None or losing < limits.stop_distance_ticks_min * tick:
        yield f"stop_protects: {losing} is less than the least number of ticks"
    leave = None if view.quote is None else {"long": view.quote.bid, "short": view.quote.ask}[side]
    touch = price(leave)
    if touch is None or up * (touch - stop) <= 0:
        yield f"stop_protects: {stop} is through the market at {touch}"
    nearest = entry
    for _, given in order.parts:
        target = price(given)
        if target is None or up * (target - nearest) <= 0:
            yield f"target_pays: {given} does not lie beyond {float(nearest)}"
            return
        asked = (proposal.target_price, proposal.target_price_2)
        yield from _on_grid("target", target, asked, ladder, -up)
        if abs(target - entry) * 10_000 > Fraction(limits.target_distance_bps_max) * entry:
            yield f"target_pays: {given} is too far"
        nearest = target


def _on_grid(
    what: str,
    found: Fraction,
    asked: tuple[Decimal | None, ...],
    ladder: tuple[Step, ...],
    careful: int,
) -> Iterator[str]:
    """careful: +1 where it may only be at or above what was asked, -1 at or below."""
    tick = tick_at(found, ladder)
    if tick is None or (found / tick).denominator != 1:
        yield f"grid: {what} {float(found)} is on no tick"
        return
    given = [Fraction(one) for one in asked if one is not None]
    # A grid is coarser above a band's edge; a price may come from the band above or below it.
    coarse = max((tick, *(tick_at(one, ladder) or tick for one in given)))
    if not any(-NOISE * tick <= careful * (found - one) < coarse for one in given):
        yield f"rounding: {what} {float(found)} is not the careful neighbour of what was asked"


def _split(order: Order, lot: int) -> Iterator[str]:
    sizes = [shares for shares, _ in order.parts]
    if sum(sizes) != order.shares or len(sizes) > 2:
        yield f"parts: {sizes} of {order.shares}"
    for shares in (order.shares, *sizes):
        if shares <= 0 or shares % lot:
            yield f"lots: {shares} shares in lots of {lot}"


def commission(market: str, shares: int, at: Fraction) -> Fraction:
    """The least that one order costs: the broker's own commission, unrounded."""
    if market == "HK":
        return max(shares * at * Fraction(8, 10_000), Fraction(18))
    return min(max(Fraction(shares, 200), Fraction(1)), shares * at / 100)


class Held(NamedTuple):
    """One position or working entry in base currency, its loss with the fees still to come.

    A loss of None is unbounded.
    """

    sector: str
    value: Fraction
    loss: Fraction | None


def book(view: View) -> list[Held] | None:
    """What is open and working, or None where one of them cannot be valued."""
    rows = []
    for one in view.positions:
        rate, at = _rate(view, one.currency), _worth(one)
        if rate is None or at is None:
            return None
        stop, count = price(one.stop_price), abs(one.shares)
        loss = None
        if stop is not None and one.protected_shares >= count:
            paid = commission(one.market, count, stop) if count else 0
            loss = (max(Fraction(0), (at - stop) * one.shares) + paid) * rate
        rows.append(Held(one.sector, count * at * rate, loss))
    for entry in view.entries:
        rate, at = _rate(view, entry.currency), price(entry.limit_price)
        if rate is None or at is None:
            return None
        stop, loss = price(entry.stop_price), None
        if stop is not None:
            paid = sum(commission(entry.market, entry.shares, one) for one in (at, stop))
            loss = (abs(at - stop) * entry.shares + paid) * rate
        rows.append(Held(entry.sector, entry.shares * at * rate, loss))
    return rows


def _worth(position: Position) -> Fraction | None:
    """What one share is worth: the market's price, or what was paid where there is none."""
    told = price(position.market_price)
    return price(position.average_price) if told is None else told


def _rate(view: View, currency: str) -> Fraction | None:
    if currency == view.account.base_currency:
        return Fraction(1)
    return price(view.account.fx.get(currency))


def _sized(
    order: Order, view: View, limits: Limits, entry: Fraction, stop: Fraction
) -> Iterator[str]:
    found, account = view.instrument, view.account
    rate, rows, atr = _rate(view, found.currency), book(view), price(view.atr)
    figures = {
        "exchange rate": rate,
        "book": None if rows is None else Fraction(len(rows)),
        "range": atr,
        "day": known(account.day_pnl_base),
        "equity": known(account.net_liquidation_base),
        "margin": known(account.maintenance_margin_base),
        "funds": known(account.available_funds_base),
        "volume": known(view.average_volume_shares),
    }
    unknown = [name for name, figure in figures.items() if figure is None]
    if unknown or not found.sector:
        yield f"unknown: {', '.join(unknown) or 'sector'}"
        return
    shares, value = order.shares, order.shares * entry * rate
    if Fraction(order.value_base) != value:
        yield f"amounts: value {order.value_base} is told, {float(value)} it is"
    most = Fraction(limits.position_value_max)
    calm = Fraction(limits.atr_pct_base) * entry / (atr * 100)
    if value > most * min(1, calm):
        yield f"position_value: {float(value)}"
    loss = gain = Fraction(0)
    for count, target in order.parts:
        enters = commission(found.market, count, entry)
        loss += count * abs(entry - stop) + enters + commission(found.market, count, stop)
        far = Fraction(target)
        gain += count * abs(far - entry) - enters - commission(found.market, count, far)
    if gain < Fraction(limits.reward_risk_min) * loss:
        yield f"target_pays: {float(gain)} against {float(loss)}"
    loss *= rate
    if Fraction(order.risk_base) < loss:
        yield f"amounts: risk {order.risk_base} is told, {float(loss)} it is at least"
    if loss > Fraction(limits.position_risk_max):
        yield f"position_risk: {float(loss)}"
    yield from _beside(value, loss, rows, found.sector, figures, limits)
    volume = figures["volume"]
    if volume < limits.average_volume_shares_min:
        yield f"liquidity: {volume} a day"
    if shares * 100 > volume * Fraction(limits.adv_pct_max):
        yield f"liquidity: {shares} of {volume} a day"
    yield from _pace(len(order.parts), view, limits)


def _beside(
    value: Fraction,
    loss: Fraction,
    rows: list[Held],
    sector: str,
    figures: dict[str, Fraction],
    limits: Limits,
) -> Iterator[str]:
    """The order beside all that is open and working."""
    gross = Fraction(limits.gross_exposure_max)
    if value + sum(row.value for row in rows) > gross:
        yield f"gross_exposure: {float(value)} more"
    same = sum(row.value for row in rows if row.sector in ("", sector))
    if value + same > gross * Fraction(limits.sector_pct_max) / 100:
        yield f"sector_exposure: {float(value)} beside {float(same)}"
    usable = figures["equity"] * Fraction(limits.margin_use_pct_max) / 100
    if figures["margin"] + value > usable:
        yield f"margin_use: {float(figures['margin'] + value)} of {float(usable)}"
    if value > figures["funds"]:
        yield f"buying_power: {float(value)} of {float(figures['funds'])}"
    if any(row.loss is None for row in rows):
        yield "day_loss_headroom: something open has no bound"
        return
    lost = max(Fraction(0), -figures["day"]) + sum(row.loss for row in rows)
    if lost + loss > Fraction(limits.day_loss_max):
        yield f"day_loss_headroom: {float(lost)} and {float(loss)} more"


def _pace(entries: int, view: View, limits: Limits) -> Iterator[str]:
    for rule, made, more, most in (
        ("orders_rate", view.orders_last_minute, entries, limits.orders_minute_max),
        ("orders_day", view.orders_today, entries, limits.orders_day_max),
        ("proposals_session", view.proposals_this_session, 1, limits.proposals_session_max),
    ):
        if made < 0 or made + more > most:
            yield f"{rule}: {made} and {more} more of {most}"


def held(symbol: str, view: View) -> Position | None:
    """The one holding in the symbol; None where there is none, or more than one."""
    found = [one for one in view.positions if one.symbol == symbol and one.shares]
    return found[0] if len(found) == 1 else None


def _reducing(order: Order, proposal: Proposal, view: View) -> Iterator[str]:
    """What closing and tightening have in common."""
    position = held(order.symbol, view)
    if position is None:
        yield "position_held: nothing, or more than one thing, is held"
        return
    told = (position.market, position.con_id, position.currency)
    if told != (order.market, order.con_id, order.currency):
        yield "identity: not the contract that is held"
    found = view.instrument
    if found is not None and found.symbol == order.symbol and order.exchange != found.exchange:
        yield f"identity: sent to {order.exchange!r}, not to {found.exchange!r}"
    if (found is None or found.symbol != order.symbol) and order.exchange:
        yield f"identity: sent to {order.exchange!r}, which nobody told"
    side = "long" if position.shares > 0 else "short"
    if proposal.side != side:
        yield f"position_held: the holding is {side}"
    if {order.action, order.exit_action} != {REDUCES[side]}:
        yield f"reduces: {order.action} of a {side} holding"
    if order.parts:
        yield "parts: a reduction has none"


def _closing(order: Order, proposal: Proposal, view: View, limits: Limits) -> Iterator[str]:
    yield from _reducing(order, proposal, view)
    position, at = held(order.symbol, view), price(order.limit_price)
    if position is None:
        return
    free = abs(position.shares) - position.exiting_shares
    if not 0 < order.shares <= free:
        yield f"closes_what_is_held: {order.shares} of {free} that are not leaving"
    if at is None or order.stop_price is not None:
        yield f"well_formed: a closing at {order.limit_price} with a stop of {order.stop_price}"
        return
    ladder = _ladder(order.symbol, view)
    if ladder and tick_at(at, ladder) is not None:
        up = UP[proposal.side.value]
        yield from _on_grid("limit", at, (proposal.limit_price,), ladder, up)
    mid = _middle(_quote(order.symbol, view))
    if mid is not None and abs(at - mid) * 10_000 > Fraction(limits.close_collar_bps) * mid:
        yield f"close_in_collar: {float(at)} at a middle of {float(mid)}"


def _tightening(order: Order, proposal: Proposal, view: View, _limits: Limits) -> Iterator[str]:
    yield from _reducing(order, proposal, view)
    position, to = held(order.symbol, view), price(order.stop_price)
    if position is None:
        return
    if order.shares != abs(position.shares):
        yield f"closes_what_is_held: the stop covers {order.shares} of {position.shares}"
    if to is None or order.limit_price is not None:
        yield f"well_formed: a tightening to {order.stop_price} with limit {order.limit_price}"
        return
    up = UP[proposal.side.value]
    stop, market = price(position.stop_price), _market(position, view)
    if stop is None or up * (to - stop) <= 0:
        yield f"stop_tightens: {float(to)} is not closer than {position.stop_price}"
    if market is None or up * (market - to) <= 0:
        yield f"stop_tightens: {float(to)} is through the market at {market}"
    ladder = _ladder(order.symbol, view)
    if ladder and tick_at(to, ladder) is not None:
        yield from _on_grid("stop", to, (proposal.stop_price,), ladder, up)


def _ladder(symbol: str, view: View) -> tuple[Step, ...]:
    found = view.instrument
    return () if found is None or found.symbol != symbol else found.ladder


def _middle(quote: Quote | None) -> Fraction | None:
    """The middle of the book, or None where it is one-sided, crossed or nonsense."""
    bid, ask = (None, None) if quote is None else (price(quote.bid), price(quote.ask))
    return None if bid is None or ask is None or bid > ask else (bid + ask) / 2


def _quote(symbol: str, view: View) -> Quote | None:
    """The quote, unless the view is of another stock: then nothing of it may be believed."""
    found = view.instrument
    return view.quote if found is None or found.symbol == symbol else None


def _market(position: Position, view: View) -> Fraction | None:
    """Where the position would be left: the touch, else the last trade, else what it is worth."""
    quote = _quote(position.symbol, view)
    told: list[Decimal | None] = [position.market_price]
    if quote is not None:
        told = [quote.bid if position.shares > 0 else quote.ask, quote.last, *told]
    found = [one for one in map(price, told) if one is not None]
    return found[0] if found else None


def blocked(proposal: Proposal, view: View, limits: Limits) -> str | None:
    """Why this refused reduction should have been approved, or None where it is rightly refused.

    A tick on each side is left undecided: it is rounding's.
    """
    position = held(proposal.symbol, view)
    if position is None or proposal.side != ("long" if position.shares > 0 else "short"):
        return None
    ladder = _ladder(proposal.symbol, view)
    if proposal.intent == "close":
        at, mid = price(proposal.limit_price), _middle(_quote(proposal.symbol, view))
        tick = tick_at(at, ladder) or Fraction(0) if at is not None else Fraction(0)
        if at is None or at <= tick or position.exiting_shares >= abs(position.shares):
            return None
        far = Fraction(limits.close_collar_bps)
        if mid is not None and (abs(at - mid) + tick) * 10_000 > far * mid:
            return None
        return f"blocked: {proposal.symbol} is held and {float(at)} is inside the collar"
    if proposal.intent == "tighten":
        to, stop = price(proposal.stop_price), price(position.stop_price)
        market = _market(position, view)
        if to is None or stop is None or market is None:
            return None
        tick, up = tick_at(to, ladder) or Fraction(0), UP[proposal.side.value]
        if up * (to - stop) <= tick or up * (market - to) <= tick:
            return None
        return f"blocked: {float(to)} lies between {float(stop)} and {float(market)}"
    return None


_JUDGES = {"open": _opening, "close": _closing, "tighten": _tightening}
