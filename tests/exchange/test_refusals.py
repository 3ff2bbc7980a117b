"""What is refused on arrival, each bound just under, at and just over."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from sim.gateway.exchange.price_limits import out_of_limits
from sim.gateway.nouns import Refused
from sim.gateway.rules import Rules
from tests.exchange.market import (
    HK_MORNING,
    LUNCH,
    RICH,
    Moving,
    bracket,
    exchange,
    hk_order,
    live,
    order,
    placed,
    shares,
    statuses,
    words,
)
from tests.support.tiny import TENCENT, US_OPEN

NOTICES = (202, 399, 2109)


def code_of(events):
    """The code with which an order was refused, or None."""
    codes = [event.code for event in events if isinstance(event, Refused)]
    return next((code for code in codes if code not in NOTICES), None)


def text_of(events):
    return next(event.text for event in events if isinstance(event, Refused))


def hong_kong(**more):
    more = {"start": HK_MORNING, "world": Moving(), "cash": RICH, **more}
    return exchange(**more)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"limit": "199.999"}, 110),
        ({"limit": "-1"}, 110),
        ({"limit": "0.5001"}, None),
        ({"limit": "0.50001"}, 110),
        ({"con_id": 9, "limit": "200"}, 200),
        ({"quantity": 0, "limit": "200"}, 321),
        ({"quantity": -1, "limit": "200"}, 321),
        ({"action": "SSHORT", "limit": "200"}, 321),
        ({"kind": "REL", "limit": "200"}, 321),
        ({"kind": "STP"}, 321),
        ({"kind": "STP LMT", "stop": "205"}, 321),
        ({"tif": "OPG", "limit": "200"}, 321),
        ({"oca_type": 0, "limit": "199"}, None),
        ({"oca_type": 3, "limit": "199"}, None),
        ({"oca_type": 4, "limit": "199"}, 321),
        ({"oca_type": -1, "limit": "199"}, 321),
        ({"parent_id": 1, "limit": "199"}, 321),
        ({"parent_id": 99, "limit": "199"}, 201),
    ],
)
def test_terms(terms, code):
    assert code_of(exchange().place(order(**terms))) == code


def test_the_words_of_a_wrong_tick_are_the_brokers():
    assert text_of(exchange().place(order(limit="199.999"))) == (
        "The price does not conform to the minimum price variation for this contract."
    )


@pytest.mark.parametrize(
    ("quantity", "code"), [(99, None), (100, None), (101, 321), (150, 321), (200, None)]
)
def test_whole_lots_or_less_than_one(quantity, code):
    assert code_of(hong_kong().place(hk_order(quantity=quantity, limit="378"))) == code


@pytest.mark.parametrize(("lots", "code"), [(2999, None), (3000, None), (3001, 321)])
def test_at_most_3000_lots(lots, code):
    market = hong_kong(cash={"USD": D(10**9)})
    assert code_of(market.place(hk_order(quantity=100 * lots, limit="378"))) == code


def test_an_odd_lot_rests_unmatched():
    market = hong_kong()
    market.place(hk_order(quantity=50, limit="382"))
    assert statuses(market) == [(1, "Submitted", "")]
    market.advance(LUNCH)
    assert market.fills() == []


def test_an_odd_lot_that_is_matched_trades_five_ticks_through_the_touch():
    market = hong_kong(rules=Rules(odd_lots_rest=False))
    market.place(hk_order(1, quantity=50, limit="381.0"))
    assert market.fills() == []  # 380.2 and five ticks are 381.2
    market.place(hk_order(1, quantity=50, limit="381.2"))
    market.place(hk_order(2, "SELL", quantity=50, limit="379.0"))
    assert [fill.price for fill in market.fills()] == [D("381.2"), D("379.0")]


@pytest.mark.parametrize(
    ("action", "limit", "code"),
    [
        ("BUY", "375.0", 201),
        ("BUY", "375.2", None),
        ("BUY", "382.0", None),
        ("BUY", "382.2", 201),
        ("SELL", "378.0", 201),
        ("SELL", "378.2", None),
        ("SELL", "385.0", None),
        ("SELL", "385.2", 201),
    ],
)
def test_sehk_prices_keep_near_the_touch(action, limit, code):
    market = hong_kong()
    market.by_broker(2, "BUY", 1000)
    assert code_of(market.place(hk_order(1, action, limit=limit))) == code
    free = hong_kong(rules=Rules(sehk_price_limits=False))
    free.by_broker(2, "BUY", 1000)
    assert code_of(free.place(hk_order(1, action, limit=limit))) is None


def test_a_stops_limit_may_be_as_far_away_as_it_likes():
    market = hong_kong()
    market.by_broker(2, "BUY", 100)
    stop = hk_order(1, "SELL", "STP LMT", stop="360.0", limit="350.0")
    assert code_of(market.place(stop)) is None


def test_spreads_are_counted_band_by_band():
    market = hong_kong()
    top = market.top(2)._replace(bid=D("200.0"), ask=D("200.2"), last=D("200.0"))
    at = {"low": D("197.6"), "high": D("202.0")}  # 24 of 0.1 below the edge, 9 of 0.2 above
    for edge, ok in ((at["low"], True), (at["low"] - D("0.1"), False), (at["high"], True)):
        found = out_of_limits(market.paths, TENCENT, hk_order(limit=str(edge)), top)
        assert (found is None) == ok


@pytest.mark.parametrize(
    ("price", "ok"), [("42.22", False), ("42.24", True), ("3418", True), ("3420", False)]
)
def test_without_a_quote_only_nine_times_the_nominal_price_counts(price, ok):
    market = hong_kong(start=LUNCH + timedelta(minutes=1), cash={"USD": D(10**7)})
    assert (code_of(market.place(hk_order(limit=price))) is None) == ok


@pytest.mark.parametrize(("price", "ok"), [("41.98", False), ("42.00", False), ("42.02", True)])
def test_exactly_a_ninth_of_the_nominal_price_is_too_little(price, ok):
    market = hong_kong()
    top = market.top(2)._replace(bid=None, ask=None, last=D(378))
    found = out_of_limits(market.paths, TENCENT, hk_order(limit=price), top)
    assert (found is None) == ok


def test_a_familys_exit_may_be_far_away_but_not_far_through_the_touch():
    market = hong_kong()
    legs = [replace(one, con_id=2) for one in bracket("380.2", "420.0", "360.0")]
    placed(market, legs)
    assert shares(market, 2) == 100
    target = live(market, 2)
    assert code_of(market.place(replace(target, limit_price=D("378.0")))) == 201
    assert live(market, 2).limit_price == D("420.0")
    assert code_of(market.place(replace(target, limit_price=D("378.2")))) is None
    assert shares(market, 2) == 0


@pytest.mark.parametrize(("working", "code"), [(2, None), (3, 201)])
def test_working_orders_on_one_side_of_a_listing_are_bounded(working, code):
    market = exchange(rules=Rules(active_orders_max=3), cash=RICH)
    for number in range(1, working + 1):
        market.place(order(number, limit="150", client_id=number))
    assert code_of(market.place(order(9, limit="151"))) == code
    assert code_of(market.place(order(10, "SELL", limit="250"))) is None
    assert code_of(market.place(order(1, limit="151", client_id=1))) is None  # a change


@pytest.mark.parametrize(("quantity", "code"), [(999, None), (1000, None), (1001, 201)])
def test_half_the_value_is_the_margin(quantity, code):
    market = exchange(cash={"USD": D(100_000)})
    assert code_of(market.place(order(quantity=quantity, limit="200.00"))) == code


def test_working_orders_claim_their_margin_and_give_it_back():
    market = exchange(cash={"USD": D(100_000)})
    market.place(order(1, quantity=600, limit="199.00"))
    big = order(2, quantity=500, limit="199.00")
    assert code_of(market.place(replace(big))) == 201
    market.cancel(7, 1)
    assert code_of(market.place(replace(big, order_id=3))) is None


def test_what_only_reduces_is_never_refused_for_funds():
    market = exchange(cash={"USD": D(20_100)})
    market.place(order(1, quantity=200, limit="200.01"))
    assert shares(market) == 200
    assert code_of(market.place(order(2, "SELL", quantity=200, limit="250"))) is None
    assert code_of(market.place(order(3, "SELL", quantity=200, limit="251"))) == 201


def test_working_exits_of_a_position_claim_nothing():
    market = exchange(cash={"USD": D(100_000)})
    market.by_broker(1, "BUY", 200)
    for number in (1, 2):
        market.place(order(number, "SELL", limit="250"))
    rest = int((D(100_000) - 41 - 20_000) / 100)  # at 200 a share, half of it is margin
    assert code_of(market.place(order(3, quantity=rest, limit="200"))) is None
    assert code_of(market.place(order(4, quantity=10, limit="200"))) == 201


def test_of_working_sales_what_goes_past_the_position_claims_margin():
    market = exchange(cash={"USD": D(100_000)})
    market.by_broker(1, "BUY", 200)
    market.place(order(1, "SELL", quantity=200, limit="250"))
    market.place(order(2, "SELL", limit="250"))  # a short of 100: 12,500 of margin
    assert code_of(market.place(order(3, quantity=680, limit="200"))) == 201
    assert code_of(market.place(order(4, quantity=670, limit="200"))) is None


def test_a_rejection_gives_its_reason():
    events = exchange().place(order(quantity=10_000, limit="200.00"))
    assert text_of(events) == ("Order rejected - reason:available funds 100000.00 are insufficient")


@pytest.mark.parametrize(("allowed", "code"), [(True, None), (False, 201)])
def test_american_shorts_by_the_rules_and_no_hong_kong_ones(allowed, code):
    rules = Rules(us_short_sales=allowed)
    assert code_of(exchange(rules=rules).place(order(action="SELL", limit="201"))) == code
    assert code_of(hong_kong(rules=rules).place(hk_order(action="SELL", limit="381"))) == 201


def test_no_sale_goes_past_what_is_held_into_a_short_on_sehk():
    market = hong_kong()
    market.by_broker(2, "BUY", 100)
    assert code_of(market.place(hk_order(1, "SELL", quantity=200, limit="381"))) == 201
    assert code_of(market.place(hk_order(2, "SELL", quantity=100, limit="381"))) is None
    assert code_of(market.place(hk_order(3, "SELL", quantity=100, limit="382"))) == 201
    assert code_of(market.place(hk_order(2, "SELL", quantity=200, limit="381"))) == 201


@pytest.mark.parametrize(
    ("cash", "quantity", "code"),
    [({}, 100, 201), ({"HKD": D("37999.99")}, 100, 201), ({"HKD": D(38_000)}, 100, None)],
)
def test_an_account_that_may_not_borrow_pays_with_what_it_has(cash, quantity, code):
    rules = Rules(foreign_currency="refuse")
    market = hong_kong(rules=rules, cash={**RICH, **cash})
    assert code_of(market.place(hk_order(quantity=quantity, limit="380"))) == code
    assert code_of(market.place(hk_order(2, quantity=quantity, limit="380"))) == 201
    assert code_of(hong_kong().place(hk_order(quantity=quantity, limit="380"))) is None
    dollars = exchange(rules=rules, cash={"USD": D(20_000)})
    assert code_of(dollars.place(order(quantity=150, limit="199"))) is None  # lent at home


def test_a_second_order_of_the_same_side_as_its_parent_is_no_exit():
    market = exchange(cash={"USD": D(20_000)})
    market.place(order(1, limit="200.05", transmit=False))
    events = market.place(order(2, limit="199", quantity=900, parent_id=1))
    assert (2, "error", 201) in words(events)


def test_what_if_refuses_as_placing_would_and_changes_nothing():
    market = exchange()
    assert market.what_if(order(limit="199.999")).code == 110
    assert market.what_if(order(limit="199", quantity=10_000)).code == 201
    found = market.what_if(order(limit="190"))
    assert found["init_change"] == 9_500
    assert found["maintenance_change"] == 4_750
    assert market.what_if(order(kind="STP", stop="210"))["init_change"] == 10_500
    assert market.what_if(order(kind="MKT"))["init_change"] == 10_000
    assert found["commission"] == D("1.0003")
    assert market.open_orders() == []
    assert market.next_id(7) == 1


@pytest.mark.parametrize("word", ["extremes", "parent_end_takes_children", "foreign_currency"])
def test_a_rule_that_means_nothing_is_not_taken(word):
    with pytest.raises(ValueError, match=f"{word} must be"):
        Rules(**{word: "perhaps"})


def test_a_refusal_is_the_same_before_the_open():
    market = exchange(start=US_OPEN - timedelta(hours=2))
    assert code_of(market.place(order(limit="199.999"))) == 110
