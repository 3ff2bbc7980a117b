"""Getting out of a position that cannot be protected: limits in a widening collar, then market.

The way out is never blocked: no limit of the configuration applies here, and prices that the market
moved past are followed.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from desk.carried import Carried
from desk.day import trading_day
from desk.hands import Hands
from desk.legs import Family
from edges.errors import EdgeError
from edges.ibkr import LegOrder
from guardrails import ticks
from guardrails.terms import Action, Leg, OrderStatus, Ticket
from guardrails.tick_tables import cross_checked

COLLARS_BPS = (50, 150, 400)  # distance through the touch of each limit that is tried in turn
FILL_SECONDS = 10.0  # how long each of them gets
POLL_SECONDS = 0.5
BPS = Decimal(10_000)


async def flatten(hands: Hands, ticket: Ticket, shares: int, family: Family) -> Carried:
    """The family's shares of the position are closed, or an alert says that they are not.

    The family's resting exits are cancelled first: filling beside the closing order they would turn
    the position round. Another part's shares keep their own stop and target.
    """
    exits = [
        order.order_ref
        for order in await hands.broker.open_orders()
        if order.con_id == ticket.con_id
        and order.action is ticket.exit_action
        and order.order_ref.startswith(f"{family.name}-")
    ]
    if not await hands.cancel(exits):
        hands.book.alert("exits_not_cancelled", f"{ticket.symbol}: {', '.join(exits)} may be live")
    left = shares
    for attempt, bps in enumerate((*COLLARS_BPS, None), start=1):
        limit_price = None if bps is None else await _limit(hands, ticket, bps)
        leg = LegOrder(
            order_ref=family.ref(Leg.CLOSE, attempt),
            account_id=hands.broker.account_id,
            symbol=ticket.symbol,
            con_id=ticket.con_id,
            exchange=ticket.exchange,
            currency=ticket.currency,
            action=ticket.exit_action,
            order_type="MKT" if limit_price is None else "LMT",
            shares=left,
            limit_price=limit_price,
            stop_price=None,
            tif="DAY",
        )
        left -= await _try(hands, ticket, leg, family.proposal_id)
        if left <= 0:
            hands.book.alert("flattened", f"{ticket.symbol}: {shares} shares were closed")
            return Carried(status="flattened", legs=(), says=f"{shares} unprotected shares closed")
    hands.book.alert("flatten_failed", f"{ticket.symbol}: {left} shares are held without a stop")
    return Carried(status="unknown", legs=(), says=f"{left} shares could not be closed yet")


async def _limit(hands: Hands, ticket: Ticket, bps: int) -> Decimal | None:
    """A marketable limit `bps` through the touch, or None (market) where there is none to give.

    Where the broker's ladder and the exchange's table disagree it is on both: either would take it.
    """
    found = await hands.broker.instrument(ticket.symbol)
    if found is None:
        return None
    instrument, _ = cross_checked(found, trading_day(hands.book.clock.now(), found.market))
    try:
        quote = await hands.broker.quote(instrument)
    except EdgeError as error:
        hands.book.alert("no_quote_to_close", f"{ticket.symbol}: {error}", severity="warning")
        return None
    touch, through, onto_ladder = {
        Action.SELL: (quote.bid or quote.last, 1 - bps / BPS, ticks.down),
        Action.BUY: (quote.ask or quote.last, 1 + bps / BPS, ticks.up),
    }[ticket.exit_action]
    if touch is None:
        return None
    try:
        return onto_ladder(touch * through, instrument.ladder)
    except ValueError:
        return None  # no ladder, or no price of it that far: a market order needs neither


async def _try(hands: Hands, ticket: Ticket, leg: LegOrder, proposal_id: int) -> int:
    """Shares filled by one closing order, which is gone when this returns."""
    hands.book.intend([(Leg.CLOSE, leg)], proposal_id=proposal_id, market=ticket.market)
    hands.send([leg])
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FILL_SECONDS
    filled = 0
    while filled < leg.shares and loop.time() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        filled = (await hands.filled_shares()).get(leg.order_ref, 0)
    gone = filled >= leg.shares or await hands.cancel([leg.order_ref])
    filled = (await hands.filled_shares()).get(leg.order_ref, 0)
    status = OrderStatus.FILLED if filled >= leg.shares else OrderStatus.CANCELLED
    hands.book.event(leg.order_ref, status if gone else OrderStatus.UNKNOWN, filled_shares=filled)
    return filled
