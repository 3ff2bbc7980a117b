"""`agent.py gateway` as a user meets it: what it prints, what it refuses, how it ends."""

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import ib_insync
import pytest

from tests.test_agent import ROOT, Agent, clean_environment


@pytest.fixture
def agent(tmp_path):
    return Agent(tmp_path)


@contextmanager
def serving(agent, *words):
    """A served gateway: (port, lines printed so far; all of them once it has ended)."""
    command = [sys.executable, ROOT / "agent.py", "gateway", "--port", "0", *map(str, words)]
    process = subprocess.Popen(
        [*command, "--config", agent.config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
        cwd=agent.folder,
    )
    lines = [process.stdout.readline()]
    assert "127.0.0.1:" in lines[0], process.stderr.read()
    try:
        yield int(lines[0].split("127.0.0.1:")[-1].split(",")[0].split()[0]), lines
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        lines += out.splitlines()
        assert process.returncode == 0, err
        assert err == ""


async def placed(port, count=3):
    """What a plain client believes of some orders far from the market, after a moment."""
    ib = ib_insync.IB()
    await ib.connectAsync("127.0.0.1", port, 7)
    [stock] = await ib.qualifyContractsAsync(ib_insync.Stock("ARDN", "SMART", "USD"))
    trades = [
        ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 1, 50.0 + n, tif="GTC"))
        for n in range(count)
    ]
    await asyncio.sleep(1)
    found = [trade.orderStatus.status for trade in trades]
    ib.disconnect()
    return found


def test_it_says_where_it_listens_and_at_the_end_what_it_read(agent):
    with serving(agent, "--kind", "crash", "--symbols", "2", "--seed", "4") as (port, lines):
        assert "synthetic crash seed 4, 2 generated names" in lines[0]
        assert asyncio.run(placed(port)) == ["Submitted"] * 3
    told = json.loads(lines[-1])
    assert told["requests"] > 8
    assert (told["refused"], told["left_over"], told["failed"], told["struck"]) == ([], 0, 0, {})


def test_what_struck_is_printed_as_lines_that_make_it_strike_again(agent, tmp_path):
    schedule = tmp_path / "faults.jsonl"
    schedule.write_text(
        '# lose every other order\n{"seed": 5}\n\n{"fault": "F1", "probability": 0.5, "times": 0}\n'
    )
    with serving(agent, "--faults", schedule) as (port, lines):
        first = asyncio.run(placed(port, 12))
    struck = [line for line in lines if line.startswith('{"fault"')]
    lost = first.count("PendingSubmit")
    assert 0 < lost < 12
    assert len(struck) == lost == json.loads(lines[-1])["struck"]["F1"]
    again = tmp_path / "again.jsonl"
    # The day begins at the same instant, the messages come in the same order: only the message
    # counts, since real time is never the same twice.
    by_message = [{k: v for k, v in json.loads(line).items() if k != "at"} for line in struck]
    again.write_text("\n".join(map(json.dumps, by_message)))
    with serving(agent, "--faults", again) as (port, _):
        assert asyncio.run(placed(port, 12)) == first


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--rule", "spread"), "--rule must be NAME=VALUE"),
        (("--rule", "spread_tick=2"), "did you mean spread_ticks?"),
        (("--rule", "spread_ticks=two"), "--rule spread_ticks must be like 1, was 'two'"),
        (("--rule", "us_short_sales=1"), "must be true or false"),
        (("--rule", "extremes=best"), "extremes must be seed or worst"),
        (("--cash", "USD=1e5,EUR=7"), "--cash must be like USD=100000, in USD or HKD, was 'EUR=7'"),
        (("--cash", "USD"), "--cash must be like USD=100000"),
        (("--cash", "USD=NaN"), "--cash must be like USD=100000"),
        (("--kind", "nonsense"), "nonsense"),
        (("--symbols", "-1"), "symbols"),
        (("--faults", "absent.jsonl"), "absent.jsonl"),
        (("--record", "localhost"), "--record must be HOST:PORT"),
        (("--record", "localhost:0"), "--record must be HOST:PORT"),
        (("--compare", "absent.jsonl"), "not a recording"),
    ],
)
def test_a_word_that_cannot_be_used_is_one_line(agent, words, says):
    done = agent.run("gateway", "--port", "0", *words)
    assert done.returncode == 3, done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_schedule_names_its_line(agent, tmp_path):
    schedule = tmp_path / "faults.jsonl"
    schedule.write_text('{"fault": "F1"}\n{"fault": "F1", "tims": 2}\n')
    done = agent.run("gateway", "--port", "0", "--faults", schedule)
    assert done.returncode == 3
    assert "line 2: F1 has no key 'tims'; did you mean times?" in done.stderr


def test_the_account_begins_with_the_cash_it_is_given(agent):
    async def cash(port):
        ib = ib_insync.IB()
        await ib.connectAsync("127.0.0.1", port, 7)
        rows = {(v.tag, v.currency): v.value for v in ib.accountValues()}
        ib.disconnect()
        return rows["CashBalance", "USD"], rows["CashBalance", "HKD"]

    with serving(agent, "--cash", "USD=20000,HKD=400000") as (port, _):
        assert asyncio.run(cash(port)) == ("20000.0000", "400000.0000")


def test_a_rule_changes_how_it_behaves(agent):
    async def halves(port):
        ib = ib_insync.IB()
        codes = []
        ib.errorEvent += lambda _, code, *__: codes.append(code)
        await ib.connectAsync("127.0.0.1", port, 7)
        scan = ib_insync.ScannerSubscription(
            instrument="STOCK.HK", locationCode="STK.HK.SEHK", scanCode="TOP_PERC_GAIN"
        )
        rows = await ib.reqScannerDataAsync(scan)
        ib.disconnect()
        return len(rows), 162 in codes

    with serving(agent, "--rule", "scanner_markets=US", "--speed", "10") as (port, _):
        assert asyncio.run(halves(port)) == (0, True)


def test_a_recording_is_made_and_found_to_agree(agent, tmp_path):
    file = tmp_path / "capture.jsonl"
    with (
        serving(agent) as (far, _),
        serving(agent, "--record", f"127.0.0.1:{far}", "--into", file) as (port, lines),
    ):
        assert asyncio.run(placed(port)) == ["Submitted"] * 3
    assert "messages recorded" in lines[-1]
    assert file.stat().st_mode & 0o777 == 0o600
    done = agent.run("gateway", "--compare", file)
    assert done.returncode == 0, done.stderr
    assert "0 differences of layout" in done.stdout
    assert "3 client placeOrder" in " ".join(done.stdout.split())
    refused = agent.run("gateway", "--record", f"127.0.0.1:{far}", "--into", file, "--port", "0")
    assert refused.returncode == 3
    assert "name a new file" in refused.stderr


def test_a_recording_that_differs_needs_a_person(agent, tmp_path):
    file = tmp_path / "capture.jsonl"
    rows = [["176", "20261120 15:30:00 UTC"], ["15", "1", "DU1"], ["4711", "x"]]
    file.write_text(
        "\n".join(json.dumps({"connection": 1, "from": "gateway", "fields": row}) for row in rows)
    )
    done = agent.run("gateway", "--compare", file)
    assert done.returncode == 4
    assert "line 3: gateway 4711: a message that is not laid out here" in done.stdout


def test_every_fault_is_listed_with_its_settings(agent):
    done = agent.run("gateway", "--list-faults")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [f"F{n}" for n in range(1, 41)]
    assert "seconds" in done.stdout
