"""The deterministic layer between the model and the money. Values in, values out; it does nothing.

read_proposal(raw, limits)     hostile text -> a Proposal, or the failed check
rule(proposal, view, limits)   -> a Ruling: every check with its numbers, and a Ticket or none
day_loss_state(...)            -> the state the day's P&L asks for
"""

from guardrails.reading import read_proposal
from guardrails.ruling import rule
from guardrails.states import day_loss_state

__all__ = ["day_loss_state", "read_proposal", "rule"]
