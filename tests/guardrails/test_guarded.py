"""An opening needs what guards it afterwards: the keeper, and on real money the whole lock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from guardrails import rule
from guardrails.terms import Intent
from tests.support.guarding import BUY, HELD, LIMITS, NOW, VIEW, check_of, refused_by


@pytest.mark.parametrize(
    ("at", "observed"),
    [
        (None, "none"),
        (NOW - timedelta(seconds=91), "91 s"),
        (NOW + timedelta(seconds=1), "-1 s"),  # a clock that was put back
    ],
)
def test_an_opening_needs_a_living_keeper(at, observed):
    ruling = rule(BUY, replace(VIEW, keeper_at=at), LIMITS)
    assert refused_by(ruling) == ["keeper_alive"]
    check = check_of(ruling, "keeper_alive")
    assert (check.observed, check.limit) == (observed, "0..90 s")
    assert "keeper" in check.says


def test_where_nothing_outlives_the_session_no_keeper_is_needed():
    ruling = rule(BUY, replace(VIEW, keeper_at=None, needs_keeper=False), LIMITS)
    assert ruling.approved
    assert check_of(ruling, "keeper_alive").observed == "not needed"


def test_real_money_opens_nothing_while_any_condition_is_unmet():
    view = replace(VIEW, live_lock=("no drill within 30 days", "3 of 10 paper days"))
    ruling = rule(BUY, view, LIMITS)
    assert refused_by(ruling) == ["live_lock"]
    check = check_of(ruling, "live_lock")
    assert check.observed == "2 unmet"
    assert check.says == "real money is locked: no drill within 30 days; 3 of 10 paper days."
    assert check_of(rule(BUY, VIEW, LIMITS), "live_lock").observed == "0 unmet"


def test_neither_blocks_the_way_out():
    view = replace(VIEW, positions=(HELD,), keeper_at=None, live_lock=("anything",))
    for intent in (Intent.CLOSE, Intent.TIGHTEN):
        assert rule(
            replace(BUY, intent=intent, stop_price=HELD.stop_price + 1), view, LIMITS
        ).approved
