"""What the breakers remember: unknown figures, a warning once, a halt until a person resumes it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import judge
from tests.support.guarding import LIMITS, NOW
from tests.support.judging import (
    AT_PEAK,
    BREAKER,
    DAY,
    DEGRADED,
    HALTED,
    NORMAL,
    QUIET,
    START,
    TOMORROW,
    equity,
    lost,
    margin,
    rules,
    states,
    watched,
)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (0, NORMAL),
        (119, NORMAL),
        (120, DEGRADED),
        (121, DEGRADED),
        (599, DEGRADED),
        (600, HALTED),
        (601, HALTED),
    ],
)
@pytest.mark.parametrize("value", [None, D("NaN"), D("-Infinity"), D("1.7976931348623157E308")])
def test_an_unknown_pnl_degrades_and_then_halts(seconds, state, value):
    last = watched({}, {"day_pnl_base": value}, every=seconds)[-1]
    assert last.state is state
    assert rules(last) == ([] if state is NORMAL else ["day_pnl_unknown"])
    assert all(cause.state is state for cause in last.causes)
    assert not last.must_flatten
    never_known = replace(QUIET, at=NOW + timedelta(seconds=seconds), day_pnl_base=value)
    judged = judge(START, never_known, standing=NORMAL, limits=LIMITS, breaker=BREAKER)
    assert judged.state is state


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("amount", "state"), [("1e15", DEGRADED), ("999999999999999", NORMAL)])
def test_a_number_no_account_can_have_is_unknown(amount, state, sign):
    assert watched({}, {"day_pnl_base": sign * D(amount)}, every=120)[-1].state is state


@pytest.mark.parametrize("name", ["equity_base", "margin_base"])
@pytest.mark.parametrize("value", [None, D("NaN"), D("1.7976931348623157E308")])
def test_other_unknown_figures_degrade_and_never_halt(name, value):
    assert watched({}, {name: value}, every=119)[-1].state is NORMAL
    for seconds in (120, 600, 100_000):
        last = watched({}, {name: value}, every=seconds)[-1]
        assert last.state is DEGRADED
        assert rules(last) == [name.replace("_base", "_unknown")]


def test_unknown_between_two_losses_does_not_hide_them():
    assert watched(lost(2000), lost(None), lost(2000))[-1].state is HALTED


def test_unknown_does_not_clear_a_loss():
    looks = watched(lost(1600), lost(1600), lost(None), lost(None), lost(0))
    assert states(looks[1:]) == [DEGRADED] * 4


def test_a_known_figure_clears_the_unknown():
    looks = watched({}, lost(None), lost(None), {}, every=100)
    assert states(looks) == [NORMAL, NORMAL, DEGRADED, NORMAL]


def test_the_warning_is_said_once_a_day_and_not_after_the_halt():
    row = (lost(1500), lost(1500), lost(1600), {}, {}, lost(1900), lost(1900), lost(2000))
    looks = watched(*row, lost(2000))
    assert [one.warning is not None for one in looks] == [False, True, *[False] * 7]
    assert looks[-1].state is HALTED
    assert looks[1].warning == (
        "the day's P&L is -1500.00; limits.day_loss_max is 2000. "
        "No more entries today unless it recovers."
    )


def test_a_loss_that_jumps_to_the_halt_is_warned_of_at_that_look():
    looks = watched(lost(3000), lost(3000), lost(3000))
    assert [one.warning is not None for one in looks] == [False, True, False]


def test_other_breakers_do_not_warn_of_a_loss():
    row = [equity(80_000) | margin(79_000)] * 3
    assert not any(one.warning for one in watched(*row, breakers=AT_PEAK))


def test_halted_is_not_left_by_any_figure():
    assert states(watched({}, {}, {}, standing=HALTED)) == [HALTED] * 3
    recovered = watched(lost(2000), lost(2000), {}, {}, {})
    assert states(recovered[1:]) == [HALTED] * 4
    assert all(one.must_flatten for one in recovered[1:])
    assert all(rules(one) == ["day_loss"] for one in recovered[1:])


def test_a_desk_halted_by_a_person_is_not_flattened_here():
    assert not any(one.must_flatten for one in watched({}, {}, standing=HALTED))


def test_a_resume_begins_anew_and_halts_again_while_the_loss_stands():
    halted = watched(lost(2000), lost(2000))[-1].breakers
    assert watched(lost(2000), breakers=halted)[-1].state is HALTED
    better = watched({}, {}, breakers=halted)
    assert states(better) == [NORMAL, NORMAL]
    assert not better[-1].must_flatten
    assert all(one.warning is None for one in better)


def test_a_resume_keeps_a_breaker_that_only_degraded():
    looks = watched(*[lost(2000) | equity(89_000)] * 2, breakers=AT_PEAK)
    assert rules(looks[-1]) == ["day_loss", "drawdown"]
    resumed = watched({}, breakers=looks[-1].breakers)[-1]
    assert (resumed.state, rules(resumed)) == (DEGRADED, ["drawdown"])


def test_a_degraded_desk_of_another_setter_is_not_this_ones_to_keep():
    assert watched({}, standing=DEGRADED)[-1].state is NORMAL


def test_a_new_day_begins_without_yesterdays_loss():
    row = (lost(1600), lost(1600), lost(1600) | TOMORROW, lost(1600) | TOMORROW)
    looks = watched(*row)
    assert states(looks) == [NORMAL, DEGRADED, NORMAL, DEGRADED]
    assert [one.warning is not None for one in looks] == [False, True, False, True]
    assert [one.breakers.day for one in looks[1:3]] == [QUIET.day, TOMORROW["day"]]


def test_a_day_that_went_back_is_another_day_too():
    yesterday = {"day": DAY - timedelta(days=1)}
    looks = watched(lost(1600), lost(1600), lost(1600) | yesterday)
    assert states(looks) == [NORMAL, DEGRADED, NORMAL]
    assert looks[-1].breakers.day == yesterday["day"]


@pytest.mark.parametrize("unknown", [lost(None), equity(None), margin(None)])
def test_the_time_in_which_nobody_looked_is_not_counted(unknown):
    looks = watched({}, {}, unknown | TOMORROW, unknown | TOMORROW, every=1000)
    assert looks[-2].state is NORMAL
    assert looks[-1].state is not NORMAL


def test_a_new_day_keeps_the_peak_and_the_slower_breakers():
    row = ({}, {}, equity(90_000), equity(90_000), equity(90_000) | TOMORROW)
    last = watched(*row)[-1]
    assert rules(last) == ["drawdown"]
    assert last.breakers.peak_base == 100_000
    halves = watched({}, {}, equity(85_000), equity(85_000) | TOMORROW)
    assert halves[-1].state is HALTED  # the slower ones agree across a night


def test_a_flattening_is_not_forgotten_over_night():
    looks = watched(lost(2000), lost(2000), lost(None) | TOMORROW, lost(0) | TOMORROW)
    assert [one.must_flatten for one in looks] == [False, True, True, True]
    assert [one.warning is not None for one in looks] == [False, True, False, False]
    resumed = watched(TOMORROW, breakers=looks[1].breakers)[-1]
    assert not resumed.must_flatten


def test_every_cause_tells_its_numbers():
    looks = [lost(2000) | equity(80_000) | margin(79_000)] * 2
    last = watched(*looks, breakers=AT_PEAK)[-1]
    assert [cause.says for cause in last.causes] == [
        "the day's P&L is -2000.00; limits.day_loss_max is 2000.",
        "equity is 80000.00, its peak was 100000.00.",
        "margin in use is 79000.00 of an equity of 80000.00.",
    ]
    unknown = watched({}, lost(None), every=130)[-1]
    assert unknown.causes[0].says == "day_pnl has been unknown for 130 s."


def test_a_halt_carried_into_a_restart_without_figures_still_says_why():
    kept = replace(START, levels={"day_loss": HALTED, "drawdown": HALTED})
    last = watched(lost(None) | equity(None), breakers=kept, standing=HALTED)[-1]
    assert last.must_flatten
    assert "the day's P&L is unknown" in last.causes[0].says
    assert last.causes[1].says == "equity is unknown, its peak was unknown."
