"""Statuses as captured, families, changed and cancelled orders, and how long each order lives."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from sim.gateway.nouns import AccountMoved, Filled, OrderChanged, Refused
from sim.gateway.rules import Rules
from tests.exchange.market import (
    AFTERNOON,
    HK_MORNING,
    LUNCH,
    RICH,
    Moving,
    at_minute,
    bracket,
    exchange,
    hk_order,
    live,
    order,
    placed,
    shares,
    statuses,
    still,
    words,
)
from tests.support.tiny import NOON, US_CLOSE, US_OPEN

PARTLY = {"quantity": 2000, "limit": "200.05"}  # 625 at once: a quarter of a quarter of 10,000


# Statuses


def test_an_order_that_rests_is_submitted_and_announced_once():
    assert words(exchange().place(order(limit="199"))) == [(1, "Submitted", "")]


def test_an_order_that_fills_at_once_is_accepted_and_filled_and_nothing_else():
    events = exchange().place(order(limit="200.05"))
    assert [type(event) for event in events] == [OrderChanged, Filled, AccountMoved]
    assert events[0].order.status == "PreSubmitted"
    assert events[1].order.status == "Filled"
    assert events[1].order.commission == events[1].fill.commission


def test_an_order_that_fills_in_part_is_submitted_with_the_fill():
    events = exchange(cash=RICH).place(order(**PARTLY))
    assert words(events) == [(1, "PreSubmitted", ""), (1, "fill", 625)]
    assert events[1].order.status == "Submitted"


def test_a_stop_waits_for_its_trigger_and_a_stop_limit_rests_after_it():
    drop = {40: still("197"), 50: still("199")}
    market = exchange(drop)
    market.place(order(1, "SELL", "STP LMT", stop="198", limit="197.50"))
    assert statuses(market) == [(1, "PreSubmitted", "trigger")]
    before = at_minute(41) - timedelta(seconds=1)
    assert words(market.advance(before)) == [(1, "Submitted", "")]
    assert words(market.advance(at_minute(51))) == [(1, "fill", 100)]
    assert market.fills()[0].price == D("200")  # back at 200 from minute 41 on, above the limit


def test_a_family_is_announced_before_any_of_it_fills():
    events = words(placed(exchange(), bracket()))
    assert events == [
        (1, "PreSubmitted", ""),
        (2, "PreSubmitted", "child"),
        (3, "PreSubmitted", "child,trigger"),
        (1, "fill", 100),
        (2, "Submitted", ""),
        (3, "PreSubmitted", "trigger"),
    ]


def test_an_order_outside_hours_is_submitted_when_they_begin():
    market = exchange(start=US_OPEN - timedelta(hours=1))
    market.place(order(limit="150"))
    assert words(market.advance(US_OPEN)) == [(1, "Submitted", "")]


# Families


def test_an_earlier_leg_that_is_refused_leaves_the_others_to_go_live():
    entry, target, stop = bracket(entry="199.50", target="204.001")
    market = exchange()
    assert words(placed(market, [entry, target])) == [(2, "error", 110), (2, "Inactive", "")]
    market.place(stop)
    assert statuses(market) == [(1, "Submitted", ""), (3, "PreSubmitted", "child,trigger")]


def test_a_refused_last_leg_leaves_the_others_held():
    market = exchange()
    events = words(placed(market, bracket(stop="198.001")))
    assert events == [(3, "error", 110), (3, "Inactive", "")]
    assert market.open_orders() == []


def test_a_refused_leg_takes_its_family_where_the_rules_say_so():
    market = exchange(rules=Rules(rejected_leg_takes_family=True))
    placed(market, bracket(stop="198.001"))
    market.place(replace(bracket()[2], order_id=4))
    assert market.open_orders() == []
    placed(market, [replace(one, order_id=one.order_id + 10) for one in bracket()[:1]])
    placed(market, [replace(one, transmit=True, order_id=11) for one in bracket("199")[:1]])
    events = words(market.place(order(12, "SELL", "STP", stop="198.001", parent_id=11)))
    assert (11, "Cancelled", "") in events


def test_a_refused_entry_takes_its_exits_with_it():
    market = exchange()
    events = words(placed(market, bracket(quantity=900_000)))
    assert [event for event in events if event[1] == "Inactive"] == [
        (1, "Inactive", ""),
        (2, "Inactive", ""),
        (3, "Inactive", ""),
    ]


def test_turning_transmit_on_sends_the_family():
    market = exchange()
    entry, target, stop = bracket(entry="199.50")
    assert placed(market, [entry, target, replace(stop, transmit=False)]) == []
    market.place(replace(target))
    assert market.open_orders() == []
    market.place(stop)
    assert len(market.open_orders()) == 3


def test_an_exit_sent_after_its_entry_has_filled_is_armed_at_once():
    market = exchange()
    market.place(bracket()[0])
    market.place(replace(bracket()[0], transmit=True))
    market.place(bracket()[2])
    assert statuses(market) == [(3, "PreSubmitted", "trigger")]


def test_exits_arm_for_the_filled_part_of_their_entry():
    market = exchange({31: still("210"), 32: still("210")}, cash=RICH)
    placed(market, bracket(quantity=3000))
    market.advance(at_minute(33) - timedelta(seconds=1))
    assert [(fill.order_id, fill.shares) for fill in market.fills()] == [(1, 625)] * 4 + [
        (2, 625)
    ] * 4
    assert shares(market) == 0
    assert (live(market, 1).remaining, live(market, 3).quantity) == (500, 500)


def test_exits_that_arm_on_the_full_fill_wait_for_it():
    market = exchange(cash=RICH, rules=Rules(children_arm_on_full=True))
    placed(market, bracket(quantity=1000))
    assert {one.why_held for one in market.open_orders() if one.parent_id} == {
        "child",
        "child,trigger",
    }
    market.advance(NOON + timedelta(seconds=15))
    assert {one.why_held for one in market.open_orders()} == {"", "trigger"}


def test_an_exit_whose_price_has_come_when_it_arms_fills_with_its_entry():
    market = exchange({40: still("190")})
    placed(market, bracket(entry="195"))
    market.advance(at_minute(40))
    assert [fill.order_id for fill in market.fills()] == [1, 3]


@pytest.mark.parametrize("ending", ["cancel", "close"])
@pytest.mark.parametrize(("rule", "left"), [("always", []), ("unfilled", [(2, 2500), (3, 2500)])])
def test_exits_of_an_entry_that_ends_part_filled(rule, left, ending):
    world = dict.fromkeys(range(31, 390))
    market = exchange(world, cash=RICH, rules=Rules(parent_end_takes_children=rule))
    placed(market, bracket(quantity=3000))
    if ending == "cancel":
        market.advance(at_minute(32))
        market.cancel(7, 1)
    else:
        market.advance(US_CLOSE)
    assert [(one.order_id, one.quantity) for one in market.open_orders()] == left
    assert shares(market) == 2500


# New terms


def test_a_changed_price_that_is_marketable_trades_at_once():
    market = exchange()
    market.place(order(limit="199"))
    events = words(market.place(order(limit="200.01")))
    assert events == [(1, "Submitted", ""), (1, "fill", 100)]


def test_a_changed_type_quantity_and_time_in_force_are_taken():
    market = exchange()
    market.place(order(action="SELL", limit="210"))
    market.place(order(action="SELL", kind="STP", stop="195", quantity=60, tif="GTC"))
    changed = live(market, 1)
    assert (changed.order_type, changed.quantity, changed.tif) == ("STP", 60, "GTC")
    assert statuses(market) == [(1, "PreSubmitted", "trigger")]
    assert changed.limit_price is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"limit": "199.001"}, 110),
        ({"tif": "FOK"}, 321),
        ({"oca_type": 4}, 321),
        ({"quantity": 100_000}, 201),
        ({"action": "SELL"}, 105),
        ({"con_id": 2}, 105),
    ],
)
def test_a_bad_change_is_refused_and_the_order_stays_as_it_was(change, code):
    market = exchange()
    market.place(order(limit="199"))
    before = replace(live(market, 1))
    assert words(market.place(order(**{"limit": "199", **change}))) == [(1, "error", code)]
    assert live(market, 1) == before


@pytest.mark.parametrize(("quantity", "code"), [(624, 201), (625, 201), (626, None)])
def test_a_quantity_is_not_changed_to_what_has_filled(quantity, code):
    market = exchange(dict.fromkeys(range(31, 390)), cash=RICH)
    market.place(order(**PARTLY))
    events = words(market.place(order(**{**PARTLY, "quantity": quantity})))
    assert (events == [(1, "error", code)]) == (code is not None)


def test_ids_that_cannot_be_used():
    market = exchange()
    market.place(order(5, limit="200.05"))
    market.place(order(6, limit="150"))
    market.cancel(7, 6)
    assert words(market.place(order(5, limit="200.05"))) == [(5, "error", 104)]
    assert words(market.place(order(6, limit="150"))) == [(6, "error", 103)]
    assert words(market.place(order(4, limit="150"))) == [(4, "error", 103)]
    assert words(market.place(order(4, limit="150", client_id=8)))[0] == (4, "Submitted", "")
    assert market.next_id(7) == 7


# Cancelling


def refusal(events):
    [found] = [event for event in events if isinstance(event, Refused)]
    return found.code, found.text


def test_what_cannot_be_cancelled_and_why():
    market = exchange()
    market.place(order(1, limit="200.05"))
    market.place(order(2, limit="150"))
    market.cancel(7, 2)
    text = "OrderId {} that needs to be cancelled cannot be cancelled, state: {}."
    assert refusal(market.cancel(7, 1)) == (10148, text.format(1, "Filled"))
    assert refusal(market.cancel(7, 2)) == (10148, text.format(2, "Cancelled"))
    unknown = "OrderId 9 that needs to be cancelled is not found."
    assert refusal(market.cancel(7, 9)) == (10147, unknown)
    assert refusal(market.cancel(8, 1))[0] == 10147


@pytest.mark.parametrize("notice_first", [True, False])
def test_the_notice_of_a_cancellation_comes_before_or_after_its_status(notice_first):
    market = exchange(rules=Rules(cancel_notice_first=notice_first))
    market.place(order(limit="150"))
    events = words(market.cancel(7, 1))
    assert sorted(events, key=lambda one: one[1] != "error") == (
        events if notice_first else events[::-1]
    )


def test_a_cancellation_says_why():
    market = exchange()
    market.place(order(limit="150"))
    assert refusal(market.cancel(7, 1)) == (202, "Order Canceled - reason:Cancelled by Trader")
    [ended] = market.completed_orders()
    assert (ended.completed_status, ended.completed_at) == ("Cancelled by Trader", NOON)
    market.place(order(2, limit="150"))
    market.advance(US_CLOSE)
    assert market.completed_orders()[1].completed_status == "Expired at the close"


def test_a_held_order_is_dropped_without_a_word():
    market = exchange()
    market.place(bracket()[0])
    assert market.cancel(7, 1) == []
    assert words(market.cancel(7, 1)) == [(1, "error", 10147)]


@pytest.mark.parametrize(
    ("minutes_into_lunch", "waits"), [(-1, False), (0, True), (29, True), (30, False)]
)
def test_a_mornings_order_is_not_cancelled_before_half_past_twelve(minutes_into_lunch, waits):
    market = exchange(start=HK_MORNING, world=Moving())
    market.place(hk_order(limit="378"))
    market.advance(LUNCH + timedelta(minutes=minutes_into_lunch))
    at_once = words(market.cancel(7, 1))
    assert (at_once == []) == waits
    if waits:
        assert market.cancel(7, 1) == []
        later = market.advance(AFTERNOON)
        assert words(later) == [(1, "Cancelled", ""), (1, "error", 202)]
        assert later[0].order.completed_at == LUNCH + timedelta(minutes=30)


def test_an_order_of_the_lunch_break_and_an_american_one_are_cancelled_at_once():
    market = exchange(start=LUNCH + timedelta(minutes=5), world=Moving())
    market.place(hk_order(1, limit="378"))
    assert words(market.cancel(7, 1))[0] == (1, "Cancelled", "")
    market.place(order(2, limit="150"))
    assert words(market.cancel(7, 2))[0] == (2, "Cancelled", "")
    eager = exchange(start=HK_MORNING, rules=Rules(lunch_cancels_wait=False))
    eager.place(hk_order(1, limit="378"))
    eager.advance(LUNCH + timedelta(minutes=5))
    assert words(eager.cancel_all())[0] == (1, "Cancelled", "")


# How long an order lives


def test_day_exits_end_with_their_entry_and_leave_the_position_naked():
    market = exchange()
    placed(market, bracket(tif="DAY"))
    events = words(market.advance(US_CLOSE))
    assert [event for event in events if event[1] == "error"] == [
        (2, "error", 202),
        (3, "error", 202),
    ]
    assert shares(market) == 100


def test_a_gtc_order_lives_over_a_weekend_and_fills_after_it():
    world = Moving({4320 + 5: still("149")})  # minutes since Friday's open
    market = exchange(world=world)
    market.place(order(limit="150", tif="GTC"))
    market.advance(US_OPEN + timedelta(days=3, minutes=6))
    [fill] = market.fills()
    assert (fill.price, fill.at) == (D("150"), US_OPEN + timedelta(days=3, minutes=5))


def test_an_order_of_after_the_close_lives_to_the_next_close():
    market = exchange(start=US_CLOSE)
    market.place(order(limit="150"))
    market.advance(US_OPEN + timedelta(days=3, hours=1))
    assert statuses(market) == [(1, "Submitted", "")]
    market.advance(US_CLOSE + timedelta(days=3))
    assert market.open_orders() == []


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("20261120 11:00:00 US/Eastern", US_OPEN + timedelta(minutes=90)),
        ("20261120 11:00:00", US_OPEN + timedelta(minutes=90)),
        ("20261120-16:00:00", US_OPEN + timedelta(minutes=90)),
        ("20261123 10:00:00 America/New_York", US_OPEN + timedelta(days=3, minutes=30)),
    ],
)
def test_a_good_till_date_ends_an_order_to_the_second(text, ends):
    market = exchange()
    market.place(order(limit="150", tif="GTD", good_till_date=text))
    assert market.advance(ends - timedelta(seconds=1)) == [] or market.open_orders()
    assert words(market.advance(ends)) == [(1, "Cancelled", ""), (1, "error", 202)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "20261120",
        "20261320 11:00:00",
        "20261120 11:00:00 Nowhere/City",
        "x" * 99,
        "20261120 11:00:00 ../etc/passwd",
        "20261120 11:00:00 America",
        "20261120 09:59:59",
    ],
)
def test_a_good_till_date_that_is_unreadable_or_over_is_refused(text):
    events = exchange().place(order(limit="150", tif="GTD", good_till_date=text))
    assert words(events)[0] == (1, "error", 321)


def test_immediate_or_cancel_takes_what_is_there():
    market = exchange(cash=RICH)
    assert words(market.place(order(tif="IOC", **PARTLY))) == [
        (1, "PreSubmitted", ""),
        (1, "fill", 625),
        (1, "Cancelled", ""),
        (1, "error", 202),
    ]
    assert words(market.place(order(2, limit="199", tif="IOC")))[-1] == (2, "error", 202)
    market.place(order(3, "SELL", "STP", stop="190", tif="IOC"))
    assert statuses(market) == [(3, "PreSubmitted", "trigger")]  # its moment has not come


def test_outside_rth_changes_nothing_in_new_york_and_is_ignored_with_a_notice_in_hong_kong():
    market = exchange(start=HK_MORNING)
    events = words(market.place(hk_order(limit="378", outside_rth=True)))
    assert events == [(1, "Submitted", ""), (1, "error", 2109)]
    market.place(order(2, "BUY", "STP", stop="190", outside_rth=True))
    market.advance(US_OPEN - timedelta(seconds=1))
    assert market.fills() == []  # 200 has long been above 190
    market.advance(US_OPEN)
    assert [fill.order_id for fill in market.fills()] == [2]
