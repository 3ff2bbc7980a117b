"""May this desk open anything now: its state, its books, the session's clock."""

from __future__ import annotations

from guardrails.case import Case
from guardrails.finding import limit_text, seconds, shown, unknown
from guardrails.terms import Check, State


def well_formed(case: Case) -> Check:
    """The proposal could be rounded onto the instrument's ladder, every field in its range."""
    if case.entry is not None:
        return Check("well_formed", True, "complete", "complete")
    if case.instrument is None:
        # Not this rule's finding: instrument_known says it.
        return Check("well_formed", True, "complete", "complete")
    return unknown("well_formed", "a price on the instrument's tick ladder", "known")


def state_allows(case: Case) -> Check:
    """Entries need the state NORMAL; a word that is no state at all refuses like any other."""
    state = case.view.state
    if state is State.NORMAL:
        return Check("state_allows", True, str(state), "NORMAL")
    says = f"the desk is {state}; entries need NORMAL. Closing and tightening are possible."
    return Check("state_allows", False, str(state), "NORMAL", says)


def reconciled(case: Case) -> Check:
    """The last clean reconciliation with the broker is young enough."""
    at, limit = case.view.reconciled_at, case.limits.reconcile_age_seconds_max
    if at is None:
        return unknown("reconciled", "a clean reconciliation with the broker", "done")
    age = seconds(case.view.now - at)
    ok = 0 <= age <= limit
    old = f"{shown(age)} s"
    says = "" if ok else f"the last clean reconciliation is {old} old; at most {limit} s pass."
    return Check("reconciled", ok, old, limit_text("0..{} s", limit), says)


def keeper_alive(case: Case) -> Check:
    """The keeper's last heartbeat is young enough, where positions depend on it."""
    at, limit = case.view.keeper_at, case.limits.keeper_age_seconds_max
    passes = limit_text("0..{} s", limit)
    if not case.view.needs_keeper:
        return Check("keeper_alive", True, "not needed", passes)
    if at is None:
        says = "no keeper is running: a position would be unguarded between sessions."
        return Check("keeper_alive", False, "none", passes, says)
    age = seconds(case.view.now - at)
    ok = 0 <= age <= limit
    old = f"{shown(age)} s"
    says = "" if ok else f"the keeper's last heartbeat is {old} old; at most {limit} s pass."
    return Check("keeper_alive", ok, old, passes, says)


def live_lock(case: Case) -> Check:
    """Nothing keeps real money locked. What the conditions are is not decided here."""
    unmet = case.view.live_lock
    says = f"real money is locked: {'; '.join(unmet)}." if unmet else ""
    return Check("live_lock", not unmet, f"{len(unmet)} unmet", "0 unmet", says)


DESK = (well_formed, state_allows, keeper_alive, reconciled, live_lock)
