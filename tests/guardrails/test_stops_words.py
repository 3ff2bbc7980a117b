"""What a need tells a person, to the digit, and numbers near the edges of the rules."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails.stops import Memory, Remedy, remember
from tests.support.guarding import LIMITS, NOW
from tests.support.watching import (
    CLOSES,
    LONG,
    MINUTE,
    SECOND,
    SHORT,
    TOMORROW,
    TWO_DAYS,
    at,
    held,
    need_of,
    rule_of,
)


def test_the_stop_that_rests_is_repaired_at_its_own_price():
    need = need_of(held(replace(LONG, meant_stop=D("190")), protected_shares=5))
    assert need.stop_price == D("194")
    assert need.says == (
        "AAPL: 5 of 20 shares are under a resting stop (at 194); the stop must cover 20 at 194."
    )


def test_a_stop_without_a_price_is_said_to_be_unknown():
    assert need_of(held(LONG, stop_price=None)).says == (
        "AAPL: 20 of 20 shares are under a resting stop (at unknown); the stop must cover 20 at "
        "194."
    )


def test_a_stop_that_failed_tells_its_age_in_whole_seconds():
    seen = at(LONG, "193.5", since=NOW - timedelta(seconds=61, milliseconds=900))
    assert need_of(seen).says == (
        "AAPL: the price 193.5 has been at or past the stop 194 for 61 s and the stop did not "
        "execute."
    )


def test_time_closes_and_tells_whole_minutes():
    need = need_of(replace(LONG, opened_at=NOW - 181 * MINUTE - 59 * SECOND))
    assert need.remedy is Remedy.CLOSE
    assert need.says == "AAPL: held for 181 min; at most 180 min are allowed."
    assert need_of(LONG, CLOSES - MINUTE).remedy is Remedy.CLOSE


def test_a_profit_tells_its_share_of_the_entry():
    assert need_of(held(at(LONG, "240.6"), stop_price=D("239"))).says == (
        "AAPL: the price 240.6 is 20.3 % over the entry 200; the target is 20 %."
    )


def test_a_trailing_stop_tells_where_it_goes_and_where_it_is():
    text = "AAPL: the best price 220 asks for a stop at 209, 5 % behind it; the price is "
    assert need_of(at(LONG, "220", best="220")).says == f"{text}220 and the stop rests at 194."
    assert need_of(at(LONG, "209.01", best="220")).says == (
        f"{text}209.01, less than 0.03 away: closing instead."
    )


def test_a_position_without_a_target_trails_too():
    bare = held(at(LONG, "220", best="220"), target_price=None)
    assert rule_of(bare) == "trailing_stop"


@pytest.mark.parametrize(("before", "price"), [("209.04", "209.02"), ("209.02", "209.04")])
def test_two_looks_that_disagree_about_the_room_do_nothing(before, price):
    assert rule_of(at(LONG, price, best="220", before=before)) is None


def test_prices_below_one_are_prices():
    cheap = replace(held(at(LONG, "0.9"), stop_price=D("0.89")), entry_price=D("0.75"))
    assert rule_of(cheap) == "profit_target"


@pytest.mark.parametrize(
    ("watched", "worse", "better"), [(LONG, "205", "205.5"), (SHORT, "195.5", "195")]
)
def test_the_worse_of_two_near_looks_is_what_they_agree_on(watched, worse, better):
    for before, touch in ((worse, better), (better, worse)):
        seen = remember(at(watched, touch, before=before), LIMITS, NOW)
        assert seen == Memory(best_price=D(worse), touch=D(touch))


@pytest.mark.parametrize(
    ("watched", "old", "agreed", "best"),
    [
        (LONG, "205", "205.5", "205.5"),
        (LONG, "205", "208", "208"),
        (LONG, "205", "204.5", "205"),
        (SHORT, "195", "194.5", "194.5"),
        (SHORT, "195", "192", "192"),
        (SHORT, "195", "195.5", "195"),
    ],
)
def test_the_best_price_follows_what_looks_agree_on(watched, old, agreed, best):
    assert remember(at(watched, agreed, best=old), LIMITS, NOW).best_price == D(best)


def test_a_market_stays_closed_after_its_close():
    bare = replace(held(LONG, protected_shares=0), instrument=TWO_DAYS)
    for now in (CLOSES, CLOSES + SECOND, TOMORROW.opens_at - SECOND):
        need = need_of(bare, now)
        assert (need.is_deferred, need.opens_at) == (True, TOMORROW.opens_at)


def test_a_position_opened_after_a_session_did_not_outlive_it():
    fresh = replace(LONG, instrument=TWO_DAYS, opened_at=TOMORROW.opens_at)
    assert rule_of(fresh, TOMORROW.opens_at + MINUTE) is None
