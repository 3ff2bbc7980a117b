"""The record: exact, added to and never changed, readable after a kill, refused in one line."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardrails import rule
from guardrails.terms import Action, Execution, Leg, Market, OrderStatus, State
from ledger import Ledger, LedgerError, Reader
from ledger.schema import FACTS, VERSION_1, no_change
from tests.support.guarding import BUY, LIMITS, ROOT, VIEW

AT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
VIEWS = {
    "v_sessions": "session_id started_at ended_at outcome exit_code broker dry market model "
    "prompt_sha256 config_sha256 turns input_tokens output_tokens cache_read_tokens usd proposals "
    "approved refused pnl",
    "v_steps": "session_id step at kind summary body",
    "v_checks": "session_id proposal_id symbol rule ok observed limit says",
    "v_orders": "order_ref session_id proposal_id leg side quantity price tif status perm_id "
    "filled avg_price at",
    "v_fills": "exec_id order_ref symbol side shares price commission currency at",
    "v_positions": "symbol market shares avg_price stop target protected_shares opened_at "
    "session_id",
    "v_day_pnl": "trading_day account currency baseline realised unrealised fees model_usd net",
    "v_states": "at state actor reason scope",
    "v_session_chain": "session_id proposal_id at intent symbol side",
}


def begin(ledger, session_id="s1"):
    ledger.start_session(
        session_id=session_id,
        started_at=AT,
        broker="sim",
        dry=True,
        market="tiny",
        model="m",
        prompt_sha256="p",
        config_sha256="c",
        account_id="DU1",
        versions={"python": "3"},
    )


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "state" / "ledger.db") as opened:
        begin(opened)
        yield opened


def execution(exec_id="a.1.01.01", shares=10, action=Action.BUY, **more):
    fields = {
        "order_ref": "s1-1-entry",
        "perm_id": 1,
        "account_id": "DU1",
        "symbol": "AAPL",
        "market": Market.US,
        "currency": "USD",
        "price": D("123456789.123456789"),
        "at": AT,
    }
    return Execution(exec_id=exec_id, shares=shares, action=action, **(fields | more))


def intend(ledger, order_ref, leg=Leg.ENTRY, **more):
    fields = {
        "session_id": "s1",
        "proposal_id": 1,
        "at": AT,
        "account_id": "DU1",
        "symbol": "AAPL",
        "market": Market.US,
        "con_id": 1,
        "currency": "USD",
        "action": Action.BUY,
        "shares": 10,
        "order_type": "LMT",
        "limit_price": D("200.10"),
        "stop_price": None,
        "tif": "DAY",
        "oca_group": "",
        "parent_ref": "",
    }
    ledger.add_intent(order_ref=order_ref, leg=leg, **(fields | more))


@pytest.mark.parametrize("view", VIEWS)
def test_views_have_the_columns_others_rely_on(ledger, view):
    found = [row["name"] for row in ledger.rows(f"SELECT name FROM pragma_table_info('{view}')")]
    wanted = VIEWS[view].split()
    assert found[: len(wanted)] == wanted


def test_the_file_is_private_and_its_settings_are_those_that_survive(tmp_path, ledger):
    path = tmp_path / "state" / "ledger.db"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    pragmas = {
        name: ledger.rows(f"PRAGMA {name}")[0][column]
        for name, column in (
            ("journal_mode", "journal_mode"),
            ("synchronous", "synchronous"),
            ("foreign_keys", "foreign_keys"),
        )
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_no_fact_can_be_changed_or_removed(tmp_path, ledger):
    ledger.add_step("s1", at=AT, kind="text", summary="x", body={})
    raw = sqlite3.connect(tmp_path / "state" / "ledger.db")
    tables = [
        row[0]
        for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not row[0].startswith("sqlite_")
    ]
    assert len(tables) == 19
    for table in tables:
        names = {
            row[0]
            for row in raw.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)
            )
        }
        assert names == {f"{table}_no_update", f"{table}_no_delete"}
    for sql in ("DELETE FROM steps", "UPDATE steps SET summary = 'y'", "DELETE FROM sessions"):
        with pytest.raises(sqlite3.IntegrityError, match="only added"):
            raw.execute(sql)
    raw.close()


def test_money_keeps_every_digit(ledger):
    ledger.add_execution("s1", seen_at=AT, execution=execution())
    ledger.add_commission(
        exec_id="a.1.01.01", at=AT, commission=D("0.0738030000"), currency="USD", realised_pnl=None
    )
    [fill] = ledger.fills("s1")
    assert (fill["price"], fill["commission"]) == ("123456789.123456789", "0.0738030000")
    with pytest.raises(ValueError, match="finite"):
        ledger.add_commission(
            exec_id="a.1.01.01", at=AT, commission=D("NaN"), currency="USD", realised_pnl=None
        )
    with pytest.raises(ValueError, match="aware"):
        ledger.add_state(
            at=AT.replace(tzinfo=None),
            state=State.HALTED,
            actor="",
            reason="",
            scope="",
        )


events = st.lists(
    st.tuples(
        st.integers(1, 4), st.integers(1, 3), st.integers(1, 500), st.sampled_from(list(Action))
    ),
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events, st.randoms())
def test_duplicates_corrections_and_any_order_leave_the_same_position(
    tmp_path_factory, plan, shuffle
):
    """A correction has the same root and a later suffix; it replaces and never adds."""
    told = {}
    for number, suffix, shares, action in plan:
        exec_id = f"x.{number}.{suffix:02d}"
        told.setdefault(exec_id, execution(exec_id, shares, action))
    expected = 0
    for number in range(1, 5):
        versions = sorted(exec_id for exec_id in told if exec_id.startswith(f"x.{number}."))
        if versions:
            last = told[versions[-1]]
            expected += last.shares if last.action is Action.BUY else -last.shares
    stream = [*told.values(), *told.values()]
    shuffle.shuffle(stream)
    with Ledger.open(tmp_path_factory.mktemp("x") / "l.db") as ledger:
        begin(ledger)
        new = sum(ledger.add_execution("s1", seen_at=AT, execution=one) for one in stream)
        assert new == len(told)
        assert ledger.positions("DU1") == ({"AAPL": expected} if expected else {})


def test_orders_are_told_by_their_last_event_and_fills(ledger):
    ledger.add_proposal("s1", at=AT, raw="{}", proposal=BUY)
    intend(ledger, "s1-1-entry")
    intend(ledger, "s1-1-stop", Leg.STOP, action=Action.SELL, limit_price=None, stop_price=D(190))
    assert [one.order_ref for one in ledger.open_intents("DU1")] == ["s1-1-entry", "s1-1-stop"]
    ledger.add_order_event(order_ref="s1-1-entry", at=AT, status=OrderStatus.FILLED)
    ledger.add_order_event(order_ref="s1-1-stop", at=AT, status=OrderStatus.RESTING, perm_id=77)
    ledger.add_execution("s1", seen_at=AT, execution=execution(price=D("200.01")))
    rows = {row["leg"]: row for row in ledger.orders("s1")}
    assert (rows["entry"]["status"], rows["entry"]["filled"]) == ("filled", 10)
    assert (rows["stop"]["price"], rows["stop"]["perm_id"]) == ("190", 77)
    [held] = ledger.held("DU1")
    assert (held["shares"], held["protected_shares"], held["stop"]) == (10, 10, "190")
    assert [one.order_ref for one in ledger.open_intents("DU1")] == ["s1-1-stop"]
    with pytest.raises(sqlite3.IntegrityError):
        intend(ledger, "s1-1-entry")
    with pytest.raises(sqlite3.IntegrityError):
        ledger.add_order_event(order_ref="never-intended", at=AT, status=OrderStatus.SENT)


def test_a_position_is_averaged_since_the_account_was_last_flat(ledger):
    rows = ((1, 10, Action.BUY, 100), (2, 10, Action.SELL, 110), (3, 10, Action.BUY, 200))
    for n, shares, action, price in rows:
        one = execution(f"x.{n}.01", shares, action, price=D(price), at=AT + timedelta(hours=n))
        ledger.add_execution("s1", seen_at=AT, execution=one)
    [held] = ledger.held("DU1")
    assert (held["shares"], held["avg_price"]) == (10, 200.0)
    assert held["opened_at"].startswith("2026-11-20T18:30")


def test_a_ruling_is_kept_with_every_number(ledger):
    ruling = rule(BUY, VIEW, LIMITS)
    with ledger.transaction():
        number = ledger.add_proposal("s1", at=AT, raw='{"a": 1}', proposal=BUY)
        ledger.add_ruling("s1", number, at=AT, ruling=ruling)
    checks = ledger.checks("s1")
    assert [row["rule"] for row in checks] == [check.rule for check in ruling.checks]
    [chain] = ledger.proposals("s1")
    assert (chain["approved"], chain["limit_price"], chain["refused_by"]) == (1, "200.00", None)
    row = ledger.session("s1")
    assert (row["proposals"], row["approved"], row["refused"], row["outcome"]) == (
        1,
        1,
        0,
        "unfinished",
    )


def test_a_transaction_adds_all_or_nothing(ledger):
    def half():
        with ledger.transaction():
            ledger.add_alert(session_id="s1", at=AT, event="e", severity="s", text="t")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert ledger.alerts("s1") == []


def test_counts_are_of_their_window_and_account(ledger):
    ledger.add_proposal("s1", at=AT, raw="{}", proposal=None)
    intend(ledger, "s1-1-entry")
    intend(ledger, "s1-1-stop", Leg.STOP)
    intend(ledger, "s1-9-entry", account_id="DU2")
    assert ledger.orders_since(AT, "DU1") == 1
    assert ledger.orders_since(AT + timedelta(seconds=1), "DU1") == 0
    ledger.add_usage(
        "s1",
        at=AT,
        model="m",
        input_tokens=1,
        output_tokens=2,
        cache_read_tokens=3,
        cache_write_tokens=4,
        usd=D("0.1"),
    )
    assert ledger.usd_since(AT) == D("0.1")
    ledger.add_execution("s1", seen_at=AT, execution=execution(order_ref="s1-1-stop"))
    assert ledger.stopped_out_since(AT, "DU1") == {"AAPL": AT}


def test_the_first_baseline_of_a_day_stays(ledger):
    day = AT.date()
    first = ledger.add_day_baseline(
        account_id="DU1", trading_day=day, at=AT, baseline=D(100), currency="USD"
    )
    again = ledger.add_day_baseline(
        account_id="DU1", trading_day=day, at=AT, baseline=D(1), currency="USD"
    )
    ledger.add_day_mark(
        account_id="DU1",
        trading_day=day,
        at=AT,
        realised=D(1),
        unrealised=D(-2),
        fees=D(3),
        currency="USD",
    )
    row = ledger.last_day("DU1")
    assert (first, again, row["baseline"], row["unrealised"]) == (True, False, "100", "-2")


def unusable(path):
    with pytest.raises(LedgerError) as caught:
        Ledger.open(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_no_ledger_is_refused_in_one_line_and_left_alone(tmp_path):
    text = tmp_path / "text.db"
    text.write_text("this is not a database, and long enough to be sure of it " * 20)
    before = text.read_bytes()
    assert "check the file" in unusable(text)
    assert text.read_bytes() == before
    other = tmp_path / "other.db"
    raw = sqlite3.connect(other)
    raw.execute("CREATE TABLE t (x)")
    raw.commit()
    raw.close()
    assert "something else" in unusable(other)
    newer = tmp_path / "newer.db"
    raw = sqlite3.connect(newer)
    raw.execute("PRAGMA user_version = 99")
    raw.commit()
    raw.close()
    assert "version 99" in unusable(newer)
    folder = tmp_path / "folder.db"
    folder.mkdir()
    unusable(folder)
    with pytest.raises(LedgerError, match=r"agent\.py run"):
        Reader.open_readonly(tmp_path / "absent.db")


def test_a_ledger_of_the_first_version_is_brought_up_to_date_and_keeps_its_facts(tmp_path):
    path = tmp_path / "ledger.db"
    raw = sqlite3.connect(path)
    raw.executescript(VERSION_1 + "".join(map(no_change, FACTS)) + "PRAGMA user_version = 1;")
    raw.execute(
        "INSERT INTO sessions VALUES ('s0', '2026-11-20T15:00:00.000000Z', 'sim', 1, 'm', 'none', "
        "'', '', 'DU1', '{}')"
    )
    raw.execute("INSERT INTO proposals (session_id, proposal_id, at, raw) VALUES ('s0', 1, '', '')")
    raw.commit()
    raw.close()
    with Reader.open_readonly(path) as old:
        assert old.rows("SELECT * FROM proposals")
    with Ledger.open(path) as ledger:
        [row] = ledger.rows("SELECT * FROM proposals")
        assert row["target_price_2"] is None
        assert ledger.rows("PRAGMA user_version") == [{"user_version": 3}]
        with pytest.raises(LedgerError, match="only added"):
            ledger.rows("UPDATE proposals SET raw = 'x'")
        assert ledger.last_config() is None  # that session's settings were not kept
    Ledger.open(path).close()  # a second opening has nothing to do


def test_a_killed_writer_loses_nothing_it_was_told_is_written(tmp_path):
    path = tmp_path / "ledger.db"
    writer = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from tests.ledger.test_ledger import AT, Ledger, begin
        ledger = Ledger.open(Path({str(path)!r}))
        begin(ledger)
        while True:
            print(ledger.add_step("s1", at=AT, kind="text", summary="x", body={{}}), flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE, text=True)
    acknowledged = 0
    for line in process.stdout:
        acknowledged = int(line)
        if acknowledged >= 200:
            break
    os.kill(process.pid, signal.SIGKILL)
    rest = [int(line) for line in process.stdout if line.strip()]
    process.wait()
    acknowledged = max([acknowledged, *rest])
    with Ledger.open(path) as ledger:
        assert len(ledger.steps("s1")) >= acknowledged


def test_hostile_text_is_kept_as_text(ledger):
    hostile = "a\ud800b\x00c'); DROP TABLE steps;--"
    ledger.add_step("s1", at=AT, kind="text", summary=hostile, body={"text": hostile})
    ledger.add_proposal("s1", at=AT, raw=hostile, proposal=None)
    assert "DROP TABLE" in ledger.steps("s1")[0]["summary"]
