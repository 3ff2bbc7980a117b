"""Which markets are open now, by the trading hours the broker tells of one stock of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from edges.errors import NotServing
from edges.ibkr import Broker
from guardrails.terms import Hours, Market
from session.settings import Settings


async def open_markets(
    broker: Broker, markets: Sequence[Market], settings: Settings, now: datetime
) -> list[Market]:
    """The open ones of `markets`, in their order. Raises NotServing where no hours are told."""
    found = []
    for market in markets:
        hours = await market_hours(broker, market, settings)
        if any(opens <= now < closes for opens, closes in hours):
            found.append(market)
    return found


async def market_hours(broker: Broker, market: Market, settings: Settings) -> tuple[Hours, ...]:
    """The market's coming sessions. Raises NotServing where no stock of it has any."""
    symbol = getattr(settings.markets, market.value).hours_symbol
    instrument = await broker.instrument(symbol)
    if instrument is None:
        movers = await broker.movers(market, 1, Decimal(0))
        instrument = await broker.instrument(movers[0]) if movers else None
    if instrument is None or not instrument.hours:
        raise NotServing(
            f"the broker tells no trading hours for {market} ({symbol}): check "
            f"markets.{market}.hours_symbol and the account's permissions"
        )
    return instrument.hours
