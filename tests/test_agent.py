"""The whole program as cron and a person meet it: one command, one session, one clear line."""

import itertools
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
CONFIG = (ROOT / "config.yaml").read_text(encoding="utf-8")
KEYS = {
    "session_id",
    "outcome",
    "exit_code",
    "proposals",
    "approved",
    "refused",
    "orders",
    "fills",
    "pnl",
    "usd",
    "tokens",
}


def clean_environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AGENT_", "ANTHROPIC_"))}
    return {**kept, "PYTHONHASHSEED": "random"}


class Agent:
    """agent.py with a config and a state folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "config.yaml"
        self.config.write_text(CONFIG, encoding="utf-8")

    def run(self, *words, environment=None):
        return subprocess.run(
            [sys.executable, ROOT / "agent.py", *map(str, words), "--config", self.config],
            capture_output=True,
            text=True,
            timeout=120,
            env={**clean_environment(), **(environment or {})},
            cwd=self.folder,
            check=False,
        )

    def json(self, *words, code=0):
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def change(self, **dotted):
        settings = yaml.safe_load(CONFIG)
        for key, value in dotted.items():
            section, _, name = key.partition("__")
            settings[section][name] = value
        self.config.write_text(yaml.safe_dump(settings), encoding="utf-8")

    def rows(self, sql):
        with sqlite3.connect(self.folder / "var" / "dry.db") as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def agent(tmp_path):
    return Agent(tmp_path)


def one_line(done, code):
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert lines[0].startswith("agent.py: ")
    return lines[0]


def without_ids(report):
    return json.loads(re.sub(r"\d{6}-\d{6}-[0-9a-f]{4}", "SESSION", json.dumps(report)))


def test_a_session_ends_well_and_says_what_happened(agent):
    done = agent.run("run", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    for word in (
        "OFFLINE STAND-IN",
        "proposals",
        "approved",
        "refused",
        "three legs read back",
        "fills",
        "P&L",
        "agent.py review",
        "synthetic",
    ):
        assert word in done.stdout, word


def test_a_session_as_json_is_one_object_that_the_ledger_bears_out(agent):
    report = agent.json("run", "--seed", "3", "--until-close")
    assert set(report) >= KEYS
    assert report["proposals"] == report["approved"] + report["refused"] > 0
    assert len(report["orders"]) == 3 * report["approved"] > 0
    assert report["fills"]
    assert report["usd"] == "0"
    assert set(report["tokens"]) == {"input", "output", "cache_read", "cache_write"}
    assert agent.rows("SELECT count(*) FROM v_fills")[0][0] == len(report["fills"])
    # Every order has an intent committed before the broker's first word of it.
    early = agent.rows(
        "SELECT count(*) FROM order_events e JOIN intents i USING (order_ref) WHERE e.at < i.at"
    )
    assert early == [(0,)]
    sides = agent.rows("SELECT leg, side, count(*) FROM v_orders GROUP BY leg, side")
    assert {row[:2] for row in sides} == {("entry", "BUY"), ("target", "SELL"), ("stop", "SELL")}
    # The ledger's fills are the exchange's own: shares bought are held or sold, to the share.
    held = dict(agent.rows("SELECT symbol, shares FROM v_positions"))
    net = {}
    for fill in report["fills"]:
        sign = 1 if fill["side"] == "BUY" else -1
        net[fill["symbol"]] = net.get(fill["symbol"], 0) + sign * fill["shares"]
    assert held == {symbol: shares for symbol, shares in net.items() if shares}
    assert agent.rows("SELECT count(*) FROM v_positions WHERE protected_shares < shares") == [(0,)]
    requests = agent.rows("SELECT body FROM exchanges WHERE direction = 'req' ORDER BY n")
    asked = [json.loads(body) for (body,) in requests]
    for before, after in itertools.pairwise(asked):
        # What the prompt cache can reuse: tools, system, and every earlier message, unchanged.
        for part in ("tools", "system", "model", "max_tokens"):
            assert before[part] == after[part]
        assert after["messages"][: len(before["messages"])] == before["messages"]


def test_the_same_seed_gives_the_same_orders_and_fills(tmp_path):
    reports = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        agent = Agent(tmp_path / name)
        reports.append(without_ids(agent.json("run", "--seed", "11", "--until-close")))
    assert reports[0] == reports[1]
    assert reports[0]["fills"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "day"),
    [
        ("us_1min", "2019-12-18"),
        ("us_1min", "2024-03-11"),
        ("us_1min", "2011-01-03"),
        ("hk_1min", "2022-04-12"),
        ("hk_1min", "2019-12-17"),  # nothing has traded yet at the start
        ("hk_1h", "2013-10-18"),  # an index alone: nothing can be traded
        ("hk_5min", "2021-02-19"),
        ("gpl3/hk_1d", "2025-06-30"),
    ],
)
def test_real_bars_of_any_day_can_be_traded(agent, shared_data, folder, day):
    report = agent.json("run", "--market", shared_data / folder, "--day", day)
    assert report["outcome"] == "ended"
    assert day in report["market"]
    assert report["proposals"] == report["approved"] + report["refused"]


def test_sessions_after_one_another_reconcile_and_are_listed(agent):
    for seed in ("1", "2"):
        assert agent.json("run", "--seed", seed)["exit_code"] == 0
    listed = agent.json("review", "--list")
    assert [row["outcome"] for row in listed] == ["ended", "ended"]
    whole = agent.json("review")
    assert whole["session"]["session_id"] == listed[0]["session_id"]
    kinds = {step["kind"] for step in whole["steps"]}
    assert {"request", "text", "tool_call", "tool_result", "ruling", "order"} <= kinds
    shown = agent.run("review", listed[1]["session_id"])
    assert shown.returncode == 0
    for word in ("OFFLINE STAND-IN", "APPROVED", "stop_protects", "orders:", "fills:"):
        assert word in shown.stdout
    assert "none-such" in one_line(agent.run("review", "none-such"), 3)


def test_status_tells_state_session_and_protection(agent):
    assert agent.json("status")["last_session"] is None
    report = agent.json("run", "--seed", "3")
    found = agent.json("status")
    assert found["last_session"]["session_id"] == report["session_id"]
    assert found["state"] == "NORMAL"
    if found["positions"]:
        assert found["protection_coverage_pct"] == 100.0
    assert "state" in agent.run("status").stdout


def test_a_halted_desk_trades_nothing_until_a_person_resumes(agent):
    assert "not touched" in agent.run("halt", "earnings").stdout
    assert "HALT" in one_line(agent.run("run"), 4)
    assert agent.json("status")["state"] == "HALTED"
    assert agent.run("resume", "done").returncode == 0
    assert agent.json("run")["exit_code"] == 0
    (agent.folder / "var" / "HALT").write_text("", encoding="utf-8")
    assert "resume" in one_line(agent.run("run"), 4)


def test_a_closed_market_costs_nothing_and_is_no_error(agent):
    report = agent.json("run", "--start", "20:00")
    assert (report["outcome"], report["exit_code"], report["turns"]) == ("market_closed", 0, 0)
    assert agent.rows("SELECT count(*) FROM exchanges") == [(0,)]


def test_only_one_run_holds_the_seat(agent):
    (agent.folder / "var").mkdir()
    code = (
        "import sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from desk.seat import seat\n"
        "with seat(Path(sys.argv[2]), 'a test'): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, ROOT, agent.folder / "var"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        assert "a test" in one_line(agent.run("run"), 5)
    finally:
        holder.kill()
        holder.wait()
    assert agent.run("run").returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run", "--market", "/no/such/folder"), 3, "no such folder"),
        (("run", "--day", "2019-13-01"), 3, "--day"),
        (("run", "--day", "2001-01-01"), 3, "2026-"),
        (("run", "--start", "ten"), 3, "--start"),
        (("run", "--broker", "live"), 3, "locked"),
        (("run", "--broker", "Live"), 3, "broker"),
        (("run", "--model", "claude-from-nowhere"), 3, "no price"),
        (("run", "--broker", "paper", "--model", "claude-haiku-5-5"), 3, "ANTHROPIC_API_KEY"),
        (("run", "--broker", "paper", "--dry-run"), 3, "--dry-run"),
        (("run", "--prompt", "/no/prompt.md"), 3, "/no/prompt.md"),
        (("run", "--bogus"), 3, "--bogus"),
        (("run", "--seed", "x"), 3, "seed"),
        (("gateway", "--speed", "0"), 3, "--speed"),
        (("gateway", "--port", "70000"), 3, "--port"),
        (("review",), 1, "agent.py run"),
    ],
)
def test_wrong_input_is_one_clear_line(agent, words, code, says):
    assert says in one_line(agent.run(*words), code)


def test_a_gateway_that_is_not_there_is_to_be_tried_later(agent):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    agent.change(ibkr__paper_port=port)
    assert f"127.0.0.1:{port}" in one_line(agent.run("run", "--broker", "paper"), 1)


@pytest.fixture
def serve_now():
    """Starts a gateway in real time for an account id; gives its port."""
    started = []

    def start(account_id):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.serve_now", account_id],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        return int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_paper_session_runs_in_real_time_over_a_served_gateway(agent, serve_now):
    agent.change(ibkr__paper_port=serve_now("DU7654321"))
    report = agent.json("run", "--broker", "paper")
    assert (report["broker"], report["dry"]) == ("paper", False)
    assert report["outcome"] in ("ended", "market_closed")
    with sqlite3.connect(agent.folder / "var" / "ledger.db") as ledger:
        accounts = ledger.execute("SELECT DISTINCT account_id FROM sessions").fetchall()
        clean = ledger.execute("SELECT clean FROM reconciliations").fetchall()
    assert accounts == [("DU7654321",)]
    assert clean == [(1,)]


def test_paper_refuses_an_account_that_is_not_a_paper_account(agent, serve_now):
    agent.change(ibkr__paper_port=serve_now("U7654321"))
    assert "'DU'" in one_line(agent.run("run", "--broker", "paper"), 1)


def test_a_port_in_use_is_named(agent):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in one_line(agent.run("gateway", "--port", port), 1)


def test_a_ledger_that_cannot_be_read_is_named_and_left_alone(agent):
    (agent.folder / "var").mkdir()
    file = agent.folder / "var" / "dry.db"
    file.write_bytes(b"no database at all" * 100)
    assert "dry.db" in one_line(agent.run("run"), 1)
    assert "dry.db" in one_line(agent.run("review"), 1)
    assert "dry.db" in one_line(agent.run("status"), 1)
    assert file.read_bytes() == b"no database at all" * 100


def test_contradictions_and_unknown_keys_end_with_3(agent):
    agent.change(limits__positions_max=50)
    assert "limits.day_loss_max" in one_line(agent.run("run"), 3)
    agent.change(limits__posision_value_max=1)
    assert "limits.position_value_max" in one_line(agent.run("run"), 3)


def test_a_prompt_with_a_hole_is_not_sent(agent):
    prompt = agent.folder / "mine.md"
    prompt.write_text("trade $everything", encoding="utf-8")
    assert "$everything" in agent.run("run", "--prompt", prompt).stderr
    assert agent.rows("SELECT count(*) FROM exchanges") == [(0,)]


def test_a_real_model_with_a_bad_key_is_told_so(agent):
    """A stand-in for the service on loopback says 401, as the real one would."""
    server = socket.create_server(("127.0.0.1", 0))
    body = b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}'
    code = (
        "import socket, sys\n"
        "server = socket.socket(fileno=int(sys.argv[1]))\n"
        "connection, _ = server.accept()\n"
        "connection.recv(1 << 20)\n"
        "body = sys.argv[2].encode()\n"
        "connection.sendall(b'HTTP/1.1 401 X\\r\\ncontent-type: application/json\\r\\n'\n"
        "    + b'content-length: %d\\r\\n\\r\\n' % len(body) + body)\n"
        "connection.close()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(server.fileno()), body.decode()],
        pass_fds=[server.fileno()],
    )
    environment = {
        "ANTHROPIC_API_KEY": "sk-wrong",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
    }
    done = agent.run("run", "--model", "claude-haiku-5-5", environment=environment)
    process.wait(timeout=20)
    server.close()
    assert "ANTHROPIC_API_KEY" in one_line(done, 3)
    everything = (agent.folder / "var" / "agent.log").read_text() + str(
        agent.rows("SELECT headers, body FROM exchanges")
    )
    assert "sk-wrong" not in everything
