"""One execution: what it costs, what it does to the account, how it is reported and corrected."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sim.gateway.exchange.fees import order_cost
from sim.gateway.exchange.floor import Floor
from sim.gateway.exchange.path import local_date
from sim.gateway.nouns import Fill, Order


def book(floor: Floor, order: Order, shares: int, price: Decimal) -> Fill:
    """The order has so many shares more at that price; the account has them too."""
    listing, work = floor.listing(order), floor.register.work(order)
    work.value += shares * price
    order.filled += shares
    order.average_fill_price = work.value / order.filled
    order.last_fill_price = price
    cost = _charge(floor, order, floor.now)
    fill = Fill(
        exec_id=f"{_prefix(floor.account_id)}.{len(floor.fills) + 1:08x}.01.01",
        client_id=order.client_id,
        order_id=order.order_id,
        perm_id=order.perm_id,
        con_id=order.con_id,
        order_ref=order.order_ref,
        action=order.action,
        shares=shares,
        price=price,
        at=floor.now,
        account=order.account,
        exchange=listing.primary_exchange,
        cumulative=order.filled,
        average_price=order.average_fill_price,
        commission=cost,
        currency=listing.currency,
        realised_pnl=None,
    )
    gain = floor.books.apply(
        listing, order.action, shares, price, cost, at=floor.now, reference=root_of(fill.exec_id)
    )
    fill = replace(fill, realised_pnl=gain)
    floor.fills.append(fill)
    return fill


def correct(floor: Floor, order: Order, fill: Fill, shares: int, price: Decimal) -> Fill:
    """The execution was of other shares or at another price; its id says so, all books follow.

    What later executions of the listing realised is counted anew.
    """
    listing, work = floor.listing(order), floor.register.work(order)
    work.value += shares * price - fill.shares * fill.price
    order.filled += shares - fill.shares
    order.average_fill_price = work.value / order.filled if order.filled else Decimal(0)
    suffix = int(fill.exec_id.rpartition(".")[2])
    root = root_of(fill.exec_id)
    changed = replace(
        fill,
        exec_id=f"{root}.{suffix + 1:02d}",
        shares=shares,
        price=price,
        cumulative=fill.cumulative + shares - fill.shares,
        average_price=order.average_fill_price,
        commission=fill.commission + _charge(floor, order, fill.at),
    )
    floor.fills[floor.fills.index(fill)] = changed
    gains = floor.books.amend(listing, root, shares, price, changed.commission)
    for number, one in enumerate(floor.fills):
        if one.con_id == fill.con_id:
            gain = gains[root_of(one.exec_id)]
            floor.fills[number] = replace(one, realised_pnl=gain)
    return next(one for one in floor.fills if one.exec_id == changed.exec_id)


def root_of(exec_id: str) -> str:
    """What an execution's id and those of its corrections have in common."""
    return exec_id.rpartition(".")[0]


def _charge(floor: Floor, order: Order, at: datetime) -> Decimal:
    """What is to be paid now: the fees of the whole order so far, less what was paid before."""
    listing, work = floor.listing(order), floor.register.work(order)
    day = local_date(listing, at)
    total = order_cost(listing, order.action, order.filled, work.value, day)
    cost = total - work.charged
    work.charged = order.commission = total
    order.commission_currency = listing.currency
    return cost


def _prefix(account_id: str) -> str:
    """ExecIds are unique over all accounts: another run has another account."""
    return hashlib.blake2b(account_id.encode(), digest_size=4).hexdigest()
