"""What each check of an opening says: what was observed, the limit, and what would pass."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest

from guardrails import rule
from guardrails.terms import Hours, Side, State
from tests.support.guarding import (
    AAPL,
    ACCOUNT,
    BUY,
    ENTRY,
    HELD,
    HK_BUY,
    HK_VIEW,
    LIMITS,
    NOW,
    OTHER,
    QUOTE,
    TENCENT,
    VIEW,
    check_of,
    with_limits,
)


def asked(**changes):
    return replace(BUY, **changes)


def seen(**changes):
    return replace(VIEW, **changes)


def instrument(**changes):
    return seen(instrument=replace(AAPL, **changes))


def quoted(**changes):
    return seen(quote=replace(QUOTE, **changes))


# A dear stock, so that a hundredth of a basis point shows.
DEAR = seen(
    quote=replace(QUOTE, bid=D("19999.80"), ask=D("20000.01"), last=D("20000")), atr=D("333")
)
FAR = asked(
    limit_price=D("20500.37"),
    stop_price=D("20501"),
    target_price=D("19000"),
    confidence=D("0.123"),
)

PASSED = """
well_formed          complete                 complete
state_allows         NORMAL                   NORMAL
keeper_alive         30 s                     0..90 s
reconciled           60 s                     0..7200 s
live_lock            0 unmet                  0 unmet
session_open         open, 330 min left       open for 20 more min
instrument_known     STK COMMON               a qualified stock, COMMON|ETF|ADR|REIT
side_known           long is BUY              long|short
short_allowed        long                     long
quote_usable         0 s old, 1 bps wide      real-time, <= 15 s old, <= 60 bps wide
liquidity            50000000 a day, 0.000 %  >= 20000 shares a day, order <= 1 % of them
order_type_supported LMT, STP                 LMT, STP
entry_in_collar      +0.0 bps                 within 100 bps of mid
stop_protects        300.0 bps, 600 ticks     30..800 bps and >= 3 ticks
target_pays          1.96                     reward/risk >= 1.5, target within 3000 bps
second_target        none                     beyond the first, within 3000 bps, two lots
confidence_min       0.8                      >= 0.7
not_duplicate        none                     no position, no entry, 60 min after a stop
positions_max        0 + 1                    <= 5
position_value       5000.00                  <= 5000.00 base
position_risk        152.11                   <= 400.00 base
sector_exposure      5000.00                  <= 10000.00 base
gross_exposure       5000.00                  <= 25000.00 base
margin_use           5000.00                  <= 90000.00 base
buying_power         5000.00                  <= 100000.00 base
day_loss_headroom    152.11                   <= 2000.00 base
orders_rate          0 + 1                    <= 4 a minute
orders_day           0 + 1                    <= 20 a day
proposals_session    0 + 1                    <= 12 a session
"""


def test_what_passes_is_said_in_numbers_and_without_a_sentence():
    said = [
        f"{check.rule:<20} {check.observed:<24} {check.limit}"
        for check in rule(BUY, VIEW, LIMITS).checks
        if check.ok and not check.says
    ]
    assert said == PASSED.strip().splitlines()


# One line of checks_words.txt each, in its order.
CASES = (
    ("well_formed", BUY, instrument(ladder=()), LIMITS),
    ("state_allows", BUY, seen(state=State.HALTED), LIMITS),
    ("reconciled", BUY, seen(reconciled_at=None), LIMITS),
    ("reconciled", BUY, seen(reconciled_at=NOW - timedelta(seconds=7200, microseconds=1)), LIMITS),
    ("session_open", BUY, instrument(hours=()), LIMITS),
    (
        "session_open",
        BUY,
        instrument(
            hours=(Hours(NOW - timedelta(hours=2), NOW + timedelta(minutes=19, seconds=59)),)
        ),
        LIMITS,
    ),
    (
        "session_open",
        BUY,
        instrument(
            hours=(
                Hours(NOW - timedelta(hours=2), NOW),
                Hours(NOW + timedelta(days=2), NOW + timedelta(days=3)),
                Hours(NOW + timedelta(days=1), NOW + timedelta(days=1, hours=1)),
            )
        ),
        LIMITS,
    ),
    ("session_open", BUY, instrument(hours=(Hours(NOW - timedelta(hours=2), NOW),)), LIMITS),
    ("instrument_known", BUY, seen(instrument=None), LIMITS),
    ("instrument_known", BUY, instrument(security_type="", stock_type="", lot=None), LIMITS),
    ("instrument_known", BUY, instrument(stock_type="ETN"), LIMITS),
    ("instrument_known", BUY, instrument(lot=0), LIMITS),
    ("instrument_known", BUY, VIEW, with_limits(restricted=("AAPL",))),
    ("short_allowed", asked(side=Side.SHORT), VIEW, LIMITS),
    ("side_known", asked(side=Side.SHORT), VIEW, LIMITS),
    ("quote_usable", BUY, seen(quote=None), LIMITS),
    ("quote_usable", BUY, quoted(bid=D(0)), LIMITS),
    ("quote_usable", BUY, quoted(bid=D("200.02")), LIMITS),
    ("quote_usable", BUY, quoted(last=D(-1)), LIMITS),
    ("quote_usable", BUY, quoted(is_realtime=False), LIMITS),
    ("quote_usable", BUY, quoted(at=NOW - timedelta(seconds=15, microseconds=1)), LIMITS),
    ("quote_usable", BUY, quoted(ask=D("201.33")), LIMITS),
    ("liquidity", BUY, seen(average_volume_shares=None), LIMITS),
    ("liquidity", BUY, seen(average_volume_shares=19999), LIMITS),
    ("liquidity", BUY, seen(average_volume_shares=0), LIMITS),
    ("liquidity", BUY, seen(average_volume_shares=20001), LIMITS),
    ("order_type_supported", BUY, instrument(order_types=frozenset()), LIMITS),
    ("order_type_supported", BUY, instrument(order_types=frozenset({"MKT"})), LIMITS),
    ("order_type_supported", BUY, instrument(order_types=frozenset({"LMT"})), LIMITS),
    ("entry_in_collar", BUY, seen(quote=None), LIMITS),
    ("entry_in_collar", asked(limit_price=D("202.02")), VIEW, LIMITS),
    ("entry_in_collar", asked(limit_price=D("0.00005"), stop_price=D("0.00004")), VIEW, LIMITS),
    ("entry_in_collar", replace(HK_BUY, limit_price=D("9995.01")), HK_VIEW, LIMITS),
    ("stop_protects", BUY, instrument(ladder=()), LIMITS),
    ("stop_protects", asked(stop_price=D("199.95")), VIEW, LIMITS),
    ("stop_protects", asked(side=Side.SHORT), VIEW, LIMITS),
    ("stop_protects", asked(limit_price=D("201.00"), stop_price=D("200.30")), VIEW, LIMITS),
    ("target_pays", BUY, instrument(ladder=()), LIMITS),
    ("target_pays", asked(target_price=D("207.77")), VIEW, LIMITS),
    ("target_pays", asked(target_price=D("207.77"), target_price_2=D("208.11")), VIEW, LIMITS),
    ("second_target", asked(target_price_2=D("220")), instrument(ladder=()), LIMITS),
    ("confidence_min", asked(confidence=None), VIEW, LIMITS),
    ("confidence_min", asked(confidence=D("0.6999")), VIEW, LIMITS),
    ("not_duplicate", BUY, seen(positions=(HELD,)), LIMITS),
    ("not_duplicate", BUY, seen(entries=(replace(ENTRY, symbol="AAPL"),)), LIMITS),
    (
        "not_duplicate",
        BUY,
        seen(stopped_out_at={"AAPL": NOW - timedelta(minutes=59, seconds=59)}),
        LIMITS,
    ),
    (
        "positions_max",
        BUY,
        seen(
            positions=(OTHER, replace(OTHER, symbol="B")),
            entries=(
                ENTRY,
                replace(ENTRY, symbol="C"),
                replace(ENTRY, symbol="D"),
                replace(ENTRY, symbol="E"),
            ),
        ),
        LIMITS,
    ),
    ("position_value", BUY, seen(atr=None), LIMITS),
    ("position_value", HK_BUY, replace(HK_VIEW, instrument=replace(TENCENT, lot=200)), LIMITS),
    ("position_risk", BUY, seen(atr=None), LIMITS),
    ("sector_exposure", BUY, instrument(sector=""), LIMITS),
    (
        "sector_exposure",
        BUY,
        seen(account=replace(ACCOUNT, fx={}), positions=(replace(OTHER, currency="EUR"),)),
        LIMITS,
    ),
    (
        "gross_exposure",
        BUY,
        seen(
            positions=(
                replace(
                    OTHER,
                    shares=124,
                    protected_shares=124,
                    sector="Energy",
                    market_price=D("200.01"),
                ),
            )
        ),
        LIMITS,
    ),
    (
        "margin_use",
        BUY,
        seen(account=replace(ACCOUNT, maintenance_margin_base=D("89999.99"))),
        LIMITS,
    ),
    ("buying_power", BUY, seen(account=replace(ACCOUNT, available_funds_base=D("199.99"))), LIMITS),
    ("day_loss_headroom", BUY, seen(account=replace(ACCOUNT, day_pnl_base=D("-1999.99"))), LIMITS),
    ("orders_rate", BUY, seen(orders_last_minute=4), LIMITS),
    ("orders_day", BUY, seen(orders_today=20), LIMITS),
    ("proposals_session", BUY, seen(proposals_this_session=12), LIMITS),
    ("orders_rate", BUY, seen(orders_last_minute=-1), LIMITS),
    ("entry_in_collar", FAR, DEAR, LIMITS),
    ("stop_protects", FAR, DEAR, LIMITS),
    ("target_pays", FAR, DEAR, LIMITS),
)
WORDS = (Path(__file__).parent / "checks_words.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(("case", "words"), list(zip(CASES, WORDS, strict=True)))
def test_what_a_check_says(case, words):
    name, *ruled = case
    check = check_of(rule(*ruled), name)
    verdict = "passes" if check.ok else "refuses"
    said = " | ".join((name, verdict, check.observed, check.limit, check.says))
    assert said.rstrip() == words


def test_every_check_that_can_refuse_is_among_them():
    refusing = {line.split(" | ")[0] for line in WORDS if " | refuses | " in line}
    elsewhere = {"keeper_alive", "live_lock"}  # test_guarded.py
    names = {check.rule for check in rule(BUY, VIEW, LIMITS).checks}
    assert refusing | elsewhere | {"side_known"} == names
