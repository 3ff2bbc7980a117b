"""Two targets: each judged by itself, the lots split, every part with its own stop and fees."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import rule
from guardrails.targets import judge, split
from guardrails.terms import Part, Side
from tests.support.guarding import (
    BUY,
    HK_BUY,
    HK_VIEW,
    LIMITS,
    VIEW,
    check_of,
    refused_by,
    with_limits,
)

TWO = replace(BUY, target_price_2=D("220.00"))


def parts_of(ruling):
    assert ruling.ticket is not None, ruling.refusals
    return ruling.ticket.parts


def test_two_targets_split_the_lots_and_the_odd_one_goes_to_the_nearer():
    ruling = rule(TWO, VIEW, LIMITS)
    assert parts_of(ruling) == (Part(13, D("212.00")), Part(12, D("220.00")))
    assert ruling.ticket.shares == 25
    check = check_of(ruling, "second_target")
    assert (check.ok, check.observed, check.says) == (True, "13 at 212 and 12 at 220", "")


def test_one_target_is_one_part():
    ruling = rule(BUY, VIEW, LIMITS)
    assert parts_of(ruling) == (Part(25, D("212.00")),)
    assert check_of(ruling, "second_target").observed == "none"


def test_each_part_pays_fees_of_its_own():
    one, two = rule(BUY, VIEW, LIMITS).ticket, rule(TWO, VIEW, LIMITS).ticket
    # Both parts pay the least commission of 1.00 at each end; so does the single order.
    assert D("1.9") < two.risk_base - one.risk_base < D("2.1")


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("212.00", "target_price_2 212 is not beyond 212 and is left out."),
        ("211.99", "target_price_2 211.99 is not beyond 212 and is left out."),
        ("212.009", "target_price_2 212 is not beyond 212 and is left out."),  # rounded first
        ("195.00", "target_price_2 195 is not beyond 212 and is left out."),
        (
            "260.01",
            "target_price_2 260.01 is 3000 bps from the entry, more than 3000, and is left out.",
        ),
    ],
)
def test_a_second_target_that_does_not_stand_is_left_out_alone(second, why):
    ruling = rule(replace(BUY, target_price_2=D(second)), VIEW, LIMITS)
    assert parts_of(ruling) == (Part(25, D("212.00")),)
    check = check_of(ruling, "second_target")
    assert (check.ok, check.observed, check.says) == (True, "all at 212", why)
    alone = rule(BUY, VIEW, LIMITS)
    assert ruling.ticket == alone.ticket


@pytest.mark.parametrize("second", ["260.00", "212.01"])
def test_a_second_target_just_inside_stands(second):
    ruling = rule(replace(BUY, target_price_2=D(second)), VIEW, LIMITS)
    assert parts_of(ruling) == (Part(13, D("212.00")), Part(12, D(second)))


def test_a_first_target_the_market_has_passed_leaves_the_second():
    ruling = rule(replace(TWO, target_price=D("199.00")), VIEW, LIMITS)
    assert parts_of(ruling) == (Part(25, D("220.00")),)
    check = check_of(ruling, "second_target")
    assert check.says == "target_price 199 is not beyond 200 and is left out."


def test_no_target_that_stands_is_a_refusal():
    ruling = rule(replace(TWO, target_price=D("199.00"), target_price_2=D("198")), VIEW, LIMITS)
    assert ruling.ticket is None
    assert refused_by(ruling) == ["target_pays"]


def test_a_single_lot_is_not_split_and_pays_for_one_order():
    ruling = rule(replace(HK_BUY, target_price_2=D("410")), HK_VIEW, LIMITS)
    assert parts_of(ruling) == (Part(100, D("402.0")),)
    says = check_of(ruling, "second_target").says
    assert says == "100 shares are too few lots to be split: target_price_2 is left out."
    assert ruling.ticket == rule(HK_BUY, HK_VIEW, LIMITS).ticket


def test_a_nearer_first_target_is_paid_for_by_the_second():
    near = replace(TWO, target_price=D("204.00"))
    assert refused_by(rule(replace(near, target_price_2=None), VIEW, LIMITS)) == ["target_pays"]
    assert refused_by(rule(replace(near, target_price_2=D("212")), VIEW, LIMITS)) == ["target_pays"]
    assert rule(replace(near, target_price_2=D("222")), VIEW, LIMITS).approved


def test_a_short_has_its_targets_below():
    short = replace(
        BUY,
        side=Side.SHORT,
        stop_price=D("206"),
        target_price=D("188"),
        target_price_2=D("180"),
    )
    limits = with_limits(allow_short=True)
    assert [p.target_price for p in parts_of(rule(short, VIEW, limits))] == [D(188), D(180)]
    swapped = replace(short, target_price=D("180"), target_price_2=D("188"))
    assert [p.target_price for p in parts_of(rule(swapped, VIEW, limits))] == [D(180)]


def test_two_parts_are_two_entries_for_the_throttles():
    for field, most in (("orders_last_minute", 4), ("orders_today", 20)):
        for made, ok in ((most - 2, True), (most - 1, False)):
            view = replace(VIEW, **{field: made})
            assert rule(TWO, view, LIMITS).approved is ok
            assert rule(BUY, view, LIMITS).approved


def test_an_unknown_entry_refuses_the_second_target_too():
    ruling = rule(TWO, replace(VIEW, instrument=None), LIMITS)
    assert "second_target" in refused_by(ruling)


def test_a_second_target_on_no_known_ladder_is_left_out():
    found = judge(Side.LONG, D(200), {"target_price": D(212), "target_price_2": None}, D(3000))
    assert found.standing == (D(212),)
    assert found.left_out == ("target_price_2 is on no known tick ladder and is left out.",)


def test_each_of_any_number_of_targets_is_judged_by_itself():
    given = {"a": D(212), "b": None, "c": D(220), "d": D(215)}
    found = judge(Side.LONG, D(200), given, D(3000))
    assert found.standing == found.priced == (D(212), D(220))
    assert found.left_out == (
        "b is on no known tick ladder and is left out.",
        "d 215 is not beyond 220 and is left out.",
    )


def test_where_none_stands_the_first_is_priced():
    assert judge(Side.LONG, D(200), {"a": D(199), "b": D(198)}, D(3000)).priced == (D(199),)
    assert judge(Side.LONG, D(200), {"a": None, "b": D(198)}, D(3000)).priced == (D(198),)


def test_too_far_is_told_to_the_cent():
    found = judge(Side.LONG, D(20_000), {"a": D("26000.01")}, D(3000))
    assert found.standing == ()
    assert found.left_out == (
        "a 26000.01 is 3000 bps from the entry, more than 3000, and is left out.",
    )
    assert judge(Side.LONG, D(20_000), {"a": D("26000.00")}, D(3000)).standing == (D(26_000),)
    near = judge(Side.SHORT, D(20_000), {"a": D("13999.99")}, D(3000))
    assert near.standing == ()


@given(st.integers(1, 50), st.sampled_from([1, 100, 2000]), st.booleans())
def test_parts_are_whole_lots_and_together_the_order(lots, lot, two):
    targets = (D(10), D(11)) if two else (D(10),)
    parts = split(lots * lot, lot, targets)
    assert sum(part.shares for part in parts) == lots * lot
    assert all(part.shares > 0 and part.shares % lot == 0 for part in parts)
    assert len(parts) == (2 if two and lots > 1 else 1)
    assert parts[0].target_price == D(10)
    if len(parts) == 2:
        assert 0 <= parts[0].shares - parts[1].shares <= lot
