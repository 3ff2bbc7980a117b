"""What the market shows: quotes, bars, movers, headlines. No answer is never an empty one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from edges.errors import OutcomeUnknown
from edges.ibkr.contracts import contract_of
from edges.ibkr.library import ScannerSubscription
from edges.ibkr.link import Link
from edges.ibkr.numbers import price
from guardrails.terms import Bar, Instrument, Market, Quote

REALTIME = 1  # marketDataType; 2 frozen, 3 delayed, 4 delayed and frozen
SNAPSHOT_SECONDS = 15.0  # a snapshot ends 11 s after it was asked for
DAYS_PER_YEAR = 365
BAR_SECONDS = {"1 min": 60, "5 mins": 300, "15 mins": 900, "1 hour": 3600}
DAY_SECONDS = 86_400
LOCATIONS = {Market.US: ("STK", "STK.US.MAJOR"), Market.HK: ("STOCK.HK", "STK.HK.SEHK")}
MOVERS = "TOP_PERC_GAIN"
HEADLINES_DAYS = 3


async def quote(link: Link, instrument: Instrument, now: datetime) -> Quote:
    """The top of the book as of `now`, from a one-shot request; absent prices are None."""
    [ticker] = await link.ask(
        f"quote of {instrument.symbol}",
        link.ib.reqTickersAsync(contract_of(instrument)),
        SNAPSHOT_SECONDS,
    )
    return Quote(
        bid=price(ticker.bid),
        ask=price(ticker.ask),
        last=price(ticker.last),
        at=now,
        is_realtime=ticker.marketDataType == REALTIME,
        previous_close=price(ticker.close),
    )


async def bars(link: Link, instrument: Instrument, size: str, count: int) -> tuple[Bar, ...]:
    """The last `count` bars of regular hours, oldest first, the running one included.

    size: "1 min", "5 mins", "15 mins", "1 hour" or "1 day".
    Raises OutcomeUnknown when no answer came (the library gives an empty list for that) and Refused
    with code 162 where the broker has no data.
    """
    seconds = link.address.timeout_seconds * 2
    answer = await link.ask(
        f"bars of {instrument.symbol}",
        link.ib.reqHistoricalDataAsync(
            contract_of(instrument),
            "",
            _duration(size, count),
            size,
            "TRADES",
            True,
            formatDate=2,
            timeout=seconds,
        ),
        seconds + 1,
    )
    if not answer:
        raise OutcomeUnknown(f"bars of {instrument.symbol}: the answer was empty")
    found = tuple(bar for bar in map(_bar, answer) if bar is not None)
    return found[-count:]


def _duration(size: str, count: int) -> str:
    """A duration that holds `count` bars, weekends, holidays and nights included."""
    if size == "1 day":
        days = count * 7 // 5 + 10
        return f"{days} D" if days <= DAYS_PER_YEAR else f"{-(-days // DAYS_PER_YEAR)} Y"
    per_day = 5 * 3600 // BAR_SECONDS[size]  # the shorter of the two markets' days
    return f"{max(1, -(-count // per_day)) + 1} D"


def _bar(wire: Any) -> Bar | None:
    values = [price(number) for number in (wire.open, wire.high, wire.low, wire.close)]
    if any(value is None for value in values):
        return None
    first, high, low, last = (value for value in values if value is not None)
    return Bar(
        at=_instant(wire.date),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=max(0, int(wire.volume)),
    )


def _instant(wire: date | datetime) -> datetime:
    if isinstance(wire, datetime):
        return wire.astimezone(UTC)
    return datetime.combine(wire, time(), UTC)


async def movers(link: Link, market: Market, rows: int, price_min: Decimal) -> tuple[str, ...]:
    """Symbols of the broker's scanner, the strongest gainers of the day first."""
    instrument, location = LOCATIONS[market]
    wanted = ScannerSubscription(
        numberOfRows=rows,
        instrument=instrument,
        locationCode=location,
        scanCode=MOVERS,
        abovePrice=float(price_min),
    )
    answer = await link.ask(f"scanner of {market}", link.ib.reqScannerDataAsync(wanted))
    return tuple(row.contractDetails.contract.symbol for row in answer)


async def headlines(
    link: Link, instrument: Instrument, now: datetime, count: int
) -> tuple[tuple[datetime, str, str], ...]:
    """(time, provider, text) of the newest headlines, newest first. The text is outside text."""
    providers = await link.ask_keyed("news providers", link.ib.reqNewsProvidersAsync)
    codes = "+".join(provider.code for provider in providers)
    if not codes:
        return ()
    answer = await link.ask(
        f"news of {instrument.symbol}",
        link.ib.reqHistoricalNewsAsync(
            instrument.con_id,
            codes,
            _news_time(now - timedelta(days=HEADLINES_DAYS)),
            _news_time(now),
            count,
        ),
    )
    if answer is None:
        raise OutcomeUnknown(f"news of {instrument.symbol}: no answer")
    rows = [(item.time.replace(tzinfo=UTC), item.providerCode, item.headline) for item in answer]
    return tuple(sorted(rows, reverse=True)[:count])


def _news_time(at: datetime) -> str:
    """As IBKR's page of news requests writes a time, in UTC; the library would write it another."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.0"
