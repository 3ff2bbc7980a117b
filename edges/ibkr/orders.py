"""Orders to the broker and back: send, modify, cancel, and read what really rests there.

Nothing here keeps an order's life. What was sent is known by its orderRef; what became of it is
read from open orders, completed orders and executions, each with its end marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from edges.errors import NotServing
from edges.ibkr.contracts import market_of
from edges.ibkr.library import Contract, Order
from edges.ibkr.link import Link
from edges.ibkr.numbers import amount, price, shares
from guardrails.terms import Action, Execution, LiveOrder

ACTIONS = {"BUY": Action.BUY, "SELL": Action.SELL}
EXECUTION_ACTIONS = {"BOT": Action.BUY, "SLD": Action.SELL}
ENDED_WORDS = frozenset({"Filled", "Cancelled", "ApiCancelled"})
OCA_REDUCE_WITH_BLOCK = 2  # a partial exit shrinks the other leg, never removes it


@dataclass(frozen=True, kw_only=True, slots=True)
class LegOrder:
    """One order as it is to be sent. Every field that a preset could fill is explicit."""

    order_ref: str
    account_id: str
    symbol: str
    con_id: int
    exchange: str
    currency: str
    action: Action
    order_type: str  # LMT, STP or MKT
    shares: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    tif: str  # DAY or GTC
    oca_group: str = ""
    parent_ref: str = ""
    transmit: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletedOrder:
    """An order the broker lists as finished, in the broker's own words."""

    order_ref: str
    perm_id: int
    status: str
    completed_status: str
    filled_shares: int | None


def reserve_ids(link: Link, legs: Sequence[LegOrder]) -> dict[str, int]:
    """A fresh order id for each leg, by orderRef, above every id seen on this connection."""
    return {leg.order_ref: link.ib.client.getReqId() for leg in legs}


def send(link: Link, leg: LegOrder, ids: dict[str, int]) -> None:
    """The leg is on its way, new or as a modification of the same id. No answer is awaited.

    Raises NotServing if the connection is gone; then nothing left this machine.
    """
    order = Order(
        orderId=ids[leg.order_ref],
        clientId=link.address.client_id,
        action=leg.action.value,
        orderType=leg.order_type,
        totalQuantity=leg.shares,
        tif=leg.tif,
        orderRef=leg.order_ref,
        account=leg.account_id,
        outsideRth=False,
        transmit=leg.transmit,
    )
    if leg.limit_price is not None:
        order.lmtPrice = float(leg.limit_price)
    if leg.stop_price is not None:
        order.auxPrice = float(leg.stop_price)
    if leg.oca_group:
        order.ocaGroup, order.ocaType = leg.oca_group, OCA_REDUCE_WITH_BLOCK
    if leg.parent_ref:
        order.parentId = ids[leg.parent_ref]
    contract = Contract(
        secType="STK",
        conId=leg.con_id,
        symbol=leg.symbol,
        exchange=leg.exchange,
        currency=leg.currency,
    )
    try:
        # Not IB.placeOrder: it sends and then asserts, and keeps a life of its own for the order.
        link.ib.client.placeOrder(order.orderId, contract, order)
    except ConnectionError as error:
        raise NotServing(f"order {leg.order_ref} was not sent: {error}") from error


def cancel(link: Link, order_id: int) -> None:
    """A cancellation is on its way; whether the order is gone must be read back."""
    try:
        link.ib.client.cancelOrder(order_id, "")
    except ConnectionError as error:
        raise NotServing(f"cancellation of order {order_id} was not sent: {error}") from error


async def open_orders(link: Link) -> tuple[LiveOrder, ...]:
    """Every open order of the account, of all clients, as the broker lists them now, by permId."""
    with link.collecting_open_orders() as rows:
        await link.ask_keyed("open orders", link.ib.reqAllOpenOrdersAsync)
    by_perm_id = {row[1].permId: row for row in rows}
    found = (_live_order(link, *by_perm_id[perm_id]) for perm_id in sorted(by_perm_id))
    # An order that ended while the list was on its way was told among them.
    return tuple(order for order in found if order.status not in ENDED_WORDS)


def _live_order(link: Link, contract: Any, order: Any, order_id: int, word: str) -> LiveOrder:
    status, filled = link.order_words.get(order.permId, (word, 0.0))
    return LiveOrder(
        order_ref=order.orderRef,
        order_id=order_id,
        client_id=order.clientId,
        perm_id=order.permId,
        parent_id=order.parentId,
        symbol=contract.symbol,
        con_id=contract.conId,
        action=ACTIONS[order.action],
        order_type=order.orderType,
        shares=shares(order.totalQuantity) or 0,
        filled_shares=shares(filled) or 0,
        limit_price=price(order.lmtPrice),
        stop_price=price(order.auxPrice),
        tif=order.tif,
        oca_group=order.ocaGroup,
        oca_type=order.ocaType,
        status=status,
        account_id=order.account,
    )


async def completed_orders(link: Link) -> tuple[CompletedOrder, ...]:
    """The account's finished orders of today as the broker lists them."""
    trades = await link.ask_keyed(
        "completed orders", lambda: link.ib.reqCompletedOrdersAsync(False)
    )
    return tuple(
        CompletedOrder(
            order_ref=trade.order.orderRef,
            perm_id=trade.order.permId,
            status=trade.orderStatus.status,
            completed_status=trade.order.completedStatus,
            filled_shares=shares(trade.order.filledQuantity),
        )
        for trade in trades
    )


async def executions(link: Link) -> tuple[Execution, ...]:
    """Every execution of the account since midnight, in the order of time and execId."""
    fills = await link.ask("executions", link.ib.reqExecutionsAsync())
    found = [_execution(link, fill) for fill in fills]
    return tuple(sorted(found, key=lambda execution: (execution.at, execution.exec_id)))


def _execution(link: Link, fill: Any) -> Execution:
    wire, contract = fill.execution, fill.contract
    # The library hangs commission reports on the first Fill object it made for an execId.
    report = link.ib.wrapper.fills.get(wire.execId, fill).commissionReport
    known = bool(report.execId)
    filled_price, filled_shares = price(wire.price), shares(wire.shares)
    if filled_price is None or filled_shares is None:
        raise ValueError(f"execution {wire.execId} has no usable price or size")
    return Execution(
        exec_id=wire.execId,
        order_ref=wire.orderRef,
        perm_id=wire.permId,
        account_id=wire.acctNumber,
        symbol=contract.symbol,
        market=market_of(contract.symbol),
        currency=contract.currency,
        action=EXECUTION_ACTIONS[wire.side],
        shares=filled_shares,
        price=filled_price,
        at=_utc(wire.time),
        commission=amount(report.commission) if known else None,
        commission_currency=report.currency if known else "",
        realised_pnl=amount(report.realizedPNL) if known else None,
    )


def _utc(wire: datetime) -> datetime:
    return wire.replace(tzinfo=UTC) if wire.tzinfo is None else wire.astimezone(UTC)
