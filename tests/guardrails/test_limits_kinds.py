"""Every setting takes the numbers of its kind up to the edge and none beyond, and the relations
between settings are these. Both tables are written here a second time, on purpose: one slip in a
list of limits must not pass for a decision."""

from decimal import Decimal as D
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from guardrails.limits import RELATIONS, Breaker, Limits, Relation, Stops, contradictions
from session.settings import load
from tests.support.guarding import LIMITS, ROOT

SETTINGS = load(ROOT / "config.yaml", environ={})
SHIPPED = {Limits: LIMITS, Stops: SETTINGS.stops, Breaker: SETTINGS.breaker}
POSITIVE = ((1e-9, 1e12), (0, -1))
BPS = ((1e-9, 9999.99), (0, 10_000))
SHARE = ((0, 1), (-0.01, 1.01))
PART = ((0.01, 1), (0, 1.01))
PERCENT = ((0.01, 100), (0, 100.01))
COUNT = ((1, 10**9), (0, -1, 1.5, True))
COUNT_OR_NONE = ((0, 10**9), (-1, 0.5, False))
SWITCH = ((True, False), (0, 1, "true"))
KINDS = {
    Limits: {
        "position_value_max": POSITIVE,
        "position_risk_max": POSITIVE,
        "positions_max": COUNT,
        "sector_pct_max": PERCENT,
        "gross_exposure_max": POSITIVE,
        "margin_use_pct_max": PERCENT,
        "day_loss_max": POSITIVE,
        "reward_risk_min": POSITIVE,
        "confidence_min": SHARE,
        "collar_bps": BPS,
        "close_collar_bps": BPS,
        "stop_distance_bps_min": BPS,
        "stop_distance_bps_max": BPS,
        "stop_distance_ticks_min": COUNT,
        "target_distance_bps_max": POSITIVE,
        "atr_pct_base": POSITIVE,
        "quote_age_seconds_max": POSITIVE,
        "spread_bps_max": BPS,
        "allow_delayed": SWITCH,
        "allow_short": SWITCH,
        "no_entry_before_close_minutes": COUNT_OR_NONE,
        "keeper_age_seconds_max": POSITIVE,
        "reconcile_age_seconds_max": POSITIVE,
        "reentry_cooldown_minutes": COUNT_OR_NONE,
        "adv_pct_max": PERCENT,
        "average_volume_shares_min": COUNT,
        "orders_minute_max": COUNT,
        "orders_day_max": COUNT,
        "proposals_session_max": COUNT,
        "refusals_in_row_max": COUNT,
        "thesis_characters_max": COUNT,
        "input_bytes_max": COUNT,
        "input_depth_max": COUNT,
    },
    Stops: {
        "profit_target_pct": POSITIVE,
        "trail_start_pct": POSITIVE,
        "trail_pct": POSITIVE,
        "hold_minutes_max": COUNT,
        "close_before_close_minutes": COUNT_OR_NONE,
        "close_before_lunch": SWITCH,
    },
    Breaker: {
        "warn_fraction": PART,
        "drawdown_degrade_pct": PERCENT,
        "drawdown_halt_pct": PERCENT,
        "margin_degrade_pct": PERCENT,
        "margin_halt_pct": PERCENT,
    },
}
ROWS = [(section, name, *kind) for section, kinds in KINDS.items() for name, kind in kinds.items()]


def made(section, **changes):
    return section.model_validate({**SHIPPED[section].model_dump(), **changes})


def test_a_boolean_and_text_are_told_as_such():
    for value, told in ((True, "was a boolean"), ("5", "was text")):
        with pytest.raises(ValidationError, match=told):
            made(Limits, day_loss_max=value)


def test_no_number_is_missing_here():
    for section, kinds in KINDS.items():
        assert set(section.model_fields) - set(kinds) <= {"restricted", "stock_types"}


@pytest.mark.parametrize(("section", "name", "inside", "outside"), ROWS)
def test_a_setting_takes_the_numbers_of_its_kind_and_no_others(section, name, inside, outside):
    for value in inside:
        exact = value if isinstance(value, bool) else D(str(value))
        assert getattr(made(section, **{name: value}), name) == exact
    for value in (*outside, "1", None, float("nan"), float("inf")):
        with pytest.raises(ValidationError, match=name):
            made(section, **{name: value})


@pytest.mark.parametrize("section", list(KINDS))
def test_a_section_takes_no_other_key(section):
    with pytest.raises(ValidationError, match="leverage"):
        made(section, leverage=1)


def test_the_relations_are_these():
    assert [(one.low, one.order, one.high) for one in RELATIONS] == [
        ("limits.positions_max x limits.position_risk_max", "<=", "limits.day_loss_max"),
        (
            "limits.position_value_max",
            "<=",
            "limits.gross_exposure_max x limits.sector_pct_max x 0.01",
        ),
        (
            "limits.gross_exposure_max x limits.sector_pct_max x 0.01",
            "<=",
            "limits.gross_exposure_max",
        ),
        ("limits.position_risk_max", "<=", "limits.position_value_max"),
        ("limits.day_loss_max", "<=", "limits.gross_exposure_max"),
        ("limits.stop_distance_bps_min", "<", "limits.stop_distance_bps_max"),
        (
            "limits.stop_distance_bps_max x limits.reward_risk_min",
            "<=",
            "limits.target_distance_bps_max",
        ),
        ("limits.collar_bps", "<=", "limits.close_collar_bps"),
        ("limits.spread_bps_max x 0.5", "<=", "limits.collar_bps"),
        ("limits.orders_minute_max", "<=", "limits.orders_day_max"),
        ("limits.refusals_in_row_max", "<=", "limits.proposals_session_max"),
        ("limits.thesis_characters_max", "<=", "limits.input_bytes_max"),
        ("stops.trail_start_pct", "<", "stops.profit_target_pct"),
        ("stops.trail_pct", "<", "stops.trail_start_pct"),
        ("stops.close_before_close_minutes", "<", "limits.no_entry_before_close_minutes"),
        ("breaker.warn_fraction x limits.day_loss_max", "<", "limits.day_loss_max"),
        ("breaker.drawdown_degrade_pct", "<", "breaker.drawdown_halt_pct"),
        ("breaker.margin_degrade_pct", "<", "breaker.margin_halt_pct"),
        ("limits.margin_use_pct_max", "<", "breaker.margin_halt_pct"),
    ]


@pytest.mark.parametrize(
    ("order", "holds"),
    [("<", (True, False, False)), ("<=", (True, True, False)), ("!=", (True, False, True))],
)
def test_an_order_holds_below_at_and_above(order, holds):
    for low, held in zip((4, 5, 6), holds, strict=True):
        sections = {"a": SimpleNamespace(low=low, high=5)}
        found = contradictions(sections, [Relation("a.low", order, "a.high", "so")])
        assert (found == []) is held


@pytest.mark.parametrize(
    ("low", "told"),
    [
        ("a.one", "a.one (2)"),
        ("a.one x a.two", "a.one x a.two (6)"),
        ("a.one x a.two + 0.5 x a.one + 10", "a.one x a.two + 0.5 x a.one + 10 (17)"),
        ("a.b.deep", "a.b.deep (7)"),
        ("a.part2", "a.part2 (4)"),
        ("1 x 5", "1 x 5 (5)"),
        ("100", "100"),
    ],
)
def test_products_come_first_and_both_sides_are_told_with_their_worth(low, told):
    sections = {
        "a": SimpleNamespace(one=2, two=D("3.0"), b=SimpleNamespace(deep=7), part2=4, zero=0)
    }
    assert contradictions(sections, [Relation(low, "<=", "a.zero", "it is so")]) == [
        f"{told} must be at most a.zero (0): it is so"
    ]


def test_each_order_has_its_words():
    sections = {"a": SimpleNamespace(one=1)}
    relations = [Relation("a.one", order, high, "so") for order, high in (("<", "1"), ("!=", "1"))]
    assert contradictions(sections, relations) == [
        "a.one (1) must be below 1: so",
        "a.one (1) must be other than 1: so",
    ]
