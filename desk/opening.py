"""Opening a position: intent, send, read back of three legs, and repair if one does not rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from desk.carried import Carried, leg_report
from desk.hands import Hands
from desk.legs import LegReading, bracket
from desk.repair import repair
from guardrails.terms import Leg, OrderStatus, State, Ticket

LEGS = (Leg.ENTRY, Leg.TARGET, Leg.STOP)


async def open_bracket(
    hands: Hands, ticket: Ticket, proposal_id: int, state: Callable[[], State]
) -> Carried:
    """The bracket rests at the broker, proven, or what was done about it.

    state: read anew, from disk, between the intent and the sending.
    """
    book = hands.book
    legs = bracket(ticket, book.session_id, proposal_id, hands.broker.account_id)
    book.intend(zip(LEGS, legs, strict=True), proposal_id=proposal_id, market=ticket.market)
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
        return _in_place(readings, filled, ticket)
    return await repair(hands, ticket, readings, entered, proposal_id)


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


def _in_place(readings: Sequence[LegReading], filled: Mapping[str, int], ticket: Ticket) -> Carried:
    reports = tuple(
        leg_report(name, reading, filled.get(reading.leg.order_ref, 0))
        for name, reading in zip(LEGS, readings, strict=True)
    )
    entered = filled.get(readings[0].leg.order_ref, 0)
    status = "filled" if entered >= ticket.shares else "resting"
    says = (
        f"entry {entered} of {ticket.shares} shares filled; "
        f"stop and target were read back at the broker"
    )
    return Carried(status=status, legs=reports, says=says)
