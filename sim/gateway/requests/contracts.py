"""Requests about what there is to trade: contract details, symbol search, market rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sim.gateway.exchange.exchange import Exchange
from sim.gateway.nouns import Listing, World
from sim.gateway.requests.asker import Asker
from sim.gateway.wire.layout import Values

NO_CONTRACT, VALIDATION, NO_REQUEST = 200, 321, -1
NO_DEFINITION = "No security definition has been found for the request"
HOURS_DAYS = 8
SAMPLES_MAX = 16  # tws-api matching_symbols.html
EXCHANGES = {"US": ("SMART", "NASDAQ", "NYSE", "ARCA", "BATS"), "HK": ("SEHK",)}
# Clients name the stop order STP in an order and in orderTypes alike.
ORDER_TYPES = "ACTIVETIM,ADJUST,ALERT,DAY,GTC,GTD,IOC,LMT,MKT,OCA,STP,STPLMT,TRAIL,WHATIF"


class Contracts:
    """One client's questions about contracts."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._world = asker.core.world
        self.handlers: dict[str, Callable[[Values], None]] = {
            "reqContractDetails": self._details,
            "reqMatchingSymbols": self._matching,
            "reqMarketRule": self._rule,
        }

    def _details(self, values: Values) -> None:
        found = find(self._asker.core.exchange, values)
        if not found:
            self._asker.error(values["reqId"], NO_CONTRACT, NO_DEFINITION)
            return
        now = self._asker.core.exchange.now
        for listing in found:
            for exchange in _routes(values, listing):
                row = details(listing, self._world, now, exchange)
                self._asker.say("contractDetails", reqId=values["reqId"], **row)
        self._asker.say("contractDetailsEnd", reqId=values["reqId"])

    def _matching(self, values: Values) -> None:
        pattern = values["pattern"].upper()
        found = [
            {
                "conId": one.con_id,
                "symbol": one.symbol,
                "primaryExchange": one.primary_exchange,
                "currency": one.currency,
                "description": one.name,
            }
            for one in self._world.listings()
            if pattern and (one.symbol.startswith(pattern) or pattern in one.name.upper())
        ]
        self._asker.say("symbolSamples", reqId=values["reqId"], found=found[:SAMPLES_MAX])

    def _rule(self, values: Values) -> None:
        rule = self._world.market_rule(values["ruleId"])
        if rule is None:
            # The error names no request: a client that waits for the rule waits in vain.
            self._asker.error(NO_REQUEST, VALIDATION, f"Market rule {values['ruleId']} is unknown")
            return
        steps = [{"lowEdge": low, "increment": increment} for low, increment in rule]
        self._asker.say("marketRule", ruleId=values["ruleId"], steps=steps)


def find(exchange: Exchange, wanted: Values) -> list[Listing]:
    """The listings that a request's contract means."""
    if wanted["conId"]:
        found = [exchange.by_con_id.get(wanted["conId"])]
    else:
        found = [exchange.by_symbol.get((wanted["symbol"], market)) for market in EXCHANGES]
    return [one for one in found if one is not None and _means(wanted, one)]


def _means(wanted: Values, listing: Listing) -> bool:
    if listing.stock_type == "INDEX" or wanted["secType"] not in ("STK", ""):
        return False
    if wanted["conId"]:
        return True
    exchanges = (*EXCHANGES[listing.market], listing.primary_exchange, "")
    return (
        wanted["symbol"] == listing.symbol
        and wanted["currency"] in (listing.currency, "")
        and wanted["exchange"] in exchanges
        and wanted["primaryExchange"] in (listing.primary_exchange, "")
        and wanted["localSymbol"] in (listing.symbol, "")
        and wanted["tradingClass"] in (listing.symbol, "")
    )


def _routes(wanted: Values, listing: Listing) -> tuple[str, ...]:
    """The exchanges a row is told of: the one asked for, or each of them."""
    exchanges = EXCHANGES[listing.market]
    if wanted["exchange"] in exchanges:
        return (wanted["exchange"],)
    return (exchanges[0],) if wanted["conId"] or wanted["exchange"] else exchanges


def details(listing: Listing, world: World, now: datetime, exchange: str) -> dict[str, Any]:
    """The values of contractDetails."""
    rule = world.market_rule(listing.market_rule_id) or ()
    exchanges = EXCHANGES[listing.market]
    hours = trading_hours(listing, world, now)
    return {
        "symbol": listing.symbol,
        "exchange": exchange,
        "currency": listing.currency,
        "localSymbol": listing.symbol,
        "marketName": listing.symbol,
        "tradingClass": listing.symbol,
        "conId": listing.con_id,
        "minTick": min((increment for _, increment in rule), default=Decimal("0.01")),
        "orderTypes": ORDER_TYPES,
        "validExchanges": ",".join(exchanges),
        "longName": _ascii(listing.name),
        "primaryExchange": listing.primary_exchange,
        "industry": listing.industry,
        "category": listing.category,
        "timeZoneId": listing.time_zone,
        "tradingHours": hours,
        "liquidHours": hours,
        "marketRuleIds": ",".join(str(listing.market_rule_id) for _ in exchanges),
        "stockType": listing.stock_type,
        "sizeMinTick": listing.lot,
        "minSize": listing.lot,
        "sizeIncrement": listing.lot,
        "suggestedSizeIncrement": listing.lot,
    }


def _ascii(name: str) -> str:
    """A name as the wire escapes it: clients decode backslash escapes."""
    return name.replace("\0", "").encode("unicode_escape").decode("ascii")


def trading_hours(listing: Listing, world: World, now: datetime) -> str:
    """The sessions of the coming days, each by itself, closed days said."""
    zone = ZoneInfo(listing.time_zone)
    first = now.astimezone(zone).date()
    days = (first + timedelta(days=n) for n in range(HOURS_DAYS))
    return ";".join(_day_hours(listing, world, day, zone) for day in days)


def _day_hours(listing: Listing, world: World, day: date, zone: ZoneInfo) -> str:
    sessions = world.sessions(listing.market, day)
    if not sessions:
        return f"{day:%Y%m%d}:CLOSED"
    return ";".join(
        f"{opens.astimezone(zone):%Y%m%d:%H%M}-{closes.astimezone(zone):%Y%m%d:%H%M}"
        for opens, closes in sessions
    )
