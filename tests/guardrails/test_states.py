"""The desk degrades and halts at its limits, and a worse number is never judged better."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guardrails import day_loss_state
from guardrails.states import SEVERITY
from tests.support.guarding import LIMITS, with_limits
from tests.support.judging import (
    AT_PEAK,
    BREAKER,
    DEGRADED,
    HALTED,
    NORMAL,
    START,
    equity,
    lost,
    margin,
    rules,
    states,
    watched,
)


@pytest.mark.parametrize(
    ("loss", "state"),
    [
        ("-3000", NORMAL),
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
        ("100000.01", NORMAL),
        ("90000.01", NORMAL),
        ("90000", DEGRADED),
        ("89999.99", DEGRADED),
        ("85000.01", DEGRADED),
        ("85000", HALTED),
        ("84999.99", HALTED),
        ("0.01", HALTED),
        ("0", HALTED),
        ("-0.01", HALTED),
        ("-1e9", HALTED),
    ],
)
def test_the_drawdown_from_the_peak_never_flattens(now, state):
    looks = [equity(now) | margin(None)] * 2
    last = watched(*looks, breakers=AT_PEAK)[-1]
    assert last.state is state
    assert rules(last) == ([] if state is NORMAL else ["drawdown"])
    assert not last.must_flatten


@pytest.mark.parametrize("peak", [None, D("0.01"), D(0), D("-0.01"), D(-100_000), D("NaN")])
@pytest.mark.parametrize(
    ("now", "state"), [("0.01", NORMAL), ("0", HALTED), ("-0.01", HALTED), ("-1e9", HALTED)]
)
def test_no_equity_left_halts_whatever_the_peak(peak, now, state):
    """A share of a peak that is not above zero has the wrong sign: it would pass every loss."""
    looks = [equity(now) | margin(None)] * 2
    last = watched(*looks, breakers=replace(START, peak_base=peak))[-1]
    assert last.state is state
    assert rules(last) == ([] if state is NORMAL else ["drawdown"])


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (("0", "-5"), HALTED),
        (("-5", "0"), HALTED),
        (("5", "-5"), NORMAL),
        (("-5", "5"), NORMAL),
        (("5", "-5", "-5"), HALTED),
        (("-5", None, "-5"), HALTED),
        (("-5", None, None), NORMAL),
    ],
)
def test_an_equity_that_is_gone_needs_two_agreeing_looks(row, state):
    assert watched(*[equity(now) | margin(None) for now in row])[-1].state is state


def test_a_peak_is_above_zero():
    never = watched(*[equity(amount) for amount in ("-5", "-5", "0", "0", "5")])
    assert [one.breakers.peak_base for one in never] == [None] * 5
    cents = watched(equity("0.01"), equity("0.01"))[-1].breakers.peak_base
    assert cents == D("0.01")
    for stored in (D(0), D(-1), D("NaN"), D("1.7976931348623157E308")):
        kept = replace(START, peak_base=stored)
        assert watched({}, breakers=kept)[-1].breakers.peak_base is None
        assert watched({}, {}, breakers=kept)[-1].breakers.peak_base == 100_000


@pytest.mark.parametrize(
    ("used", "state"),
    [
        ("84999.99", NORMAL),
        ("85000", DEGRADED),
        ("85000.01", DEGRADED),
        ("91999.99", DEGRADED),
        ("92000", HALTED),
        ("92000.01", HALTED),
    ],
)
def test_margin_use_never_flattens(used, state):
    last = watched(*[margin(used)] * 2)[-1]
    assert last.state is state
    assert rules(last) == ([] if state is NORMAL else ["margin_use"])
    assert not last.must_flatten


@pytest.mark.parametrize("used", [-1_000_000, 0, "0.001"])
@pytest.mark.parametrize(
    ("left", "is_full"), [("0.01", False), ("0", True), ("-0.01", True), ("-1e6", True)]
)
def test_no_equity_left_is_full_margin(left, is_full, used):
    last = watched(*[equity(left) | margin(used)] * 2)[-1]
    assert ("margin_use" in rules(last)) is is_full


def test_margin_needs_both_of_its_figures():
    for row in ([margin(95_000) | equity(None)] * 2, [margin(None)] * 2):
        assert states(watched(*row)) == [NORMAL, NORMAL]


def test_a_single_outlier_moves_nothing_in_either_direction():
    for spike in (lost(9_000), equity(1), equity(-1), margin(99_000)):
        looks = watched({}, {}, spike, {}, {})
        assert states(looks) == [NORMAL] * 5
        assert not any(one.warning for one in looks)
    down_and_up = watched(lost(1600), lost(1600), lost(0), lost(1600), lost(0), lost(0))
    assert states(down_and_up) == [NORMAL, *[DEGRADED] * 4, NORMAL]


def test_what_both_looks_agree_on_is_what_counts():
    assert states(watched(lost(1600), lost(2500))) == [NORMAL, DEGRADED]
    assert states(watched(lost(2500), lost(1600))) == [NORMAL, DEGRADED]
    assert watched(lost(1600), lost(2500), lost(2500))[-1].state is HALTED
    assert states(watched(lost(1600), lost(1600), lost(1499), lost(2500))[1:]) == [DEGRADED] * 3


def test_the_worst_breaker_decides():
    low, used = equity(88_000), margin(50_000)
    assert watched(*[low | used | lost(2000)] * 2, breakers=AT_PEAK)[-1].state is HALTED
    last = watched(*[equity(80_000) | lost(1600)] * 2, breakers=AT_PEAK)[-1]
    assert (last.state, last.must_flatten) == (HALTED, False)
    assert rules(last) == ["day_loss", "drawdown"]


def test_a_spike_of_equity_is_no_peak():
    looks = watched({}, equity(200_000), {}, {})
    assert states(looks) == [NORMAL] * 4
    assert looks[-1].breakers.peak_base == 100_000


def test_the_peak_rises_and_never_falls():
    looks = watched({}, {}, equity(110_000), equity(109_000), {}, {})
    assert [one.breakers.peak_base for one in looks] == [
        None,
        *[D(100_000)] * 2,
        *[D(109_000)] * 3,
    ]


amounts = st.one_of(st.none(), st.integers(-3000, 3000).map(D))
equities = st.one_of(st.none(), st.integers(-10, 120_000).map(D))
margins = st.one_of(st.none(), st.integers(0, 120_000).map(D))
figures = st.fixed_dictionaries(
    {"day_pnl_base": amounts, "equity_base": equities, "margin_base": margins}
)
PENNILESS = {**lost(0), **equity(0), **margin(None)}


@given(st.lists(figures, max_size=6), figures, st.integers(0, 125_000))
@example([PENNILESS], PENNILESS, 5)
@example([PENNILESS | equity(5)], PENNILESS, 5)
@example([PENNILESS | equity(5)], PENNILESS | equity(5), 5)
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
    if HALTED in states(looks):
        assert set(states(looks)[states(looks).index(HALTED) :]) == {HALTED}
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
        ((None,), DEGRADED),
        ((D(0),), NORMAL),
        ((D(0), None), DEGRADED),
        ((D(0), D("NaN")), DEGRADED),
        ((D(0), D("-Infinity")), DEGRADED),
        ((D(0), D("-1.7976931348623157E308")), DEGRADED),
        ((D("1.7976931348623157E308"), D(-5000)), NORMAL),
        ((None, D(-5000)), NORMAL),
        ((D(-2000), None, D(-2000)), NORMAL),
        ((D("-1499.99"), D("-1499.99")), NORMAL),
        ((D(-1500), D("-1499.99")), NORMAL),
        ((D(-1500), D(-1500)), DEGRADED),
        ((D(-2000), D("-1999.99")), DEGRADED),
        ((D(-2000), D(-2000)), HALTED),
        ((D(0), D(-2000), D(-2000)), HALTED),
        ((D(-2000), D(-2000), D(0)), NORMAL),
        ((D(3000), D(3000)), NORMAL),
    ],
)
def test_the_loss_alone_needs_two_observations_and_a_number(seen, state):
    assert day_loss_state(seen, LIMITS, BREAKER) is state


def test_the_thresholds_are_the_configured_ones():
    half = BREAKER.model_copy(update={"warn_fraction": D("0.5")})
    small = with_limits(day_loss_max=D(100))
    for pnl, state in ((D("-49.99"), NORMAL), (D(-50), DEGRADED), (D(-100), HALTED)):
        assert day_loss_state((pnl, pnl), small, half) is state
