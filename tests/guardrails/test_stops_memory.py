"""What is remembered of a position, which quotes count, and what holds over any path."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import ticks
from guardrails.stops import Memory, Remedy, Watched, remember, stops
from guardrails.terms import Action
from tests.support.guarding import AAPL, HELD, HK_LADDER, LIMITS, NOW, QUOTE, US_LADDER
from tests.support.watching import (
    LONG,
    MINUTE,
    RULES,
    SECOND,
    SHORT,
    TWO_DAYS,
    at,
    held,
    looks,
    rule_of,
)


@pytest.mark.parametrize(
    ("watched", "through", "back"), [(LONG, "193", "195"), (SHORT, "207", "205")]
)
def test_a_breach_is_counted_from_its_first_look(watched, through, back):
    late = "stop_not_executed"
    assert looks(watched, [through] * 4) == [None, None, late, late]
    assert looks(watched, [through, back, through, through]) == [None] * 4
    assert looks(watched, [through, None, through]) == [None, None, late]
    assert looks(watched, [through, through, None]) == [None] * 3


def test_no_resting_stop_is_no_breach():
    bare = held(at(LONG, "100"), stop_price=None, protected_shares=0)
    assert remember(bare, LIMITS, NOW).breached_since is None


# The quote


@pytest.mark.parametrize(
    "changes",
    [
        {"bid": None},
        {"ask": None},
        {"bid": D("0")},
        {"bid": D("-1")},
        {"bid": D("250.03")},
        {"bid": D("NaN")},
        {"ask": D("Infinity")},
        {"is_realtime": False},
        {"at": NOW - 15 * SECOND - timedelta(microseconds=1)},
        {"at": NOW + timedelta(microseconds=1)},
    ],
)
@pytest.mark.parametrize("watched", [LONG, SHORT])
def test_an_unusable_quote_moves_nothing(watched, changes):
    since = NOW - 600 * SECOND
    price, best = {LONG: ("250", "250"), SHORT: ("150", "150")}[watched]
    for seen in (at(watched, price, best=best), at(watched, watched.meant_stop, since=since)):
        assert rule_of(seen) is not None
        bad = replace(seen, quote=replace(seen.quote, **changes))
        assert stops([bad], RULES, LIMITS, NOW) == ()
        kept = remember(bad, LIMITS, NOW)
        assert kept == replace(seen.memory, touch=None)


def test_no_quote_moves_nothing_and_delayed_ones_count_where_allowed():
    seen = at(LONG, "250", age=15 * SECOND)
    assert rule_of(seen) == "profit_target"
    assert rule_of(replace(seen, quote=None)) is None
    delayed = replace(seen, quote=replace(seen.quote, is_realtime=False))
    assert rule_of(delayed) is None
    allowed = LIMITS.model_copy(update={"allow_delayed": True})
    assert rule_of(delayed, limits=allowed) == "profit_target"


def test_a_crossed_quote_is_unknown_and_a_locked_one_is_not():
    seen = at(LONG, "250")
    assert rule_of(replace(seen, quote=replace(seen.quote, ask=D("249.99")))) is None
    assert rule_of(replace(seen, quote=replace(seen.quote, ask=D("250")))) == "profit_target"


def test_the_best_price_is_one_that_two_looks_agree_on():
    for watched, spike, calm in ((LONG, "230", "205"), (SHORT, "170", "195")):
        assert looks(watched, [calm, spike, calm, calm]) == [None] * 4
        memory = remember(at(watched, spike, before=calm), LIMITS, NOW)
        assert memory == Memory(best_price=D(calm), touch=D(spike))
        kept = remember(at(watched, calm, best=spike), LIMITS, NOW)
        assert kept.best_price == D(spike)
        assert looks(watched, [spike, spike]) == [None, "trailing_stop"]


# Whatever happens

prices = st.decimals(min_value=D("0.5"), max_value=D(700), places=3)


@st.composite
def positions(draw):
    shares = draw(st.integers(-50, 50).filter(bool))
    ladder = draw(st.sampled_from([US_LADDER, HK_LADDER]))
    stop = draw(st.none() | prices.map(lambda price: ticks.down(price, ladder)))
    entry = draw(prices)
    near = st.decimals(min_value=D("0.7"), max_value=D("1.4"), places=3).map(lambda n: n * entry)
    bid, gap = draw(near), draw(st.decimals(min_value=D("-0.05"), max_value=1, places=2))
    position = replace(
        HELD,
        shares=shares,
        stop_price=stop,
        protected_shares=draw(st.sampled_from([abs(shares), 0, 1])),
        exiting_shares=draw(st.sampled_from([0, 0, 3])),
    )
    memory = Memory(
        best_price=draw(st.none() | near),
        touch=draw(st.none() | near),
        breached_since=draw(st.none() | st.just(NOW - MINUTE)),
    )
    return Watched(
        position=position,
        instrument=draw(
            st.sampled_from([None, replace(AAPL, ladder=ladder), replace(TWO_DAYS, ladder=ladder)])
        ),
        quote=draw(st.none() | st.just(replace(QUOTE, bid=bid, ask=bid + gap))),
        entry_price=entry,
        opened_at=draw(st.none() | st.just(NOW - 10 * MINUTE) | st.just(NOW - 500 * MINUTE)),
        meant_stop=stop,
        memory=memory,
    )


@settings(max_examples=500, deadline=None)
@given(positions(), st.integers(-100, 400))
def test_no_need_loosens_enlarges_flips_or_crosses(watched, minutes):
    now = NOW + minutes * MINUTE
    if watched.quote is not None:
        watched = replace(watched, quote=replace(watched.quote, at=now))
    found = stops([watched], RULES, LIMITS, now)
    assert found == stops([watched], RULES, LIMITS, now)
    assert remember(watched, LIMITS, now) == remember(watched, LIMITS, now)
    for need in found:
        position = watched.position
        is_long = position.shares > 0
        assert need.action is {True: Action.SELL, False: Action.BUY}[is_long]
        assert 0 < need.shares <= abs(position.shares)
        assert need.says.startswith("AAPL: ")
        assert any(character.isdigit() for character in need.says)
        if need.remedy in (Remedy.CLOSE, Remedy.TAKE):
            assert need.shares + position.exiting_shares <= abs(position.shares)
        if need.remedy is Remedy.TIGHTEN:
            ladder = watched.instrument.ladder
            assert need.stop_price % ticks.tick_at(need.stop_price, ladder) == 0
            losing = {True: 1, False: -1}[is_long]
            touch = {True: watched.quote.bid, False: watched.quote.ask}[is_long]
            assert losing * (need.stop_price - position.stop_price) > 0
            assert losing * (touch - need.stop_price) > 0


@settings(max_examples=200, deadline=None)
@given(st.lists(prices, min_size=1, max_size=12), st.sampled_from([LONG, SHORT]))
def test_over_any_path_the_best_price_only_improves_and_the_stop_only_tightens(path, start):
    sign = {LONG: 1, SHORT: -1}[start]
    watched, memory = start, Memory()
    for price in path:
        watched = replace(at(watched, price), memory=memory)
        [need] = stops([watched], RULES, LIMITS, NOW) or [None]
        after = remember(watched, LIMITS, NOW)
        if memory.best_price is not None:
            assert sign * (after.best_price - memory.best_price) >= 0
        memory = after
        if need is not None and need.remedy is Remedy.TIGHTEN:
            assert sign * (need.stop_price - watched.position.stop_price) > 0
            watched = held(watched, stop_price=need.stop_price)
