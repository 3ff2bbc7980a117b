"""Whether the desk may open positions: the state in the ledger, and the HALT file beside it.

The file works when the database does not: its existence halts, whatever it contains, and whatever
cannot be read is taken for HALTED.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from guardrails.terms import State
from ledger import Ledger, LedgerError

HALT_FILE_NAME = "HALT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """The desk's state, since when, set by whom and why."""

    state: State
    since: datetime | None
    actor: str
    reason: str


def standing(ledger: Ledger, state_dir: Path) -> Standing:
    """The state in force now, read anew. Unreadable means HALTED."""
    halt_file = state_dir / HALT_FILE_NAME
    try:
        if halt_file.exists():
            return Standing(
                state=State.HALTED, since=None, actor="file", reason=f"{halt_file} exists"
            )
        state, since, actor, reason = ledger.state()
    except (OSError, LedgerError, ValueError) as error:
        return Standing(
            state=State.HALTED, since=None, actor="desk", reason=f"state unreadable: {error}"
        )
    return Standing(state=state, since=since, actor=actor, reason=reason)


def halt(ledger: Ledger, state_dir: Path, *, at: datetime, actor: str, reason: str) -> None:
    """The desk is HALTED in the file and in the ledger; the file first, it needs no database.

    No order is touched: stops and targets keep resting at the broker.
    """
    halt_file = state_dir / HALT_FILE_NAME
    halt_file.write_text(f"{at.isoformat()} {actor}: {reason}\n", encoding="utf-8")
    ledger.add_state(at=at, state=State.HALTED, actor=actor, reason=reason, scope="desk")


def resume(ledger: Ledger, state_dir: Path, *, at: datetime, actor: str, reason: str) -> None:
    """The desk is NORMAL; the ledger first, so that a crash between leaves it halted."""
    ledger.add_state(at=at, state=State.NORMAL, actor=actor, reason=reason, scope="desk")
    (state_dir / HALT_FILE_NAME).unlink(missing_ok=True)
