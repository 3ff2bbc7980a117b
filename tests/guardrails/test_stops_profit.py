"""A profit is taken at its target, and the stop trails the best price, on two looks."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails.stops import Remedy
from tests.support.guarding import AAPL, TENCENT
from tests.support.watching import (
    LONG,
    SHORT,
    at,
    held,
    looks,
    need_of,
    rule_of,
)


@pytest.mark.parametrize(
    ("watched", "price", "rule"),
    [
        (LONG, "239.99", None),
        (LONG, "240", "profit_target"),
        (LONG, "240.01", "profit_target"),
        (SHORT, "160.01", None),
        (SHORT, "160", "profit_target"),
        (SHORT, "159.99", "profit_target"),
    ],
)
def test_profit_target_pct(watched, price, rule):
    tight = {LONG: "239", SHORT: "161"}[watched]
    need = need_of(held(at(watched, price), stop_price=D(tight)))
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert (need.remedy, need.shares, need.stop_price) == (Remedy.TAKE, 20, None)
        assert "20.0 %" in need.says


@pytest.mark.parametrize(("watched", "far", "near"), [(LONG, "260", "205"), (SHORT, "140", "195")])
def test_one_look_takes_no_profit(watched, far, near):
    assert looks(watched, [far]) == [None]
    assert looks(watched, [near, far, near]) == [None] * 3
    assert looks(watched, [far, None, far]) == [None] * 3
    assert looks(watched, [near, far, far]) == [None, None, "profit_target"]


@pytest.mark.parametrize("entry", [None, D(0), D(-1), D("NaN")])
def test_an_unknown_entry_takes_and_trails_nothing(entry):
    assert rule_of(replace(at(LONG, "250", best="250"), entry_price=entry)) is None


# Trailing


@pytest.mark.parametrize(
    ("watched", "best", "stop"),
    [
        (LONG, "219.99", None),
        (LONG, "220", "209"),
        (LONG, "220.01", "209.01"),  # 209.0095, up
        (LONG, "230", "218.50"),
        (SHORT, "180.01", None),
        (SHORT, "180", "189"),
        (SHORT, "179.99", "188.98"),  # 188.9895, down
        (SHORT, "170", "178.50"),
    ],
)
def test_trail_start_and_trail_pct(watched, best, stop):
    need = need_of(at(watched, best, best=best))
    assert (None if need is None else need.stop_price) == (None if stop is None else D(stop))
    if need is not None:
        assert (need.remedy, need.rule, need.shares) == (Remedy.TIGHTEN, "trailing_stop", 20)


@pytest.mark.parametrize(
    ("watched", "best", "resting", "rule"),
    [
        (LONG, "220", "208.99", "trailing_stop"),
        (LONG, "220", "209", None),
        (LONG, "220", "209.01", None),
        (SHORT, "180", "189.01", "trailing_stop"),
        (SHORT, "180", "189", None),
        (SHORT, "180", "188.99", None),
    ],
)
def test_a_stop_is_only_ever_tightened(watched, best, resting, rule):
    assert rule_of(held(at(watched, best, best=best), stop_price=D(resting))) == rule


@pytest.mark.parametrize(
    ("watched", "best", "price", "before", "rule"),
    [
        (LONG, "220", "209.03", "209.03", "trailing_stop"),
        (LONG, "220", "209.02", "209.02", "trail_passed"),
        (LONG, "220", "208", "208", "trail_passed"),
        (LONG, "220", "209.02", "209.03", None),
        (LONG, "220", "209.03", "209.02", None),
        (SHORT, "180", "188.97", "188.97", "trailing_stop"),
        (SHORT, "180", "188.98", "188.98", "trail_passed"),
        (SHORT, "180", "190", "190", "trail_passed"),
        (SHORT, "180", "188.98", "188.97", None),
        (SHORT, "180", "188.97", "188.98", None),
    ],
)
def test_stop_distance_ticks_min_from_the_market_or_close(watched, best, price, before, rule):
    need = need_of(at(watched, price, best=best, before=before))
    assert (None if need is None else need.rule) == rule
    if rule == "trail_passed":
        assert (need.remedy, need.shares, need.stop_price) == (Remedy.CLOSE, 20, None)


def test_one_look_alone_does_not_trail():
    seen = at(LONG, "230", best="230")
    assert rule_of(replace(seen, memory=replace(seen.memory, touch=None))) is None


@pytest.mark.parametrize("instrument", [None, replace(AAPL, ladder=())])
def test_without_a_ladder_nothing_is_tightened(instrument):
    assert rule_of(replace(at(LONG, "230", best="230"), instrument=instrument)) is None


def test_the_stop_is_on_the_ladder_of_hong_kong():
    seen = replace(
        held(at(LONG, "423.4", best="423.4"), stop_price=D("370")),
        instrument=replace(TENCENT, hours=AAPL.hours),
        entry_price=D("380"),
    )
    assert need_of(seen).stop_price == D("402.4")  # 402.23, up to the next 0.2


@pytest.mark.parametrize(("price", "rule"), [("19.1", "trailing_stop"), ("19.09", "trail_passed")])
def test_the_room_to_the_market_is_counted_in_the_coarser_ticks(price, rule):
    """Below 20 a tick is 0.01 and above 0.02; the stop 19.04 trails a best price of 20.04."""
    seen = replace(
        held(at(LONG, price, best="20.04"), stop_price=D("17")),
        instrument=replace(TENCENT, hours=AAPL.hours),
        entry_price=D("18"),
    )
    assert rule_of(seen) == rule
