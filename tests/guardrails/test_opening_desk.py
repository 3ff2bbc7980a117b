"""May this desk open anything: its state, its books, a proposal that fits a ladder."""

from dataclasses import replace
from datetime import timedelta

import pytest

from guardrails.terms import State
from tests.support.guarding import AAPL, NOW, VIEW, check_of, refused_by, ruled


@pytest.mark.parametrize("state", [State.DEGRADED, State.HALTED])
def test_only_normal_opens(state):
    assert refused_by(ruled(view=replace(VIEW, state=state))) == ["state_allows"]


@pytest.mark.parametrize(("seconds", "ok"), [(7200, True), (7201, False), (-1, False)])
def test_reconcile_age_seconds_max(seconds, ok):
    view = replace(VIEW, reconciled_at=NOW - timedelta(seconds=seconds))
    assert check_of(ruled(view=view), "reconciled").ok is ok


def test_no_reconciliation_is_a_refusal():
    assert refused_by(ruled(view=replace(VIEW, reconciled_at=None))) == ["reconciled"]


def test_an_unknown_ladder_refuses():
    ruling = ruled(view=replace(VIEW, instrument=replace(AAPL, ladder=())))
    assert ruling.ticket is None
    assert "well_formed" in refused_by(ruling)
