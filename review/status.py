"""The desk at a glance, read from the ledger, the lock and the HALT file. No broker is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger import Reader

HALT_FILE_NAME = "HALT"


def desk_status(state_dir: Path, *, simulated: bool) -> dict[str, Any]:
    """Facts for `status`, ready for JSON. A ledger that is not there yet is no error."""
    path = state_dir / ("dry.db" if simulated else "ledger.db")
    found: dict[str, Any] = {
        "state": "HALTED" if (state_dir / HALT_FILE_NAME).exists() else "NORMAL",
        "ledger": str(path),
        "simulated": simulated,
        "last_session": None,
        "positions": [],
        "protection_coverage_pct": None,
        "day": None,
    }
    if not path.exists():
        return found
    with Reader.open_readonly(path) as reader:
        state, since, actor, reason = reader.state()
        if found["state"] != "HALTED":
            found["state"] = state.value
        found["state_since"] = None if since is None else since.isoformat()
        found["state_actor"], found["state_reason"] = actor, reason
        last = reader.session()
        if last is None:
            return found
        found["last_session"] = {
            name: last[name]
            for name in (
                "session_id",
                "started_at",
                "outcome",
                "exit_code",
                "model",
                "market",
                "pnl",
            )
        }
        held = reader.held(last["account_id"])
        names = ("symbol", "shares", "avg_price", "stop", "target", "protected_shares")
        found["positions"] = [{name: row[name] for name in names} for row in held]
        shares = sum(abs(row["shares"]) for row in held)
        if shares:
            covered = sum(row["protected_shares"] for row in held)
            found["protection_coverage_pct"] = round(100 * covered / shares, 1)
        found["day"] = reader.last_day(last["account_id"])
    return found


def status_lines(found: dict[str, Any]) -> list[str]:
    """The same for a person."""
    reason = f" ({found['state_reason']})" if found.get("state_reason") else ""
    lines = [f"state      {found['state']}{reason}"]
    last = found["last_session"]
    if last is None:
        lines.append("sessions   none yet: `agent.py run` makes one")
        return lines
    lines.append(
        f"last       {last['session_id']} {last['outcome']} (exit {last['exit_code']}), "
        f"{last['market']}, {last['model']}, P&L {last['pnl'] or 'unknown'}"
    )
    lines.extend(
        f"position   {row['shares']} {row['symbol']} at {row['avg_price']}, "
        f"stop {row['stop']}, target {row['target']}, {row['protected_shares']} protected"
        for row in found["positions"]
    )
    coverage = found["protection_coverage_pct"]
    lines.append(
        "protected  no positions" if coverage is None else f"protected  {coverage} % of held shares"
    )
    return lines
