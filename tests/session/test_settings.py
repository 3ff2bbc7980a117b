"""The configuration is taken whole and coherent, or refused in one line that names the keys."""

from decimal import Decimal as D

import pytest
import yaml

from guardrails.limits import Limits
from session.ending import Exit, Stop
from session.loosening import LOOSER_ABOVE, LOOSER_BELOW, LOOSER_LONGER, LOOSER_SHORTER, loosened
from session.settings import load
from tests.support.guarding import LIMITS, ROOT

CONFIG = ROOT / "config.yaml"


def changed(tmp_path, dotted, value):
    """config.yaml with one key set, or removed where value is None."""
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    place = settings
    *path, last = dotted.split(".")
    for key in path:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
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


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("limits.positions_max", 6, ("limits.positions_max", "limits.day_loss_max")),
        ("limits.position_risk_max", 401, ("limits.position_risk_max", "limits.day_loss_max")),
        ("limits.day_loss_max", 1999, ("limits.positions_max", "limits.day_loss_max")),
        (
            "limits.position_value_max",
            10001,
            ("limits.position_value_max", "limits.sector_pct_max"),
        ),
        ("limits.gross_exposure_max", 12000, ("limits.position_value_max", "gross_exposure_max")),
        ("limits.position_value_max", 399, ("position_risk_max", "position_value_max")),
        ("limits.stop_distance_bps_min", 800, ("stop_distance_bps_min", "stop_distance_bps_max")),
        (
            "limits.target_distance_bps_max",
            1199,
            ("target_distance_bps_max", "stop_distance_bps_max"),
        ),
        ("limits.collar_bps", 501, ("limits.collar_bps", "limits.close_collar_bps")),
        ("limits.orders_minute_max", 21, ("orders_minute_max", "orders_day_max")),
        ("limits.refusals_in_row_max", 13, ("refusals_in_row_max", "proposals_session_max")),
        ("stops.trail_start_pct", 20, ("stops.trail_start_pct", "stops.profit_target_pct")),
        ("stops.trail_pct", 10, ("stops.trail_pct", "stops.trail_start_pct")),
        ("stops.close_before_close_minutes", 20, ("no_entry_before", "close_before_close_minutes")),
        ("breaker.drawdown_degrade_pct", 15, ("drawdown_degrade_pct", "drawdown_halt_pct")),
        ("breaker.margin_degrade_pct", 92, ("margin_degrade_pct", "margin_halt_pct")),
        ("limits.margin_use_pct_max", 92, ("margin_use_pct_max", "margin_halt_pct")),
        ("session.usd_max", 3, ("session.usd_max", "budget.usd_day_max")),
        ("budget.usd_day_max", 41, ("budget.usd_day_max", "budget.usd_month_max")),
        ("watch.stop_rest_seconds_max", 30, ("stop_rest_seconds_max", "interval_seconds")),
        ("scan.candidates", 31, ("scan.candidates", "scan.rows")),
        ("ibkr.data_client_id", 21, ("ibkr.client_id", "ibkr.data_client_id")),
    ],
)
def test_contradictions_name_both_keys(tmp_path, key, value, named):
    says = refusal(changed(tmp_path, key, value))
    assert all(name in says for name in named), says


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


def test_every_limit_has_a_direction():
    known = LOOSER_ABOVE | LOOSER_BELOW | LOOSER_SHORTER | LOOSER_LONGER
    assert known == set(Limits.model_fields)
    assert loosened(LIMITS, LIMITS) == []
    fewer = LIMITS.model_copy(update={"stock_types": ("COMMON",), "restricted": ("GME",)})
    assert loosened(LIMITS, fewer) == []
    assert {key for key, _, _ in loosened(fewer, LIMITS)} == {"stock_types", "restricted"}


def test_secrets_come_from_the_environment_and_never_show(tmp_path):
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-from-file\n", encoding="utf-8")
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(file, environ={}).anthropic_api_key == "sk-from-file"
    settings = load(file, environ={"ANTHROPIC_API_KEY": "sk-secret"})
    assert settings.anthropic_api_key == "sk-secret"
    assert "sk-" not in repr(settings) + settings.model_dump_json()
