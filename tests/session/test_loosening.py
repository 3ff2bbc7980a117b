"""Every limit has a direction; what is looser than before is found, and nothing else is."""

import itertools
import json
from decimal import Decimal as D

import pytest

from guardrails.limits import Breaker, Count, Limits, Stops
from session.ending import Stop
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


def around(section, key):
    """(a smallest step tighter, a step looser) than the value; None where there is no such step."""
    value = getattr(section, key)
    if isinstance(value, bool):
        below, above = (None, True) if value is False else (False, None)
    elif isinstance(value, tuple):
        below, above = value[:-1] if value else None, (*value, "X")
        return (above, below) if key == "restricted" else (below, above)
    else:
        step = 1 if isinstance(value, int) else LEAST
        below, above = value - step, value + step
    return (below, above) if key in LARGER else (above, below)


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_what_is_looser_is_found_with_both_values_and_what_is_tighter_is_not(name, key):
    section = SECTIONS[name]
    tighter, looser = around(section, key)
    row = [one for one in (tighter, getattr(section, key), looser) if one is not None]
    assert len(row) > 1
    for tight_value, loose_value in itertools.pairwise(row):
        tight = section.model_copy(update={key: tight_value})
        loose = section.model_copy(update={key: loose_value})
        assert loosened(tight, loose) == [(key, tight_value, loose_value)]
        assert loosened(loose, tight) == loosened(loose, loose) == []
        # And so from a record of an earlier run, to the last decimal.
        recorded = {name: json.loads(tight.model_dump_json())}
        found = [(f"{name}.{key}", tight_value, loose_value)]
        assert drift(recorded, SECTIONS | {name: loose}) == found
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


def refused(path, overrides):
    """The one line that refuses these settings, or None."""
    try:
        load(path, environ={}, overrides=overrides)
    except Stop as stop:
        return stop.says
    return None


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_no_override_loosens_what_the_file_says(name, key):
    value, (tighter, looser) = getattr(SECTIONS[name], key), around(SECTIONS[name], key)
    if looser is not None:
        says = refused(ROOT / "config.yaml", {f"{name}.{key}": looser})
        # Or it contradicts another setting before anything else is asked.
        assert f"{name}.{key} is {value} in the file and would be loosened" in says or (
            "contradictory settings" in says and key in says
        )
    if tighter is not None:
        says = refused(ROOT / "config.yaml", {f"{name}.{key}": tighter})
        assert says is None or "contradictory settings" in says


@pytest.mark.parametrize("section", ["limits", "stops", "breaker"])
def test_an_override_does_not_mend_a_file_that_is_not_valid_and_hide_a_loosening(tmp_path, section):
    mended, loosened_too = {
        "limits": ("limits.positions_max", {"limits.quote_age_seconds_max": 20}),
        "stops": ("stops.hold_minutes_max", {"stops.trail_pct": 6}),
        "breaker": ("breaker.drawdown_halt_pct", {"breaker.warn_fraction": D("0.8")}),
    }[section]
    key = mended.partition(".")[2]
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    [line] = [one for one in text.splitlines() if one.startswith(f"  {key}:")]
    file = tmp_path / "config.yaml"
    file.write_text(text.replace(line, f"  {key}: many"), encoding="utf-8")
    good = getattr(SECTIONS[section], key)
    says = refused(file, {mended: good} | loosened_too)
    assert f"{mended} is not valid in the file" in says
