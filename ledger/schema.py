"""The tables of the ledger, version by version. Facts are only ever added: triggers see to it.

Money and prices are decimal text (a float would lose digits), times are UTC ISO 8601 with
microseconds and Z, so that text order is time order. Booleans are 0 and 1. Bodies are JSON.
"""

from __future__ import annotations

VERSION_1 = """
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY, started_at TEXT NOT NULL, broker TEXT NOT NULL,
    dry INTEGER NOT NULL, market TEXT NOT NULL, model TEXT NOT NULL,
    prompt_sha256 TEXT NOT NULL, config_sha256 TEXT NOT NULL, account_id TEXT NOT NULL,
    versions TEXT NOT NULL
) STRICT;
CREATE TABLE session_ends (
    session_id TEXT PRIMARY KEY REFERENCES sessions, ended_at TEXT NOT NULL,
    outcome TEXT NOT NULL, exit_code INTEGER NOT NULL, pnl TEXT, detail TEXT NOT NULL
) STRICT;
CREATE TABLE steps (
    session_id TEXT NOT NULL REFERENCES sessions, step INTEGER NOT NULL, at TEXT NOT NULL,
    kind TEXT NOT NULL, summary TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (session_id, step)
) STRICT;
CREATE TABLE exchanges (
    n INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions, at TEXT NOT NULL,
    attempt INTEGER NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('req', 'resp', 'err')),
    url TEXT NOT NULL, headers TEXT NOT NULL, sha256 TEXT NOT NULL, status INTEGER,
    milliseconds INTEGER, body BLOB NOT NULL
) STRICT;
CREATE TABLE usages (
    n INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions, at TEXT NOT NULL,
    model TEXT NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, usd TEXT NOT NULL
) STRICT;
CREATE TABLE proposals (
    session_id TEXT NOT NULL REFERENCES sessions, proposal_id INTEGER NOT NULL, at TEXT NOT NULL,
    raw TEXT NOT NULL, intent TEXT, symbol TEXT, side TEXT, limit_price TEXT, stop_price TEXT,
    target_price TEXT, confidence TEXT, thesis TEXT,
    PRIMARY KEY (session_id, proposal_id)
) STRICT;
CREATE TABLE rulings (
    session_id TEXT NOT NULL, proposal_id INTEGER NOT NULL, at TEXT NOT NULL,
    approved INTEGER NOT NULL, ticket TEXT, sizing TEXT,
    PRIMARY KEY (session_id, proposal_id),
    FOREIGN KEY (session_id, proposal_id) REFERENCES proposals
) STRICT;
CREATE TABLE checks (
    session_id TEXT NOT NULL, proposal_id INTEGER NOT NULL, n INTEGER NOT NULL,
    rule TEXT NOT NULL, ok INTEGER NOT NULL, observed TEXT NOT NULL, "limit" TEXT NOT NULL,
    says TEXT NOT NULL,
    PRIMARY KEY (session_id, proposal_id, n),
    FOREIGN KEY (session_id, proposal_id) REFERENCES rulings
) STRICT;
CREATE TABLE intents (
    order_ref TEXT PRIMARY KEY, session_id TEXT NOT NULL, proposal_id INTEGER NOT NULL,
    at TEXT NOT NULL, leg TEXT NOT NULL, account_id TEXT NOT NULL, symbol TEXT NOT NULL,
    market TEXT NOT NULL, con_id INTEGER NOT NULL, currency TEXT NOT NULL, action TEXT NOT NULL,
    shares INTEGER NOT NULL, order_type TEXT NOT NULL, limit_price TEXT, stop_price TEXT,
    tif TEXT NOT NULL, oca_group TEXT NOT NULL, parent_ref TEXT NOT NULL,
    FOREIGN KEY (session_id, proposal_id) REFERENCES proposals
) STRICT;
CREATE TABLE order_events (
    n INTEGER PRIMARY KEY, order_ref TEXT NOT NULL REFERENCES intents, at TEXT NOT NULL,
    status TEXT NOT NULL, perm_id INTEGER NOT NULL, order_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL, broker_status TEXT NOT NULL, filled_shares INTEGER NOT NULL,
    average_price TEXT, limit_price TEXT, stop_price TEXT, note TEXT NOT NULL
) STRICT;
CREATE INDEX order_events_of ON order_events (order_ref, n);
CREATE TABLE executions (
    exec_id TEXT PRIMARY KEY, root TEXT NOT NULL, session_id TEXT REFERENCES sessions,
    seen_at TEXT NOT NULL, order_ref TEXT NOT NULL, perm_id INTEGER NOT NULL,
    account_id TEXT NOT NULL, symbol TEXT NOT NULL, market TEXT NOT NULL, currency TEXT NOT NULL,
    action TEXT NOT NULL, shares INTEGER NOT NULL, price TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX executions_of ON executions (account_id, symbol, at);
CREATE TABLE commissions (
    exec_id TEXT PRIMARY KEY REFERENCES executions, at TEXT NOT NULL, commission TEXT NOT NULL,
    currency TEXT NOT NULL, realised_pnl TEXT
) STRICT;
CREATE TABLE reconciliations (
    n INTEGER PRIMARY KEY, session_id TEXT REFERENCES sessions, at TEXT NOT NULL,
    account_id TEXT NOT NULL, clean INTEGER NOT NULL, findings TEXT NOT NULL
) STRICT;
CREATE TABLE states (
    n INTEGER PRIMARY KEY, at TEXT NOT NULL, state TEXT NOT NULL, actor TEXT NOT NULL,
    reason TEXT NOT NULL, scope TEXT NOT NULL
) STRICT;
CREATE TABLE alerts (
    n INTEGER PRIMARY KEY, session_id TEXT REFERENCES sessions, at TEXT NOT NULL,
    event TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE day_baselines (
    account_id TEXT NOT NULL, trading_day TEXT NOT NULL, at TEXT NOT NULL,
    baseline TEXT NOT NULL, currency TEXT NOT NULL,
    PRIMARY KEY (account_id, trading_day)
) STRICT;
CREATE TABLE day_marks (
    n INTEGER PRIMARY KEY, account_id TEXT NOT NULL, trading_day TEXT NOT NULL, at TEXT NOT NULL,
    realised TEXT NOT NULL, unrealised TEXT NOT NULL, fees TEXT NOT NULL, currency TEXT NOT NULL
) STRICT;
"""

# A proposal may name a second target.
VERSION_2 = """
ALTER TABLE proposals ADD COLUMN target_price_2 TEXT;
"""

# The settings that each session ran under, and every limit that was looser than the time before.
VERSION_3 = """
CREATE TABLE configs (
    config_sha256 TEXT PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE drifts (
    n INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions, at TEXT NOT NULL,
    "key" TEXT NOT NULL, "before" TEXT NOT NULL, "after" TEXT NOT NULL
) STRICT;
"""

# The tables of facts, by the version that they came with.
FACTS = (
    "sessions",
    "session_ends",
    "steps",
    "exchanges",
    "usages",
    "proposals",
    "rulings",
    "checks",
    "intents",
    "order_events",
    "executions",
    "commissions",
    "reconciliations",
    "states",
    "alerts",
    "day_baselines",
    "day_marks",
)
FACTS_OF_3 = ("configs", "drifts")


def no_change(table: str) -> str:
    """The triggers that refuse a change or a removal of a fact in `table`."""
    return "".join(
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'facts of {table} are only added'); END;\n"
        for act in ("UPDATE", "DELETE")
    )
