"""Whether the account can carry an order: margin, working orders' claims, short sales."""

from __future__ import annotations

from decimal import Decimal

from sim.gateway.exchange.books import INIT_MARGIN
from sim.gateway.exchange.floor import Floor
from sim.gateway.nouns import Order

NOTHING = Decimal(0)


def unaffordable(floor: Floor, order: Order) -> str | None:
    """Why the part of an order that enlarges a position cannot be taken.

    Exits of a family are bounded by their parent's fills; the rest of an order that only reduces
    what is held, working exits counted, is never refused here.
    """
    if _is_exit(floor, order):
        return None
    opening = _opening_shares(floor, order)
    if opening <= 0:
        return None
    listing = floor.listing(order)
    if order.action == "SELL" and (listing.market == "HK" or not floor.rules.us_short_sales):
        return "short sale is not allowed for this contract"
    price = _price(floor, order)
    if price is None:
        return "no market data for the contract"
    value = opening * price
    needed = value * INIT_MARGIN * floor.books.rate(listing.currency, floor.now)
    available = floor.books.available(floor.now) - _claimed(floor, order)
    if needed > available:
        return f"available funds {available:.2f} are insufficient"
    return _lacks_currency(floor, order, value)


def _lacks_currency(floor: Floor, order: Order, value: Decimal) -> str | None:
    """An account that may not borrow pays for a purchase with what it has of that currency."""
    if floor.rules.foreign_currency != "refuse" or order.action != "BUY":
        return None
    currency = floor.listing(order).currency
    if currency == floor.books.base:
        return None
    working = (
        one
        for one in floor.register.live.values()
        if one.action == "BUY" and one.perm_id != order.perm_id and not _is_exit(floor, one)
        if floor.listing(one).currency == currency
    )
    claimed = sum(
        (_opening_shares(floor, one) * (_price(floor, one) or NOTHING) for one in working), NOTHING
    )
    left = floor.books.cash.get(currency, NOTHING) - claimed
    if value > left:
        return f"{value:.2f} {currency} is needed, {left:.2f} is there and none is lent"
    return None


def _is_exit(floor: Floor, order: Order) -> bool:
    """Whether the order takes a parent's position away again."""
    if not order.parent_id:
        return False
    key = (order.client_id, order.parent_id)
    parent = floor.register.held.get(key) or floor.register.last_of(key)
    return parent is None or parent.action != order.action


def _claimed(floor: Floor, order: Order) -> Decimal:
    """Margin of the other working orders that may open a position, in base currency."""
    claims: dict[str, Decimal] = {}
    for con_id in floor.register.con_ids():
        claim = _claim(floor, con_id, order) if con_id == order.con_id else _known(floor, con_id)
        if claim:
            currency = floor.listings[con_id].currency
            claims[currency] = claims.get(currency, NOTHING) + claim
    rates = {currency: floor.books.rate(currency, floor.now) for currency in claims}
    return sum((claim * INIT_MARGIN * rates[name] for name, claim in claims.items()), NOTHING)


def _known(floor: Floor, con_id: int) -> Decimal:
    """A listing's claim, counted once until its orders or its position change."""
    claim = floor.claims.get(con_id)
    if claim is None:
        claim = _claim(floor, con_id, None)
        if all(one.order_type != "MKT" for one in floor.register.live_on(con_id)):
            floor.claims[con_id] = claim  # a market order's price is the last one
    return claim


def _claim(floor: Floor, con_id: int, but: Order | None) -> Decimal:
    """The value that a listing's working orders may add to its position, in its currency."""
    total = NOTHING
    left = {side: _reducible(floor, con_id, side) for side in ("BUY", "SELL")}
    for one in floor.register.live_on(con_id):
        if _is_exit(floor, one) or (but is not None and one.perm_id == but.perm_id):
            continue
        opening = max(0, one.remaining - left[one.action])
        if not one.oca_group:
            left[one.action] = max(0, left[one.action] - one.remaining)
        if opening:
            total += opening * (_price(floor, one) or NOTHING)
    return total


def _opening_shares(floor: Floor, order: Order) -> int:
    """How many of the order's remaining shares would open or enlarge a position."""
    leaving = sum(
        one.remaining
        for one in floor.register.live_on(order.con_id)
        if one.action == order.action
        and not one.parent_id
        and not one.oca_group
        and (order.perm_id == 0 or one.perm_id < order.perm_id)
    )
    reducible = _reducible(floor, order.con_id, order.action)
    return order.remaining - max(0, reducible - leaving)


def _reducible(floor: Floor, con_id: int, action: str) -> int:
    holding = floor.books.holdings.get(con_id)
    shares = holding.shares if holding is not None else 0
    return max(0, shares if action == "SELL" else -shares)


def _price(floor: Floor, order: Order) -> Decimal | None:
    """The price at which the order is counted, or None without any."""
    if order.limit_price is not None:
        return order.limit_price
    if order.stop_price is not None:
        return order.stop_price
    return floor.paths.last(floor.listing(order), floor.now)
