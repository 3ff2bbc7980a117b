"""Each loosening since the last session is in the ledger with both values, to the digit."""

import pytest

from ledger import Reader
from session.report import lines
from session.run import Order, run_session
from session.settings import load
from session.world import Scene
from tests.support.guarding import ROOT

CONFIG = (ROOT / "config.yaml").read_text(encoding="utf-8")
TIGHT = {
    "position_risk_max": "399.99",
    "confidence_min": "0.700000000001",
    "positions_max": "4",
    "allow_short": "false",
    "restricted": "[GME, AMC]",
    "trail_pct": "4.9",
    "close_before_lunch": "true",
    "warn_fraction": "0.1",
}
LOOSE = {
    "position_risk_max": "400.00",
    "confidence_min": "0.7",
    "positions_max": "5",
    "allow_short": "true",
    "restricted": "[AMC]",
    "trail_pct": "4.95",
    "close_before_lunch": "false",
    "warn_fraction": "0.3",
}
DRIFT = [
    ("limits.allow_short", "false", "true"),
    ("limits.confidence_min", "0.700000000001", "0.7"),
    ("limits.position_risk_max", "399.99", "400.00"),
    ("limits.positions_max", "4", "5"),
    ("limits.restricted", '["GME", "AMC"]', '["AMC"]'),
    ("stops.close_before_lunch", "true", "false"),
    ("stops.trail_pct", "4.9", "4.95"),
    ("breaker.warn_fraction", "0.1", "0.3"),
]


class Desk:
    """One state folder, and sessions in it under config.yaml with some numbers changed."""

    def __init__(self, folder):
        self.config = folder / "config.yaml"
        self.ledger = folder / "var" / "dry.db"

    def run(self, changes=None, environ=None):
        text = CONFIG
        for key, value in (changes or {}).items():
            [line] = [one for one in text.splitlines() if one.startswith(f"  {key}:")]
            text = text.replace(line, f"  {key}: {value}")
        self.config.write_text(text, encoding="utf-8")
        settings = load(self.config, environ=environ or {})
        return run_session(Order(settings=settings, root=ROOT, scene=Scene(seed=3)))

    def drifts(self, report):
        with Reader.open_readonly(self.ledger) as reader:
            rows = reader.drifts(report.session_id)
        return [(row["key"], row["before"], row["after"]) for row in rows]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_every_loosening_since_the_last_session_is_recorded_and_told(desk):
    first = desk.run(TIGHT)
    assert desk.drifts(first) == []  # there is nothing it could be looser than
    second = desk.run(LOOSE)
    assert desk.drifts(second) == DRIFT
    assert [tuple(one.values()) for one in second.loosened] == DRIFT
    assert [tuple(one.values()) for one in second.as_json()["loosened"]] == DRIFT
    told = "\n".join(lines(second))
    assert "limits.position_risk_max from 399.99 to 400.00 since the last session" in told
    third = desk.run(LOOSE)
    assert desk.drifts(third) == []
    assert "loosened" not in "\n".join(lines(third))
    fourth = desk.run(TIGHT)
    assert desk.drifts(fourth) == []  # tighter is no loosening
    assert desk.drifts(second) == DRIFT  # and the record stays


def test_what_is_in_force_counts_and_not_what_the_file_says(desk):
    desk.run(environ={"AGENT_LIMITS__GROSS_EXPOSURE_MAX": "24999.999999999999"})
    report = desk.run()
    assert desk.drifts(report) == [("limits.gross_exposure_max", "24999.999999999999", "25000")]


def test_settings_are_kept_once_for_each_fingerprint_without_secrets(desk):
    for _ in range(2):
        report = desk.run(environ={"ANTHROPIC_API_KEY": "sk-secret"})
    with Reader.open_readonly(desk.ledger) as reader:
        [row] = reader.rows("SELECT * FROM configs")
        assert row["config_sha256"] == reader.session(report.session_id)["config_sha256"]
        kept = reader.last_config()
    assert "sk-secret" not in row["body"]
    assert kept["limits"]["confidence_min"] == "0.70"
    assert row["body"] == load(desk.config, environ={}).model_dump_json()
