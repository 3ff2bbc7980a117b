"""When the desk degrades or halts: the day's loss, from observations handed in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from guardrails.limits import Breaker, Limits
from guardrails.terms import State

OBSERVATIONS = 2  # one outlying tick moves nothing


def day_loss_state(
    observations: Sequence[Decimal | None], limits: Limits, breaker: Breaker
) -> State:
    """The state the day's P&L asks for, from its latest observations, oldest first.

    observations: the account's day P&L in base currency; None or NaN is unknown.
    Two consecutive observations must agree before the desk halts or degrades for a loss. An unknown
    latest one degrades: nothing is opened on a number that is not there.
    """
    if not observations or observations[-1] is None or not observations[-1].is_finite():
        return State.DEGRADED
    latest = list(observations)[-OBSERVATIONS:]
    known = [number for number in latest if number is not None and number.is_finite()]
    if len(known) < OBSERVATIONS:
        return State.NORMAL
    if all(number <= -limits.day_loss_max for number in known):
        return State.HALTED
    if all(number <= -limits.day_loss_max * breaker.warn_fraction for number in known):
        return State.DEGRADED
    return State.NORMAL
