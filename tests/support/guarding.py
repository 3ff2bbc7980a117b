"""A market, an account and a proposal for which every check passes; tests change one thing each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

from guardrails import rule
from guardrails.limits import Limits
from guardrails.terms import (
    Account,
    Hours,
    Instrument,
    Intent,
    Market,
    Position,
    Proposal,
    Quote,
    Side,
    State,
    Step,
    View,
    WorkingEntry,
)
from session.settings import load

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
US_LADDER = (Step(D("0"), D("0.0001")), Step(D("1"), D("0.01")))
HK_LADDER = (
    Step(D("0"), D("0.001")),
    Step(D("0.25"), D("0.005")),
    Step(D("10"), D("0.01")),
    Step(D("20"), D("0.02")),
    Step(D("50"), D("0.05")),
    Step(D("100"), D("0.1")),
    Step(D("200"), D("0.2")),
    Step(D("500"), D("0.5")),
)
LIMITS: Limits = load(ROOT / "config.yaml", environ={}).limits
AAPL = Instrument(
    symbol="AAPL",
    market=Market.US,
    con_id=265598,
    name="Apple",
    currency="USD",
    exchange="SMART",
    primary_exchange="NASDAQ",
    security_type="STK",
    stock_type="COMMON",
    sector="Technology",
    lot=1,
    ladder=US_LADDER,
    order_types=frozenset({"LMT", "STP", "MKT"}),
    hours=(Hours(NOW - timedelta(hours=1), NOW + timedelta(hours=5, minutes=30)),),
)
TENCENT = replace(
    AAPL,
    symbol="700",
    market=Market.HK,
    con_id=700,
    name="Tencent",
    currency="HKD",
    exchange="SEHK",
    primary_exchange="SEHK",
    lot=100,
    ladder=HK_LADDER,
)
QUOTE = Quote(
    bid=D("199.99"),
    ask=D("200.01"),
    last=D("200.00"),
    at=NOW,
    is_realtime=True,
    previous_close=D("196"),
)
HK_QUOTE = replace(QUOTE, bid=D("380.0"), ask=D("380.2"), last=D("380.0"), previous_close=D("376"))
ACCOUNT = Account(
    account_id="DU1",
    base_currency="USD",
    net_liquidation_base=D(100_000),
    available_funds_base=D(100_000),
    gross_position_value_base=D(0),
    maintenance_margin_base=D(0),
    day_pnl_base=D(0),
    fx={"HKD": D("0.128")},
)
VIEW = View(
    now=NOW,
    state=State.NORMAL,
    account=ACCOUNT,
    positions=(),
    entries=(),
    instrument=AAPL,
    quote=QUOTE,
    atr=D("4"),
    average_volume_shares=50_000_000,
    reconciled_at=NOW - timedelta(minutes=1),
    needs_keeper=True,
    keeper_at=NOW - timedelta(seconds=30),
)
HK_VIEW = replace(VIEW, instrument=TENCENT, quote=HK_QUOTE, atr=D("6"))
BUY = Proposal(
    intent=Intent.OPEN,
    symbol="AAPL",
    side=Side.LONG,
    limit_price=D("200.00"),
    stop_price=D("194.00"),
    target_price=D("212.00"),
    confidence=D("0.8"),
    thesis="Breakout above prior day high on volume.",
)
HK_BUY = replace(
    BUY,
    symbol="700",
    limit_price=D("380.0"),
    stop_price=D("370.0"),
    target_price=D("402.0"),
)
HELD = Position(
    symbol="AAPL",
    market=Market.US,
    con_id=265598,
    currency="USD",
    shares=20,
    average_price=D("198"),
    market_price=D("200"),
    sector="Technology",
    stop_price=D("194"),
    target_price=D("212"),
    protected_shares=20,
)
OTHER = replace(HELD, symbol="MSFT", con_id=272093)
ENTRY = WorkingEntry(
    symbol="MSFT",
    market=Market.US,
    currency="USD",
    side=Side.LONG,
    shares=10,
    limit_price=D("400"),
    stop_price=D("392"),
    sector="Technology",
)


def with_limits(**changes):
    """The configured limits with some of them changed."""
    return LIMITS.model_copy(update=changes)


def ruled(proposal=BUY, view=VIEW, limits=LIMITS):
    """The ruling on the plain case, or on a changed one."""
    return rule(proposal, view, limits)


def refused_by(ruling):
    """The names of the rules that refused, in order."""
    return [check.rule for check in ruling.refusals]


def check_of(ruling, rule):
    """One check of a ruling by its name."""
    [found] = [check for check in ruling.checks if check.rule == rule]
    return found
