"""Leaving a position, or moving its stop closer, on an approved ticket.

Closing reprices the resting target into a marketable limit: the stop protects until the fill, and
the OCA group then removes it. Without a resting target a limit of its own joins the stop's group.
Only orders of this desk's own client id are touched: others cannot be changed, and placing them
again would double them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desk.carried import Carried, LegReport, together
from desk.hands import Hands
from desk.legs import Family
from edges.ibkr import LegOrder
from guardrails.terms import Action, Leg, LiveOrder, OrderStatus, Ticket


async def close(hands: Hands, ticket: Ticket, proposal_id: int) -> Carried:
    """Marketable exits for the ticket's shares work at the broker, or what came instead.

    Each part's target is repriced; shares that no target covers leave by an order of their own.
    """
    own = await _own_exits(hands, ticket)
    done, left = [], ticket.shares
    for target in (order for order in own if order.order_type == "LMT"):
        leg = replace(_as_leg(target, ticket), limit_price=ticket.limit_price)
        hands.book.event(
            leg.order_ref,
            OrderStatus.RESTING,
            note=f"becomes the closing order of proposal {proposal_id} at {ticket.limit_price}",
        )
        done.append(await _modified(hands, leg, target, Leg.TARGET, "closing"))
        left -= target.shares - target.filled_shares
    if left > 0:
        done.append(await _close_rest(hands, ticket, own, left, proposal_id))
    return together(done)


async def _close_rest(
    hands: Hands, ticket: Ticket, own: Sequence[LiveOrder], shares: int, proposal_id: int
) -> Carried:
    """A limit for shares without a target, in the group of a stop that has none beside it."""
    taken = {order.oca_group for order in own if order.order_type == "LMT"}
    groups = [order.oca_group for order in own if order.oca_group not in taken]
    family = Family(hands.book.session_id, proposal_id)
    leg = _closing_leg(hands, ticket, family, shares, groups[0] if groups else "")
    hands.book.intend([(Leg.CLOSE, leg)], proposal_id=proposal_id, market=ticket.market)
    [reading] = await hands.read_back([leg], hands.send([leg]))
    filled = (await hands.filled_shares()).get(leg.order_ref, 0)
    return _report(hands, leg, Leg.CLOSE, reading.rests, filled, reading.differs, "closing")


async def tighten(hands: Hands, ticket: Ticket) -> Carried:
    """Every resting stop of the position stands at the ticket's stop price or closer, read back."""
    own = await _own_exits(hands, ticket)
    stops = [order for order in own if order.order_type == "STP"]
    if not stops:
        hands.book.alert("no_stop_to_tighten", f"{ticket.symbol}: no stop of this desk rests")
        return Carried(status="not_sent", legs=(), says="no stop of this desk rests at the broker")
    done = []
    for stop in stops:
        if _tightens(ticket, stop):
            leg = replace(_as_leg(stop, ticket), stop_price=ticket.stop_price)
            done.append(await _modified(hands, leg, stop, Leg.STOP, "tightened"))
    if not done:
        return Carried(status="not_sent", legs=(), says="every stop rests there or closer already")
    return together(done)


def _tightens(ticket: Ticket, stop: LiveOrder) -> bool:
    """Whether the ticket's stop price is nearer to the market than the resting stop."""
    if stop.stop_price is None or ticket.stop_price is None:
        return False
    nearer = {
        Action.SELL: ticket.stop_price > stop.stop_price,
        Action.BUY: ticket.stop_price < stop.stop_price,
    }
    return nearer[ticket.exit_action]


async def _own_exits(hands: Hands, ticket: Ticket) -> list[LiveOrder]:
    return [
        order
        for order in await hands.broker.open_orders()
        if order.con_id == ticket.con_id
        and order.action is ticket.exit_action
        and order.client_id == hands.broker.client_id
        and order.order_ref
    ]


async def _modified(hands: Hands, leg: LegOrder, found: LiveOrder, name: Leg, done: str) -> Carried:
    ids = hands.modify(leg, found)
    [reading] = await hands.read_back([leg], ids)
    filled = (await hands.filled_shares()).get(leg.order_ref, 0)
    return _report(hands, leg, name, reading.rests, filled, reading.differs, done)


def _report(
    hands: Hands,
    leg: LegOrder,
    name: Leg,
    rests: bool,
    filled: int,
    differs: tuple[str, ...],
    done: str,
) -> Carried:
    if filled >= leg.shares:
        status = OrderStatus.FILLED
    else:
        status = OrderStatus.RESTING if rests else OrderStatus.UNKNOWN
    note = "; ".join(differs)
    hands.book.event(leg.order_ref, status, filled_shares=filled, note=note)
    if status is OrderStatus.UNKNOWN:
        hands.book.alert("order_not_read_back", f"{leg.order_ref}: {note or 'not at the broker'}")
    price = leg.stop_price if name is Leg.STOP else leg.limit_price
    report = LegReport(
        order_ref=leg.order_ref, leg=name, status=status, shares=leg.shares, price=price
    )
    says = f"{leg.order_ref} was sent at {price} and is {status}"
    return Carried(
        status=done if status is not OrderStatus.UNKNOWN else "unknown", legs=(report,), says=says
    )


def _as_leg(order: LiveOrder, ticket: Ticket) -> LegOrder:
    """A resting order as it would be sent again unchanged."""
    return LegOrder(
        order_ref=order.order_ref,
        account_id=order.account_id,
        symbol=order.symbol,
        con_id=order.con_id,
        exchange=ticket.exchange,
        currency=ticket.currency,
        action=order.action,
        order_type=order.order_type,
        shares=order.shares,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        tif=order.tif,
        oca_group=order.oca_group,
        parent_ref="parent" if order.parent_id else "",
    )


def _closing_leg(hands: Hands, ticket: Ticket, family: Family, shares: int, group: str) -> LegOrder:
    return LegOrder(
        order_ref=family.ref(Leg.CLOSE),
        account_id=hands.broker.account_id,
        symbol=ticket.symbol,
        con_id=ticket.con_id,
        exchange=ticket.exchange,
        currency=ticket.currency,
        action=ticket.exit_action,
        order_type="LMT",
        shares=shares,
        limit_price=ticket.limit_price,
        stop_price=None,
        tif="DAY",
        oca_group=group,
    )
