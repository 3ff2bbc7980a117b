"""The broker's contract details as one of our instruments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edges.errors import OutcomeUnknown, Refused
from edges.ibkr.library import Contract
from edges.ibkr.link import Link
from edges.ibkr.numbers import amount, shares
from guardrails.terms import Hours, Instrument, Market, Step

UNKNOWN_CONTRACT = 200
# How each market is asked for. SEHK stocks are quoted there alone; SMART may be absent for them.
ROUTES = {Market.US: ("SMART", "USD"), Market.HK: ("SEHK", "HKD")}


def market_of(symbol: str) -> Market:
    """The market a symbol of this desk belongs to: digits are SEHK codes, anything else is US."""
    return Market.HK if symbol.isascii() and symbol.isdigit() else Market.US


def contract_of(instrument: Instrument) -> Any:
    """The wire's contract for a qualified instrument."""
    return Contract(
        secType="STK",
        conId=instrument.con_id,
        symbol=instrument.symbol,
        exchange=instrument.exchange,
        primaryExchange=instrument.primary_exchange,
        currency=instrument.currency,
    )


async def qualify(
    link: Link, symbol: str, ladders: dict[int, tuple[Step, ...]]
) -> Instrument | None:
    """The one stock of that symbol, or None where the broker knows none or several.

    `ladders` caches market rules by id for the life of the connection.
    Raises OutcomeUnknown or NotServing when the broker does not answer.
    """
    market = market_of(symbol)
    route, currency = ROUTES[market]
    wanted = Contract(secType="STK", symbol=symbol, exchange=route, currency=currency)
    try:
        found = await link.ask(
            f"contract details of {symbol}", link.ib.reqContractDetailsAsync(wanted)
        )
    except Refused as error:
        if error.code == UNKNOWN_CONTRACT:
            return None
        raise
    exact = [details for details in found if details.contract.symbol == symbol]
    if len(exact) != 1:
        return None
    return _instrument(exact[0], market, route, await _ladder(link, exact[0], route, ladders))


async def _ladder(
    link: Link, details: Any, route: str, ladders: dict[int, tuple[Step, ...]]
) -> tuple[Step, ...]:
    """The price steps where the order is routed; () where the broker does not tell.

    minTick is only the smallest tick at any price: marketRuleIds, parallel to validExchanges, name
    the rule in force at each exchange. Source: tws-api minimum_increment.html.
    """
    exchanges = details.validExchanges.split(",")
    rule_ids = details.marketRuleIds.split(",")
    if route not in exchanges or len(rule_ids) != len(exchanges):
        return ()
    rule_id = int(rule_ids[exchanges.index(route)])
    if rule_id not in ladders:
        rows = await link.ask(f"market rule {rule_id}", link.ib.reqMarketRuleAsync(rule_id))
        if not rows:
            raise OutcomeUnknown(f"market rule {rule_id}: no answer")
        ladders[rule_id] = tuple(
            Step(low, tick)
            for low, tick in ((amount(row.lowEdge), amount(row.increment)) for row in rows)
            if low is not None and tick is not None
        )
    return ladders[rule_id]


def _instrument(details: Any, market: Market, route: str, ladder: tuple[Step, ...]) -> Instrument:
    contract = details.contract
    minimum, increment = shares(details.minSize), shares(details.sizeIncrement)
    return Instrument(
        symbol=contract.symbol,
        market=market,
        con_id=contract.conId,
        name=details.longName,
        currency=contract.currency,
        exchange=route,
        primary_exchange=contract.primaryExchange,
        security_type=contract.secType,
        stock_type=details.stockType,
        # Funds have no industry at the broker; as one class they still have a common bound.
        sector=details.industry or ("ETF" if details.stockType == "ETF" else ""),
        lot=max(minimum, increment) if minimum and increment and minimum > 0 else None,
        ladder=ladder,
        order_types=frozenset(details.orderTypes.split(",")),
        hours=trading_hours(details.liquidHours, details.timeZoneId),
    )


def trading_hours(text: str, zone_name: str) -> tuple[Hours, ...]:
    """The sessions of a liquidHours or tradingHours string, in order; () where it is not readable.

    Both forms are met: `20261120:0930-20261120:1200;...` and, with two sessions of one day,
    `20261120:0930-20261120:1200,20261120:1300-20261120:1600;20261121:CLOSED`.
    """
    try:
        zone = ZoneInfo(zone_name)
        spans = [span for day in text.split(";") for span in day.split(",") if span]
        return tuple(sorted(_span(span, zone) for span in spans if not span.endswith(":CLOSED")))
    except (ValueError, ZoneInfoNotFoundError):
        return ()


def _span(span: str, zone: ZoneInfo) -> Hours:
    opens, _, closes = span.partition("-")
    if ":" not in closes:  # the older form repeats no date
        closes = f"{opens.partition(':')[0]}:{closes}"

    def instant(words: str) -> datetime:
        return datetime.strptime(words, "%Y%m%d:%H%M").replace(tzinfo=zone).astimezone(UTC)

    return Hours(instant(opens), instant(closes))
