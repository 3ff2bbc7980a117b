"""Is it a stock that may be traded now, on a quote that can be believed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Hours, Side
from tests.support.guarding import (
    AAPL,
    BUY,
    HK_BUY,
    HK_VIEW,
    NOW,
    QUOTE,
    VIEW,
    check_of,
    refused_by,
    ruled,
    with_limits,
)


def test_a_short_is_refused_by_default_and_always_on_sehk():
    short = replace(BUY, side=Side.SHORT, stop_price=D("206.00"), target_price=D("188.00"))
    assert refused_by(ruled(short)) == ["short_allowed"]
    hk_short = replace(HK_BUY, side=Side.SHORT, stop_price=D("390"), target_price=D("355"))
    allowed = with_limits(allow_short=True)
    assert "short_allowed" in refused_by(rule(hk_short, HK_VIEW, allowed))


@pytest.mark.parametrize(("minutes", "ok"), [(21, True), (20, True), (19, False)])
def test_no_entry_before_close_minutes(minutes, ok):
    hours = (Hours(NOW - timedelta(hours=1), NOW + timedelta(minutes=minutes)),)
    view = replace(VIEW, instrument=replace(AAPL, hours=hours))
    assert check_of(ruled(view=view), "session_open").ok is ok


def test_lunch_and_unknown_hours_are_closed():
    lunch = (
        Hours(NOW - timedelta(hours=3), NOW),
        Hours(NOW + timedelta(hours=1), NOW + timedelta(hours=4)),
    )
    view = replace(VIEW, instrument=replace(AAPL, hours=lunch))
    assert refused_by(ruled(view=view)) == ["session_open"]
    assert "opens at 2026-11-20 16:30" in check_of(ruled(view=view), "session_open").says
    nothing = replace(VIEW, instrument=replace(AAPL, hours=()))
    assert refused_by(ruled(view=nothing)) == ["session_open"]


@pytest.mark.parametrize(
    "changes",
    [
        {"security_type": "WAR"},
        {"stock_type": ""},
        {"stock_type": "ETN"},
        {"lot": None},
        {"lot": 0},
        {"con_id": 0},
    ],
)
def test_what_is_not_a_known_stock_is_refused(changes):
    view = replace(VIEW, instrument=replace(AAPL, **changes))
    assert "instrument_known" in refused_by(ruled(view=view))
    assert ruled(view=view).ticket is None


def test_a_view_of_another_stock_is_no_view():
    ruling = ruled(replace(BUY, symbol="MSFT"))
    assert ruling.ticket is None
    assert "instrument_known" in refused_by(ruling)


def test_restricted_symbols_are_refused():
    assert refused_by(ruled(limits=with_limits(restricted=("AAPL",)))) == ["instrument_known"]


@pytest.mark.parametrize(("seconds", "ok"), [(15, True), (16, False), (-1, False)])
def test_quote_age_seconds_max(seconds, ok):
    view = replace(VIEW, quote=replace(QUOTE, at=NOW - timedelta(seconds=seconds)))
    assert check_of(ruled(view=view), "quote_usable").ok is ok


@pytest.mark.parametrize(("ask", "ok"), [("201.19", True), ("201.20", True), ("201.22", False)])
def test_spread_bps_max(ask, ok):
    quote = replace(QUOTE, bid=D("199.99"), ask=D(ask))
    limits = with_limits(spread_bps_max=(D("1.21") / D("200.595") * 10_000))
    assert check_of(ruled(view=replace(VIEW, quote=quote), limits=limits), "quote_usable").ok is ok


@pytest.mark.parametrize(
    "quote",
    [
        None,
        replace(QUOTE, bid=None),
        replace(QUOTE, ask=None),
        replace(QUOTE, bid=D("200.02")),
        replace(QUOTE, bid=D("NaN")),
    ],
)
def test_no_usable_quote_is_a_refusal_and_never_a_pass(quote):
    ruling = ruled(view=replace(VIEW, quote=quote))
    assert ruling.ticket is None
    assert "quote_usable" in refused_by(ruling)


def test_delayed_quotes_need_permission():
    view = replace(VIEW, quote=replace(QUOTE, is_realtime=False))
    assert refused_by(ruled(view=view)) == ["quote_usable"]
    assert ruled(view=view, limits=with_limits(allow_delayed=True)).approved


@pytest.mark.parametrize(("volume", "ok"), [(20_000, True), (19_999, False), (None, False)])
def test_average_volume_shares_min(volume, ok):
    ruling = ruled(view=replace(VIEW, average_volume_shares=volume))
    assert check_of(ruling, "liquidity").ok is ok


def test_a_contract_that_cannot_rest_a_stop_is_refused():
    view = replace(VIEW, instrument=replace(AAPL, order_types=frozenset({"LMT", "MKT"})))
    assert refused_by(ruled(view=view)) == ["order_type_supported"]
    unknown = replace(VIEW, instrument=replace(AAPL, order_types=frozenset()))
    assert refused_by(ruled(view=unknown)) == ["order_type_supported"]
