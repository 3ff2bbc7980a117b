"""The facts that are added to the ledger, one method each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from guardrails.terms import Action, Execution, Leg, Market, OrderStatus, Proposal, Ruling, State
from ledger.opening import LedgerError, open_writable
from ledger.reads import Reader
from ledger.values import at_text, json_text, money_text, setting_text


class Ledger(Reader):
    """A ledger that facts can be added to. Each is durable when its method returns."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """The ledger at `path`, made if it is not there. Raises LedgerError with one line."""
        return cls(open_writable(path))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Inside, all facts are added, or none. Not nested."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            if self._db.conn.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> sqlite3.Cursor:
        try:
            cursor: sqlite3.Cursor = self._db.conn.execute(sql, parameters)
        except sqlite3.IntegrityError:
            raise  # a fact that contradicts another one: we are wrong, not the disk
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger cannot be written: {error}") from error
        return cursor

    def _add(self, table: str, **row: Any) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        self._execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])

    def _add_once(self, table: str, **row: Any) -> bool:
        """Whether the row was new; a known key is left as it is."""
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        return self._execute(sql, [*row.values()]).rowcount == 1

    # Sessions

    def start_session(
        self,
        *,
        session_id: str,
        started_at: datetime,
        broker: str,
        dry: bool,
        market: str,
        model: str,
        prompt_sha256: str,
        config_sha256: str,
        account_id: str,
        versions: Mapping[str, str],
    ) -> None:
        """A session began."""
        self._add(
            "sessions",
            session_id=session_id,
            started_at=at_text(started_at),
            broker=broker,
            dry=int(dry),
            market=market,
            model=model,
            prompt_sha256=prompt_sha256,
            config_sha256=config_sha256,
            account_id=account_id,
            versions=json_text(versions),
        )

    def end_session(
        self,
        session_id: str,
        *,
        ended_at: datetime,
        outcome: str,
        exit_code: int,
        pnl_base: Decimal | None,
        detail: str,
    ) -> None:
        """A session ended; only the first end counts."""
        self._add_once(
            "session_ends",
            session_id=session_id,
            ended_at=at_text(ended_at),
            outcome=outcome,
            exit_code=exit_code,
            pnl=money_text(pnl_base),
            detail=detail,
        )

    def add_config(self, config_sha256: str, *, at: datetime, body: str) -> None:
        """Settings a session runs under, as JSON without secrets; once for each fingerprint."""
        self._add_once("configs", config_sha256=config_sha256, at=at_text(at), body=body)

    def add_drift(
        self, session_id: str, *, at: datetime, key: str, before: Any, after: Any
    ) -> None:
        """A setting of the session that is looser than in the session before it."""
        self._add(
            "drifts",
            session_id=session_id,
            at=at_text(at),
            key=key,
            before=setting_text(before),
            after=setting_text(after),
        )

    def add_step(
        self, session_id: str, *, at: datetime, kind: str, summary: str, body: Mapping[str, Any]
    ) -> int:
        """A step of the transcript; returns its number in the session, from 1."""
        sql = (
            "INSERT INTO steps "
            "SELECT :session, coalesce(max(step), 0) + 1, :at, :kind, :summary, :body "
            "FROM steps WHERE session_id = :session RETURNING step"
        )
        row = {
            "session": session_id,
            "at": at_text(at),
            "kind": kind,
            "summary": _text(summary),
            "body": json_text(body),
        }
        cursor = self._execute(sql, row)
        return int(cursor.fetchall()[0][0])

    def add_exchange(
        self,
        session_id: str,
        *,
        at: datetime,
        attempt: int,
        direction: str,
        url: str,
        headers: Mapping[str, str],
        sha256: str,
        status: int | None,
        milliseconds: int | None,
        body: bytes,
    ) -> None:
        """One direction of one HTTP attempt on the model's wire, raw."""
        self._add(
            "exchanges",
            session_id=session_id,
            at=at_text(at),
            attempt=attempt,
            direction=direction,
            url=url,
            headers=json_text(headers),
            sha256=sha256,
            status=status,
            milliseconds=milliseconds,
            body=body,
        )

    def add_usage(
        self,
        session_id: str,
        *,
        at: datetime,
        model: str,
        input_tokens: int,
        output_tokens: int,
        cache_read_tokens: int,
        cache_write_tokens: int,
        usd: Decimal,
    ) -> None:
        """What one answer of the model used and cost."""
        self._add(
            "usages",
            session_id=session_id,
            at=at_text(at),
            model=model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=cache_read_tokens,
            cache_write_tokens=cache_write_tokens,
            usd=money_text(usd),
        )

    # Proposals and rulings

    def add_proposal(
        self, session_id: str, *, at: datetime, raw: str, proposal: Proposal | None
    ) -> int:
        """What the model proposed, readable or not; returns its number in the session, from 1."""
        fields: dict[str, Any] = {}
        if proposal is not None:
            fields = {
                "intent": proposal.intent.value,
                "symbol": proposal.symbol,
                "side": proposal.side.value,
                "limit_price": money_text(proposal.limit_price),
                "stop_price": money_text(proposal.stop_price),
                "target_price": money_text(proposal.target_price),
                "target_price_2": money_text(proposal.target_price_2),
                "confidence": money_text(proposal.confidence),
                "thesis": proposal.thesis,
            }
        number = self.proposals_count(session_id) + 1
        self._add(
            "proposals",
            session_id=session_id,
            proposal_id=number,
            at=at_text(at),
            raw=_text(raw),
            **fields,
        )
        return number

    def add_ruling(
        self, session_id: str, proposal_id: int, *, at: datetime, ruling: Ruling
    ) -> None:
        """The verdict with every check. To be called inside a transaction."""
        self._add(
            "rulings",
            session_id=session_id,
            proposal_id=proposal_id,
            at=at_text(at),
            approved=int(ruling.approved),
            ticket=None if ruling.ticket is None else json_text(ruling.ticket),
            sizing=None if ruling.sizing is None else json_text(ruling.sizing),
        )
        for n, check in enumerate(ruling.checks, start=1):
            self._add(
                "checks",
                session_id=session_id,
                proposal_id=proposal_id,
                n=n,
                rule=check.rule,
                ok=int(check.ok),
                observed=check.observed,
                limit=check.limit,
                says=check.says,
            )

    # Orders

    def add_intent(
        self,
        *,
        order_ref: str,
        session_id: str,
        proposal_id: int,
        at: datetime,
        leg: Leg,
        account_id: str,
        symbol: str,
        market: Market,
        con_id: int,
        currency: str,
        action: Action,
        shares: int,
        order_type: str,
        limit_price: Decimal | None,
        stop_price: Decimal | None,
        tif: str,
        oca_group: str,
        parent_ref: str,
    ) -> None:
        """An order is about to be sent. Raises sqlite3.IntegrityError for a known orderRef."""
        self._add(
            "intents",
            order_ref=order_ref,
            session_id=session_id,
            proposal_id=proposal_id,
            at=at_text(at),
            leg=leg.value,
            account_id=account_id,
            symbol=symbol,
            market=market.value,
            con_id=con_id,
            currency=currency,
            action=action.value,
            shares=shares,
            order_type=order_type,
            limit_price=money_text(limit_price),
            stop_price=money_text(stop_price),
            tif=tif,
            oca_group=oca_group,
            parent_ref=parent_ref,
        )

    def add_order_event(
        self,
        *,
        order_ref: str,
        at: datetime,
        status: OrderStatus,
        perm_id: int = 0,
        order_id: int = 0,
        client_id: int = 0,
        broker_status: str = "",
        filled_shares: int = 0,
        average_price: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        note: str = "",
    ) -> None:
        """One event in the life of an order whose intent stands in the ledger."""
        self._add(
            "order_events",
            order_ref=order_ref,
            at=at_text(at),
            status=status.value,
            perm_id=perm_id,
            order_id=order_id,
            client_id=client_id,
            broker_status=broker_status,
            filled_shares=filled_shares,
            average_price=money_text(average_price),
            limit_price=money_text(limit_price),
            stop_price=money_text(stop_price),
            note=_text(note),
        )

    def add_execution(
        self, session_id: str | None, *, seen_at: datetime, execution: Execution
    ) -> bool:
        """Whether the execution was new; a known execId changes nothing."""
        return self._add_once(
            "executions",
            exec_id=execution.exec_id,
            root=execution.root,
            session_id=session_id,
            seen_at=at_text(seen_at),
            order_ref=execution.order_ref,
            perm_id=execution.perm_id,
            account_id=execution.account_id,
            symbol=execution.symbol,
            market=execution.market.value,
            currency=execution.currency,
            action=execution.action.value,
            shares=execution.shares,
            price=money_text(execution.price),
            at=at_text(execution.at),
        )

    def add_commission(
        self,
        *,
        exec_id: str,
        at: datetime,
        commission: Decimal,
        currency: str,
        realised_pnl: Decimal | None,
    ) -> bool:
        """Whether the commission report was new."""
        return self._add_once(
            "commissions",
            exec_id=exec_id,
            at=at_text(at),
            commission=money_text(commission),
            currency=currency,
            realised_pnl=money_text(realised_pnl),
        )

    # Account, state, alerts

    def add_reconciliation(
        self,
        *,
        session_id: str | None,
        at: datetime,
        account_id: str,
        clean: bool,
        findings: Sequence[Mapping[str, Any]],
    ) -> None:
        """Broker and ledger were compared on complete reads."""
        self._add(
            "reconciliations",
            session_id=session_id,
            at=at_text(at),
            account_id=account_id,
            clean=int(clean),
            findings=json_text(list(findings)),
        )

    def add_state(self, *, at: datetime, state: State, actor: str, reason: str, scope: str) -> None:
        """The desk's state from now on."""
        self._add(
            "states",
            at=at_text(at),
            state=state.value,
            actor=_text(actor),
            reason=_text(reason),
            scope=scope,
        )

    def add_alert(
        self, *, session_id: str | None, at: datetime, event: str, severity: str, text: str
    ) -> None:
        """Something a person should know of."""
        self._add(
            "alerts",
            session_id=session_id,
            at=at_text(at),
            event=event,
            severity=severity,
            text=_text(text),
        )

    def add_day_baseline(
        self, *, account_id: str, trading_day: date, at: datetime, baseline: Decimal, currency: str
    ) -> bool:
        """Whether this is the day's baseline; only the first of a day is."""
        return self._add_once(
            "day_baselines",
            account_id=account_id,
            trading_day=trading_day.isoformat(),
            at=at_text(at),
            baseline=money_text(baseline),
            currency=currency,
        )

    def add_day_mark(
        self,
        *,
        account_id: str,
        trading_day: date,
        at: datetime,
        realised: Decimal,
        unrealised: Decimal,
        fees: Decimal,
        currency: str,
    ) -> None:
        """The day's profit and loss so far."""
        self._add(
            "day_marks",
            account_id=account_id,
            trading_day=trading_day.isoformat(),
            at=at_text(at),
            realised=money_text(realised),
            unrealised=money_text(unrealised),
            fees=money_text(fees),
            currency=currency,
        )


def _text(text: str) -> str:
    """Text that SQLite can hold: a lone surrogate would stop the write."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
