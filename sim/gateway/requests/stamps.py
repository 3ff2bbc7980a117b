"""Contracts and times as the wire writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sim.gateway.nouns import Listing
from sim.gateway.wire.words import BadRequest

ZONE_FROM = 174  # the version from which times name their zone
YEAR_MIN = 1980


def contract(listing: Listing, exchange: str, *, key: str = "exchange") -> dict[str, Any]:
    """The contract fields of most answers; `key` is what the layout calls the exchange."""
    return {
        "conId": listing.con_id,
        "symbol": listing.symbol,
        key: exchange,
        "currency": listing.currency,
        "localSymbol": listing.symbol,
        "tradingClass": listing.symbol,
    }


def stamp(at: datetime, zone: str, version: int) -> str:
    """`20261120 10:31:15 US/Eastern`, before version 174 `20261120  10:31:15`."""
    local = at.astimezone(ZoneInfo(zone))
    if version >= ZONE_FROM:
        return f"{local:%Y%m%d %H:%M:%S} {zone}"
    return f"{local:%Y%m%d  %H:%M:%S}"


def instant(text: str, zone: str = "UTC") -> datetime:
    """The instant a request names as `yyyymmdd hh:mm:ss [zone]` or `yyyymmdd-hh:mm:ss` (UTC).

    zone: what is meant where none is named. Raises BadRequest where it is no such time.
    """
    words = text.split() if " " in text else [*text.split("-", 1), "UTC"]
    try:
        named = ZoneInfo(words[2] if len(words) > 2 else zone)
        at = datetime.strptime(f"{words[0]} {words[1]}", "%Y%m%d %H:%M:%S").replace(tzinfo=named)
    except (ValueError, IndexError, ZoneInfoNotFoundError) as error:
        raise BadRequest(f"a time like 20261120 15:00:00 UTC is expected, was {text[:40]!r}") from (
            error
        )
    if at.year < YEAR_MIN:
        raise BadRequest(f"a time after {YEAR_MIN} is expected, was {text[:40]!r}")
    return at.astimezone(UTC)
