"""The deterministic layer between the model and the money. Values in, values out; it does nothing.

read_proposal(raw, limits)             hostile text -> a Proposal, or the failed check
rule(proposal, view, limits)           -> a Ruling: every check with its numbers, a Ticket or none
stops(watched, rules, limits, now)     -> what each open position needs now, one Need at most
remember(watched, limits, now)         -> the Memory of a position, for its next look
judge(breakers, look, ...)             -> the state the breakers ask for, and what they remember
day_loss_state(...)                    -> the state the day's P&L alone asks for
worst_day(limits, stops, breaker)      -> Harm: the most that any model can lose in a day

stops() takes Watched positions, each with its Memory; what a Need asks for is its Remedy. judge()
takes Breakers and a Look at the account, and gives a Judgement with its Causes.
"""

from guardrails.harm import Harm, worst_day
from guardrails.reading import read_proposal
from guardrails.ruling import rule
from guardrails.states import Breakers, Cause, Judgement, Look, day_loss_state, judge
from guardrails.stops import Memory, Need, Remedy, Watched, remember, stops

__all__ = [
    "Breakers",
    "Cause",
    "Harm",
    "Judgement",
    "Look",
    "Memory",
    "Need",
    "Remedy",
    "Watched",
    "day_loss_state",
    "judge",
    "read_proposal",
    "remember",
    "rule",
    "stops",
    "worst_day",
]
