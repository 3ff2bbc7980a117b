"""Every turn at which a fault may lie is asked, and what only faults do keeps the books whole."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from sim.gateway.exchange.truth import Rejection, Truth
from sim.gateway.nouns import Corrected, Filled
from sim.gateway.rules import Rules
from tests.exchange.market import (
    at_minute,
    bracket,
    exchange,
    live,
    order,
    placed,
    shares,
    statuses,
    still,
    words,
)
from tests.support.tiny import US_CLOSE

DROP = {40: (D("200"), D("200"), D("197"), D("197"), 10_000)}


def lie(**lies):
    """A truth in which some methods answer otherwise; each is given the order."""

    def answering(answer):
        return lambda self, *asked: answer(*asked)

    return type("Lie", (Truth,), {name: answering(lie) for name, lie in lies.items()})()


def is_stop(one):
    return one.order_type == "STP"


def test_a_rejected_last_leg_leaves_its_family_held_and_silent():
    truth = lie(rejects=lambda one: Rejection(201, "no") if is_stop(one) else None)
    market = exchange(truth=truth)
    assert words(placed(market, bracket())) == [(3, "error", 201), (3, "Inactive", "")]
    assert market.open_orders() == []
    assert shares(market) == 0


def test_a_leg_rejected_before_the_last_lets_the_others_go_live():
    truth = lie(rejects=lambda one: Rejection(201, "no") if one.order_id == 2 else None)
    market = exchange(truth=truth)
    events = words(placed(market, bracket(entry="199.50")))
    assert (2, "Inactive", "") in events
    assert statuses(market) == [(1, "Submitted", ""), (3, "PreSubmitted", "child,trigger")]


def test_a_leg_rejected_on_its_way_takes_the_others_where_the_rules_say_so():
    truth = lie(rejects=lambda one: Rejection(201, "no") if one.order_id == 2 else None)
    market = exchange(truth=truth, rules=Rules(rejected_leg_takes_family=True))
    events = words(placed(market, bracket()))
    assert events == [
        (1, "PreSubmitted", ""),
        (2, "error", 201),
        (2, "Inactive", ""),
        (1, "Cancelled", ""),
        (1, "error", 202),
    ]
    assert market.fills() == market.open_orders() == []


def test_a_rejection_may_come_without_a_status():
    truth = lie(rejects=lambda one: Rejection(110, "tick", inactive=False))
    assert words(exchange(truth=truth).place(order(limit="199"))) == [(1, "error", 110)]


def test_a_lost_leg_is_in_no_list_and_nothing_is_said_of_it():
    market = exchange(truth=lie(loses=is_stop))
    events = words(placed(market, bracket(entry="199.50")))
    assert {event[0] for event in events} == {1, 2}
    assert statuses(market) == [(1, "Submitted", ""), (2, "PreSubmitted", "child")]
    assert market.completed_orders() == []


def test_the_last_word_on_a_status_is_the_truths():
    def capped(one):
        one.status, one.market_cap_price = "PreSubmitted", D("199.90")

    market = exchange(truth=lie(marks=capped, waits=lambda one: True))
    market.place(order(limit="200.05"))
    assert statuses(market) == [(1, "PreSubmitted", "")]
    assert live(market, 1).market_cap_price == D("199.90")
    market.advance(at_minute(60))
    assert market.fills() == []


def test_an_order_that_waits_does_not_trigger_until_it_no_longer_does():
    waiting = [True]
    low = {n: still("197") for n in range(40, 50)}
    market = exchange(low, truth=lie(waits=lambda one: is_stop(one) and waiting[0]))
    placed(market, bracket())
    market.advance(at_minute(44))
    assert live(market, 3).why_held == "trigger"
    waiting[0] = False
    market.advance(at_minute(45))
    assert market.fills()[-1].order_id == 3


def test_so_many_shares_fill_and_no_more():
    market = exchange(truth=lie(most=lambda one, wanted: max(0, 60 - one.filled)))
    events = words(market.place(order(limit="200.05")))
    assert (1, "fill", 60) in events
    market.advance(US_CLOSE - timedelta(minutes=1))
    assert live(market, 1).filled == 60


def test_a_triggered_stop_fills_where_the_truth_says():
    market = exchange(DROP, truth=lie(stop_price=lambda one, price: price - 20))
    placed(market, bracket())
    market.advance(at_minute(45))
    assert market.fills()[-1].price == D("177.99")  # one tick through 198.00, less 20


@pytest.mark.parametrize("oca", [{}, {"oca_group": ""}])
def test_a_leg_that_is_kept_overfills_and_turns_the_position_over(oca):
    rise = {40: still("205"), 50: still("190")}
    market = exchange(rise, truth=lie(keeps=is_stop))
    placed(market, bracket(**oca))
    market.advance(at_minute(45))
    assert statuses(market) == [(3, "PreSubmitted", "trigger")]
    market.advance(at_minute(55))
    assert shares(market) == -100


def test_what_the_truth_lets_expire_ends_at_the_close():
    market = exchange(truth=lie(expires=lambda one: one.tif == "GTC"))
    market.place(order(1, limit="150", tif="GTC"))
    market.place(order(2, limit="150"))
    market.advance(US_CLOSE)
    assert [one.order_id for one in market.open_orders()] == [2]


def test_shares_that_fill_before_a_cancellation_leave_the_rest_cancelled():
    market = exchange(truth=lie(fills_first=lambda one: 40))
    market.place(order(limit="199"))
    events = words(market.cancel(7, 1))
    assert events == [(1, "fill", 40), (1, "Cancelled", ""), (1, "error", 202)]
    assert market.fills()[0].price == D("199")


def test_an_order_that_fills_whole_before_its_cancellation_is_not_cancelled():
    market = exchange(truth=lie(fills_first=lambda one: 100))
    market.place(order(limit="199"))
    assert words(market.cancel(7, 1)) == [(1, "fill", 100), (1, "error", 10148)]


# Acts


def test_an_order_fills_although_it_was_cancelled():
    market = exchange()
    market.place(order(limit="199"))
    market.cancel(7, 1)
    [filled] = [e for e in market.fill(7, 1, 30, D("198.5")) if isinstance(e, Filled)]
    assert (filled.order.status, filled.fill.shares) == ("Cancelled", 30)
    assert shares(market) == 30
    [filled] = [e for e in market.fill(7, 1, 500, D("198.5")) if isinstance(e, Filled)]
    assert (filled.order.status, filled.fill.shares) == ("Filled", 70)
    assert market.fill(7, 1, 1, D("198.5")) == []
    assert market.fill(7, 99, 1, D("198.5")) == []


def test_a_live_order_that_is_made_to_fill_wakes_its_exits():
    market = exchange()
    placed(market, bracket(entry="199"))
    market.fill(7, 1, 100, D("199"))
    assert statuses(market) == [(2, "Submitted", ""), (3, "PreSubmitted", "trigger")]


def test_a_correction_raises_the_suffix_and_corrects_every_book():
    market = exchange()
    market.place(order(1, limit="200.05"))
    market.place(order(2, "SELL", limit="199.00", quantity=40))
    first, second = market.fills()
    events = market.correct(first.exec_id, 90, D("201"))
    [corrected] = [e.fill for e in events if isinstance(e, Corrected)]
    assert corrected.exec_id == first.exec_id.removesuffix("01") + "02"
    assert (corrected.shares, corrected.price, corrected.cumulative) == (90, D("201"), 90)
    assert shares(market) == 50
    assert market.books.cash["USD"] == D(100_000) - 90 * 201 + 40 * 200 - sum(
        fill.commission for fill in market.fills()
    )
    per_share = D(201) + corrected.commission / 90
    assert market.books.holdings[1].average_cost == per_share
    now_second = market.fills()[1]
    assert now_second.realised_pnl == (D(200) - per_share) * 40 - second.commission
    assert [fill.exec_id for fill in market.fills()] == [corrected.exec_id, second.exec_id]
    again = market.correct(corrected.exec_id, 100, first.price)
    assert again[0].fill.exec_id.endswith(".03")
    assert shares(market) == 60


def test_a_correction_of_an_unknown_execution_changes_nothing():
    market = exchange()
    market.place(order(1, limit="200.05"))
    [fill] = market.fills()
    assert market.correct("nothing.01", 1, D(1)) == []
    market.correct(fill.exec_id, 90, fill.price)
    assert market.correct(fill.exec_id, 80, fill.price) == []
    assert shares(market) == 90


def test_a_corrected_order_that_is_live_may_be_full_by_it():
    market = exchange(truth=lie(most=lambda one, wanted: max(0, 60 - one.filled)))
    market.place(order(limit="200.05"))
    market.correct(market.fills()[0].exec_id, 100, D("200.01"))
    assert market.open_orders() == []
    assert market.completed_orders()[0].status == "Filled"


@pytest.mark.parametrize(
    ("action", "number", "after", "price"), [("BUY", 0, 50, "200.01"), ("SELL", -3, -50, "200.00")]
)
def test_a_trade_of_nobodys_order_is_client_zeros(action, number, after, price):
    market = exchange()
    market.by_broker(1, action, 50, number)
    [fill] = market.fills()
    assert (fill.client_id, fill.order_id, fill.order_ref) == (0, number, "")
    assert (fill.price, shares(market)) == (D(price), after)
    assert market.open_orders() == []


def test_a_liquidation_leaves_the_exits_of_what_it_sold():
    market = exchange()
    placed(market, bracket())
    market.by_broker(1, "SELL", 100)
    assert shares(market) == 0
    assert [one.order_id for one in market.open_orders()] == [2, 3]


def test_an_order_that_is_dropped_is_as_if_it_had_never_been():
    market = exchange(DROP)
    placed(market, bracket())
    market.drop(7, 3)
    assert statuses(market) == [(2, "Submitted", "")]
    assert market.advance(at_minute(45)) == []
    assert words(market.cancel(7, 3)) == [(3, "error", 10147)]
    market.drop(7, 99)


def test_held_orders_are_lost_and_live_ones_are_not():
    market = exchange()
    market.place(order(1, limit="150"))
    placed(market, [replace(one, order_id=one.order_id + 1) for one in bracket()[:2]])
    market.lose_held()
    market.place(replace(order(4, "SELL", "STP", stop="198", parent_id=2)))
    assert [one.order_id for one in market.open_orders()] == [1]


def test_an_events_order_is_a_copy_of_that_instant():
    market = exchange()
    told = [event.order for event in placed(market, bracket()) if hasattr(event, "order")]
    before = [replace(one) for one in told]
    market.advance(at_minute(60))
    market.cancel_all()
    assert told == before
