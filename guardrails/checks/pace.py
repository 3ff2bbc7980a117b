"""Is it too often: counted from the ledger, so that it binds across processes."""

from __future__ import annotations

from guardrails.case import Case
from guardrails.terms import Check


def orders_rate(case: Case) -> Check:
    """Entries sent within the last minute."""
    return _below(
        "orders_rate", case.view.orders_last_minute, case.limits.orders_minute_max, "minute"
    )


def orders_day(case: Case) -> Check:
    """Entries sent within the trading day."""
    return _below("orders_day", case.view.orders_today, case.limits.orders_day_max, "day")


def proposals_session(case: Case) -> Check:
    """Proposals made in this session, this one not counted."""
    made, most = case.view.proposals_this_session, case.limits.proposals_session_max
    return _below("proposals_session", made, most, "session")


def _below(rule: str, made: int, most: int, per: str) -> Check:
    limit = f"< {most} a {per}"
    ok = 0 <= made < most
    says = "" if ok else f"{made} were made this {per} already; {most} a {per} is the limit."
    return Check(rule, ok, str(made), limit, says)


PACE = (orders_rate, orders_day, proposals_session)
