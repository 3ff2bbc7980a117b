"""Which markets are open now, by the trading hours the broker tells of one stock of each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from edges.errors import NotServing
from guardrails.terms import Hours, Market
from session.settings import Settings
from session.world import FarEnd


async def open_markets(far: FarEnd, settings: Settings, now: datetime) -> list[Market]:
    """The far end's open markets, in its order. Raises NotServing where no hours are told."""
    found = []
    for market in far.markets:
        hours = await market_hours(far, market, settings)
        if any(opens <= now < closes for opens, closes in hours):
            found.append(market)
    return found


async def market_hours(far: FarEnd, market: Market, settings: Settings) -> tuple[Hours, ...]:
    """The market's coming sessions. Raises NotServing where nobody tells any.

    A simulated market may hold neither the configured stock nor one that has traded yet; its own
    hours are then asked.
    """
    symbol = getattr(settings.markets, market.value).hours_symbol
    instrument = await far.broker.instrument(symbol)
    if instrument is None:
        movers = await far.broker.movers(market, 1, Decimal(0))
        instrument = await far.broker.instrument(movers[0]) if movers else None
    if instrument is None and market in far.simulated_hours:
        return far.simulated_hours[market]
    if instrument is None or not instrument.hours:
        raise NotServing(
            f"the broker tells no trading hours for {market} ({symbol}): check "
            f"markets.{market}.hours_symbol and the account's permissions"
        )
    return instrument.hours
