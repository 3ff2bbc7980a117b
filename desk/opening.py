"""Opening a position: intent, send, read back of three legs, and repair if one does not rest.

A ticket of two parts is two such families, each verified by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from desk.carried import Carried, leg_report, together
from desk.hands import Hands
from desk.legs import Family, LegReading, bracket
from desk.repair import repair
from guardrails.terms import Leg, OrderStatus, Part, State, Ticket

LEGS = (Leg.ENTRY, Leg.TARGET, Leg.STOP)


# A part that ended in one of these has its shares and its stop, so that the next may follow.
IN_PLACE = ("resting", "filled", "repaired")


async def open_brackets(
    hands: Hands, ticket: Ticket, proposal_id: int, state: Callable[[], State]
) -> Carried:
    """Each part's bracket rests at the broker, proven, or what was done about it.

    The parts follow one another: one that did not come to rest keeps the next from being sent.
    state: read anew, from disk, between each part's intent and its sending.
    """
    session_id = hands.book.session_id
    done: list[Carried] = []
    for n, part in enumerate(ticket.parts):
        done.append(await _open(hands, ticket, part, Family(session_id, proposal_id, n), state))
        if done[-1].status not in IN_PLACE:
            break
    carried = together(done)
    left = len(ticket.parts) - len(done)
    return replace(carried, says=f"{carried.says}; a second part was not sent") if left else carried


async def _open(
    hands: Hands, ticket: Ticket, part: Part, family: Family, state: Callable[[], State]
) -> Carried:
    book = hands.book
    legs = bracket(ticket, part, family, hands.broker.account_id)
    book.intend(zip(LEGS, legs, strict=True), proposal_id=family.proposal_id, market=ticket.market)
    if (now_in := state()) is not State.NORMAL:
        for leg in legs:
            book.event(leg.order_ref, OrderStatus.REJECTED, note=f"not sent: the desk is {now_in}")
        return Carried(status="not_sent", legs=(), says=f"the desk is {now_in}; nothing was sent")
    ids = hands.send(legs)
    readings = await hands.read_back(legs, ids)
    filled = await hands.filled_shares()
    record(hands, readings, filled)
    entered = filled.get(legs[0].order_ref, 0)
    exits_rest = all(
        reading.rests or filled.get(reading.leg.order_ref, 0) >= reading.leg.shares
        for reading in readings[1:]
    )
    if exits_rest and (readings[0].rests or entered):
        return _in_place(readings, filled, part)
    return await repair(hands, ticket, readings, entered, family)


def record(hands: Hands, readings: Sequence[LegReading], filled: Mapping[str, int]) -> None:
    """What was read back stands in the ledger: that the broker knows it, and how it rests."""
    for reading in readings:
        executed = filled.get(reading.leg.order_ref, 0)
        if reading.found is not None:
            hands.book.found(reading.found, OrderStatus.ACKNOWLEDGED)
        if executed >= reading.leg.shares:
            hands.book.event(reading.leg.order_ref, OrderStatus.FILLED, filled_shares=executed)
        elif reading.found is not None and reading.rests:
            hands.book.found(reading.found, OrderStatus.RESTING)
        else:
            note = "; ".join(reading.differs) or "not among the broker's open orders"
            hands.book.event(reading.leg.order_ref, OrderStatus.UNKNOWN, note=note)


def _in_place(readings: Sequence[LegReading], filled: Mapping[str, int], part: Part) -> Carried:
    reports = tuple(
        leg_report(name, reading, filled.get(reading.leg.order_ref, 0))
        for name, reading in zip(LEGS, readings, strict=True)
    )
    entered = filled.get(readings[0].leg.order_ref, 0)
    status = "filled" if entered >= part.shares else "resting"
    says = (
        f"entry {entered} of {part.shares} shares filled; "
        f"stop and target were read back at the broker"
    )
    return Carried(status=status, legs=reports, says=says)
