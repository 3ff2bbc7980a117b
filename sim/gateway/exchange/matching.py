"""When an order may trade against a top of book, and at which price. Pure functions."""

from __future__ import annotations

from decimal import Decimal

from sim.gateway.nouns import Order


def triggers(order: Order, last: Decimal) -> bool:
    """Whether the last price sets the stop off."""
    if order.stop_price is None:
        return True
    return {"SELL": last <= order.stop_price, "BUY": last >= order.stop_price}[order.action]


def is_marketable(order: Order, bid: Decimal, ask: Decimal) -> bool:
    """Whether the order can trade at the touch without passing its limit; no limit always can."""
    if order.order_type not in ("LMT", "STP LMT") or order.limit_price is None:
        return True
    return {"BUY": ask <= order.limit_price, "SELL": bid >= order.limit_price}[order.action]


def fill_price(
    order: Order, *, bid: Decimal, ask: Decimal, arriving: bool, gapped: bool, slippage: Decimal
) -> Decimal:
    """The price of a fill, never through the order's limit.

    arriving: the order meets the book now, and gets the touch; a resting limit gets its own price.
    gapped: the price jumped to here, so a stop fills here; otherwise it passed the stop's price on
    its way, and the stop fills `slippage` beyond it, but not beyond where the price went.
    """
    touch = {"BUY": ask, "SELL": bid}[order.action]
    if order.order_type == "LMT" and order.limit_price is not None:
        return touch if arriving else order.limit_price
    if order.order_type == "STP LMT" and order.limit_price is not None:
        return touch
    if order.order_type == "STP" and order.stop_price is not None and not gapped:
        if order.action == "SELL":
            return max(touch, order.stop_price - slippage)
        return min(touch, order.stop_price + slippage)
    return touch
