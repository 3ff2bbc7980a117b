"""The account as the broker reports it: values, positions, the day's P&L. Missing stays missing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from edges.errors import OutcomeUnknown
from edges.ibkr.contracts import market_of
from edges.ibkr.link import Link
from edges.ibkr.numbers import amount, price, shares
from guardrails.terms import Account, Market

PNL_POLL_SECONDS = 0.25
FX_TAG = "ExchangeRate"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldShares:
    """One position of the broker's own list."""

    symbol: str
    market: Market
    con_id: int
    currency: str
    shares: int
    average_price: Decimal
    market_price: Decimal | None


async def account(link: Link, account_id: str) -> Account:
    """The account's values, asked for anew, and the day's P&L as last streamed."""
    request_id = link.ib.client.getReqId()
    future = link.ib.wrapper.startReq(request_id)
    link.ib.client.reqAccountUpdatesMulti(request_id, account_id, "", False)
    await link.ask("account values", future)
    link.ib.client.cancelAccountUpdatesMulti(request_id)
    rows = [row for row in link.ib.accountValues(account_id) if row.currency]
    base = _base_currency({row.currency for row in rows if row.tag == "NetLiquidation"})
    values = {row.tag: amount(row.value) for row in rows if row.currency == base}
    rates = {row.currency: amount(row.value) for row in rows if row.tag == FX_TAG}
    return Account(
        account_id=account_id,
        base_currency=base,
        net_liquidation_base=values.get("NetLiquidation"),
        available_funds_base=values.get("AvailableFunds"),
        gross_position_value_base=values.get("GrossPositionValue"),
        maintenance_margin_base=values.get("MaintMarginReq"),
        day_pnl_base=day_pnl(link, account_id),
        fx={
            currency: rate
            for currency, rate in sorted(rates.items())
            if rate is not None and rate > 0 and currency != "BASE"
        },
    )


def _base_currency(totals_in: set[str]) -> str:
    """The one currency in which the account's total is told."""
    found = totals_in - {"BASE"}
    if len(found) != 1:
        raise OutcomeUnknown(
            "account values: NetLiquidation is expected in one currency, "
            f"was in {', '.join(sorted(found)) or 'none'}"
        )
    return found.pop()


async def subscribe_pnl(link: Link, account_id: str) -> None:
    """The P&L stream is running and has given a number, or its absence is final for now.

    A silent stream is not an error: the number stays None and every entry is refused.
    """
    if not link.ib.pnl(account_id):
        link.ib.reqPnL(account_id)
    waited = 0.0
    while day_pnl(link, account_id) is None and waited < link.address.timeout_seconds:
        await asyncio.sleep(PNL_POLL_SECONDS)
        waited += PNL_POLL_SECONDS


def day_pnl(link: Link, account_id: str) -> Decimal | None:
    """The day's profit and loss in base currency, None while the broker has not told it."""
    streams = link.ib.pnl(account_id)
    return amount(streams[0].dailyPnL) if streams else None


async def held(link: Link, account_id: str) -> tuple[HeldShares, ...]:
    """The account's positions, asked for anew, by symbol. Raises if one of them is unreadable."""
    rows = await link.ask_keyed("positions", link.ib.reqPositionsAsync)
    marks = {item.contract.conId: price(item.marketPrice) for item in link.ib.portfolio()}
    found = []
    for row in rows:
        if row.account != account_id or not row.position:
            continue
        count, average = shares(row.position), price(row.avgCost)
        if count is None or average is None:
            raise OutcomeUnknown(
                f"position in {row.contract.symbol}: {row.position} at {row.avgCost} is unreadable"
            )
        found.append(
            HeldShares(
                symbol=row.contract.symbol,
                market=market_of(row.contract.symbol),
                con_id=row.contract.conId,
                currency=row.contract.currency,
                shares=count,
                average_price=average,
                market_price=marks.get(row.contract.conId),
            )
        )
    return tuple(sorted(found, key=lambda position: position.symbol))
