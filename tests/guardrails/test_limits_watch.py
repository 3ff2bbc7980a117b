"""Every field of Stops and Breaker is tried just under, at and just over."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any, NamedTuple

import pytest

from guardrails import day_loss_state
from guardrails.limits import Breaker, Count, Stops, Switch
from guardrails.terms import Hours
from tests.support.guarding import AAPL, LIMITS, NOW
from tests.support.judging import (
    AT_PEAK,
    BREAKER,
    DEGRADED,
    HALTED,
    NORMAL,
    equity,
    lost,
    margin,
    states,
    watched,
)
from tests.support.limit_trials import CENT, INSTANT, MINUTE, untried
from tests.support.watching import CLOSES, LONG, RULES, SHORT, at, held, rule_of


class Need(NamedTuple):
    """A number of Stops: the rule that finds the need at `at` and a step over, and none under.

    step:  the smallest by which the quantity can move, in the direction of the need.
    tried: value -> (position, now).
    """

    field: str
    rule: str
    at: Any
    step: Any
    tried: Callable[[Any], tuple[Any, Any]]


def tight(side, stop):
    """The touch at a price, the resting stop so near that no trailing asks for more."""
    return lambda price: (held(at(side, price), stop_price=D(stop)), NOW)


def resting(side, best):
    """The best price two looks agree on, by where the stop rests."""
    return lambda stop: (held(at(side, best, best=best), stop_price=stop), NOW)


def closing_in(time):
    now = CLOSES - time
    return replace(LONG, opened_at=now - 30 * MINUTE), now


NEEDS = [
    # 20 % over the entry at 200.
    Need("profit_target_pct", "profit_target", D("240.00"), CENT, tight(LONG, "239")),
    Need("profit_target_pct", "profit_target", D("160.00"), -CENT, tight(SHORT, "161")),
    # 10 % over it.
    Need(
        "trail_start_pct",
        "trailing_stop",
        D("220.00"),
        CENT,
        lambda price: (at(LONG, price, best=price), NOW),
    ),
    Need(
        "trail_start_pct",
        "trailing_stop",
        D("180.00"),
        -CENT,
        lambda price: (at(SHORT, price, best=price), NOW),
    ),
    # 5 % below 220 is 209.00: a stop that rests there stays, the next tick below is moved.
    Need("trail_pct", "trailing_stop", D("208.99"), -CENT, resting(LONG, "220")),
    Need("trail_pct", "trailing_stop", D("189.01"), CENT, resting(SHORT, "180")),
    Need(
        "hold_minutes_max",
        "hold_time",
        180 * MINUTE,
        INSTANT,
        lambda time: (replace(LONG, opened_at=NOW - time), NOW),
    ),
    Need("close_before_close_minutes", "session_end", 10 * MINUTE, -INSTANT, closing_in),
]


@pytest.mark.parametrize("trial", NEEDS, ids=lambda trial: f"{trial.field}-{trial.at}")
def test_a_need_begins_at_its_number_and_not_a_step_before(trial):
    found = [rule_of(*trial.tried(trial.at + steps * trial.step)) for steps in (-1, 0, 1)]
    assert found == [None, trial.rule, trial.rule]


@pytest.mark.parametrize("trial", NEEDS, ids=lambda trial: f"{trial.field}-{trial.at}")
def test_a_need_goes_by_the_number_of_its_name(trial):
    """A tenth more room for that field alone, and what was needed is not."""
    seen, now = trial.tried(trial.at)
    old = getattr(RULES, trial.field)
    tenth = old // 10 if isinstance(old, int) else old / 10
    sign = {"close_before_close_minutes": -1}.get(trial.field, 1)
    roomier = RULES.model_copy(update={trial.field: old + sign * tenth})
    assert rule_of(seen, now, rules=roomier) is None


MORNING = Hours(NOW - 60 * MINUTE, NOW + 60 * MINUTE)
AFTERNOON = Hours(MORNING.closes_at + 60 * MINUTE, MORNING.closes_at + 240 * MINUTE)


@pytest.mark.parametrize(("is_closed", "rule"), [(True, "session_end"), (False, None)])
def test_close_before_lunch(is_closed, rule):
    seen = replace(LONG, instrument=replace(AAPL, hours=(MORNING, AFTERNOON)))
    rules = RULES.model_copy(update={"close_before_lunch": is_closed})
    assert rule_of(seen, MORNING.closes_at - 10 * MINUTE, rules=rules) == rule
    assert rule_of(seen, MORNING.closes_at - 10 * MINUTE - INSTANT, rules=rules) is None
    # The day's end is one either way.
    assert rule_of(seen, AFTERNOON.closes_at - 10 * MINUTE, rules=rules) == "session_end"


class Level(NamedTuple):
    """A number of Breaker: the state under it, and the one at it and over.

    looks: amount -> what changes at each of two looks that agree.
    """

    field: str
    at: Any
    step: Any
    looks: Callable[[Any], dict[str, Any]]
    under: Any
    over: Any


LEVELS = [
    Level("warn_fraction", D("1500.00"), CENT, lost, NORMAL, DEGRADED),  # 0.75 of 2,000
    # From a peak of 100,000.
    Level("drawdown_degrade_pct", D("90000.00"), -CENT, equity, NORMAL, DEGRADED),
    Level("drawdown_halt_pct", D("85000.00"), -CENT, equity, DEGRADED, HALTED),
    # Of an equity of 100,000.
    Level("margin_degrade_pct", D("85000.00"), CENT, margin, NORMAL, DEGRADED),
    Level("margin_halt_pct", D("92000.00"), CENT, margin, DEGRADED, HALTED),
]


@pytest.mark.parametrize("trial", LEVELS, ids=lambda trial: trial.field)
@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_breaker_trips_at_its_number_and_not_a_cent_before(trial, steps):
    look = trial.looks(trial.at + steps * trial.step)
    found = states(watched(look, look, breakers=AT_PEAK))[-1]
    assert found is {-1: trial.under, 0: trial.over, 1: trial.over}[steps]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_day_loss_alone_trips_at_the_same_numbers(steps):
    warning = -(D("1500.00") + steps * CENT)
    halt = -(D("2000.00") + steps * CENT)
    assert day_loss_state([warning] * 2, LIMITS, BREAKER) is (DEGRADED if steps >= 0 else NORMAL)
    assert day_loss_state([halt] * 2, LIMITS, BREAKER) is (HALTED if steps >= 0 else DEGRADED)


class OneMoreStop(Stops):
    """An exit that somebody adds and nobody tries."""

    added_without_a_trial: Switch


class OneMoreLevel(Breaker):
    """A breaker that somebody adds and nobody tries."""

    added_without_a_trial_max: Count


def test_every_field_has_a_trial_and_every_trial_a_field():
    needs = {*(trial.field for trial in NEEDS), "close_before_lunch"}
    levels = {trial.field for trial in LEVELS}
    assert untried(Stops, needs) == untried(Breaker, levels) == set()
    assert needs - set(Stops.model_fields) == levels - set(Breaker.model_fields) == set()
    assert untried(OneMoreStop, needs) == {"added_without_a_trial"}
    assert untried(OneMoreLevel, levels) == {"added_without_a_trial_max"}
