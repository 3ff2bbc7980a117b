"""placeOrder as clients of the versions 157 to 176 send it, every field counted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sim.gateway.nouns import Order
from sim.gateway.wire.reader import BadRequest, Reader


@dataclass(frozen=True, kw_only=True, slots=True)
class WireContract:
    """The contract part of a request."""

    con_id: int
    symbol: str
    security_type: str
    exchange: str
    primary_exchange: str
    currency: str


def read_contract(fields: Reader) -> WireContract:
    """The twelve contract fields that open most requests."""
    con_id, symbol, security_type = fields.integer(), fields.text(), fields.text()
    fields.skip(4)  # expiry, strike, right, multiplier
    exchange, primary, currency = fields.text(), fields.text(), fields.text()
    fields.skip(2)  # local symbol, trading class
    return WireContract(
        con_id=con_id,
        symbol=symbol,
        security_type=security_type,
        exchange=exchange,
        primary_exchange=primary,
        currency=currency,
    )


def read_order(fields: Reader, client_id: int, version: int) -> tuple[WireContract, Order]:
    """The order of a placeOrder request. Raises BadRequest where it is not what clients send."""
    order_id = fields.integer()
    contract = read_contract(fields)
    fields.skip(2)  # secIdType, secId
    if contract.security_type != "STK":
        raise BadRequest(f"only STK is traded here, was {contract.security_type[:20]!r}")
    action, quantity, order_type = fields.text(), fields.decimal(), fields.text()
    limit_price, stop_price = fields.decimal(), fields.decimal()
    tif, oca_group, account = fields.text(), fields.text(), fields.text()
    fields.skip(2)  # openClose, origin
    order_ref, transmit, parent_id = fields.text(), fields.boolean(), fields.integer()
    fields.skip(4)  # blockOrder, sweepToFill, displaySize, triggerMethod
    outside_rth = fields.boolean()
    fields.skip(4)  # hidden, "", discretionaryAmt, goodAfterTime
    good_till_date = fields.text()
    fields.skip(8)  # faGroup .. faProfile, modelCode, shortSaleSlot, location, exemptCode
    oca_type = fields.integer()
    what_if = _read_rest(fields, order_type, version)
    if fields.left:
        raise BadRequest(f"{fields.left} fields too many in an order")
    order = Order(
        client_id=client_id,
        order_id=order_id,
        con_id=contract.con_id,
        action=action,
        order_type=order_type,
        quantity=_whole(quantity),
        limit_price=_or_none(limit_price),
        stop_price=_or_none(stop_price),
        tif=tif or "DAY",
        oca_group=oca_group,
        oca_type=oca_type or 3,
        order_ref=order_ref,
        transmit=transmit,
        parent_id=parent_id,
        outside_rth=outside_rth,
        what_if=what_if,
        account=account,
        exchange=contract.exchange,
        good_till_date=good_till_date,
    )
    return contract, order


def _whole(quantity: Decimal | None) -> int:
    if quantity is None or quantity != quantity.to_integral_value():
        raise BadRequest(f"a whole number of shares is expected, was {quantity}")
    return int(quantity)


def _or_none(price: Decimal | None) -> Decimal | None:
    return None if price is None or price == 0 else price


def _read_rest(fields: Reader, order_type: str, version: int) -> bool:
    """The fields after ocaType; returns whatIf."""
    fields.skip(17)  # rule80A .. volatilityType, see the client's order of fields
    if fields.text():  # deltaNeutralOrderType
        fields.skip(9)
    else:
        fields.skip(1)  # deltaNeutralAuxPrice
    fields.skip(6)  # continuousUpdate, referencePriceType, trail x 2, scale level sizes
    increment = fields.decimal()
    if increment is not None and increment > 0:
        fields.skip(7)
    fields.skip(3)  # scaleTable, activeStartTime, activeStopTime
    if fields.text():  # hedgeType
        fields.skip(1)
    fields.skip(4)  # optOutSmartRouting, clearingAccount, clearingIntent, notHeld
    if fields.boolean():  # delta neutral contract
        fields.skip(3)
    if fields.text():  # algoStrategy
        fields.skip(2 * fields.integer())
    fields.skip(1)  # algoId
    what_if = fields.boolean()
    fields.skip(4)  # orderMiscOptions, solicited, randomizeSize, randomizePrice
    if order_type == "PEG BENCH":
        fields.skip(5)
    if fields.integer():  # conditions
        raise BadRequest("orders with conditions are not taken here")
    fields.skip(19)  # adjustedOrderType .. usePriceMgmtAlgo
    # duration, postToAts, autoCancelParent, advancedErrorOverride, manualOrderTime
    fields.skip(sum(version >= gate for gate in (158, 160, 162, 166, 169)))
    return what_if
