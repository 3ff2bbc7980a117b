"""Rows of looks at an account, and what the breakers say to each."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

from guardrails.states import Breakers, Look, judge
from guardrails.terms import State
from session.settings import load
from tests.support.guarding import LIMITS, NOW, ROOT

BREAKER = load(ROOT / "config.yaml", environ={}).breaker
DAY = NOW.date()
TOMORROW = {"day": DAY + timedelta(days=1)}
QUIET = Look(at=NOW, day=DAY, day_pnl_base=D(0), equity_base=D(100_000), margin_base=D(1_000))
START = Breakers(day=DAY, since=NOW)
AT_PEAK = replace(START, peak_base=D(100_000))
NORMAL, DEGRADED, HALTED = State.NORMAL, State.DEGRADED, State.HALTED


def watched(*changes, breakers=START, standing=NORMAL, every=30):
    """The judgements of a row of looks; each state is kept for the next, as a desk keeps it."""
    found = []
    for number, change in enumerate(changes):
        look = replace(QUIET, at=NOW + timedelta(seconds=every * number))
        look = replace(look, **change)
        found.append(judge(breakers, look, standing=standing, limits=LIMITS, breaker=BREAKER))
        breakers = found[-1].breakers
        standing = found[-1].state
    return found


def lost(amount):
    """A look at a day's loss; a negative amount is a gain, None is unknown."""
    return {"day_pnl_base": None if amount is None else -D(amount)}


def equity(amount):
    """A look at the net liquidation; None is unknown."""
    return {"equity_base": None if amount is None else D(amount)}


def margin(amount):
    """A look at the maintenance margin; None is unknown."""
    return {"margin_base": None if amount is None else D(amount)}


def states(judgements):
    """The state of each."""
    return [judgement.state for judgement in judgements]


def rules(judgement):
    """The names of what asks for less than NORMAL, in order."""
    return [cause.rule for cause in judgement.causes]
