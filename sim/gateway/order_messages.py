"""Orders on their way to a client: openOrder, orderStatus, completedOrder, executions, commissions.

Field orders follow the public clients' decoders; a client of another family reads the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sim.gateway.nouns import Fill, Listing, Order
from sim.gateway.wire.frames import Field
from sim.gateway.wire.reader import UNSET_DOUBLE_TEXT, UNSET_INTEGER

SIDES = {"BUY": "BOT", "SELL": "SLD"}
# What a real gateway sends for an order without delta-neutral parts: the word None, and eight
# fields that the word makes every client read.
DELTA_NEUTRAL: list[Field] = ["None", "", 0, "", "", "", "?", False, 0, ""]


def contract_fields(listing: Listing, exchange: str) -> list[Field]:
    """conId .. tradingClass, eleven fields."""
    return [
        listing.con_id,
        listing.symbol,
        "STK",
        "",
        0,
        "?",
        "",
        exchange,
        listing.currency,
        listing.symbol,
        listing.symbol,
    ]


def order_status(order: Order) -> list[Field]:
    """in:3."""
    return [
        3,
        order.order_id,
        order.status,
        order.filled,
        order.remaining,
        order.average_fill_price,
        order.perm_id,
        order.parent_id,
        order.last_fill_price,
        order.client_id,
        order.why_held,
        0,
    ]


def _opening(order: Order, listing: Listing) -> list[Field]:
    """From the contract to the account, common to open and completed orders."""
    return [
        *contract_fields(listing, order.exchange or "SMART"),
        order.action,
        order.quantity,
        order.order_type,
        order.limit_price if order.limit_price is not None else 0,
        order.stop_price if order.stop_price is not None else 0,
        order.tif,
        order.oca_group,
        order.account,
        "",
        0,
        order.order_ref,
    ]


def open_order(
    order: Order, listing: Listing, version: int, what_if: Mapping[str, Decimal] | None = None
) -> list[Field]:
    """in:5; with `what_if` margins and commission as text, else unset."""
    fields: list[Field] = [
        5,
        order.order_id,
        *_opening(order, listing),
        order.client_id,
        order.perm_id,
        order.outside_rth,
        False,
        0,
        "",
        "",  # shares allocation is empty for a single account
        "",
        "",
        "",
        "",  # faGroup, faMethod, faPercentage, faProfile
        "",
        order.good_till_date,
        "",
        "",
        "",
        0,
        "",
        -1,
        0,  # rule80A .. auctionStrategy
        "",
        "",
        "",
        "",
        "",  # startingPrice .. stockRangeUpper
        0,
        False,
        False,
        False,
        "",  # displaySize .. minQty
        order.oca_type,
        False,
        False,
        "",  # eTradeOnly, firmQuoteOnly, nbboPriceCap
        order.parent_id,
        0,
        "",
        0,  # volatility, volatilityType
        *DELTA_NEUTRAL,
        False,
        0,
        "",
        "",
        "",
        "",
        "",  # continuousUpdate .. comboLegsDescrip
        0,
        0,
        0,  # no combo legs, order legs, routing parameters
        "",
        "",
        "",  # scale
        "",  # hedgeType
        False,
        "",
        "",
        False,
        False,  # optOut .. no delta neutral contract
        "",  # algoStrategy
        False,
        what_if is not None,
        order.status or "PreSubmitted",
        *_state(order, what_if),
        False,
        False,  # randomizeSize, randomizePrice
        0,  # conditions
        "None",
        "",
        "",
        "",
        "",
        "",
        "",
        0,  # adjustedOrderType .. adjustableTrailingUnit
        "",
        "",
        "",  # soft dollar tier
        "",
        False,
        False,
        False,
        False,  # cashQty .. usePriceMgmtAlgo
    ]
    if version >= 158:  # the official clients' gate; see the wire's notes on 158
        fields.append(UNSET_INTEGER)
    if version >= 160:
        fields.append(UNSET_INTEGER)
    if version >= 162:
        fields.append(False)
    if version >= 170:
        fields.extend(["", "", "", "", ""])
    return fields


def _state(order: Order, what_if: Mapping[str, Decimal] | None) -> list[Field]:
    """Nine margins, three commissions, currency and warning of an order's state."""
    if what_if is None:
        commission = UNSET_DOUBLE_TEXT if order.commission is None else order.commission
        return [
            *[UNSET_DOUBLE_TEXT] * 9,
            commission,
            UNSET_DOUBLE_TEXT,
            UNSET_DOUBLE_TEXT,
            order.commission_currency,
            "",
        ]
    initial, initial_change = what_if["init_before"], what_if["init_change"]
    kept, kept_change = what_if["maintenance_before"], what_if["maintenance_change"]
    equity, commission = what_if["equity"], what_if["commission"]
    before: list[Field] = [initial, kept, equity]
    change: list[Field] = [initial_change, kept_change, -commission]
    after: list[Field] = [initial + initial_change, kept + kept_change, equity - commission]
    return [*before, *change, *after, commission, commission, commission, "USD", ""]


def completed_order(order: Order, listing: Listing, version: int) -> list[Field]:
    """in:101."""
    fields: list[Field] = [
        101,
        *_opening(order, listing),
        order.perm_id,
        order.outside_rth,
        False,
        0,
        "",
        "",
        "",
        "",
        "",  # faGroup .. faProfile
        "",
        order.good_till_date,
        "",
        "",
        "",
        0,
        "",
        -1,  # rule80A .. exemptCode
        "",
        "",
        "",
        "",
        "",  # startingPrice .. stockRangeUpper
        0,
        False,
        False,
        "",  # displaySize, sweepToFill, allOrNone, minQty
        order.oca_type,
        0,
        "",
        0,
        "None",
        "",
        0,
        False,
        0,
        "",  # delta neutral, shorter than in openOrder
        False,
        0,
        "",
        "",
        "",  # continuousUpdate .. comboLegsDescrip
        0,
        0,
        0,
        "",
        "",
        "",
        "",
        "",
        "",
        False,
        False,  # clearingAccount .. no delta neutral contract
        "",
        False,
        order.status,
        False,
        False,
        0,
        "",
        "",
        "",
        False,
        False,  # trailStopPrice .. isOmsContainer
        "",  # autoCancelDate
        order.filled,
        0,
        False,
        "",
        False,
        False,
        0,  # refFuturesConId .. parentPermId
        _stamp(order.completed_at, listing, version),
        order.completed_status,
    ]
    if version >= 170:
        fields.extend(["", "", "", "", ""])
    return fields


def execution(fill: Fill, listing: Listing, version: int, request_id: int) -> list[Field]:
    """in:11; request id -1 when pushed."""
    return [
        11,
        request_id,
        fill.order_id,
        *contract_fields(listing, fill.exchange),
        fill.exec_id,
        _stamp(fill.at, listing, version),
        fill.account,
        fill.exchange,
        SIDES[fill.action],
        fill.shares,
        fill.price,
        fill.perm_id,
        fill.client_id,
        0,
        fill.cumulative,
        fill.average_price,
        fill.order_ref,
        "",
        "",
        "",
        1,
    ]


def commission_report(fill: Fill) -> list[Field]:
    """in:59; what an opening fill realised is unset."""
    realised: Field = UNSET_DOUBLE_TEXT if fill.realised_pnl is None else fill.realised_pnl
    return [59, 1, fill.exec_id, fill.commission, fill.currency, realised, UNSET_DOUBLE_TEXT, 0]


def _stamp(at: datetime | None, listing: Listing, version: int) -> str:
    """A time in the listing's zone; the zone is named from version 174."""
    return "" if at is None else stamp(at, listing.time_zone, version)


def stamp(at: datetime, zone: str, version: int) -> str:
    """`20261120 10:31:15 US/Eastern`, before version 174 `20261120  10:31:15`."""
    local = at.astimezone(ZoneInfo(zone))
    if version >= 174:
        return f"{local:%Y%m%d %H:%M:%S} {zone}"
    return f"{local:%Y%m%d  %H:%M:%S}"
