"""Each open position gets what it needs now, and never more: repair, close, take, tighten."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import ticks
from guardrails.stops import Memory, Remedy, Watched, remember, stops
from guardrails.terms import Action, Hours
from session.settings import load
from tests.support.guarding import (
    AAPL,
    HELD,
    HK_LADDER,
    LIMITS,
    NOW,
    QUOTE,
    ROOT,
    TENCENT,
    US_LADDER,
)

RULES = load(ROOT / "config.yaml", environ={}).stops
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LONG = Watched(
    position=HELD,  # 20 shares, stop at 194
    instrument=AAPL,
    quote=QUOTE,
    entry_price=D("200"),
    opened_at=NOW - 30 * MINUTE,
    meant_stop=D("194"),
)
SHORT = replace(LONG, position=replace(HELD, shares=-20, stop_price=D("206")), meant_stop=D("206"))


def at(watched, price, *, best=None, before=None, since=None, age=0 * SECOND):
    """The position with a touch of `price` on its own side, and what was remembered of it."""
    price = D(price)
    side = {True: (price, price + D("0.02")), False: (price - D("0.02"), price)}
    bid, ask = side[watched.position.shares > 0]
    memory = Memory(
        best_price=None if best is None else D(best),
        touch=price if before is None else D(before),
        breached_since=since,
    )
    quote = replace(QUOTE, bid=bid, ask=ask, at=NOW - age)
    return replace(watched, quote=quote, memory=memory)


def held(watched, **changes):
    return replace(watched, position=replace(watched.position, **changes))


def need_of(watched, now=NOW, rules=RULES, limits=LIMITS):
    found = stops([watched], rules, limits, now)
    return found[0] if found else None


def rule_of(watched, now=NOW, rules=RULES, limits=LIMITS):
    need = need_of(watched, now, rules, limits)
    return None if need is None else need.rule


def test_a_quiet_position_needs_nothing():
    assert stops([LONG, SHORT], RULES, LIMITS, NOW) == ()


def test_no_shares_need_nothing():
    assert stops([held(LONG, shares=0, protected_shares=0)], RULES, LIMITS, NOW) == ()


def test_each_position_is_answered_in_its_order():
    bare = held(SHORT, protected_shares=0)
    found = stops([bare, LONG, held(LONG, protected_shares=1)], RULES, LIMITS, NOW)
    assert [(need.action, need.rule) for need in found] == [
        (Action.BUY, "unprotected"),
        (Action.SELL, "unprotected"),
    ]


# Repair


@pytest.mark.parametrize("watched", [LONG, SHORT])
@pytest.mark.parametrize(
    ("covered", "rule"),
    [(0, "unprotected"), (19, "unprotected"), (20, None), (21, "overprotected")],
)
def test_the_stop_covers_what_is_held_and_no_more(watched, covered, rule):
    need = need_of(held(watched, protected_shares=covered))
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert need.remedy is Remedy.REPAIR
        assert need.shares == 20
        assert need.stop_price == watched.position.stop_price
        assert need.action is {LONG: Action.SELL, SHORT: Action.BUY}[watched]
        assert f"{covered} of 20 shares" in need.says


def test_a_stop_whose_price_nobody_knows_is_repaired():
    need = need_of(held(LONG, stop_price=None))
    assert (need.rule, need.stop_price) == ("unprotected", D("194"))
    blind = need_of(replace(held(LONG, stop_price=None), meant_stop=None))
    assert (blind.rule, blind.stop_price) == ("unprotected", None)
    assert "unknown" in blind.says


def test_repair_is_demanded_without_a_quote_an_instrument_or_a_time():
    blind = replace(
        held(LONG, protected_shares=0),
        quote=None,
        instrument=None,
        opened_at=None,
        entry_price=None,
    )
    assert rule_of(blind) == "unprotected"


# The stop did not execute


@pytest.mark.parametrize(
    ("watched", "price", "since", "rule"),
    [
        (LONG, "194.01", 600, None),
        (LONG, "194", 59, None),
        (LONG, "194", 60, "stop_not_executed"),
        (LONG, "193.99", 61, "stop_not_executed"),
        (LONG, "193.99", None, None),
        (SHORT, "205.99", 600, None),
        (SHORT, "206", 59, None),
        (SHORT, "206", 60, "stop_not_executed"),
        (SHORT, "206.01", 61, "stop_not_executed"),
        (SHORT, "206.01", None, None),
    ],
)
def test_a_passed_stop_closes_after_the_grace(watched, price, since, rule):
    since = None if since is None else NOW - since * SECOND
    need = need_of(at(watched, price, since=since))
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert (need.remedy, need.shares, need.stop_price) == (Remedy.CLOSE, 20, None)
        assert price in need.says


def looks(watched, prices, every=30):
    """The rules named at a row of looks, the memory carried along; None is no quote."""
    found = []
    memory = Memory()
    for number, price in enumerate(prices):
        now = NOW + timedelta(seconds=every * number)
        seen = replace(watched, quote=None) if price is None else at(watched, price)
        if seen.quote is not None:
            seen = replace(seen, quote=replace(seen.quote, at=now))
        seen = replace(seen, memory=memory)
        need = need_of(seen, now)
        found.append(None if need is None else need.rule)
        memory = remember(seen, LIMITS, now)
    return found


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


# Time


@pytest.mark.parametrize("watched", [LONG, SHORT])
@pytest.mark.parametrize(
    ("seconds", "rule"), [(179 * 60 + 59, None), (180 * 60, "hold_time"), (10**6, "hold_time")]
)
def test_hold_minutes_max(watched, seconds, rule):
    old = replace(watched, opened_at=NOW - seconds * SECOND, quote=None)
    assert rule_of(old) == rule


def test_an_unknown_opening_is_not_held_too_long():
    assert rule_of(replace(LONG, opened_at=None)) is None


CLOSES = AAPL.hours[0].closes_at


@pytest.mark.parametrize("watched", [LONG, SHORT])
@pytest.mark.parametrize("opened", [30 * MINUTE, None])
@pytest.mark.parametrize(
    ("left", "rule"),
    [(601, None), (600, "session_end"), (599, "session_end"), (1, "session_end")],
)
def test_close_before_close_minutes(watched, opened, left, rule):
    now = CLOSES - left * SECOND
    seen = replace(watched, quote=None, opened_at=None if opened is None else now - opened)
    need = need_of(seen, now)
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert not need.is_deferred
        assert "21:00 UTC" in need.says


def test_zero_minutes_before_the_close_hold_over_night():
    over_night = RULES.model_copy(update={"close_before_close_minutes": 0})
    seen = replace(LONG, opened_at=CLOSES - MINUTE)
    for now in (CLOSES - SECOND, CLOSES, CLOSES + MINUTE):
        assert rule_of(seen, now, over_night) is None


TOMORROW = Hours(CLOSES + 17.5 * 60 * MINUTE, CLOSES + 24 * 60 * MINUTE)
TWO_DAYS = replace(AAPL, hours=(*AAPL.hours, TOMORROW))


def test_a_position_that_outlived_its_session_is_closed_at_the_next_open():
    seen = replace(LONG, instrument=TWO_DAYS, opened_at=CLOSES - 5 * MINUTE)
    closed = need_of(seen, CLOSES)
    assert (closed.rule, closed.is_deferred) == ("session_end", True)
    assert closed.opens_at == TOMORROW.opens_at
    rules = RULES.model_copy(update={"hold_minutes_max": 10_000})
    opened = need_of(seen, TOMORROW.opens_at, rules)
    assert (opened.rule, opened.is_deferred, opened.opens_at) == ("session_end", False, None)
    fresh = replace(seen, opened_at=CLOSES)
    assert rule_of(fresh, TOMORROW.opens_at, rules) is None
    unknown = replace(seen, opened_at=None)
    for now in (CLOSES, TOMORROW.opens_at):
        assert rule_of(unknown, now, rules) is None


def test_the_next_open_may_be_unknown_and_hours_too():
    after = need_of(held(LONG, protected_shares=0), CLOSES)
    assert (after.is_deferred, after.opens_at) == (True, None)
    for instrument in (None, replace(AAPL, hours=())):
        bare = replace(held(LONG, protected_shares=0), instrument=instrument)
        assert not need_of(bare, CLOSES).is_deferred
        old = replace(LONG, instrument=instrument, opened_at=NOW - 180 * MINUTE)
        assert need_of(old).rule == "hold_time"


def test_a_closed_market_defers_to_the_nearest_opening():
    early = AAPL.hours[0].opens_at - SECOND
    need = need_of(replace(held(LONG, protected_shares=0), instrument=TWO_DAYS), early)
    assert (need.is_deferred, need.opens_at) == (True, AAPL.hours[0].opens_at)
    now = AAPL.hours[0].opens_at
    assert not need_of(held(LONG, protected_shares=0), now).is_deferred


MORNING = Hours(NOW - 60 * MINUTE, NOW + 90 * MINUTE)
AFTERNOON = Hours(NOW + 150 * MINUTE, NOW + 330 * MINUTE)
HK = replace(LONG, instrument=replace(TENCENT, hours=(MORNING, AFTERNOON)))
LUNCH = RULES.model_copy(update={"close_before_lunch": True})


def test_close_before_lunch_only_where_it_is_set():
    for left, rule in ((601, None), (600, "session_end")):
        now = MORNING.closes_at - left * SECOND
        assert rule_of(HK, now, LUNCH) == rule
        assert rule_of(HK, now, RULES) is None
    after_lunch = AFTERNOON.opens_at
    fresh = replace(HK, opened_at=NOW + 80 * MINUTE)
    assert rule_of(fresh, after_lunch, LUNCH) == "session_end"
    assert rule_of(fresh, after_lunch, RULES) is None
    assert rule_of(fresh, AFTERNOON.closes_at - 10 * MINUTE, RULES) == "session_end"


@pytest.mark.parametrize(("hours", "rule"), [(4, None), (4.01, "session_end")])
def test_a_longer_break_than_lunch_ends_the_day(hours, rule):
    later = Hours(MORNING.closes_at + hours * 60 * MINUTE, MORNING.closes_at + 600 * MINUTE)
    half_day = replace(HK, instrument=replace(TENCENT, hours=(MORNING, later)))
    assert rule_of(half_day, MORNING.closes_at - 5 * MINUTE) == rule


# Taking the profit


@pytest.mark.parametrize(
    ("watched", "price", "rule"),
    [
        (LONG, "239.99", None),
        (LONG, "240", "profit_target"),
        (LONG, "240.01", "profit_target"),
        (SHORT, "160.01", None),
        (SHORT, "160", "profit_target"),
        (SHORT, "159.99", "profit_target"),
    ],
)
def test_profit_target_pct(watched, price, rule):
    tight = {LONG: "239", SHORT: "161"}[watched]
    need = need_of(held(at(watched, price), stop_price=D(tight)))
    assert (None if need is None else need.rule) == rule
    if need is not None:
        assert (need.remedy, need.shares, need.stop_price) == (Remedy.TAKE, 20, None)
        assert "20.0 %" in need.says


@pytest.mark.parametrize(("watched", "far", "near"), [(LONG, "260", "205"), (SHORT, "140", "195")])
def test_one_look_takes_no_profit(watched, far, near):
    assert looks(watched, [far]) == [None]
    assert looks(watched, [near, far, near]) == [None] * 3
    assert looks(watched, [far, None, far]) == [None] * 3
    assert looks(watched, [near, far, far]) == [None, None, "profit_target"]


@pytest.mark.parametrize("entry", [None, D(0), D(-1), D("NaN")])
def test_an_unknown_entry_takes_and_trails_nothing(entry):
    assert rule_of(replace(at(LONG, "250", best="250"), entry_price=entry)) is None


# Trailing


@pytest.mark.parametrize(
    ("watched", "best", "stop"),
    [
        (LONG, "219.99", None),
        (LONG, "220", "209"),
        (LONG, "220.01", "209.01"),  # 209.0095, up
        (LONG, "230", "218.50"),
        (SHORT, "180.01", None),
        (SHORT, "180", "189"),
        (SHORT, "179.99", "188.98"),  # 188.9895, down
        (SHORT, "170", "178.50"),
    ],
)
def test_trail_start_and_trail_pct(watched, best, stop):
    need = need_of(at(watched, best, best=best))
    assert (None if need is None else need.stop_price) == (None if stop is None else D(stop))
    if need is not None:
        assert (need.remedy, need.rule, need.shares) == (Remedy.TIGHTEN, "trailing_stop", 20)


@pytest.mark.parametrize(
    ("watched", "best", "resting", "rule"),
    [
        (LONG, "220", "208.99", "trailing_stop"),
        (LONG, "220", "209", None),
        (LONG, "220", "209.01", None),
        (SHORT, "180", "189.01", "trailing_stop"),
        (SHORT, "180", "189", None),
        (SHORT, "180", "188.99", None),
    ],
)
def test_a_stop_is_only_ever_tightened(watched, best, resting, rule):
    assert rule_of(held(at(watched, best, best=best), stop_price=D(resting))) == rule


@pytest.mark.parametrize(
    ("watched", "best", "price", "before", "rule"),
    [
        (LONG, "220", "209.03", "209.03", "trailing_stop"),
        (LONG, "220", "209.02", "209.02", "trail_passed"),
        (LONG, "220", "208", "208", "trail_passed"),
        (LONG, "220", "209.02", "209.03", None),
        (LONG, "220", "209.03", "209.02", None),
        (SHORT, "180", "188.97", "188.97", "trailing_stop"),
        (SHORT, "180", "188.98", "188.98", "trail_passed"),
        (SHORT, "180", "190", "190", "trail_passed"),
        (SHORT, "180", "188.98", "188.97", None),
        (SHORT, "180", "188.97", "188.98", None),
    ],
)
def test_stop_distance_ticks_min_from_the_market_or_close(watched, best, price, before, rule):
    need = need_of(at(watched, price, best=best, before=before))
    assert (None if need is None else need.rule) == rule
    if rule == "trail_passed":
        assert (need.remedy, need.shares, need.stop_price) == (Remedy.CLOSE, 20, None)


def test_the_best_price_is_one_that_two_looks_agree_on():
    for watched, spike, calm in ((LONG, "230", "205"), (SHORT, "170", "195")):
        assert looks(watched, [calm, spike, calm, calm]) == [None] * 4
        memory = remember(at(watched, spike, before=calm), LIMITS, NOW)
        assert memory == Memory(best_price=D(calm), touch=D(spike))
        kept = remember(at(watched, calm, best=spike), LIMITS, NOW)
        assert kept.best_price == D(spike)
        assert looks(watched, [spike, spike]) == [None, "trailing_stop"]


def test_one_look_alone_does_not_trail():
    seen = at(LONG, "230", best="230")
    assert rule_of(replace(seen, memory=replace(seen.memory, touch=None))) is None


@pytest.mark.parametrize("instrument", [None, replace(AAPL, ladder=())])
def test_without_a_ladder_nothing_is_tightened(instrument):
    assert rule_of(replace(at(LONG, "230", best="230"), instrument=instrument)) is None


def test_the_stop_is_on_the_ladder_of_hong_kong():
    seen = replace(
        held(at(LONG, "423.4", best="423.4"), stop_price=D("370")),
        instrument=replace(TENCENT, hours=AAPL.hours),
        entry_price=D("380"),
    )
    assert need_of(seen).stop_price == D("402.4")  # 402.23, up to the next 0.2


@pytest.mark.parametrize(("price", "rule"), [("19.1", "trailing_stop"), ("19.09", "trail_passed")])
def test_the_room_to_the_market_is_counted_in_the_coarser_ticks(price, rule):
    """Below 20 a tick is 0.01 and above 0.02; the stop 19.04 trails a best price of 20.04."""
    seen = replace(
        held(at(LONG, price, best="20.04"), stop_price=D("17")),
        instrument=replace(TENCENT, hours=AAPL.hours),
        entry_price=D("18"),
    )
    assert rule_of(seen) == rule


# What is leaving already


@pytest.mark.parametrize(("leaving", "shares"), [(0, 20), (19, 1), (20, None), (21, None)])
def test_only_what_is_not_leaving_is_closed(leaving, shares):
    tight = {"stop_price": D("239"), "exiting_shares": leaving}
    for seen in (
        held(at(LONG, "250"), **tight),
        held(replace(LONG, opened_at=NOW - 180 * MINUTE), exiting_shares=leaving),
    ):
        need = need_of(seen)
        assert (None if need is None else need.shares) == shares


# Which comes first

ALL = held(
    replace(at(LONG, "250", best="270", since=NOW - 60 * SECOND), opened_at=CLOSES - 200 * MINUTE),
    stop_price=D("251"),
    protected_shares=0,
)


@pytest.mark.parametrize(
    ("mended", "rule"),
    [
        (0, "unprotected"),
        (1, "stop_not_executed"),
        (2, "session_end"),
        (3, "hold_time"),
        (4, "profit_target"),
        (5, "trail_passed"),
        (6, None),
    ],
)
def test_the_order_of_needs(mended, rule):
    """Every reason at once; they are taken away one by one, the first first."""
    now = CLOSES - 10 * MINUTE
    seen = replace(ALL, quote=replace(ALL.quote, at=now))
    seen = replace(seen, memory=replace(seen.memory, breached_since=now - 60 * SECOND))
    steps = [
        lambda one, at: (held(one, protected_shares=20), at),
        lambda one, at: (held(one, stop_price=D("194")), at),
        lambda one, at: (replace(one, quote=replace(one.quote, at=at - MINUTE)), at - MINUTE),
        lambda one, at: (replace(one, opened_at=at), at),
        lambda one, at: (replace(one, entry_price=D("240")), at),
        lambda one, at: (held(one, stop_price=D("256.5")), at),
    ]
    for step in steps[:mended]:
        seen, now = step(seen, now)
    if mended == 6:  # the trailing stop rests where it should; its breach has just begun
        seen = replace(seen, memory=replace(seen.memory, breached_since=None))
    assert rule_of(seen, now) == rule


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
