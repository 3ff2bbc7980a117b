"""What the ledger can be asked. Reading never writes."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from guardrails.terms import Action, Leg, Market, OrderStatus, State
from ledger.opening import LedgerError, open_readonly
from ledger.values import at_text, at_value

TERMINAL = ("filled", "cancelled", "expired", "rejected")
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenIntent:
    """An order whose end is not recorded."""

    order_ref: str
    leg: Leg
    symbol: str
    market: Market
    currency: str
    action: Action
    shares: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    status: OrderStatus

    @property
    def is_entry(self) -> bool:
        """Whether it opens a position."""
        return self.leg is Leg.ENTRY


class Reader:
    """Questions to a ledger."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @classmethod
    def open_readonly(cls, path: Path) -> Self:
        """The ledger at `path` for reading. Raises LedgerError with one line."""
        return cls(open_readonly(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """The file is let go of."""
        self._db.conn.close()

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[Row]:
        """The rows of a query, each by column name. Raises LedgerError where SQLite fails."""
        try:
            cursor = self._db.conn.execute(sql, parameters or {})
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger cannot be read: {error}") from error

    def _one(self, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        rows = self.rows(sql, parameters)
        return next(iter(rows[0].values())) if rows else None

    # Sessions

    def session(self, session_id: str | None = None) -> Row | None:
        """One session, the last one without an id; None if there is none."""
        rows = self.rows(
            "SELECT * FROM v_sessions WHERE session_id = :id",
            {"id": session_id or self.last_session_id()},
        )
        return rows[0] if rows else None

    def sessions(self, limit: int) -> list[Row]:
        """The newest sessions, newest first."""
        return self.rows(
            "SELECT v.* FROM v_sessions v JOIN sessions s USING (session_id) "
            "ORDER BY s.rowid DESC LIMIT :limit",
            {"limit": limit},
        )

    def last_session_id(self) -> str | None:
        """The session that was written last."""
        found: str | None = self._one("SELECT session_id FROM sessions ORDER BY rowid DESC LIMIT 1")
        return found

    def last_config(self) -> Row | None:
        """The settings of the last session that recorded any, as its JSON; None for none."""
        body = self._one(
            "SELECT c.body FROM sessions s JOIN configs c USING (config_sha256) "
            "ORDER BY s.rowid DESC LIMIT 1"
        )
        found: Row | None = None if body is None else json.loads(body)
        return found

    def drifts(self, session_id: str) -> list[Row]:
        """What the session had looser than the one before it, in order."""
        return self._of("drifts", session_id, "n")

    def steps(self, session_id: str) -> list[Row]:
        """The session's steps in order."""
        return self._of("v_steps", session_id, "step")

    def checks(self, session_id: str) -> list[Row]:
        """Every check of every proposal, in order."""
        return self._of("v_checks", session_id, "proposal_id, n")

    def proposals(self, session_id: str) -> list[Row]:
        """The session's proposals with their rulings, legs and fills, in order."""
        return self._of("v_session_chain", session_id, "proposal_id")

    def orders(self, session_id: str) -> list[Row]:
        """The session's orders, families together, in the order of sending."""
        sql = (
            "SELECT o.* FROM v_orders o JOIN intents i USING (order_ref) "
            "WHERE o.session_id = :id ORDER BY i.rowid"
        )
        return self.rows(sql, {"id": session_id})

    def fills(self, session_id: str) -> list[Row]:
        """The executions the session saw, in order of time."""
        return self._of("v_fills", session_id, "at, exec_id")

    def alerts(self, session_id: str) -> list[Row]:
        """The session's alerts in order."""
        return self._of("alerts", session_id, "n")

    def _of(self, view: str, session_id: str, order: str) -> list[Row]:
        sql = f"SELECT * FROM {view} WHERE session_id = :id ORDER BY {order}"
        return self.rows(sql, {"id": session_id})

    # State and account

    def state(self) -> tuple[State, datetime | None, str, str]:
        """(state, since, actor, reason) in force; NORMAL where none was ever recorded."""
        rows = self.rows("SELECT at, state, actor, reason FROM states ORDER BY n DESC LIMIT 1")
        if not rows:
            return State.NORMAL, None, "", ""
        row = rows[0]
        return State(row["state"]), at_value(row["at"]), row["actor"], row["reason"]

    def last_clean_reconciliation(self, account_id: str) -> datetime | None:
        """When broker and ledger last agreed, if the last reconciliation was clean; else None."""
        rows = self.rows(
            "SELECT at, clean FROM reconciliations WHERE account_id = :a ORDER BY n DESC LIMIT 1",
            {"a": account_id},
        )
        return at_value(rows[0]["at"]) if rows and rows[0]["clean"] else None

    def positions(self, account_id: str) -> dict[str, int]:
        """Signed shares by symbol that the account's executions leave; none that are flat."""
        rows = self.rows(
            "SELECT symbol, sum(CASE action WHEN 'BUY' THEN shares ELSE -shares END) AS left_over "
            "FROM executions_now WHERE account_id = :a GROUP BY symbol HAVING left_over <> 0",
            {"a": account_id},
        )
        return {row["symbol"]: row["left_over"] for row in rows}

    def held(self, account_id: str) -> list[Row]:
        """The account's positions as v_positions shows them."""
        return self.rows(
            "SELECT * FROM v_positions WHERE account_id = :a ORDER BY symbol", {"a": account_id}
        )

    def filled_shares(self, account_id: str) -> dict[str, int]:
        """Shares executed by orderRef."""
        rows = self.rows(
            "SELECT order_ref, sum(shares) AS shares FROM executions_now "
            "WHERE account_id = :a GROUP BY order_ref",
            {"a": account_id},
        )
        return {row["order_ref"]: row["shares"] for row in rows}

    def open_intents(self, account_id: str) -> list[OpenIntent]:
        """Orders whose last recorded status is not an end, in the order of their intents."""
        marks = ", ".join(f"'{status}'" for status in TERMINAL)
        rows = self.rows(
            "SELECT i.*, coalesce(l.status, 'intent') AS status FROM intents i "
            "LEFT JOIN order_events l ON l.n = "
            "(SELECT max(p.n) FROM order_events p WHERE p.order_ref = i.order_ref) "
            f"WHERE i.account_id = :a AND coalesce(l.status, 'intent') NOT IN ({marks}) "
            "ORDER BY i.rowid",
            {"a": account_id},
        )
        return [_open_intent(row) for row in rows]

    def orders_since(self, at: datetime, account_id: str) -> int:
        """How many entries were intended since `at`."""
        sql = "SELECT count(*) FROM intents WHERE leg = 'entry' AND account_id = :a AND at >= :at"
        return int(self._one(sql, {"a": account_id, "at": at_text(at)}))

    def proposals_count(self, session_id: str) -> int:
        """How many proposals the session has made."""
        sql = "SELECT count(*) FROM proposals WHERE session_id = :id"
        return int(self._one(sql, {"id": session_id}))

    def usd_since(self, at: datetime) -> Decimal:
        """USD spent on model calls since `at`, all sessions."""
        rows = self.rows("SELECT usd FROM usages WHERE at >= :at", {"at": at_text(at)})
        return sum((Decimal(row["usd"]) for row in rows), Decimal(0))

    def stopped_out_since(self, at: datetime, account_id: str) -> dict[str, datetime]:
        """When each symbol was last left by its stop, since `at`."""
        rows = self.rows(
            "SELECT x.symbol, max(x.at) AS at "
            "FROM executions_now x JOIN intents i USING (order_ref) "
            "WHERE i.leg = 'stop' AND x.account_id = :a AND x.at >= :at GROUP BY x.symbol",
            {"a": account_id, "at": at_text(at)},
        )
        return {row["symbol"]: at_value(row["at"]) for row in rows}

    def last_day(self, account_id: str) -> Row | None:
        """The account's last trading day as v_day_pnl shows it."""
        rows = self.rows(
            "SELECT * FROM v_day_pnl WHERE account = :a ORDER BY trading_day DESC LIMIT 1",
            {"a": account_id},
        )
        return rows[0] if rows else None


def _open_intent(row: Row) -> OpenIntent:
    def price(name: str) -> Decimal | None:
        return None if row[name] is None else Decimal(row[name])

    return OpenIntent(
        order_ref=row["order_ref"],
        leg=Leg(row["leg"]),
        symbol=row["symbol"],
        market=Market(row["market"]),
        currency=row["currency"],
        action=Action(row["action"]),
        shares=row["shares"],
        limit_price=price("limit_price"),
        stop_price=price("stop_price"),
        status=OrderStatus(row["status"]),
    )
