"""The case of an opening to the last share, and each check's own judgement of it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.case import build
from guardrails.checks.exposure import gross_exposure, not_duplicate, position_value, positions_max
from guardrails.terms import Part
from tests.support.guarding import (
    AAPL,
    BUY,
    ENTRY,
    HK_BUY,
    HK_VIEW,
    LIMITS,
    NOW,
    OTHER,
    QUOTE,
    VIEW,
    check_of,
    refused_by,
    with_limits,
)

TWO = replace(BUY, target_price_2=D("220.00"))
CASE = build(BUY, VIEW, LIMITS)


def risking(most):
    return with_limits(position_risk_max=D(most))


# A single order's fees are 2.11 here, those of two parts 4.13; a share risks 6.00.


def test_two_parts_are_sized_with_the_fees_of_two():
    assert rule(BUY, VIEW, risking(153)).ticket.shares == 25
    ticket = rule(TWO, VIEW, risking(153)).ticket
    assert ticket.parts == (Part(12, D("212.00")), Part(12, D("220.00")))
    assert ticket.risk_base <= 153


def test_exactly_as_many_lots_as_targets_are_split():
    ticket = rule(TWO, VIEW, risking(21)).ticket
    assert ticket.parts == (Part(1, D("212.00")), Part(1, D("220.00")))


def test_too_few_lots_for_two_stay_one_order_with_the_fees_of_one():
    ruling = rule(TWO, VIEW, risking(15))
    assert ruling.ticket.parts == (Part(2, D("212.00")),)
    says = "2 shares are too few lots to be split: target_price_2 is left out."
    assert check_of(ruling, "second_target").says == says
    pairs = replace(VIEW, instrument=replace(AAPL, lot=2))
    assert rule(TWO, pairs, risking(27)).ticket.parts == (Part(4, D("212.00")),)


def test_not_even_one_lot_shows_the_arithmetic_of_one():
    case = build(TWO, VIEW, risking(8))
    assert (case.sizing.shares, case.shares) == (0, 1)
    assert case.parts == (Part(1, D("212.00")),)


def test_hong_kong_gains_and_risks_in_base_currency():
    case = build(HK_BUY, HK_VIEW, LIMITS)
    # 100 shares, 22 and 10 HKD a share; fees of 69.49 in and 67.66 or 74.32 out, at 0.128.
    assert case.value_base == 100 * D(380) * D("0.128")
    assert D("0.128") * (1000 + 125) < case.risk_base < D("0.128") * (1000 + 140)
    assert D("0.128") * (2200 - 145) < case.gain_base < D("0.128") * (2200 - 125)


@pytest.mark.parametrize("symbol", ["A", "AAP", "AAPLE", "MSFT"])
def test_a_view_of_another_stock_tells_nothing_of_this_one(symbol):
    case = build(replace(BUY, symbol=symbol), VIEW, LIMITS)
    assert (case.instrument, case.entry, case.fx, case.room, case.sizing) == (None,) * 5
    assert (case.parts, case.shares, case.value_base) == ((), 0, None)


@pytest.mark.parametrize("side", ["bid", "ask"])
@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_no_side_of_a_quote_that_is_no_number_makes_a_middle(side, price):
    view = replace(VIEW, quote=replace(QUOTE, **{side: D(price)}))
    assert build(BUY, view, LIMITS).mid is None
    assert "quote_usable" in refused_by(rule(BUY, view, LIMITS))


def test_an_unknown_range_leaves_no_amount_to_compare():
    ruling = rule(BUY, replace(VIEW, atr=None), LIMITS)
    money = ["value", "risk"]
    assert [f"position_{word}" for word in money] == [
        name for name in refused_by(ruling) if name.startswith("position_")
    ]
    for name in ("sector_exposure", "gross_exposure", "margin_use", "buying_power"):
        assert check_of(ruling, name).observed == "unknown"
    assert check_of(ruling, "orders_day").observed == "0 + 1"


def test_an_unknown_rate_leaves_no_amount_to_compare():
    view = replace(HK_VIEW, account=replace(HK_VIEW.account, fx={}))
    ruling = rule(HK_BUY, view, LIMITS)
    assert check_of(ruling, "gross_exposure").observed == "unknown"
    assert check_of(ruling, "entry_in_collar").ok


# Each check judges for itself, whatever the sizing said


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({}, True),
        ({"value_base": D("5000.01")}, False),
        ({"value_base": D("5000.00"), "risk_base": D("9999")}, True),
        ({"sizing": replace(CASE.sizing, shares=1)}, True),
        ({"sizing": replace(CASE.sizing, shares=0)}, False),
        ({"sizing": replace(CASE.sizing, shares=-1)}, False),
        ({"sizing": replace(CASE.sizing, target_value_base=D("4999.99"))}, False),
        ({"sizing": replace(CASE.sizing, target_value_base=D("5000.01"))}, True),
        ({"value_base": None}, False),
        ({"sizing": None}, False),
    ],
)
def test_position_value_judges_the_value_and_the_lots(changes, ok):
    check = position_value(CASE._replace(**changes))
    assert check.ok is ok
    assert bool(check.says) is not ok


def test_a_room_that_is_not_known_refuses_a_known_amount():
    unknown = CASE._replace(room=CASE.room._replace(gross=None))
    assert gross_exposure(unknown).observed == "unknown"
    assert gross_exposure(CASE._replace(room=None)).observed == "unknown"
    assert gross_exposure(CASE._replace(value_base=None)).observed == "unknown"
    assert gross_exposure(CASE).ok


@pytest.mark.parametrize("other", ["A", "AAP", "AAPLE", "MSFT"])
def test_only_the_same_symbol_is_a_duplicate(other):
    stopped = {other: NOW}
    view = replace(
        VIEW,
        positions=(replace(OTHER, symbol=other),),
        entries=(replace(ENTRY, symbol=other),),
        stopped_out_at=stopped,
    )
    assert not_duplicate(CASE._replace(view=view)).ok


def test_more_positions_than_allowed_are_too_many():
    held = tuple(replace(OTHER, symbol=f"S{n}") for n in range(6))
    check = positions_max(CASE._replace(view=replace(VIEW, positions=held)))
    assert (check.ok, check.observed) == (False, "6 + 1")


def test_what_happened_this_instant_is_not_in_the_future():
    view = replace(VIEW, reconciled_at=NOW, keeper_at=NOW, quote=replace(QUOTE, at=NOW))
    assert rule(BUY, view, LIMITS).approved
    later = NOW + timedelta(microseconds=1)
    for field in ("reconciled_at", "keeper_at"):
        assert not rule(BUY, replace(view, **{field: later}), LIMITS).approved


def test_an_unknown_stock_is_one_rules_finding_and_not_well_formeds():
    assert check_of(rule(BUY, replace(VIEW, instrument=None), LIMITS), "well_formed").ok
