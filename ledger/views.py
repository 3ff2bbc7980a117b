"""The views that others may rely on, made anew where they differ from this code."""

from __future__ import annotations

# The executions that count: a correction has the same root and a later suffix, and replaces.
EXECUTIONS_NOW = """
SELECT e.*, c.commission, c.currency AS commission_currency, c.realised_pnl
FROM executions e LEFT JOIN commissions c USING (exec_id)
WHERE e.exec_id = (SELECT max(l.exec_id) FROM executions l WHERE l.root = e.root)
"""

# The last event of an order; terms as last read back, else as intended.
ORDERS = """
SELECT i.order_ref, i.session_id, i.proposal_id, i.leg, i.action AS side, i.shares AS quantity,
       coalesce(
           (SELECT coalesce(p.limit_price, p.stop_price) FROM order_events p
            WHERE p.order_ref = i.order_ref AND coalesce(p.limit_price, p.stop_price) IS NOT NULL
            ORDER BY p.n DESC LIMIT 1),
           i.limit_price, i.stop_price) AS price,
       i.tif, coalesce(l.status, 'intent') AS status,
       coalesce((SELECT max(p.perm_id) FROM order_events p WHERE p.order_ref = i.order_ref), 0)
           AS perm_id,
       coalesce((SELECT sum(x.shares) FROM executions_now x WHERE x.order_ref = i.order_ref), 0)
           AS filled,
       (SELECT round(sum(x.shares * x.price) / sum(x.shares), 6) FROM executions_now x
        WHERE x.order_ref = i.order_ref) AS avg_price,
       coalesce(l.at, i.at) AS at, i.symbol, i.market, i.account_id, i.order_type,
       EXISTS (SELECT 1 FROM order_events p WHERE p.order_ref = i.order_ref AND p.perm_id > 0)
           OR EXISTS (SELECT 1 FROM executions_now x WHERE x.order_ref = i.order_ref)
           AS read_back
FROM intents i
LEFT JOIN order_events l
    ON l.n = (SELECT max(p.n) FROM order_events p WHERE p.order_ref = i.order_ref)
"""

VIEWS = {
    "executions_now": EXECUTIONS_NOW,
    "v_sessions": """
SELECT s.session_id, s.started_at, e.ended_at, coalesce(e.outcome, 'unfinished') AS outcome,
       e.exit_code, s.broker, s.dry, s.market, s.model, s.prompt_sha256, s.config_sha256,
       (SELECT count(*) FROM usages u WHERE u.session_id = s.session_id) AS turns,
       (SELECT coalesce(sum(u.input_tokens), 0) FROM usages u WHERE u.session_id = s.session_id)
           AS input_tokens,
       (SELECT coalesce(sum(u.output_tokens), 0) FROM usages u WHERE u.session_id = s.session_id)
           AS output_tokens,
       (SELECT coalesce(sum(u.cache_read_tokens), 0) FROM usages u
        WHERE u.session_id = s.session_id) AS cache_read_tokens,
       (SELECT coalesce(sum(u.usd), 0) FROM usages u WHERE u.session_id = s.session_id) AS usd,
       (SELECT count(*) FROM rulings r WHERE r.session_id = s.session_id) AS proposals,
       (SELECT count(*) FROM rulings r WHERE r.session_id = s.session_id AND r.approved)
           AS approved,
       (SELECT count(*) FROM rulings r WHERE r.session_id = s.session_id AND NOT r.approved)
           AS refused,
       e.pnl, s.account_id, e.detail
FROM sessions s LEFT JOIN session_ends e USING (session_id)
""",
    "v_steps": "SELECT session_id, step, at, kind, summary, body FROM steps",
    "v_checks": """
SELECT c.session_id, c.proposal_id, p.symbol, c.rule, c.ok, c.observed, c."limit", c.says, c.n
FROM checks c JOIN proposals p USING (session_id, proposal_id)
""",
    "v_orders": ORDERS,
    "v_fills": """
SELECT exec_id, order_ref, symbol, action AS side, shares, price, commission, currency, at,
       session_id, account_id, realised_pnl
FROM executions_now
""",
    "v_positions": """
WITH moves AS (
    SELECT account_id, symbol, market, action, shares, price, at, session_id,
           row_number() OVER account AS n,
           sum(CASE action WHEN 'BUY' THEN shares ELSE -shares END) OVER account AS running
    FROM executions_now
    WINDOW account AS (PARTITION BY account_id, symbol ORDER BY at, exec_id)
), held AS (  -- what has come since the account was last flat in the symbol
    SELECT account_id, symbol, market,
           sum(CASE action WHEN 'BUY' THEN shares ELSE -shares END) AS shares,
           sum(CASE action WHEN 'BUY' THEN shares * price ELSE 0 END) AS bought,
           sum(CASE action WHEN 'BUY' THEN shares ELSE 0 END) AS bought_shares,
           sum(CASE action WHEN 'SELL' THEN shares * price ELSE 0 END) AS sold,
           sum(CASE action WHEN 'SELL' THEN shares ELSE 0 END) AS sold_shares,
           min(at) AS opened_at, max(session_id) AS session_id
    FROM moves m
    WHERE m.n > coalesce((SELECT max(f.n) FROM moves f WHERE f.account_id = m.account_id
                          AND f.symbol = m.symbol AND f.running = 0), 0)
    GROUP BY account_id, symbol, market
)
SELECT h.symbol, h.market, h.shares,
       round(CASE WHEN h.shares > 0 THEN h.bought / h.bought_shares
                  ELSE h.sold / h.sold_shares END, 6) AS avg_price,
       (SELECT o.price FROM v_orders o WHERE o.account_id = h.account_id AND o.symbol = h.symbol
        AND o.leg = 'stop' AND o.status = 'resting' ORDER BY o.at DESC LIMIT 1) AS stop,
       (SELECT o.price FROM v_orders o WHERE o.account_id = h.account_id AND o.symbol = h.symbol
        AND o.leg = 'target' AND o.status = 'resting' ORDER BY o.at DESC LIMIT 1) AS target,
       min(abs(h.shares), coalesce((SELECT sum(o.quantity - o.filled) FROM v_orders o
           WHERE o.account_id = h.account_id AND o.symbol = h.symbol AND o.leg = 'stop'
           AND o.status = 'resting'), 0)) AS protected_shares,
       h.opened_at, h.session_id, h.account_id
FROM held h WHERE h.shares <> 0
""",
    "v_day_pnl": """
SELECT b.trading_day, b.account_id AS account, b.currency, b.baseline, m.realised, m.unrealised,
       m.fees,
       (SELECT coalesce(sum(u.usd), 0) FROM usages u JOIN sessions s USING (session_id)
        WHERE s.account_id = b.account_id AND substr(u.at, 1, 10) = b.trading_day) AS model_usd,
       m.realised + m.unrealised AS net
FROM day_baselines b
LEFT JOIN day_marks m ON m.n = (
    SELECT max(l.n) FROM day_marks l
    WHERE l.account_id = b.account_id AND l.trading_day = b.trading_day)
""",
    "v_states": "SELECT at, state, actor, reason, scope FROM states",
    "v_session_chain": """
SELECT p.session_id, p.proposal_id, p.at, p.intent, p.symbol, p.side, p.limit_price, p.stop_price,
       p.target_price, p.confidence, p.thesis, r.approved,
       (SELECT group_concat(c.rule, ', ') FROM checks c WHERE c.session_id = p.session_id
        AND c.proposal_id = p.proposal_id AND NOT c.ok) AS refused_by,
       (SELECT group_concat(o.leg || ' ' || o.status, ', ') FROM v_orders o
        WHERE o.session_id = p.session_id AND o.proposal_id = p.proposal_id) AS legs,
       (SELECT count(*) FROM executions_now x JOIN intents i USING (order_ref)
        WHERE i.session_id = p.session_id AND i.proposal_id = p.proposal_id) AS fills,
       (SELECT sum(x.realised_pnl) FROM executions_now x JOIN intents i USING (order_ref)
        WHERE i.session_id = p.session_id AND i.proposal_id = p.proposal_id) AS realised_pnl
FROM proposals p LEFT JOIN rulings r USING (session_id, proposal_id)
""",
}
