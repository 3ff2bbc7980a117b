"""How far from the market SEHK takes a limit price.

Sources: HKEX trading mechanism (24 spreads, 9 spreads, 9 times the nominal price) as told by a
broker's order rules; what IBKR says about it is unverified, here it is a rejection.
"""

from __future__ import annotations

from decimal import Decimal

from sim.gateway.exchange.path import Paths
from sim.gateway.nouns import Listing, Order, Top

BEHIND_SPREADS, THROUGH_SPREADS = 24, 9  # away from the market; through the far touch
NOMINAL_TIMES = 9


def out_of_limits(paths: Paths, listing: Listing, order: Order, top: Top) -> str | None:
    """Why the order's limit price is too far from the market, or None.

    A stop waits at the broker until it is set off, so nothing is said of its limit.
    """
    price = order.limit_price
    if price is None or order.order_type != "LMT":
        return None
    nominal = top.last
    if nominal is not None and not nominal / NOMINAL_TIMES < price < nominal * NOMINAL_TIMES:
        return f"price {price} is {NOMINAL_TIMES} times away from the nominal price {nominal:f}"
    if top.bid is None or top.ask is None:
        return None
    # A family's exit waits at the broker, however far away it is.
    behind = None if order.parent_id else BEHIND_SPREADS
    if order.action == "BUY":
        low = None if behind is None else _moved(paths, listing, top.bid, -behind)
        high: Decimal | None = _moved(paths, listing, top.ask, THROUGH_SPREADS)
    else:
        low = _moved(paths, listing, top.bid, -THROUGH_SPREADS)
        high = None if behind is None else _moved(paths, listing, top.ask, behind)
    if (low is None or low <= price) and (high is None or price <= high):
        return None
    return f"price {price} is outside of {_word(low)} to {_word(high)}"


def _word(bound: Decimal | None) -> str:
    return "any" if bound is None else f"{bound:f}"


def _moved(paths: Paths, listing: Listing, price: Decimal, spreads: int) -> Decimal:
    """The price so many spreads away, each as wide as where it is."""
    for _ in range(abs(spreads)):
        if spreads > 0:
            price += paths.tick(listing, price)
            continue
        tick = paths.tick(listing, price)
        below = price - tick
        # From a band's edge downwards the lower band's tick counts.
        price -= min(tick, paths.tick(listing, max(below, Decimal(0))))
    return max(price, Decimal(0))
