"""propose_order: the model's only way to an order: read, ruled on, and carried out by code."""

from __future__ import annotations

from typing import Any

import guardrails
from guardrails.limits import Limits
from guardrails.terms import Check, Proposal, Ruling
from tools.figures import number, price
from tools.floor import Floor, NoData, Outcome


async def propose(raw: str | bytes, floor: Floor, limits: Limits) -> tuple[dict[str, Any], bool]:
    """The answer to a proposal, and whether it was refused."""
    proposal, ruling = await _ruled(raw, floor, limits)
    outcome = await floor.submit(_recordable(raw), proposal, ruling)
    if ruling.ticket is None:
        return _refused(ruling, outcome), True
    return _approved(ruling, outcome), False


async def _ruled(raw: str | bytes, floor: Floor, limits: Limits) -> tuple[Proposal | None, Ruling]:
    reading = guardrails.read_proposal(raw, limits)
    if not isinstance(reading, Proposal):
        return None, Ruling(checks=reading, ticket=None)
    try:
        view = await floor.view(reading.symbol)
    except NoData as error:
        says = f"the account cannot be read now ({error}); nothing is sent on a guess."
        check = Check("view_complete", False, "no data", "complete", says)
        return reading, Ruling(checks=(check,), ticket=None)
    return reading, guardrails.rule(reading, view, limits)


def _recordable(raw: str | bytes) -> str:
    """The arguments as text that can be stored; bytes that are no UTF-8 appear as numbers."""
    return raw if isinstance(raw, str) else raw.decode(errors="backslashreplace")


def _refused(ruling: Ruling, outcome: Outcome) -> dict[str, Any]:
    return {
        "proposal": outcome.proposal_id,
        "verdict": "refused",
        "refused_by": [
            {
                "rule": check.rule,
                "observed": check.observed,
                "limit": check.limit,
                "says": check.says,
            }
            for check in ruling.refusals
        ],
        "next": "correct every point once, or leave this stock; nothing was sent",
    }


def _approved(ruling: Ruling, outcome: Outcome) -> dict[str, Any]:
    ticket = ruling.ticket
    if ticket is None:
        raise ValueError("an approved ruling has a ticket")
    return {
        "proposal": outcome.proposal_id,
        "verdict": "approved",
        "intent": ticket.intent,
        "action": ticket.action,
        "shares": ticket.shares,
        "limit_price": price(ticket.limit_price),
        "stop_price": price(ticket.stop_price),
        "target_price": price(ticket.target_price),
        "targets": [
            {"shares": part.shares, "target_price": price(part.target_price)}
            for part in ticket.parts
        ],
        "value_base": number(ticket.value_base, 2),
        "risk_base": number(ticket.risk_base, 2),
        "status": outcome.status,
        "says": outcome.says,
        "left_out": [check.says for check in ruling.checks if check.ok and check.says],
        "orders": [
            {
                "ref": leg.ref,
                "leg": leg.leg,
                "status": leg.status,
                "shares": leg.shares,
                "price": price(leg.price),
            }
            for leg in outcome.legs
        ],
    }
