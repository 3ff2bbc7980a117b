"""What a session came to: one value for the summary, for --json and for the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from ledger import Ledger
from session.ending import Exit
from session.model import Model
from session.money import Meter

ORDER_FIELDS = (
    "order_ref",
    "proposal_id",
    "leg",
    "symbol",
    "side",
    "quantity",
    "price",
    "tif",
    "status",
    "filled",
    "read_back",
)
FILL_FIELDS = ("order_ref", "symbol", "side", "shares", "price", "commission", "currency", "at")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One session in numbers. Money in `currency`; tokens by kind."""

    session_id: str | None
    outcome: str
    exit_code: Exit
    says: str = ""
    broker: str = ""
    dry: bool = False
    model: str = ""
    model_note: str = ""
    market: str = ""
    loosened: Sequence[dict[str, str]] = ()
    turns: int = 0
    proposals: int = 0
    approved: int = 0
    refused: int = 0
    refusals: Sequence[dict[str, str]] = ()
    orders: Sequence[dict[str, Any]] = ()
    fills: Sequence[dict[str, Any]] = ()
    pnl: Decimal | None = None
    currency: str = ""
    usd: Decimal = Decimal(0)
    tokens: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The report with money as decimal text, ready for json.dumps."""
        row = asdict(self)
        row["exit_code"] = int(self.exit_code)
        row["pnl"] = None if self.pnl is None else f"{self.pnl:f}"
        row["usd"] = f"{self.usd:f}"
        return row


def report_of(
    ledger: Ledger, session_id: str, *, says: str, model: Model, meter: Meter, currency: str
) -> Report:
    """The report of a session that has ended, from the ledger."""
    row = ledger.session(session_id)
    if row is None:
        raise ValueError(f"session {session_id} is not in the ledger")
    checks = [check for check in ledger.checks(session_id) if not check["ok"]]
    first = {check["proposal_id"]: check for check in reversed(checks)}
    tokens = meter.tokens
    return Report(
        session_id=session_id,
        outcome=row["outcome"],
        exit_code=Exit(row["exit_code"]),
        says=says,
        broker=row["broker"],
        dry=bool(row["dry"]),
        model=model.name,
        model_note=model.note,
        market=row["market"],
        loosened=[
            {name: one[name] for name in ("key", "before", "after")}
            for one in ledger.drifts(session_id)
        ],
        turns=row["turns"],
        proposals=row["proposals"],
        approved=row["approved"],
        refused=row["refused"],
        refusals=[
            {name: first[number][name] for name in ("symbol", "rule", "says")}
            for number in sorted(first)
        ],
        orders=[
            {name: order[name] for name in ORDER_FIELDS} for order in ledger.orders(session_id)
        ],
        fills=[{name: fill[name] for name in FILL_FIELDS} for fill in ledger.fills(session_id)],
        pnl=None if row["pnl"] is None else Decimal(row["pnl"]),
        currency=currency,
        usd=meter.usd,
        tokens={
            "input": tokens.input,
            "output": tokens.output,
            "cache_read": tokens.cache_read,
            "cache_write": tokens.cache_write,
        },
    )


def lines(report: Report) -> list[str]:
    """The summary for a person, a line each."""
    said = [f"session {report.session_id}  {report.outcome}"]
    if report.says:
        said.append(f"  {report.says}")
    said.append(
        f"  broker     {report.broker}{' (dry run)' if report.dry else ''}, {report.market}"
    )
    said.append(f"  model      {_model(report)}")
    said.extend(
        f"  loosened   {one['key']} from {one['before']} to {one['after']} since the last session"
        for one in report.loosened
    )
    said.append(
        f"  proposals  {report.proposals}: {report.approved} approved, {report.refused} refused"
    )
    said.extend(
        f"             refused {one['symbol'] or '?'}: {one['rule']}: {one['says']}"
        for one in report.refusals
    )
    said.append(f"  orders     {_orders(report)}")
    said.extend(
        f"             {one['order_ref']}: {one['side']} {one['quantity']} {one['symbol']} "
        f"at {one['price']} {one['tif']}, {one['status']}"
        for one in report.orders
    )
    said.append(f"  fills      {len(report.fills)}")
    said.extend(
        f"             {one['side']} {one['shares']} {one['symbol']} at {one['price']} "
        f"{one['currency']}, fees {one['commission']}"
        for one in report.fills
    )
    pnl = "unknown" if report.pnl is None else f"{report.pnl:+.2f} {report.currency}"
    said.append(f"  P&L        {pnl}")
    said.append(f"  cost       {report.usd:.4f} USD, {sum(report.tokens.values())} tokens")
    said.append(f"  transcript .venv/bin/python agent.py review {report.session_id}")
    return said


def _model(report: Report) -> str:
    if report.model != "standin":
        return f"{report.model}, {report.turns} turns"
    note = f" ({report.model_note})" if report.model_note else ""
    return f"OFFLINE STAND-IN, rule-based, not Claude, {report.turns} turns{note}"


def _orders(report: Report) -> str:
    families: dict[int, set[str]] = {}
    for one in report.orders:
        if one["read_back"]:
            families.setdefault(one["proposal_id"], set()).add(one["leg"])
    whole = sum(1 for legs in families.values() if {"entry", "target", "stop"} <= legs)
    return f"{len(report.orders)}; {whole} brackets with three legs read back"
