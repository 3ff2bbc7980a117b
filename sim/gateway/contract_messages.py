"""What a contract is, as the broker tells it: details, trading hours, market rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sim.gateway.nouns import Listing, World
from sim.gateway.order_reading import WireContract
from sim.gateway.wire.frames import Field

HOURS_DAYS = 8
EXCHANGES = {"US": ("SMART", "NASDAQ", "NYSE", "ARCA", "BATS"), "HK": ("SEHK",)}
ORDER_TYPES = "ACTIVETIM,ADJUST,ALERT,DAY,GTC,GTD,LMT,MKT,OCA,STP,STPLMT,TRAIL,WHATIF"
# Clients name the stop order STP in an order and in orderTypes alike.


def find(world: World, wanted: WireContract) -> list[Listing]:
    """The listings a request means, in the world's order."""
    return [one for one in world.listings() if _means(wanted, one)]


def _means(wanted: WireContract, listing: Listing) -> bool:
    if listing.stock_type == "INDEX" or wanted.security_type not in ("STK", ""):
        return False
    if wanted.con_id:
        return wanted.con_id == listing.con_id
    exchanges = (*EXCHANGES[listing.market], listing.primary_exchange, "")
    return (
        wanted.symbol == listing.symbol
        and wanted.currency in (listing.currency, "")
        and wanted.exchange in exchanges
        and wanted.primary_exchange in (listing.primary_exchange, "")
    )


def details(
    listing: Listing, world: World, now: datetime, version: int, request_id: int, exchange: str
) -> list[Field]:
    """in:10."""
    rule = world.market_rule(listing.market_rule_id) or ()
    tick = min((increment for _, increment in rule), default=Decimal("0.01"))
    exchanges = EXCHANGES[listing.market]
    hours = trading_hours(listing, world, now)
    fields: list[Field] = [10]
    if version < 164:
        fields.append(8)
    fields += [
        request_id,
        listing.symbol,
        "STK",
        "",
        0,
        "",
        exchange if exchange in exchanges else exchanges[0],
        listing.currency,
        listing.symbol,
        listing.symbol,
        listing.symbol,
        listing.con_id,
        tick,
    ]
    if version < 164:
        fields.append(1)
    fields += [
        "",
        ORDER_TYPES,
        ",".join(exchanges),
        1,
        0,
        _ascii(listing.name),
        listing.primary_exchange,
        "",
        listing.industry,
        listing.category,
        "",
        listing.time_zone,
        hours,
        hours,
        "",
        "",
        0,  # no security ids
        1,
        "",
        "",
        ",".join(str(listing.market_rule_id) for _ in exchanges),
        "",
        listing.stock_type,
    ]
    if version == 163:
        fields.append(listing.lot)
    if version >= 164:
        fields += [listing.lot, listing.lot, listing.lot]
    return fields


def _ascii(name: str) -> str:
    """A name as the wire escapes it: clients decode backslash escapes."""
    return name.encode("unicode_escape").decode("ascii")


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


def market_rule(rule_id: int, world: World) -> list[Field] | None:
    """in:93, or None for an unknown rule."""
    rule = world.market_rule(rule_id)
    if rule is None:
        return None
    return [93, rule_id, len(rule), *(number for step in rule for number in step)]
