"""quote: one stock as it stands now, with what an order in it would have to respect."""

from __future__ import annotations

import re
from typing import Any

from guardrails import ticks
from guardrails.limits import Limits
from guardrails.reading import clean
from guardrails.terms import Instrument, Position, View
from tools.figures import exponential_average, number, percent_change, price
from tools.floor import Floor, NoData

FAST, SLOW = 9, 21
HEADLINES = 3
HEADLINE_CHARACTERS = 160
NAME_CHARACTERS = 60
LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", re.IGNORECASE)


async def quote(symbol: str, floor: Floor, limits: Limits) -> dict[str, Any]:
    """The answer to quote."""
    try:
        view = await floor.view(symbol)
    except NoData as error:
        return {"symbol": symbol, "no_data": str(error)}
    instrument = view.instrument
    if instrument is None:
        return {"symbol": symbol, "no_data": "the broker knows no single stock of this symbol"}
    return {
        "symbol": symbol,
        "name": clean(instrument.name)[:NAME_CHARACTERS],
        "sector": instrument.sector or None,
        "currency": instrument.currency,
        **_market(view, limits),
        **_rules(instrument, view),
        **await _trend(instrument, floor),
        "position": _position(view, symbol),
        **await _headlines(instrument, floor),
    }


def _market(view: View, limits: Limits) -> dict[str, Any]:
    found = view.quote
    if found is None:
        return {"no_quote": "the broker gave no quote"}
    mid = None if found.bid is None or found.ask is None else (found.bid + found.ask) / 2
    spread = None
    if mid is not None and found.bid is not None and found.ask is not None:
        spread = (found.ask - found.bid) / mid * 10_000
    return {
        "bid": price(found.bid),
        "ask": price(found.ask),
        "last": price(found.last),
        "age_seconds": round((view.now - found.at).total_seconds()),
        "real_time": found.is_realtime,
        "spread_bps": number(spread, 1),
        "previous_close": price(found.previous_close),
        "change_pct": number(percent_change(found.last, found.previous_close), 2),
        "atr": price(None if view.atr is None else round(view.atr, 4)),
        "average_volume_shares": view.average_volume_shares,
        "limit_price_within_bps_of_mid": float(limits.collar_bps),
    }


def _rules(instrument: Instrument, view: View) -> dict[str, Any]:
    """Tick, lot and session of the stock."""
    at = view.quote.last if view.quote is not None else None
    tick = cost = None
    if at is not None and instrument.ladder:
        tick = ticks.tick_at(at, instrument.ladder)
    rate = view.account.fx.get(instrument.currency)
    if instrument.currency == view.account.base_currency:
        rate = None if at is None else at / at
    if at is not None and instrument.lot is not None and rate is not None:
        cost = at * instrument.lot * rate
    closes = [h.closes_at for h in instrument.hours if h.opens_at <= view.now < h.closes_at]
    return {
        "tick": price(tick),
        "board_lot_shares": instrument.lot,
        "board_lot_cost_base": number(cost, 2),
        "base_currency": view.account.base_currency,
        "session_closes_in_minutes": int((closes[0] - view.now).total_seconds() // 60)
        if closes
        else None,
    }


async def _trend(instrument: Instrument, floor: Floor) -> dict[str, Any]:
    try:
        bars = await floor.bars(instrument, "5 mins", 2 * SLOW)
    except NoData as error:
        return {"trend": f"no data: {error}"}
    if not bars:
        return {"trend": "no data: no bar was served"}
    closes = [bar.close for bar in bars]
    today = [bar for bar in bars if bar.at.date() == bars[-1].at.date()]
    return {
        "ema9_5min": number(exponential_average(closes, FAST), 4),
        "ema21_5min": number(exponential_average(closes, SLOW), 4),
        "recent_high": price(max(bar.high for bar in today)),
        "recent_low": price(min(bar.low for bar in today)),
    }


def _position(view: View, symbol: str) -> dict[str, Any] | None:
    held = [one for one in view.positions if one.symbol == symbol]
    return _shown(held[0]) if held else None


def _shown(position: Position) -> dict[str, Any]:
    return {
        "shares": position.shares,
        "average_price": price(position.average_price),
        "stop_price": price(position.stop_price),
        "target_price": price(position.target_price),
        "protected_shares": position.protected_shares,
    }


async def _headlines(instrument: Instrument, floor: Floor) -> dict[str, Any]:
    try:
        lines = await floor.headlines(instrument, HEADLINES)
    except NoData as error:
        return {"news": f"no data: {error}"}
    return {
        "news_outside_text": [
            {
                "at": line.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "source": clean(line.source)[:NAME_CHARACTERS],
                "text": text,
            }
            for line in lines
            if (text := outside_text(line.text))
        ]
    }


def outside_text(text: str) -> str:
    """A headline as data: one short line, nothing invisible, no address that could be followed."""
    return LINK.sub("[link]", clean(text))[:HEADLINE_CHARACTERS]
