"""Clients from environments of their own, without our code, find a gateway they can trade with."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def port(tmp_path):
    """A gateway served by the verb, on a free port, over the synthetic market."""
    config = tmp_path / "config.yaml"
    config.write_text((ROOT / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, ROOT / "agent.py", "gateway", "--port", "0", "--config", config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    assert "127.0.0.1:" in line, process.stderr.read()
    yield int(line.split("127.0.0.1:")[1].split(",")[0])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


@pytest.mark.foreign
@pytest.mark.parametrize("library", ["ib_insync", "ib_async"])
def test_a_foreign_client_sees_its_bracket_as_three_live_orders(port, library):
    python = ROOT / f".venv-{library}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"absent: {library} environment")
    done = subprocess.run(
        [python, Path(__file__).with_name("run_client.py"), str(port), "ARDN", "733"],
        env={**os.environ, "IB_LIB": library, "PYTHONPATH": ""},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["problems"] == []
    assert found["server_version"] == 176
    assert found["ARDN"]["lot"] == 1
    assert found["733"]["lot"] == 200
    assert found["ARDN"]["bars"] > 78
    assert found["733"]["days"] == 10
    for symbol, parent in (("ARDN", "Submitted"), ("733", "PreSubmitted")):
        mine = [row[1:] for row in found["orders"] if row[0] == symbol]
        assert mine == [
            ["LMT", "BUY", parent],
            ["LMT", "SELL", "PreSubmitted"],
            ["STP", "SELL", "PreSubmitted"],
        ]
