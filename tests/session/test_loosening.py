"""Every limit has a direction; what is looser than before is found, and nothing else is."""

import json
from decimal import Decimal as D

import pytest

from guardrails.limits import Breaker, Count, Limits, Stops
from session.loosening import (
    LOOSER_ABOVE,
    LOOSER_BELOW,
    LOOSER_LONGER,
    LOOSER_SHORTER,
    drift,
    loosened,
)
from session.settings import load
from tests.support.guarding import ROOT

SETTINGS = load(ROOT / "config.yaml", environ={})
SECTIONS = {"limits": SETTINGS.limits, "stops": SETTINGS.stops, "breaker": SETTINGS.breaker}
RECORDED = json.loads(SETTINGS.model_dump_json())
KEYS = [(name, key) for name, section in SECTIONS.items() for key in type(section).model_fields]
LEAST = D("1e-12")  # the last decimal that a configuration may have
# What is looser, of each kind of value; `restricted` the other way round.
LOOSER_LISTS = {"restricted": ("GME",), "stock_types": ("COMMON",)}
# Written out and not taken from the module: these are looser the larger they are. All other
# numbers are looser the smaller they are.
LARGER = {
    *("position_value_max", "position_risk_max", "positions_max", "sector_pct_max"),
    *("gross_exposure_max", "margin_use_pct_max", "day_loss_max", "collar_bps"),
    *("close_collar_bps", "stop_distance_bps_max", "target_distance_bps_max", "atr_pct_base"),
    *("quote_age_seconds_max", "spread_bps_max", "allow_delayed", "allow_short"),
    *("keeper_age_seconds_max", "reconcile_age_seconds_max", "adv_pct_max"),
    *("orders_minute_max", "orders_day_max", "proposals_session_max", "refusals_in_row_max"),
    *("thesis_characters_max", "input_bytes_max", "input_depth_max"),
    *("profit_target_pct", "trail_start_pct", "trail_pct", "hold_minutes_max"),
    *("warn_fraction", "drawdown_degrade_pct", "drawdown_halt_pct"),
    *("margin_degrade_pct", "margin_halt_pct"),
}


def pair(section, key):
    """(the tighter value, the looser one), a smallest step apart."""
    value = getattr(section, key)
    if isinstance(value, bool):
        low, high = False, True
    elif isinstance(value, tuple):
        low, high = value, (*value, "X")
        return (low, high) if key == "stock_types" else (high, low)
    else:
        low, high = value, value + (1 if isinstance(value, int) else LEAST)
    return (low, high) if key in LARGER else (high, low)


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_what_is_looser_is_found_with_both_values_and_what_is_tighter_is_not(name, key):
    section = SECTIONS[name]
    tight, loose = (section.model_copy(update={key: value}) for value in pair(section, key))
    assert loosened(tight, loose) == [(key, getattr(tight, key), getattr(loose, key))]
    assert loosened(loose, tight) == loosened(loose, loose) == []
    # And so from a record of an earlier run, to the last decimal.
    recorded = {name: json.loads(tight.model_dump_json())}
    assert drift(recorded, SECTIONS | {name: loose}) == [
        (f"{name}.{key}", getattr(tight, key), getattr(loose, key))
    ]
    assert drift({name: json.loads(loose.model_dump_json())}, {name: tight}) == []


def test_every_field_has_one_direction():
    directions = (LOOSER_ABOVE, LOOSER_BELOW, LOOSER_SHORTER, LOOSER_LONGER)
    fields = {*Limits.model_fields, *Stops.model_fields, *Breaker.model_fields}
    assert frozenset().union(*directions) == fields
    assert sum(map(len, directions)) == len(fields)


class OneMore(Limits):
    """A limit that somebody adds without saying which way it is loosened."""

    added_without_a_direction: Count


def test_a_field_without_a_direction_is_an_error_and_never_taken_for_tight():
    one = OneMore(**SETTINGS.limits.model_dump(), added_without_a_direction=1)
    with pytest.raises(KeyError, match="added_without_a_direction has no direction"):
        loosened(one, one)


def test_a_list_is_looser_by_what_left_or_came_and_not_by_its_length():
    def ways(key, before, after):
        sections = [SETTINGS.limits.model_copy(update={key: v}) for v in (before, after)]
        return loosened(*sections)

    swapped = [("restricted", ("GME",), ("AMC", "BBBY"))]
    assert ways("restricted", ("GME",), ("AMC", "BBBY")) == swapped
    assert ways("restricted", ("GME", "AMC"), ("AMC", "GME")) == []
    assert ways("stock_types", ("COMMON", "ETF"), ("ADR",)) == [
        ("stock_types", ("COMMON", "ETF"), ("ADR",))
    ]
    assert ways("stock_types", ("COMMON", "ETF"), ("ETF", "COMMON")) == []


def test_an_unchanged_record_and_an_older_one_are_no_drift():
    assert drift(RECORDED, SECTIONS) == []
    assert drift({}, SECTIONS) == []
    older = {"limits": {"positions_max": 5, "gone_since": 1}}
    assert drift(older, SECTIONS) == []
    assert drift({"limits": {"positions_max": 4}}, SECTIONS) == [("limits.positions_max", 4, 5)]
