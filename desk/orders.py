"""The one door through which an approved ticket becomes orders."""

from __future__ import annotations

from collections.abc import Callable

from desk.carried import Carried
from desk.exits import close, tighten
from desk.hands import Hands
from desk.opening import open_brackets
from guardrails.terms import Intent, State, Ticket


async def carry_out(
    hands: Hands, ticket: Ticket, proposal_id: int, state: Callable[[], State]
) -> Carried:
    """What became of the ticket at the broker.

    Raises NotServing or OutcomeUnknown where the broker does not answer; what was sent by then
    stands in the ledger as sent, and is resolved by the next reconciliation, never sent again.
    """
    await hands.broker.life_sign()
    match ticket.intent:
        case Intent.OPEN:
            return await open_brackets(hands, ticket, proposal_id, state)
        case Intent.CLOSE:
            return await close(hands, ticket, proposal_id)
        case Intent.TIGHTEN:
            return await tighten(hands, ticket)
