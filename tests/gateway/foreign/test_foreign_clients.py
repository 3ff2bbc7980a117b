"""Five clients from environments of their own, without our code, can trade with the gateway.

Each plays the scenario of expected.py against a gateway of its own, which the verb serves over the
synthetic market, at every version that the client can be made to speak. What does not decode fails,
on either side. An environment that is missing skips, with its name.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.gateway.foreign.expected")
from tests.gateway.foreign import expected  # noqa: E402 - after its asserts are to be told

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SECONDS_MAX = 60  # a scenario takes 3 to 5
AT_ONCE = 3  # each waits half of its time
SPEED = "0.5"  # 30 s until the next price: quotes and fills of a slow machine still agree
Run = tuple[str, int]
Found = dict[str, Any]
NEWEST: tuple[Run, ...] = (
    *(("ib_insync", 176), ("ib_async", 176), ("ibapi", 157)),
    *(("nautilus_ibapi", 176), ("stoqey", 176)),
)
OLDER = tuple((client, old) for old in (157, 163, 164, 170) for client in ("ib_insync", "ib_async"))
RUNS = (*NEWEST, *OLDER)

pytestmark = [pytest.mark.foreign, pytest.mark.xdist_group("foreign")]


def _environment(client: str) -> Path:
    return ROOT / (".node-stoqey" if client == "stoqey" else f".venv-{client}")


def _absent(client: str) -> str | None:
    """What of a client is not here, in one word; None where all is."""
    if client == "stoqey" and shutil.which("node") is None:
        return "node"
    return None if (_environment(client) / ".installed").exists() else client


def _command(run: Run, port: int) -> list[str | Path]:
    client, version = run
    if client == "stoqey":
        return ["node", HERE / "scenario_stoqey.mjs", str(port)]
    python = _environment(client) / "bin" / "python"
    if client in ("ibapi", "nautilus_ibapi"):
        return [python, HERE / "scenario_ibapi.py", str(port)]
    return [python, HERE / "scenario_ib.py", client, str(port), str(version)]


def _play(run: Run) -> tuple[Found, Found]:
    """What a client found, and what the gateway counted."""
    served = [sys.executable, ROOT / "agent.py", "gateway", "--port", "0", "--speed", SPEED]
    with subprocess.Popen(
        served, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as gateway:
        assert gateway.stdout is not None
        line = gateway.stdout.readline()
        try:
            assert "127.0.0.1:" in line, gateway.stderr and gateway.stderr.read()
            done = subprocess.run(
                _command(run, int(line.split("127.0.0.1:")[1].split(",")[0])),
                env={**os.environ, "PYTHONPATH": ""},
                cwd=_environment(run[0]),
                capture_output=True,
                text=True,
                timeout=SECONDS_MAX,
                check=False,
            )
        finally:
            gateway.send_signal(signal.SIGINT)
            said, _ = gateway.communicate(timeout=20)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout), json.loads(said.splitlines()[-1])


@pytest.fixture(scope="module")
def play() -> Iterator[Callable[[Run], tuple[Found, Found]]]:
    """Gives the outcome of a run. All are begun, a few at a time; an absent client skips."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun: dict[Run, Future[tuple[Found, Found]]] = {
            run: pool.submit(_play, run) for run in RUNS if _absent(run[0]) is None
        }

        def outcome(run: Run) -> tuple[Found, Found]:
            if run not in begun:
                pytest.skip(f"absent: {_absent(run[0])}")
            return begun[run].result()

        yield outcome
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run[0]}-{run[1]}")
def test_a_client_plays_the_whole_scenario(play, run):
    found, _ = play(run)
    expected.check(found, run[1])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run[0]}-{run[1]}")
def test_the_gateway_reads_every_field_of_every_request(play, run):
    _, counted = play(run)
    assert counted["requests"] > 30
    assert counted["refused"] == []
    assert counted["left_over"] == 0
    assert counted["failed"] == 0


def test_all_clients_hear_the_same(play):
    def same(run):
        found, _ = play(run)
        lots = {key: found[key] | {"lot": None} for key in ("us", "hk")}
        return {key: value for key, value in found.items() if key != "version"} | lots

    first, *others = (same(run) for run in NEWEST)
    assert all(other == first for other in others)


def test_the_lock_file_names_no_host():
    assert "://" not in (HERE / "package-lock.json").read_text(encoding="utf-8")
