"""In which order the proposals of one answer are ruled on: the best first, for the room left.

What reduces risk comes before what adds it. Openings follow by reward over risk as proposed, then
by confidence, then as they stand. What cannot be read comes last; it takes no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from guardrails.side import lead
from guardrails.terms import Intent, Proposal

NOTHING = Decimal(0)


def best_first(proposals: Sequence[Proposal | None]) -> list[int]:
    """The positions of the proposals in the order of ruling; None is one that cannot be read."""
    return sorted(range(len(proposals)), key=lambda n: (*_rank(proposals[n]), n))


def _rank(proposal: Proposal | None) -> tuple[int, Decimal, Decimal]:
    if proposal is None:
        return (2, NOTHING, NOTHING)
    if proposal.intent is not Intent.OPEN:
        return (0, NOTHING, NOTHING)
    return (1, -reward_over_risk(proposal), -(proposal.confidence or NOTHING))


def reward_over_risk(proposal: Proposal) -> Decimal:
    """The gain at the target over the loss at the stop, as proposed; with two targets their mean.

    Zero where a price is missing or on the wrong side: nothing to put before another proposal.
    """
    entry, stop = proposal.limit_price, proposal.stop_price
    targets = [
        target
        for target in (proposal.target_price, proposal.target_price_2)
        if target is not None and entry is not None and lead(proposal.side, target, entry) > 0
    ]
    if entry is None or stop is None or not targets:
        return NOTHING
    risk = lead(proposal.side, entry, stop)
    if risk <= 0:
        return NOTHING
    gain = sum((lead(proposal.side, target, entry) for target in targets), NOTHING)
    return gain / len(targets) / risk
