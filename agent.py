#!/usr/bin/env python3
"""The verbs of the desk. Cron starts `agent.py run`; a person uses the others.

Exit codes: 0 done, or nothing to do; 1 a dependency does not serve, retry later; 2 the session
failed; 3 configuration; 4 a person is needed; 5 another run holds the seat.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer

from session.ending import Exit, Stop

ROOT = Path(__file__).resolve().parent
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A Claude model proposes, code decides. Start with `agent.py run`.",
)

Config = Annotated[Path, typer.Option("--config", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")]
CONFIG = ROOT / "config.yaml"


def _settings(config: Path, overrides: dict[str, Any]) -> Any:
    from session.settings import load

    given = {key: value for key, value in overrides.items() if value is not None}
    return load(config, environ=os.environ, overrides=given)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Stop(Exit.CONFIGURATION, f"--day must be like 2019-12-18, was {text!r}") from None


def _time(text: str | None) -> time | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day
    except ValueError:
        raise Stop(Exit.CONFIGURATION, f"--start must be like 10:30, was {text!r}") from None


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Nothing is real.")] = False,
    broker: Annotated[str | None, typer.Option(help="sim, paper or live.")] = None,
    model: Annotated[str | None, typer.Option(help="standin, or a priced Claude model.")] = None,
    prompt: Annotated[Path | None, typer.Option(help="A system prompt to try.")] = None,
    market: Annotated[Path | None, typer.Option(help="sim: a folder of Parquet bars.")] = None,
    day: Annotated[str | None, typer.Option(help="sim: the day, 2019-12-18.")] = None,
    start: Annotated[str | None, typer.Option(help="sim: local time of the start, 10:30.")] = None,
    seed: Annotated[int, typer.Option(help="sim: what is drawn at random.")] = 0,
    until_close: Annotated[bool, typer.Option(help="Stay until the market has closed.")] = False,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """One session.

    Example: agent.py run --market ../shared/data/us_1min --day 2019-12-18
    """
    # Imported here: the model's SDK alone takes most of a second, and no other verb needs it.
    from session.report import lines
    from session.run import Order, run_session
    from session.world import Scene

    settings = _settings(config, {"broker": broker, "model": model})
    scene = Scene(market_path=market, day=_day(day), start=_time(start), seed=seed)
    report = run_session(
        Order(
            settings=settings,
            root=ROOT,
            scene=scene,
            dry=dry_run,
            until_close=until_close,
            prompt=prompt,
        )
    )
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        print("\n".join(lines(report)))
    if report.exit_code is not Exit.DONE:
        raise Stop(report.exit_code, f"session {report.session_id}: {report.says}")


@app.command()
def status(config: Config = CONFIG, as_json: AsJson = False) -> None:
    """The desk at a glance, from the ledger and the lock; no broker is asked.

    Example: agent.py status --json
    """
    from review.status import desk_status, status_lines

    settings = _settings(config, {})
    found = desk_status(settings.state_dir, simulated=settings.broker == "sim")
    print(json.dumps(found) if as_json else "\n".join(status_lines(found)))


@app.command()
def review(
    session: Annotated[
        str | None, typer.Argument(help="A session id; the last one without.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the sessions.")] = False,
    config: Config = CONFIG,
    as_json: AsJson = False,
) -> None:
    """The transcript of a session: steps, checks, orders, fills.

    Example: agent.py review --list
    """
    from ledger import Reader
    from review.terminal import print_session, print_sessions, session_json

    settings = _settings(config, {})
    with _reader(settings, Reader) as reader:
        if listing:
            print_sessions(reader, as_json=as_json)
            return
        found = reader.session(session)
        if found is None:
            wanted = f"no session {session}" if session else "no session yet"
            raise Stop(Exit.CONFIGURATION, f"{wanted} in the ledger; see `agent.py review --list`")
        if as_json:
            print(json.dumps(session_json(reader, found["session_id"])))
        else:
            print_session(reader, found["session_id"])


@app.command()
def halt(reason: str, config: Config = CONFIG) -> None:
    """No more entries until a person resumes. No order is touched: stops keep resting.

    Example: agent.py halt "earnings tonight"
    """
    from desk.standing import halt as halt_desk
    from edges.clock import WallClock

    settings = _settings(config, {})
    with _ledger(settings) as ledger:
        at = WallClock().now()
        halt_desk(ledger, settings.state_dir, at=at, actor=_person(), reason=reason)
    print("HALTED: no entry will be made. Orders resting at the broker were not touched.")


@app.command()
def resume(
    reason: Annotated[str, typer.Argument(help="Why it is safe to go on.")] = "resumed by a person",
    config: Config = CONFIG,
) -> None:
    """Leave HALTED: entries are possible again.

    Example: agent.py resume "checked the fills"
    """
    from desk.standing import resume as resume_desk
    from edges.clock import WallClock

    settings = _settings(config, {})
    with _ledger(settings) as ledger:
        at = WallClock().now()
        resume_desk(ledger, settings.state_dir, at=at, actor=_person(), reason=reason)
    print("NORMAL: entries are possible again. Nothing else was touched.")


@app.command()
def gateway(
    port: Annotated[int, typer.Option(help="Listens on 127.0.0.1 only.")] = 4002,
    market: Annotated[Path | None, typer.Option(help="A folder of Parquet bars.")] = None,
    day: Annotated[str | None, typer.Option(help="The day that is played.")] = None,
    start: Annotated[str | None, typer.Option(help="Local time of the start, 10:30.")] = None,
    seed: Annotated[int, typer.Option(help="What is drawn at random.")] = 0,
    speed: Annotated[float, typer.Option(help="Simulated seconds a second.")] = 1.0,
    kind: Annotated[
        str, typer.Option(help="Synthetic days: mixed, calm, trend, gap, crash, halt, limit-move.")
    ] = "mixed",
    symbols: Annotated[int, typer.Option(help="So many more synthetic names, for load.")] = 0,
    cash: Annotated[
        str | None, typer.Option(help="What the account has, USD=100000,HKD=50000.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="A schedule of faults.")] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Every fault.")] = False,
    rule: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, see docs/gateway.md.")] = None,
    record: Annotated[
        str | None, typer.Option(help="HOST:PORT of a real gateway: pass on and write down.")
    ] = None,
    into: Annotated[Path, typer.Option(help="The recording.")] = Path("capture.jsonl"),
    compare: Annotated[
        Path | None, typer.Option(help="A recording: where does it differ from this gateway?")
    ] = None,
    config: Config = CONFIG,
) -> None:
    """Serve the simulated gateway to any client of IB's API, until interrupted.

    Example: agent.py gateway --port 4002 --speed 60 --faults schedule.jsonl
    """
    from session import serve
    from session.world import Scene

    if list_faults:
        print("\n".join(serve.fault_lines()))
        return
    if compare is not None:
        serve.compare_capture(compare)
        return
    if record is not None:
        serve.record(record, port=port, file=into)
        return
    scene = Scene(
        market_path=market,
        day=_day(day),
        start=_time(start),
        seed=seed,
        kind=kind,
        symbols=symbols,
    )
    service = serve.Service(
        port=port,
        speed=speed,
        cash=serve.read_cash(cash),
        rules=serve.read_rules(rule or ()),
        schedule=serve.read_faults(faults, seed),
    )
    serve.serve(_settings(config, {}), scene, service)


def _person() -> str:
    return os.environ.get("USER") or "operator"


def _ledger(settings: Any) -> Any:
    from ledger import Ledger

    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Ledger.open(settings.state_dir / _ledger_name(settings))


def _reader(settings: Any, reader: Any) -> Any:
    return reader.open_readonly(settings.state_dir / _ledger_name(settings))


def _ledger_name(settings: Any) -> str:
    return "dry.db" if settings.broker == "sim" else "ledger.db"


def main() -> int:
    """Runs a verb; returns its exit code. Every expected failure is one line on stderr."""
    from ledger import LedgerError

    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=False)
    except Stop as stop:
        if as_json and not str(stop.says).startswith("session "):
            print(
                json.dumps({"session_id": None, "outcome": stop.says, "exit_code": int(stop.code)})
            )
        print(f"agent.py: {stop.says}", file=sys.stderr)
        return int(stop.code)
    except LedgerError as error:
        print(f"agent.py: {error}", file=sys.stderr)
        return int(Exit.RETRY_LATER)
    except KeyboardInterrupt:
        print("agent.py: interrupted", file=sys.stderr)
        return int(Exit.FAILED)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except Exception as error:  # noqa: BLE001 - the one place: recorded, told, never swallowed
        if hasattr(error, "format_message"):  # a wrong option or argument
            print(f"agent.py: {error.format_message()}; see --help", file=sys.stderr)
            return int(Exit.CONFIGURATION)
        # We are wrong. The session's records are in the ledger; the trace is for whoever repairs
        # it.
        traceback.print_exc()
        print(f"agent.py: the program failed: {error!r}", file=sys.stderr)
        return int(Exit.FAILED)
    return int(Exit.DONE)


if __name__ == "__main__":
    sys.exit(main())
