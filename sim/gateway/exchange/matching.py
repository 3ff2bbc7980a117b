"""When an order may trade against a top of book, and at which price. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal

from sim.gateway.bars import PER_UNIT
from sim.gateway.exchange.day import Reach
from sim.gateway.nouns import Order

LIMITS = ("LMT", "STP LMT")
UNITS_MAX = Decimal(1 << 62)  # prices beyond do not fit a column, and no bar reaches them


def triggers(order: Order, last: Decimal) -> bool:
    """Whether the last price sets the stop off."""
    if order.stop_price is None:
        return True
    return {"SELL": last <= order.stop_price, "BUY": last >= order.stop_price}[order.action]


def is_marketable(order: Order, bid: Decimal, ask: Decimal) -> bool:
    """Whether the order can trade at the touch without passing its limit; no limit always can."""
    if order.order_type not in LIMITS or order.limit_price is None:
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
    if order.order_type == "STP" and order.stop_price is not None and not gapped:
        if order.action == "SELL":
            return max(touch, order.stop_price - slippage)
        return min(touch, order.stop_price + slippage)
    return touch


def reach(order: Order, *, awaits_trigger: bool, bid_max: Callable[[Decimal], Decimal]) -> Reach:
    """What a bar must do so that something may happen to the order.

    bid_max: the highest bid under an ask of so much, or any higher price.
    Never too little: a bar that does not reach this far cannot touch the order.
    """
    if awaits_trigger and order.stop_price is not None:
        is_low, price = order.action == "SELL", order.stop_price
    elif order.order_type in LIMITS and order.limit_price is not None:
        is_low, price = order.action == "BUY", order.limit_price
        price = bid_max(price) if is_low else price
    else:
        return Reach(at_all=True)
    units = price * PER_UNIT
    if is_low:
        return Reach(low=int(min(units, UNITS_MAX)))
    return Reach(high=int(min(units, UNITS_MAX).to_integral_value(ROUND_CEILING)))


def joined(reaches: list[Reach]) -> Reach:
    """What a bar must do to reach any of them."""
    return Reach(
        low=max((one.low for one in reaches if one.low is not None), default=None),
        high=min((one.high for one in reaches if one.high is not None), default=None),
        at_all=any(one.at_all for one in reaches),
    )
