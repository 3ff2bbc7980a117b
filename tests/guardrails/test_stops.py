"""Each open position gets what it needs now: a stop repaired, or a close that is due."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails.stops import Remedy, stops
from guardrails.terms import Action, Hours
from tests.support.guarding import AAPL, LIMITS, NOW, TENCENT
from tests.support.watching import (
    CLOSES,
    LONG,
    MINUTE,
    RULES,
    SECOND,
    SHORT,
    TOMORROW,
    TWO_DAYS,
    at,
    held,
    need_of,
    rule_of,
)


def test_a_quiet_position_needs_nothing():
    assert stops([LONG, SHORT], RULES, LIMITS, NOW) == ()


def test_no_shares_need_nothing():
    assert stops([held(LONG, shares=0, protected_shares=0)], RULES, LIMITS, NOW) == ()


def test_each_position_is_answered_in_its_order():
    bare = held(SHORT, protected_shares=0)
    found = stops([bare, LONG, held(LONG, protected_shares=1)], RULES, LIMITS, NOW)
    assert [(need.action, need.rule) for need in found] == [
        (Action.BUY, "unprotected"),
        (Action.SELL, "unprotected"),
    ]


# Repair


@pytest.mark.parametrize("watched", [LONG, SHORT])
@pytest.mark.parametrize(
    ("covered", "rule"),
    [(0, "unprotected"), (19, "unprotected"), (20, None), (21, "overprotected")],
)
def test_the_stop_covers_what_is_held_and_no_more(watched, covered, rule):
    need = need_of(held(watched, protected_shares=covered))
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert need.remedy is Remedy.REPAIR
        assert need.shares == 20
        assert need.stop_price == watched.position.stop_price
        assert need.action is {LONG: Action.SELL, SHORT: Action.BUY}[watched]
        assert f"{covered} of 20 shares" in need.says


def test_a_stop_whose_price_nobody_knows_is_repaired():
    need = need_of(held(LONG, stop_price=None))
    assert (need.rule, need.stop_price) == ("unprotected", D("194"))
    blind = need_of(replace(held(LONG, stop_price=None), meant_stop=None))
    assert (blind.rule, blind.stop_price) == ("unprotected", None)
    assert "unknown" in blind.says


def test_repair_is_demanded_without_a_quote_an_instrument_or_a_time():
    blind = replace(
        held(LONG, protected_shares=0),
        quote=None,
        instrument=None,
        opened_at=None,
        entry_price=None,
    )
    assert rule_of(blind) == "unprotected"


# The stop did not execute


@pytest.mark.parametrize(
    ("watched", "price", "since", "rule"),
    [
        (LONG, "194.01", 600, None),
        (LONG, "194", 59, None),
        (LONG, "194", 60, "stop_not_executed"),
        (LONG, "193.99", 61, "stop_not_executed"),
        (LONG, "193.99", None, None),
        (SHORT, "205.99", 600, None),
        (SHORT, "206", 59, None),
        (SHORT, "206", 60, "stop_not_executed"),
        (SHORT, "206.01", 61, "stop_not_executed"),
        (SHORT, "206.01", None, None),
    ],
)
def test_a_passed_stop_closes_after_the_grace(watched, price, since, rule):
    since = None if since is None else NOW - since * SECOND
    need = need_of(at(watched, price, since=since))
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert (need.remedy, need.shares, need.stop_price) == (Remedy.CLOSE, 20, None)
        assert price in need.says


# Time


@pytest.mark.parametrize("watched", [LONG, SHORT])
@pytest.mark.parametrize(
    ("seconds", "rule"), [(179 * 60 + 59, None), (180 * 60, "hold_time"), (10**6, "hold_time")]
)
def test_hold_minutes_max(watched, seconds, rule):
    old = replace(watched, opened_at=NOW - seconds * SECOND, quote=None)
    assert rule_of(old) == rule


def test_an_unknown_opening_is_not_held_too_long():
    assert rule_of(replace(LONG, opened_at=None)) is None


@pytest.mark.parametrize("watched", [LONG, SHORT])
@pytest.mark.parametrize("opened", [30 * MINUTE, None])
@pytest.mark.parametrize(
    ("left", "rule"),
    [(601, None), (600, "session_end"), (599, "session_end"), (1, "session_end")],
)
def test_close_before_close_minutes(watched, opened, left, rule):
    now = CLOSES - left * SECOND
    seen = replace(watched, quote=None, opened_at=None if opened is None else now - opened)
    need = need_of(seen, now)
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert not need.is_deferred
        assert "21:00 UTC" in need.says


def test_zero_minutes_before_the_close_hold_over_night():
    over_night = RULES.model_copy(update={"close_before_close_minutes": 0})
    seen = replace(LONG, opened_at=CLOSES - MINUTE)
    for now in (CLOSES - SECOND, CLOSES, CLOSES + MINUTE):
        assert rule_of(seen, now, over_night) is None


def test_a_position_that_outlived_its_session_is_closed_at_the_next_open():
    seen = replace(LONG, instrument=TWO_DAYS, opened_at=CLOSES - 5 * MINUTE)
    closed = need_of(seen, CLOSES)
    assert (closed.rule, closed.is_deferred) == ("session_end", True)
    assert closed.opens_at == TOMORROW.opens_at
    rules = RULES.model_copy(update={"hold_minutes_max": 10_000})
    opened = need_of(seen, TOMORROW.opens_at, rules)
    assert (opened.rule, opened.is_deferred, opened.opens_at) == ("session_end", False, None)
    fresh = replace(seen, opened_at=CLOSES)
    assert rule_of(fresh, TOMORROW.opens_at, rules) is None
    unknown = replace(seen, opened_at=None)
    for now in (CLOSES, TOMORROW.opens_at):
        assert rule_of(unknown, now, rules) is None


def test_the_next_open_may_be_unknown_and_hours_too():
    after = need_of(held(LONG, protected_shares=0), CLOSES)
    assert (after.is_deferred, after.opens_at) == (True, None)
    for instrument in (None, replace(AAPL, hours=())):
        bare = replace(held(LONG, protected_shares=0), instrument=instrument)
        assert not need_of(bare, CLOSES).is_deferred
        old = replace(LONG, instrument=instrument, opened_at=NOW - 180 * MINUTE)
        assert need_of(old).rule == "hold_time"


def test_a_closed_market_defers_to_the_nearest_opening():
    early = AAPL.hours[0].opens_at - SECOND
    need = need_of(replace(held(LONG, protected_shares=0), instrument=TWO_DAYS), early)
    assert (need.is_deferred, need.opens_at) == (True, AAPL.hours[0].opens_at)
    now = AAPL.hours[0].opens_at
    assert not need_of(held(LONG, protected_shares=0), now).is_deferred


MORNING = Hours(NOW - 60 * MINUTE, NOW + 90 * MINUTE)
AFTERNOON = Hours(NOW + 150 * MINUTE, NOW + 330 * MINUTE)
HK = replace(LONG, instrument=replace(TENCENT, hours=(MORNING, AFTERNOON)))
LUNCH = RULES.model_copy(update={"close_before_lunch": True})


def test_close_before_lunch_only_where_it_is_set():
    for left, rule in ((601, None), (600, "session_end")):
        now = MORNING.closes_at - left * SECOND
        assert rule_of(HK, now, LUNCH) == rule
        assert rule_of(HK, now, RULES) is None
    after_lunch = AFTERNOON.opens_at
    fresh = replace(HK, opened_at=NOW + 80 * MINUTE)
    assert rule_of(fresh, after_lunch, LUNCH) == "session_end"
    assert rule_of(fresh, after_lunch, RULES) is None
    assert rule_of(fresh, AFTERNOON.closes_at - 10 * MINUTE, RULES) == "session_end"


@pytest.mark.parametrize(("hours", "rule"), [(4, None), (4.01, "session_end")])
def test_a_longer_break_than_lunch_ends_the_day(hours, rule):
    later = Hours(MORNING.closes_at + hours * 60 * MINUTE, MORNING.closes_at + 600 * MINUTE)
    half_day = replace(HK, instrument=replace(TENCENT, hours=(MORNING, later)))
    assert rule_of(half_day, MORNING.closes_at - 5 * MINUTE) == rule


# What is leaving already


@pytest.mark.parametrize(("leaving", "shares"), [(0, 20), (19, 1), (20, None), (21, None)])
def test_only_what_is_not_leaving_is_closed(leaving, shares):
    tight = {"stop_price": D("239"), "exiting_shares": leaving}
    for seen in (
        held(at(LONG, "250"), **tight),
        held(replace(LONG, opened_at=NOW - 180 * MINUTE), exiting_shares=leaving),
    ):
        need = need_of(seen)
        assert (None if need is None else need.shares) == shares


# Which comes first

ALL = held(
    replace(at(LONG, "250", best="270", since=NOW - 60 * SECOND), opened_at=CLOSES - 200 * MINUTE),
    stop_price=D("251"),
    protected_shares=0,
)


@pytest.mark.parametrize(
    ("mended", "rule"),
    [
        (0, "unprotected"),
        (1, "stop_not_executed"),
        (2, "session_end"),
        (3, "hold_time"),
        (4, "profit_target"),
        (5, "trail_passed"),
        (6, None),
    ],
)
def test_the_order_of_needs(mended, rule):
    """Every reason at once; they are taken away one by one, the first first."""
    now = CLOSES - 10 * MINUTE
    seen = replace(ALL, quote=replace(ALL.quote, at=now))
    seen = replace(seen, memory=replace(seen.memory, breached_since=now - 60 * SECOND))
    steps = [
        lambda one, at: (held(one, protected_shares=20), at),
        lambda one, at: (held(one, stop_price=D("194")), at),
        lambda one, at: (replace(one, quote=replace(one.quote, at=at - MINUTE)), at - MINUTE),
        lambda one, at: (replace(one, opened_at=at), at),
        lambda one, at: (replace(one, entry_price=D("240")), at),
        lambda one, at: (held(one, stop_price=D("256.5")), at),
    ]
    for step in steps[:mended]:
        seen, now = step(seen, now)
    if mended == 6:  # the trailing stop rests where it should; its breach has just begun
        seen = replace(seen, memory=replace(seen.memory, breached_since=None))
    assert rule_of(seen, now) == rule
