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
    reducing, opening, unreadable = [], [], []
    for n, proposal in enumerate(proposals):
        if proposal is None:
            unreadable.append(n)
        elif proposal.intent is Intent.OPEN:
            merit = (-reward_over_risk(proposal), -(proposal.confidence or NOTHING))
            opening.append((merit, n))
        else:
            reducing.append(n)
    return reducing + [n for _, n in sorted(opening)] + unreadable


def reward_over_risk(proposal: Proposal) -> Decimal:
    """The gain at the target over the loss at the stop, as proposed; with two targets their mean.

    Zero where a price is missing or on the wrong side: nothing to put before another proposal.
    """
    side, entry, stop = proposal.side, proposal.limit_price, proposal.stop_price
    if entry is None or stop is None:
        return NOTHING
    risk = lead(side, entry, stop)
    targets = (proposal.target_price, proposal.target_price_2)
    gains = [gain for one in targets if one is not None and (gain := lead(side, one, entry)) > 0]
    if risk <= 0 or not gains:
        return NOTHING
    return sum(gains, NOTHING) / len(gains) / risk
