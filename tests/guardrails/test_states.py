"""The desk degrades and halts at its limits, on two looks and never on one, and is not fooled."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.states import SEVERITY, Breakers, Look, day_loss_state, judge
from guardrails.terms import State
from session.settings import load
from tests.support.guarding import LIMITS, NOW, ROOT

BREAKER = load(ROOT / "config.yaml", environ={}).breaker
DAY = NOW.date()
QUIET = Look(at=NOW, day=DAY, day_pnl_base=D(0), equity_base=D(100_000), margin_base=D(1_000))
START = Breakers(day=DAY, since=NOW)
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
    return {"day_pnl_base": None if amount is None else -D(amount)}


def equity(amount):
    return {"equity_base": None if amount is None else D(amount)}


def rules(judgement):
    return [cause.rule for cause in judgement.causes]


@pytest.mark.parametrize(
    ("loss", "state"),
    [
        ("-500", NORMAL),
        ("1499.99", NORMAL),
        ("1500", DEGRADED),
        ("1500.01", DEGRADED),
        ("1999.99", DEGRADED),
        ("2000", HALTED),
        ("2000.01", HALTED),
    ],
)
def test_the_days_loss(loss, state):
    last = watched(lost(loss), lost(loss))[-1]
    assert last.state is state
    assert last.must_flatten is (state is HALTED)
    assert rules(last) == ([] if state is NORMAL else ["day_loss"])
    assert all(cause.state is state for cause in last.causes)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("90000.01", NORMAL),
        ("90000", DEGRADED),
        ("89999.99", DEGRADED),
        ("85000.01", DEGRADED),
        ("85000", HALTED),
        ("84999.99", HALTED),
        ("0", HALTED),
        ("-1", HALTED),
    ],
)
def test_the_drawdown_from_the_peak_never_flattens(now, state):
    known_peak = replace(START, peak_base=D(100_000))
    looks = [{**equity(now), "margin_base": D(-1000)}] * 2
    last = watched(*looks, breakers=known_peak)[-1]
    assert last.state is state
    assert rules(last) == ([] if state is NORMAL else ["drawdown"])
    assert not last.must_flatten


@pytest.mark.parametrize(
    ("margin", "state"),
    [
        ("84999.99", NORMAL),
        ("85000", DEGRADED),
        ("85000.01", DEGRADED),
        ("91999.99", DEGRADED),
        ("92000", HALTED),
        ("92000.01", HALTED),
    ],
)
def test_margin_use_never_flattens(margin, state):
    last = watched(*[{"margin_base": D(margin)}] * 2)[-1]
    assert last.state is state
    assert rules(last) == ([] if state is NORMAL else ["margin_use"])
    assert not last.must_flatten


def test_no_equity_left_is_full_margin():
    assert "margin_use" in rules(watched(*[equity(0)] * 2)[-1])
    assert "margin_use" in rules(watched(*[equity(-5)] * 2)[-1])


def test_a_single_outlier_moves_nothing_in_either_direction():
    assert [one.state for one in watched({}, lost(9_000), {}, {})] == [NORMAL] * 4
    down_and_up = watched(lost(1600), lost(1600), lost(0), lost(1600), lost(0), lost(0))
    assert [one.state for one in down_and_up] == [NORMAL, *[DEGRADED] * 4, NORMAL]


def test_what_both_looks_agree_on_is_what_counts():
    assert [one.state for one in watched(lost(1600), lost(2500))] == [NORMAL, DEGRADED]
    assert watched(lost(1600), lost(2500), lost(2500))[-1].state is HALTED


def test_unknown_between_two_losses_does_not_hide_them():
    assert watched(lost(2000), lost(None), lost(2000))[-1].state is HALTED


def test_a_spike_of_equity_is_no_peak():
    looks = watched({}, equity(200_000), {}, {})
    assert [one.state for one in looks] == [NORMAL] * 4
    assert looks[-1].breakers.peak_base == 100_000


def test_the_peak_rises_and_never_falls():
    looks = watched({}, {}, equity(110_000), equity(109_000), {}, {})
    assert [one.breakers.peak_base for one in looks] == [
        None,
        *[D(100_000)] * 2,
        *[D(109_000)] * 3,
    ]


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
    assert not last.must_flatten
    never_known = replace(QUIET, at=NOW + timedelta(seconds=seconds), day_pnl_base=value)
    judged = judge(START, never_known, standing=NORMAL, limits=LIMITS, breaker=BREAKER)
    assert judged.state is state


@pytest.mark.parametrize(("amount", "state"), [("1e15", DEGRADED), ("999999999999999", NORMAL)])
def test_a_number_no_account_can_have_is_unknown(amount, state):
    assert watched({}, {"day_pnl_base": D(amount)}, every=120)[-1].state is state


@pytest.mark.parametrize("name", ["equity_base", "margin_base"])
def test_other_unknown_figures_degrade_and_never_halt(name):
    assert watched({}, {name: None}, every=119)[-1].state is NORMAL
    last = watched({}, {name: None}, every=100_000)[-1]
    assert last.state is DEGRADED
    assert rules(last) == [name.replace("_base", "_unknown")]


def test_unknown_does_not_clear_a_loss():
    looks = watched(lost(1600), lost(1600), lost(None), lost(None), lost(0))
    assert [one.state for one in looks[1:]] == [DEGRADED] * 4


def test_a_known_figure_clears_the_unknown():
    assert watched({}, lost(None), lost(None), {}, every=100)[2].state is DEGRADED
    assert watched({}, lost(None), lost(None), {}, every=100)[3].state is NORMAL


def test_the_warning_is_said_once_a_day_and_not_after_the_halt():
    row = (lost(1500), lost(1500), lost(1600), {}, {}, lost(1900), lost(1900), lost(2000))
    looks = watched(*row, lost(2000))
    assert [one.warning is not None for one in looks] == [False, True, *[False] * 7]
    assert looks[-1].state is HALTED
    assert "P&L is -1500.00; limits.day_loss_max is 2000" in looks[1].warning


def test_a_loss_that_jumps_to_the_halt_is_warned_of_at_that_look():
    looks = watched(lost(3000), lost(3000), lost(3000))
    assert [one.warning is not None for one in looks] == [False, True, False]


def test_halted_is_not_left_by_any_figure():
    assert [one.state for one in watched({}, {}, {}, standing=HALTED)] == [HALTED] * 3
    recovered = watched(lost(2000), lost(2000), {}, {}, {})
    assert [one.state for one in recovered[1:]] == [HALTED] * 4
    assert all(one.must_flatten for one in recovered[1:])


def test_a_resume_begins_anew_and_halts_again_while_the_loss_stands():
    halted = watched(lost(2000), lost(2000))[-1].breakers
    assert watched(lost(2000), breakers=halted)[-1].state is HALTED
    better = watched({}, {}, breakers=halted)
    assert [one.state for one in better] == [NORMAL, NORMAL]
    assert not better[-1].must_flatten


def test_a_degraded_desk_of_another_setter_is_not_this_ones_to_keep():
    assert watched({}, standing=DEGRADED)[-1].state is NORMAL


TOMORROW = {"day": DAY + timedelta(days=1)}


def test_a_new_day_begins_without_yesterdays_loss():
    row = (lost(1600), lost(1600), lost(1600) | TOMORROW, lost(1600) | TOMORROW)
    looks = watched(*row)
    assert [one.state for one in looks] == [NORMAL, DEGRADED, NORMAL, DEGRADED]
    assert looks[-1].warning is not None  # once on each day
    unknown = watched({}, {}, lost(None) | TOMORROW, every=1000)[-1]
    assert unknown.state is NORMAL  # the time in which nobody looked is not counted


def test_a_new_day_keeps_the_peak_and_the_slower_breakers():
    row = ({}, {}, equity(90_000), equity(90_000), equity(90_000) | TOMORROW)
    last = watched(*row)[-1]
    assert rules(last) == ["drawdown"]
    assert last.breakers.peak_base == 100_000


def test_a_flattening_is_not_forgotten_over_night():
    looks = watched(lost(2000), lost(2000), lost(None) | TOMORROW, lost(0) | TOMORROW)
    assert [one.must_flatten for one in looks] == [False, True, True, True]
    assert [one.warning is not None for one in looks] == [False, True, False, False]
    resumed = watched(TOMORROW, breakers=looks[1].breakers)[-1]
    assert not resumed.must_flatten


def test_every_cause_tells_its_numbers():
    looks = [{**lost(2000), **equity(80_000), "margin_base": D(79_000)}] * 2
    last = watched(*looks, breakers=replace(START, peak_base=D(100_000)))[-1]
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


amounts = st.one_of(st.none(), st.integers(-3000, 3000).map(D))
equities = st.one_of(st.none(), st.integers(-10, 120_000).map(D))
margins = st.one_of(st.none(), st.integers(0, 120_000).map(D))
figures = st.fixed_dictionaries(
    {"day_pnl_base": amounts, "equity_base": equities, "margin_base": margins}
)


@given(st.lists(figures, max_size=6), figures, st.integers(0, 5_000))
def test_worse_numbers_never_give_a_better_state(row, last, worse):
    for name, sign in (("day_pnl_base", -1), ("equity_base", -1), ("margin_base", 1)):
        if last[name] is None:
            continue
        hurt = {**last, name: last[name] + sign * worse}
        given_, worsened = watched(*row, last)[-1], watched(*row, hurt)[-1]
        assert SEVERITY.index(worsened.state) >= SEVERITY.index(given_.state)
        assert worsened.must_flatten >= given_.must_flatten


@given(st.lists(figures, min_size=1, max_size=8))
def test_equal_looks_give_equal_judgements_and_a_halt_stays(row):
    looks = watched(*row)
    assert looks == watched(*row)
    states = [one.state for one in looks]
    if HALTED in states:
        assert set(states[states.index(HALTED) :]) == {HALTED}
    assert sum(one.warning is not None for one in looks) <= 1


@given(st.lists(amounts, max_size=4), st.integers(1, 3000))
def test_the_loss_alone_never_looks_better_for_being_larger(seen, worse):
    hurt = [None if one is None else one - worse for one in seen]
    before, after = (day_loss_state(row, LIMITS, BREAKER) for row in (seen, hurt))
    assert SEVERITY.index(after) >= SEVERITY.index(before)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ((), DEGRADED),
        ((D(0), None), DEGRADED),
        ((None, D(-5000)), NORMAL),
        ((D(-1500), D("-1499.99")), NORMAL),
        ((D(-1500), D(-1500)), DEGRADED),
        ((D(-2000), D("-1999.99")), DEGRADED),
        ((D(-2000), D(-2000)), HALTED),
        ((D(0), D(-2000), D(-2000)), HALTED),
        ((D(-2000), D(-2000), D(0)), NORMAL),
    ],
)
def test_the_loss_alone_needs_two_observations_and_a_number(seen, state):
    assert day_loss_state(seen, LIMITS, BREAKER) is state
