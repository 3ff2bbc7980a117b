"""A bracket that did not come to rest as it was sent: make it whole, or get out.

Entry unfilled         -> the family is cancelled, and seen to be gone.
Entry filled           -> each missing exit is placed again by itself, in the surviving leg's group.
The stop will not rest -> the position is closed (desk/flatten.py).

Every step is recorded and alerted: a repair is an event a person should know of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from desk.carried import Carried, leg_report
from desk.flatten import flatten
from desk.hands import Hands
from desk.legs import Family, LegReading
from edges.ibkr import LegOrder
from guardrails.terms import Leg, OrderStatus, Ticket

EXITS = (Leg.TARGET, Leg.STOP)
REPAIR_ATTEMPT = 2  # the repaired order's name ends in this number


async def repair(
    hands: Hands,
    ticket: Ticket,
    readings: Sequence[LegReading],
    entered: int,
    family: Family,
) -> Carried:
    """What was done about legs that do not rest. `entered` is the entry's filled shares."""
    missing = [
        f"{reading.leg.order_ref}: " + ("; ".join(reading.differs) or "not at the broker")
        for reading in readings
        if not reading.rests
    ]
    hands.book.alert("bracket_incomplete", f"{ticket.symbol}: {', '.join(missing)}")
    refs = [reading.leg.order_ref for reading in readings]
    gone = await hands.cancel([refs[0]])
    entered = (await hands.filled_shares()).get(refs[0], entered)
    if entered == 0:
        return await _cancelled(hands, ticket, refs, gone)
    return await _protect(hands, ticket, readings, entered, family)


async def _cancelled(hands: Hands, ticket: Ticket, refs: Sequence[str], gone: bool) -> Carried:
    gone = gone and await hands.cancel(refs)
    status = OrderStatus.CANCELLED if gone else OrderStatus.UNKNOWN
    for ref in refs:
        hands.book.event(ref, status, note="cancelled: its family did not come to rest")
    if not gone:
        hands.book.alert("cancel_unconfirmed", f"{ticket.symbol}: {', '.join(refs)} may be live")
    says = (
        "the broker did not take the whole bracket; the entry was cancelled unfilled"
        if gone
        else "the broker did not take the whole bracket and has not confirmed its cancellation"
    )
    return Carried(status="cancelled" if gone else "unknown", legs=(), says=says)


async def _protect(
    hands: Hands, ticket: Ticket, readings: Sequence[LegReading], entered: int, family: Family
) -> Carried:
    """The exits that do not rest are placed again, for the shares that are held."""
    exits = dict(zip(EXITS, readings[1:], strict=True))
    wrong = [reading.leg.order_ref for reading in exits.values() if reading.differs]
    await hands.cancel(wrong)
    surviving = [reading.found for reading in exits.values() if reading.found and reading.rests]
    group = surviving[0].oca_group if surviving else f"{family.name}r"
    replacements = {
        name: _again(family, name, reading.leg, entered, group)
        for name, reading in exits.items()
        if not reading.rests
    }
    hands.book.intend(replacements.items(), proposal_id=family.proposal_id, market=ticket.market)
    legs = list(replacements.values())
    again = await hands.read_back(legs, hands.send(legs))
    for reading in again:
        status = OrderStatus.RESTING if reading.rests else OrderStatus.UNKNOWN
        if reading.found is not None:
            hands.book.found(reading.found, status, "; ".join(reading.differs))
        else:
            hands.book.event(reading.leg.order_ref, status, note="not at the broker")
    stop_ref = replacements[Leg.STOP].order_ref if Leg.STOP in replacements else ""
    if any(reading.leg.order_ref == stop_ref and not reading.rests for reading in again):
        hands.book.alert("stop_will_not_rest", f"{ticket.symbol}: closing {entered} shares")
        return await flatten(hands, ticket, entered, family)
    hands.book.alert("bracket_repaired", f"{ticket.symbol}: {entered} shares are protected")
    names = list(replacements)
    reports = tuple(
        leg_report(name, reading, 0) for name, reading in zip(names, again, strict=True)
    )
    return Carried(
        status="repaired",
        legs=reports,
        says=f"{entered} shares were filled; a missing exit was placed again and read back",
    )


def _again(family: Family, name: Leg, leg: LegOrder, shares: int, group: str) -> LegOrder:
    return replace(
        leg,
        order_ref=family.ref(name, REPAIR_ATTEMPT),
        shares=shares,
        oca_group=group,
        parent_ref="",
        transmit=True,
    )
