"""Each check at both sides of its edges, and without each thing that it looks at."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.case import build
from guardrails.checks.desk import keeper_alive, reconciled, well_formed
from guardrails.checks.instrument import (
    instrument_known,
    liquidity,
    order_type_supported,
    quote_usable,
    session_open,
    short_allowed,
)
from guardrails.checks.pace import orders_day
from guardrails.checks.prices import entry_in_collar, second_target, stop_protects, target_pays
from guardrails.terms import Hours, Part, Side, Step
from tests.support.guarding import (
    AAPL,
    BUY,
    HK_BUY,
    HK_QUOTE,
    HK_VIEW,
    LIMITS,
    NOW,
    QUOTE,
    TENCENT,
    VIEW,
    check_of,
    with_limits,
)

TWO = replace(BUY, target_price_2=D("220.00"))
SHORT = replace(BUY, side=Side.SHORT, stop_price=D("206"), target_price=D("188"))
SHORTS = with_limits(allow_short=True)
CASE = build(BUY, VIEW, LIMITS)
HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)


def quoted(**changes):
    """The plain case with another quote and the middle that it had."""
    return CASE._replace(quote=replace(QUOTE, **changes))


def listed(**changes):
    return CASE._replace(instrument=replace(AAPL, **changes))


# Without one of the things that a check looks at, whatever the others are


@pytest.mark.parametrize(
    ("check", "fields"),
    [
        (entry_in_collar, ("instrument", "entry", "mid")),
        (stop_protects, ("entry", "stop", "tick")),
        (target_pays, ("targets", "risk_base", "gain_base")),
        (quote_usable, ("quote", "mid")),
        (session_open, ("instrument",)),
        (order_type_supported, ("instrument",)),
    ],
)
def test_one_unknown_alone_refuses(check, fields):
    assert check(CASE).ok
    for field in fields:
        found = check(CASE._replace(**{field: None}))
        assert (found.ok, found.observed) == (False, "unknown"), field


@pytest.mark.parametrize(
    ("check", "fields"),
    [
        (entry_in_collar, ("stop", "tick", "targets", "value_base")),
        (stop_protects, ("targets", "mid", "value_base", "quote")),
        (target_pays, ("value_base", "entry", "mid")),
        (quote_usable, ("entry", "instrument")),
        (well_formed, ("stop", "instrument")),
    ],
)
def test_what_a_check_does_not_look_at_changes_nothing(check, fields):
    for field in fields:
        assert check(CASE._replace(**{field: None})) == check(CASE), field


def test_no_risk_at_all_is_an_unknown_one():
    assert target_pays(CASE._replace(risk_base=D(0))).observed == "unknown"


@pytest.mark.parametrize("changes", [{"targets": None}, {"parts": ()}])
def test_a_second_target_without_lots_or_judgement_is_unknown(changes):
    found = second_target(build(TWO, VIEW, LIMITS)._replace(**changes))
    assert (found.ok, found.observed) == (False, "unknown")


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("price", [None, D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity")])
def test_one_side_that_is_no_number_is_no_quote(side, price):
    found = quote_usable(quoted(**{side: price}))
    assert not found.ok
    assert found.says


# The desk


@pytest.mark.parametrize(
    ("check", "field", "most"),
    [(reconciled, "reconciled_at", 7200), (keeper_alive, "keeper_at", 90)],
)
def test_an_age_is_from_now_to_its_limit(check, field, most):
    oldest = NOW - timedelta(seconds=most)
    for at, ok in (
        (NOW, True),
        (NOW + MICROSECOND, False),
        (NOW - MICROSECOND, True),
        (oldest, True),
        (oldest - MICROSECOND, False),
    ):
        found = check(CASE._replace(view=replace(VIEW, **{field: at})))
        assert (found.ok, found.says == "") == (ok, ok), at


def test_a_price_that_is_not_there_is_well_formeds_finding_where_the_stock_is_known():
    assert not well_formed(CASE._replace(entry=None)).ok
    found = well_formed(CASE._replace(entry=None, instrument=None))
    assert found == ("well_formed", True, "complete", "complete", "")


# The instrument


@pytest.mark.parametrize(
    ("hours", "observed"),
    [
        ([(NOW, NOW + HOUR)], "open, 60 min left"),
        ([(NOW - HOUR, NOW)], "closed"),
        ([(NOW - 2 * HOUR, NOW - HOUR)], "closed"),
        ([(NOW + MICROSECOND, NOW + HOUR)], "closed"),
        ([(NOW - 2 * HOUR, NOW - HOUR), (NOW - HOUR, NOW + HOUR)], "open, 60 min left"),
    ],
)
def test_a_session_is_open_from_its_opening_and_until_its_close(hours, observed):
    assert session_open(listed(hours=tuple(Hours(*one) for one in hours))).observed == observed


def test_an_opening_that_is_now_is_none_to_wait_for():
    says = session_open(listed(hours=(Hours(NOW, NOW),))).says
    assert says == "the market is closed; no opening is known."


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({"security_type": "FUND"}, False),
        ({"security_type": "WAR"}, False),
        ({"con_id": 1}, True),
        ({"con_id": 0}, False),
        ({"con_id": -1}, False),
        ({"lot": 1}, True),
        ({"lot": -1}, False),
        ({"lot": 2}, True),
    ],
)
def test_a_known_stock_has_its_type_its_number_and_its_lot(changes, ok):
    found = instrument_known(listed(**changes))
    assert (found.ok, found.says == "") == (ok, ok)


def test_a_short_is_allowed_in_a_known_market_only():
    short = build(SHORT, VIEW, SHORTS)
    assert short_allowed(short) == ("short_allowed", True, "short", "long", "")
    refused = "short positions are not opened here; propose a long one or none."
    for case in (
        short._replace(instrument=None),
        short._replace(instrument=TENCENT),
        short._replace(limits=with_limits(allow_short=False, allow_delayed=True)),
    ):
        assert short_allowed(case) == ("short_allowed", False, "short", "long", refused)


@pytest.mark.parametrize(
    ("bid", "ask", "ok"),
    [("200", "200", True), ("-1", "200", False), ("0", "200", False), ("0.01", "0.01", True)],
)
def test_a_quote_is_above_zero_and_may_be_locked(bid, ask, ok):
    case = build(BUY, replace(VIEW, quote=replace(QUOTE, bid=D(bid), ask=D(ask))), LIMITS)
    found = quote_usable(case)
    assert (found.ok, "crossed or zero" in found.says) == (ok, not ok)


def test_a_quote_needs_no_last_price():
    assert quote_usable(quoted(last=None)).ok


@pytest.mark.parametrize(("delayed", "short", "ok"), [(True, False, True), (False, True, False)])
def test_a_delayed_quote_has_a_permission_of_its_own(delayed, short, ok):
    limits = with_limits(allow_delayed=delayed, allow_short=short)
    assert quote_usable(quoted(is_realtime=False)._replace(limits=limits)).ok is ok


@pytest.mark.parametrize(
    ("shares", "volume", "ok"), [(200, 20_000, True), (201, 20_000, False), (0, 20_000, True)]
)
def test_an_order_may_be_one_percent_of_a_day(shares, volume, ok):
    view = replace(VIEW, average_volume_shares=volume)
    assert liquidity(CASE._replace(view=view, shares=shares)).ok is ok


@pytest.mark.parametrize(
    ("types", "missing"), [({"MKT"}, "LMT, STP"), ({"STP"}, "LMT"), ({"LMT", "MKT"}, "STP")]
)
def test_the_order_types_that_are_missing_are_named_in_their_order(types, missing):
    found = order_type_supported(listed(order_types=frozenset(types)))
    says = f"the contract does not take {missing}: no stop can rest."
    assert found == ("order_type_supported", False, "", "LMT, STP", says)


# The prices

FINE = replace(AAPL, ladder=(Step(D(0), D("0.00001")),))
TINY = replace(VIEW, instrument=FINE, quote=replace(QUOTE, bid=D("0.0001"), ask=D("0.0001")))


@pytest.mark.parametrize(
    ("price", "observed", "limit", "says"),
    [
        ("0.0001", "+0.0 bps", "within 100 bps of mid", ""),
        ("0.00011", "+1000.0 bps", "within 100 bps of mid", None),
        (
            "0.00009",
            "0.00009",
            "from 0.0001",
            "limit_price 0.00009 is none that the exchange takes: from 0.0001 passes.",
        ),
    ],
)
def test_the_least_price_in_the_united_states_is_a_tick_of_the_rule(price, observed, limit, says):
    proposal = replace(BUY, limit_price=D(price), stop_price=D("0.00005"))
    found = entry_in_collar(build(proposal, TINY, LIMITS))
    assert (found.observed, found.limit) == (observed, limit)
    if says is not None:
        assert found.says == says


@pytest.mark.parametrize(("price", "ok"), [("0.01", True), ("0.009", False), ("9995", True)])
def test_the_least_price_in_hong_kong_is_a_cent(price, ok):
    case = build(replace(HK_BUY, limit_price=D(price), stop_price=D("0.005")), HK_VIEW, LIMITS)
    assert entry_in_collar(case._replace(mid=D(price))).ok is ok


def test_a_price_that_was_not_asked_for_is_none():
    found = entry_in_collar(CASE._replace(proposal=replace(BUY, limit_price=None)))
    assert (found.ok, found.observed, found.limit) == (False, "no price", "from 0.0001")


@pytest.mark.parametrize("mid", ["0", "-1", "-0.5", "-200"])
def test_a_middle_of_nothing_or_less_is_unknown(mid):
    found = entry_in_collar(CASE._replace(mid=D(mid)))
    assert (found.ok, found.observed) == (False, "unknown")


def test_a_middle_below_one_is_a_middle():
    found = entry_in_collar(CASE._replace(mid=D("0.5"), entry=D("0.5")))
    assert (found.ok, found.observed) == (True, "+0.0 bps")


def test_part_of_a_tick_is_told():
    """A stop may lie where ticks are smaller than at the entry."""
    quote = replace(HK_QUOTE, bid=D(10), ask=D(10), last=D(10))
    view = replace(HK_VIEW, quote=quote, atr=D("0.2"))
    proposal = replace(HK_BUY, limit_price=D(10), stop_price=D("9.885"), target_price=D(11))
    found = check_of(rule(proposal, view, LIMITS), "stop_protects")
    assert (found.ok, found.observed) == (True, "115.0 bps, 12 ticks")


@pytest.mark.parametrize(
    ("bid", "ask", "ok"),
    [("205.98", "205.99", True), ("205.98", "206.00", False), ("206.00", "205.99", True)],
)
def test_a_short_is_left_at_the_ask(bid, ask, ok):
    view = replace(VIEW, quote=replace(QUOTE, bid=D(bid), ask=D(ask)))
    assert stop_protects(build(SHORT, view, SHORTS)).ok is ok


@pytest.mark.parametrize(("bid", "ok"), [("194.01", True), ("194.00", False), ("193.99", False)])
def test_a_long_is_left_at_the_bid(bid, ok):
    assert stop_protects(quoted(bid=D(bid), ask=D("194.00"))).ok is ok


@pytest.mark.parametrize("bid", [None, D("NaN"), D("sNaN"), D("-Infinity")])
def test_a_touch_that_is_not_known_is_no_finding_of_the_stop(bid):
    assert stop_protects(quoted(bid=bid)) == stop_protects(CASE)


def test_the_only_target_is_told_by_its_price():
    found = second_target(build(replace(TWO, target_price_2=D(212)), VIEW, LIMITS))
    assert (found.ok, found.observed) == (True, "all at 212")


# The pace


def test_an_order_counts_for_its_parts_and_for_one_without_any():
    for parts, observed in (
        ((), "0 + 1"),
        ((Part(1, D(212)),), "0 + 1"),
        ((Part(1, D(212)), Part(1, D(220))), "0 + 2"),
    ):
        assert orders_day(CASE._replace(parts=parts)).observed == observed
