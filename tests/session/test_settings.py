"""The configuration is taken whole and coherent, or refused in one line that names the keys."""

import subprocess
import sys
from decimal import Decimal as D

import pytest
import yaml

from guardrails.limits import RELATIONS as CORE
from guardrails.limits import Limits, Relation, contradictions
from session.ending import Exit, Stop
from session.settings import RELATIONS as BESIDE
from session.settings import load
from tests.support.guarding import LIMITS, ROOT

CONFIG = ROOT / "config.yaml"


def changed(tmp_path, dotted, value, beside=None):
    """config.yaml with one key set, or removed where value is None, and others beside it."""
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for name, one in {**(beside or {}), dotted: value}.items():
        place = settings
        *path, last = name.split(".")
        for key in path:
            place = place[key]
        place[last] = one
        if one is None:
            del place[last]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return file


def refusal(path, environ=None, overrides=None):
    with pytest.raises(Stop) as caught:
        load(path, environ=environ or {}, overrides=overrides)
    assert caught.value.code is Exit.CONFIGURATION
    assert "\n" not in caught.value.says
    return caught.value.says


def test_the_shipped_file_is_coherent_and_exact():
    settings = load(CONFIG, environ={})
    assert settings.limits.reward_risk_min == D("1.5")
    assert settings.limits.confidence_min == D("0.7")
    assert settings.broker == "sim"
    assert settings.state_dir == ROOT / "var"
    assert settings.sha256 == load(CONFIG, environ={}).sha256


# Each relation: what is set beside the shipped file, the key that is moved to just inside, at, and
# just outside, and what the refusal names. Where the limit itself is allowed, `at` is inside.
RELATED = [
    ({}, "limits.positions_max", (4, 5, 6), "<=", ("limits.positions_max", "limits.day_loss_max")),
    (
        {},
        "limits.position_risk_max",
        (399.99, 400, 400.01),
        "<=",
        ("limits.position_risk_max", "limits.day_loss_max"),
    ),
    (
        {},
        "limits.day_loss_max",
        (2000.01, 2000, 1999.99),
        "<=",
        ("limits.positions_max", "limits.day_loss_max"),
    ),
    (
        {},
        "limits.position_value_max",
        (9999.99, 10000, 10000.01),
        "<=",
        ("limits.position_value_max", "limits.sector_pct_max"),
    ),
    (
        {},
        "limits.sector_pct_max",
        (20.01, 20, 19.99),
        "<=",
        ("limits.position_value_max", "limits.sector_pct_max"),
    ),
    (
        {},
        "limits.gross_exposure_max",
        (12500.01, 12500, 12499.99),
        "<=",
        ("limits.position_value_max", "limits.gross_exposure_max"),
    ),
    (
        {},
        "limits.position_value_max",
        (400.01, 400, 399.99),
        "<=",
        ("limits.position_risk_max", "limits.position_value_max"),
    ),
    (
        {"limits.position_value_max": 400},
        "limits.day_loss_max",
        (24999.99, 25000, 25000.01),
        "<=",
        ("limits.day_loss_max", "limits.gross_exposure_max"),
    ),
    (
        {},
        "limits.stop_distance_bps_min",
        (799.9, 800, 800.1),
        "<",
        ("limits.stop_distance_bps_min", "limits.stop_distance_bps_max"),
    ),
    (
        {},
        "limits.target_distance_bps_max",
        (1200.1, 1200, 1199.9),
        "<=",
        ("limits.target_distance_bps_max", "limits.stop_distance_bps_max"),
    ),
    (
        {},
        "limits.reward_risk_min",
        (3.74, 3.75, 3.76),
        "<=",
        ("limits.reward_risk_min", "limits.target_distance_bps_max"),
    ),
    (
        {},
        "limits.collar_bps",
        (499.9, 500, 500.1),
        "<=",
        ("limits.collar_bps", "limits.close_collar_bps"),
    ),
    (
        {},
        "limits.spread_bps_max",
        (199.9, 200, 200.1),
        "<=",
        ("limits.spread_bps_max", "limits.collar_bps"),
    ),
    (
        {},
        "limits.orders_minute_max",
        (19, 20, 21),
        "<=",
        ("limits.orders_minute_max", "limits.orders_day_max"),
    ),
    (
        {},
        "limits.refusals_in_row_max",
        (11, 12, 13),
        "<=",
        ("limits.refusals_in_row_max", "limits.proposals_session_max"),
    ),
    (
        {},
        "limits.thesis_characters_max",
        (32767, 32768, 32769),
        "<=",
        ("limits.thesis_characters_max", "limits.input_bytes_max"),
    ),
    (
        {},
        "stops.trail_start_pct",
        (19.9, 20, 20.1),
        "<",
        ("stops.trail_start_pct", "stops.profit_target_pct"),
    ),
    ({}, "stops.trail_pct", (9.9, 10, 10.1), "<", ("stops.trail_pct", "stops.trail_start_pct")),
    (
        {},
        "stops.close_before_close_minutes",
        (19, 20, 21),
        "<",
        ("stops.close_before_close_minutes", "limits.no_entry_before_close_minutes"),
    ),
    (
        {},
        "breaker.warn_fraction",
        (0.99, 1, 1.01),
        "<",
        ("breaker.warn_fraction",),
    ),
    (
        {},
        "breaker.drawdown_degrade_pct",
        (14.9, 15, 15.1),
        "<",
        ("breaker.drawdown_degrade_pct", "breaker.drawdown_halt_pct"),
    ),
    (
        {},
        "breaker.margin_degrade_pct",
        (91.9, 92, 92.1),
        "<",
        ("breaker.margin_degrade_pct", "breaker.margin_halt_pct"),
    ),
    (
        {},
        "limits.margin_use_pct_max",
        (91.9, 92, 92.1),
        "<",
        ("limits.margin_use_pct_max", "breaker.margin_halt_pct"),
    ),
    (
        {},
        "stops.hold_minutes_max",
        (319, 320, 321),
        "<",
        ("stops.hold_minutes_max", "stops.close_before_close_minutes", "markets.HK"),
    ),
    (
        {"markets.HK.enabled": False},
        "stops.hold_minutes_max",
        (379, 380, 381),
        "<",
        ("stops.hold_minutes_max", "stops.close_before_close_minutes", "markets.US"),
    ),
    (
        {},
        "limits.no_entry_before_close_minutes",
        (149, 150, 151),
        "<",
        ("limits.no_entry_before_close_minutes", "markets.HK"),
    ),
    (
        {"markets.HK.enabled": False},
        "limits.no_entry_before_close_minutes",
        (209, 210, 211),
        "<",
        ("limits.no_entry_before_close_minutes", "markets.US"),
    ),
    ({}, "session.usd_max", (1.99, 2, 2.01), "<=", ("session.usd_max", "budget.usd_day_max")),
    (
        {},
        "budget.usd_day_max",
        (39.9, 40, 40.1),
        "<=",
        ("budget.usd_day_max", "budget.usd_month_max"),
    ),
    (
        {},
        "watch.stop_rest_seconds_max",
        (29.9, 30, 30.1),
        "<",
        ("watch.stop_rest_seconds_max", "watch.interval_seconds"),
    ),
    (
        {"limits.keeper_age_seconds_max": 300},
        "watch.interval_seconds",
        (59.9, 60, 60.1),
        "<=",
        ("watch.interval_seconds", "watch.order_sync_seconds"),
    ),
    (
        {},
        "watch.order_sync_seconds",
        (3599.9, 3600, 3600.1),
        "<=",
        ("watch.order_sync_seconds", "watch.reconcile_minutes"),
    ),
    (
        {},
        "limits.reconcile_age_seconds_max",
        (3600.1, 3600, 3599.9),
        "<=",
        ("watch.reconcile_minutes", "limits.reconcile_age_seconds_max"),
    ),
    (
        {},
        "limits.keeper_age_seconds_max",
        (60.1, 60, 59.9),
        "<=",
        ("watch.interval_seconds", "limits.keeper_age_seconds_max"),
    ),
    (
        {},
        "limits.quote_age_seconds_max",
        (29.9, 30, 30.1),
        "<=",
        ("limits.quote_age_seconds_max", "watch.interval_seconds"),
    ),
    (
        {},
        "ibkr.timeout_seconds",
        (1799.9, 1800, 1800.1),
        "<",
        ("ibkr.timeout_seconds", "session.seconds_max"),
    ),
    ({}, "scan.candidates", (29, 30, 31), "<=", ("scan.candidates", "scan.rows")),
    ({}, "ibkr.data_client_id", (22, 21, 21), "<", ("ibkr.client_id", "ibkr.data_client_id")),
    ({}, "ibkr.paper_port", (4002, 4001, 4001), "<", ("ibkr.paper_port", "ibkr.live_port")),
    (
        {"markets.HK.enabled": False},
        "markets.US.enabled",
        (True, False, False),
        "<",
        ("markets.HK.enabled", "markets.US.enabled"),
    ),
]


@pytest.mark.parametrize(
    ("beside", "key", "values", "order", "named"),
    RELATED,
    ids=[f"{row[1]}-{row[-1][-1]}" for row in RELATED],
)
def test_contradictions_name_both_keys(tmp_path, beside, key, values, order, named):
    """Just inside passes, just outside is refused, and at the limit as the relation says."""
    inside, at, outside = values
    load(changed(tmp_path, key, inside, beside), environ={})
    if order == "<=":
        load(changed(tmp_path, key, at, beside), environ={})
    for value in [outside] if order == "<=" else [at, outside]:
        says = refusal(changed(tmp_path, key, value, beside))
        assert all(name in says for name in named), says


def test_every_relation_is_tried():
    tried = {name for row in RELATED for name in row[-1]}
    for low, _, high, _ in (*CORE, *BESIDE):
        keys = [w for side in (low, high) for w in side.replace(" + ", " x ").split(" x ")]
        assert tried & {key for key in keys if not key[0].isdigit()}, (low, high)


def test_a_relation_cannot_name_a_setting_that_is_none():
    row = Relation("limits.positions_maximum", "<", "limits.day_loss_max", "")
    with pytest.raises(AttributeError, match="positions_maximum"):
        contradictions({"limits": LIMITS}, [row])


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("limits.positions_max", 6, ("limits.positions_max", "limits.day_loss_max")),
        ("session.usd_max", 3, ("session.usd_max", "budget.usd_day_max")),
        ("stops.hold_minutes_max", 400, ("stops.hold_minutes_max", "markets.HK")),
        ("limits.day_loss_maxx", 1, ("limits.day_loss_maxx", "limits.day_loss_max")),
    ],
)
def test_the_program_refuses_them_with_exit_3(tmp_path, key, value, named):
    file = changed(tmp_path, key, value)
    done = subprocess.run(
        [sys.executable, ROOT / "agent.py", "run", "--config", file],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(name in done.stderr for name in named), done.stderr


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("limits.position_value_max", None, "missing"),
        ("limits.position_value_max", "much", "position_value_max"),
        ("limits.position_value_max", -1, "position_value_max"),
        ("limits.position_value_max", float("nan"), "position_value_max"),
        ("limits.allow_short", "yes please", "allow_short"),
        ("limits.positions_max", 2.5, "positions_max"),
        ("broker", "LIVE", "broker"),
        ("broker", "live", "locked"),
        ("limits.confidence_min", 70, "confidence_min"),
    ],
)
def test_wrong_values_name_their_key(tmp_path, key, value, word):
    assert word in refusal(changed(tmp_path, key, value))


@pytest.mark.parametrize(
    "written",
    [
        *("1_000", "'1000'", "0x10", "010", "1:30", ".inf", "-.inf", ".nan", "NaN", "1e400"),
        *("true", "null", "[5]", "{a: 1}", "''", "0", "-1", "-0.0", "+5", "5.", "1e3", "1_0.5"),
        *("\uff15", "\u0663", "9" * 30, "0." + "3" * 40, "2020-01-01", "0o17", "5 000", "5,000"),
    ],
)
@pytest.mark.parametrize("key", ["day_loss_max", "positions_max"])
def test_only_plain_numbers_are_numbers(tmp_path, key, written):
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    file = tmp_path / "config.yaml"
    kept = [f"  {key}: {written}" if line.strip().startswith(f"{key}:") else line for line in lines]
    file.write_text("\n".join(kept), encoding="utf-8")
    assert f"limits.{key}" in refusal(file)


@pytest.mark.parametrize("key", sorted(Limits.model_fields))
def test_every_limit_is_needed(tmp_path, key):
    assert f"limits.{key} is missing" in refusal(changed(tmp_path, f"limits.{key}", None))


def test_unknown_keys_name_the_nearest_known_one(tmp_path):
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings["limits"]["position_valu_max"] = 1
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert "nearest known one is limits.position_value_max" in refusal(file)
    assert "limits.day_loss_max" in refusal(CONFIG, {"AGENT_LIMITS__DAY_LOSS": "1"})
    assert "AGENT_LIMIT__DAY_LOSS_MAX" in refusal(CONFIG, {"AGENT_LIMIT__DAY_LOSS_MAX": "1"})


@pytest.mark.parametrize(
    "text",
    ["", "- a\n", "a: b: c", "broker: sim\nbroker: paper\n", "\x00", "broker: !!python/none"],
)
def test_a_file_that_is_no_settings_is_refused(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    assert str(file) in refusal(file)


def test_a_missing_file_is_refused(tmp_path):
    assert "--config" in refusal(tmp_path / "none.yaml")


def test_the_command_line_beats_the_environment_beats_the_file():
    environ = {"AGENT_LIMITS__POSITIONS_MAX": "4", "AGENT_BROKER": "paper", "OTHER": "x"}
    settings = load(CONFIG, environ=environ, overrides={"broker": "sim"})
    assert settings.limits.positions_max == 4
    assert settings.broker == "sim"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAY_LOSS_MAX", "2001"),
        ("CONFIDENCE_MIN", "0.5"),
        ("ALLOW_SHORT", "true"),
        ("COLLAR_BPS", "200"),
        ("NO_ENTRY_BEFORE_CLOSE_MINUTES", "15"),
    ],
)
def test_the_environment_may_tighten_a_limit_and_never_loosen_one(name, value):
    assert "loosened" in refusal(CONFIG, {f"AGENT_LIMITS__{name}": value})


def test_secrets_come_from_the_environment_and_never_show(tmp_path):
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-from-file\n", encoding="utf-8")
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(file, environ={}).anthropic_api_key == "sk-from-file"
    settings = load(file, environ={"ANTHROPIC_API_KEY": "sk-secret"})
    assert settings.anthropic_api_key == "sk-secret"
    assert "sk-" not in repr(settings) + settings.model_dump_json()
