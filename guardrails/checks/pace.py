"""Is it too often: counted from the ledger, so that it binds across processes."""

from __future__ import annotations

from guardrails.case import Case
from guardrails.terms import Check


def orders_rate(case: Case) -> Check:
    """Entries sent within the last minute, with those of this order."""
    made, most = case.view.orders_last_minute, case.limits.orders_minute_max
    return _within("orders_rate", made, _entries(case), most, "minute")


def orders_day(case: Case) -> Check:
    """Entries sent within the trading day, with those of this order."""
    made, most = case.view.orders_today, case.limits.orders_day_max
    return _within("orders_day", made, _entries(case), most, "day")


def proposals_session(case: Case) -> Check:
    """Proposals made in this session, with this one."""
    made, most = case.view.proposals_this_session, case.limits.proposals_session_max
    return _within("proposals_session", made, 1, most, "session")


def _entries(case: Case) -> int:
    """How many entries the order is: one for each part."""
    return max(1, len(case.parts))


def _within(rule: str, made: int, more: int, most: int, per: str) -> Check:
    limit = f"<= {most} a {per}"
    ok = 0 <= made <= most - more
    says = (
        "" if ok else f"{made} were made this {per} already, this is {more} more; {limit} passes."
    )
    return Check(rule, ok, f"{made} + {more}", limit, says)


PACE = (orders_rate, orders_day, proposals_session)
