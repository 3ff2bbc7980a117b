"""A session's transcript in the terminal: steps, checks, orders, fills.

Everything from the model, the broker or the news is untrusted: control characters are removed and
nothing is read as markup.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ledger import Reader

COLOURS = {
    "request": "dim",
    "text": "cyan",
    "tool_call": "blue",
    "tool_result": "dim",
    "ruling": "bold",
    "order": "magenta",
    "alert": "bold red",
}
WIDTH_WITHOUT_TERMINAL = 120


def plain(value: object) -> str:
    """Text without control, format, surrogate or private characters; line ends become spaces."""
    text = "" if value is None else str(value)
    return "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)


def _console() -> Console:
    if sys.stdout.isatty():
        return Console(highlight=False, markup=False, emoji=False)
    return Console(highlight=False, markup=False, emoji=False, width=WIDTH_WITHOUT_TERMINAL)


def print_session(reader: Reader, session_id: str) -> None:
    """The whole session, on stdout."""
    console = _console()
    row = reader.session(session_id)
    if row is None:
        raise ValueError(f"no session {session_id}")
    _print_header(console, row)
    _print_steps(console, reader, session_id)
    _print_checks(console, reader, session_id)
    _print_table(
        console,
        "orders",
        ("order_ref", "leg", "side", "quantity", "symbol", "price", "tif", "status", "filled"),
        reader.orders(session_id),
    )
    _print_table(
        console,
        "fills",
        ("at", "order_ref", "side", "shares", "symbol", "price", "commission", "currency"),
        reader.fills(session_id),
    )
    console.print(Text(f"P&L {plain(row['pnl']) or 'unknown'}", style="bold"))


def _print_header(console: Console, row: dict[str, Any]) -> None:
    console.print(
        Text(f"session {plain(row['session_id'])}  {plain(row['outcome'])}", style="bold")
    )
    if row["model"] == "standin":
        words = "OFFLINE STAND-IN: rule-based, not Claude; no model was asked"
        console.print(Text(words, style="bold yellow"))
    pairs = (
        (
            "broker",
            f"{row['broker']}{' (nothing was real)' if row['dry'] else ''}, {row['market']}",
        ),
        ("model", row["model"]),
        ("from", row["started_at"]),
        ("to", row["ended_at"] or "not ended"),
        ("account", row["account_id"]),
        (
            "tokens",
            f"{row['input_tokens']} in, {row['cache_read_tokens']} from cache, "
            f"{row['output_tokens']} out, {row['usd']} USD",
        ),
        ("ended", row["detail"] or ""),
    )
    for name, value in pairs:
        console.print(Text(f"  {name:<8} {plain(value)}"))


def _print_steps(console: Console, reader: Reader, session_id: str) -> None:
    console.print(Text("\nsteps", style="bold"))
    for step in reader.steps(session_id):
        at = plain(step["at"])[11:19]
        style = COLOURS.get(step["kind"], "")
        line = f"  {step['step']:>3} {at} {step['kind']:<11} {plain(step['summary'])}"
        console.print(Text(line, style=style))


def _print_checks(console: Console, reader: Reader, session_id: str) -> None:
    """A verdict for each proposal, and its checks, failed ones first."""
    checks = reader.checks(session_id)
    for proposal in reader.proposals(session_id):
        number = proposal["proposal_id"]
        approved = bool(proposal["approved"])
        verdict = "APPROVED" if approved else f"REFUSED by {proposal['refused_by']}"
        head = (
            f"\nproposal {number}: {proposal['intent'] or 'unreadable'} {proposal['symbol'] or ''} "
            f"{proposal['side'] or ''} limit {proposal['limit_price'] or '-'} "
            f"stop {proposal['stop_price'] or '-'} target {proposal['target_price'] or '-'}: "
            f"{verdict}"
        )
        console.print(Text(plain(head), style="bold green" if approved else "bold red"))
        mine = [check for check in checks if check["proposal_id"] == number]
        table = Table("", "rule", "observed", "limit", "says", box=None, padding=(0, 1))
        for check in sorted(mine, key=lambda one: (one["ok"], one["n"])):
            mark = "ok" if check["ok"] else "NO"
            cells = (check["rule"], check["observed"], check["limit"], check["says"])
            style = "" if check["ok"] else "red"
            table.add_row(mark, *(Text(plain(cell)) for cell in cells), style=style)
        console.print(table)


def _print_table(
    console: Console, title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    console.print(Text(f"\n{title}: {len(rows)}", style="bold"))
    if not rows:
        return
    table = Table(*columns, box=None, padding=(0, 1))
    for row in rows:
        table.add_row(*(Text(plain(row[column])) for column in columns))
    console.print(table)


def print_sessions(reader: Reader, *, as_json: bool, limit: int = 50) -> None:
    """The newest sessions, one line each."""
    rows = reader.sessions(limit)
    if as_json:
        print(json.dumps(rows))  # noqa: T201 - the verb's output
        return
    columns = (
        "session_id",
        "outcome",
        "exit_code",
        "broker",
        "market",
        "model",
        "proposals",
        "approved",
        "refused",
        "pnl",
    )
    _print_table(_console(), "sessions", columns, rows)


def session_json(reader: Reader, session_id: str) -> dict[str, Any]:
    """The session as one object: its row, steps, proposals, checks, orders, fills, alerts."""
    return {
        "session": reader.session(session_id),
        "steps": reader.steps(session_id),
        "proposals": reader.proposals(session_id),
        "checks": reader.checks(session_id),
        "orders": reader.orders(session_id),
        "fills": reader.fills(session_id),
        "alerts": reader.alerts(session_id),
    }
