"""The verdict on a proposal. All checks run; a ticket exists only where every one passed."""

from __future__ import annotations

from guardrails.case import Case, build
from guardrails.checks import OPENING_CHECKS
from guardrails.limits import Limits
from guardrails.reducing import rule_close, rule_tighten
from guardrails.side import CLOSING
from guardrails.terms import _SEAL, Intent, Proposal, Ruling, Ticket, View


def rule(proposal: Proposal, view: View, limits: Limits) -> Ruling:
    """The ruling on a well-formed proposal: every check with its numbers, and a ticket or none.

    Equal arguments give equal rulings; nothing outside them is looked at.
    """
    return RULES[proposal.intent](proposal, view, limits)


def _rule_open(proposal: Proposal, view: View, limits: Limits) -> Ruling:
    case = build(proposal, view, limits)
    checks = tuple([check(case) for check in OPENING_CHECKS])
    refused = [check for check in checks if not check.ok]
    return Ruling(checks=checks, ticket=None if refused else _ticket(case), sizing=case.sizing)


def _rule_tighten(proposal: Proposal, view: View, _limits: Limits) -> Ruling:
    return rule_tighten(proposal, view)


# Like every table here it has no default: an intent that is none raises.
RULES = {Intent.OPEN: _rule_open, Intent.CLOSE: rule_close, Intent.TIGHTEN: _rule_tighten}


def _ticket(case: Case) -> Ticket:
    instrument, value, risk = case.instrument, case.value_base, case.risk_base
    if instrument is None or value is None or risk is None or case.sizing is None:
        raise RuntimeError("every check passed on a case that is not complete")
    if case.sizing.shares <= 0 or case.shares != case.sizing.shares:
        raise RuntimeError("every check passed on an order that is not the sized one")
    return Ticket(
        seal=_SEAL,
        intent=Intent.OPEN,
        symbol=instrument.symbol,
        market=instrument.market,
        con_id=instrument.con_id,
        exchange=instrument.exchange,
        currency=instrument.currency,
        action=case.action,
        exit_action=CLOSING[case.proposal.side],
        shares=case.sizing.shares,
        limit_price=case.entry,
        stop_price=case.stop,
        parts=case.parts,
        value_base=value,
        risk_base=risk,
    )
