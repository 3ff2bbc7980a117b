"""Each kind of synthetic day is what its name says, for nearly every name on nearly every day."""

import itertools
from datetime import timedelta
from decimal import Decimal as D

import pytest

from sim.gateway.bars import PER_UNIT, price_of
from sim.market import MarketError, open_market
from sim.synthetic_days import KINDS, LIMIT_PAUSE, luld_band
from sim.synthetic_names import SYMBOLS_MAX

MINUTE = timedelta(minutes=1)


def whole_days(kind, *, seed=3, symbols=0, every=20):
    """(world, listing, day, minutes) of some days of every name; the first day has no night."""
    world = open_market(None, seed=seed, kind=kind, symbols=symbols)
    for listing in world.listings():
        for day in world.trading_days(listing.market)[1::every]:
            spans = world.sessions(listing.market, day)
            bars = world.minutes(listing.con_id, spans[0].opens_at, spans[-1].closes_at)
            yield world, listing, day, bars


def night(world, listing, day, bars):
    """The fraction by which the price moved from the close before to the open."""
    return float(bars[0].open / world.days(listing.con_id, day, 1)[0].close - 1)


def tick_share(listing, world, price):
    """One tick as a fraction of the price: moves on the grid are this far off at most."""
    tick = [tick for low, tick in world.market_rule(listing.market_rule_id) if low <= price][-1]
    return float(tick / price)


def share(found):
    found = list(found)
    return sum(found) / len(found)


def test_calm_days_hardly_move():
    for world, listing, day, bars in whole_days("calm"):
        first = float(bars[0].open)
        slack = 2 * tick_share(listing, world, bars[0].open)
        assert max(bars.highs) / PER_UNIT / first - 1 < 0.01 + slack
        assert 1 - min(bars.lows) / PER_UNIT / first < 0.01 + slack
        assert abs(night(world, listing, day, bars)) < 0.003 + slack


def test_trends_go_one_way_by_name_and_both_ways_by_market():
    moves = {}
    for _, listing, _, bars in whole_days("trend", every=10):
        moves.setdefault(listing.con_id, []).append(float(bars[-1].close / bars[0].open - 1))
    ways = {con_id: sum(move > 0 for move in each) / len(each) for con_id, each in moves.items()}
    assert all(way in (0, 1) for way in ways.values())
    assert 0.2 < share(ways.values()) < 0.8
    assert all(abs(move) > 0.003 for each in moves.values() for move in each)


def test_gap_nights_leap_past_stops_both_ways_and_bring_news_when_up():
    gaps = [
        (night(*found), found, tick_share(found[1], found[0], found[3][0].open))
        for found in whole_days("gap")
    ]
    assert all(0.0295 - tick < abs(gap) < 0.13 + tick for gap, _, tick in gaps)
    for least in (0.02, 0.05):
        assert share(gap > least for gap, *_ in gaps) > 0.2
        assert share(gap < -least for gap, *_ in gaps) > 0.2
    for gap, (world, listing, _, bars), _ in gaps:
        begins = bars[0].at
        lines = world.headlines(listing.con_id, begins - timedelta(hours=3), begins)
        assert len(lines) == (gap > 0)


def test_in_a_crash_every_name_falls_six_percent_within_45_minutes_on_thin_volume():
    for _, listing, day, bars in whole_days("crash"):
        assert float(bars[134].close / bars[90].open) < 0.94, (listing.symbol, day)
        before, within = sum(bars.volumes[45:90]), sum(bars.volumes[90:135])
        assert within < before / 2 or listing.lot * 45 == within


def test_halted_names_have_no_bars_inside_and_reopen_with_a_jump():
    lengths, jumps = [], []
    for world, listing, day, bars in whole_days("halt", every=12):
        [halt] = world.halts(listing.con_id, day)
        lengths.append((halt.closes_at - halt.opens_at) // MINUTE)
        assert len(bars.between(*halt)) == 0
        assert any(
            o <= halt.opens_at and halt.closes_at < c
            for o, c in world.sessions(listing.market, day)
        )
        before = bars.between(bars[0].at, halt.opens_at)[-1]
        after = bars.between(halt.closes_at, bars[-1].at)[0]
        assert (before.at, after.at) == (halt.opens_at - MINUTE, halt.closes_at)
        jumps.append(float(after.open / before.close - 1))
    assert min(lengths) >= 15
    assert max(lengths) <= 120
    assert max(lengths) - min(lengths) > 60
    assert share(abs(jump) > 0.015 for jump in jumps) > 0.9
    assert 0.3 < share(jump > 0 for jump in jumps) < 0.7


def test_us_limit_moves_run_to_the_band_pause_five_minutes_and_do_so_again():
    for world, listing, day, bars in whole_days("limit-move"):
        if listing.market != "US":
            continue
        pauses = world.halts(listing.con_id, day)
        assert [pause.closes_at - pause.opens_at for pause in pauses] == [LIMIT_PAUSE * MINUTE] * 2
        for pause in pauses:
            assert len(bars.between(*pause)) == 0
            run = bars.between(pause.opens_at - 3 * MINUTE, pause.opens_at)
            if run[0].open > 4:  # nearer to 3 the band may be that of the price before
                band = luld_band(float(run[0].open))
                assert abs(float(run[-1].close / run[0].open - 1)) == pytest.approx(band, rel=0.1)


def test_hk_limit_moves_run_ten_percent_and_then_stand_still():
    for world, listing, day, bars in whole_days("limit-move"):
        if listing.market != "HK":
            continue
        assert world.halts(listing.con_id, day) == ()
        closes = bars.closes
        stands = [n for n in range(75, len(bars) - 29) if (closes[n : n + 30] == closes[n]).all()]
        still = bars[stands[0] + 1 : stands[0] + 30]
        assert (still.highs == still.lows).all()
        run = float(closes[stands[0]] / bars.opens[stands[0] - 4] - 1)
        assert abs(run) > 0.08


def test_the_mixed_kind_tells_its_rare_halts():
    halts = 0
    for world, listing, day, bars in whole_days("mixed", seed=0, every=4):
        spans = world.halts(listing.con_id, day)
        halts += len(spans)
        minutes = sum((c - o) // MINUTE for o, c in world.sessions(listing.market, day))
        assert len(bars) == minutes - 60 * len(spans)
        for span in spans:
            assert len(bars.between(*span)) == 0
    assert halts > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_on_the_grid_and_adds_up_to_its_daily_bars(kind):
    for world, listing, day, bars in itertools.islice(whole_days(kind, symbols=30), 0, None, 9):
        for bar in (bars[0], bars[len(bars) // 2], bars[-1]):
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            for price in bar[1:5]:
                rule = world.market_rule(listing.market_rule_id)
                assert price % [tick for low, tick in rule if low <= price][-1] == 0
        daily = world.days(listing.con_id, day + timedelta(days=1), 1)[0]
        assert (daily.open, daily.close) == (bars[0].open, bars[-1].close)
        assert (daily.high, daily.low) == (price_of(max(bars.highs)), price_of(min(bars.lows)))
        assert daily.volume == sum(bars.volumes)


@pytest.mark.parametrize("kind", KINDS)
def test_prices_of_a_kind_stay_within_reach_of_the_first(kind):
    world = open_market(None, seed=11, kind=kind)
    for listing in world.listings():
        first, last = (
            world.days(listing.con_id, day, 1)[0].close
            for day in (
                world.trading_days(listing.market)[1],
                world.trading_days(listing.market)[-1],
            )
        )
        assert D("0.1") < last / first < 10


@pytest.mark.parametrize(
    ("kind", "symbols", "label"),
    [
        ("mixed", 0, "synthetic seed 7"),
        ("crash", 0, "synthetic crash seed 7"),
        ("limit-move", 12, "synthetic limit-move seed 7, 12 generated names"),
    ],
)
def test_the_label_says_the_kind_and_how_many_names_were_generated(kind, symbols, label):
    assert open_market(None, seed=7, kind=kind, symbols=symbols).label == label


def test_what_the_synthetic_market_cannot_be_is_refused_in_one_line(tmp_path):
    for wrong, words in (
        ({"kind": "clam"}, "mixed, calm, trend, gap, crash, halt, limit-move, was 'clam'"),
        ({"symbols": -1}, "0 to 10000, was -1"),
        ({"symbols": SYMBOLS_MAX + 1}, "was 10001"),
    ):
        with pytest.raises(MarketError) as caught:
            open_market(None, **wrong)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(MarketError, match="synthetic market alone"):
        open_market(tmp_path, kind="crash")


def test_generated_names_are_plausible_and_collide_with_none():
    world = open_market(None, symbols=4119)
    listings = world.listings()
    assert len(listings) == 4119 + 40
    assert len({listing.con_id for listing in listings}) == len(listings)
    assert len({(listing.market, listing.symbol) for listing in listings}) == len(listings)
    assert len({listing.name for listing in listings}) == len(listings)
    assert share(listing.market == "HK" for listing in listings) == pytest.approx(0.2, abs=0.01)
    assert len({listing.industry for listing in listings}) >= 8
    assert all(listing.lot == 1 for listing in listings if listing.market == "US")
    assert len({listing.lot for listing in listings if listing.market == "HK"}) >= 5
    closes = [
        world.days(listing.con_id, world.trading_days(listing.market)[1], 1)[0].close
        for listing in listings[::40]
    ]
    assert min(closes) < 2
    assert max(closes) > 400


def test_names_and_their_bars_are_the_same_however_many_there_are():
    few, many = open_market(None, seed=5, symbols=25), open_market(None, seed=5, symbols=300)
    bare = open_market(None, seed=5)
    assert set(bare.listings()) < set(few.listings()) < set(many.listings())
    for listing in few.listings()[::-3]:
        day = few.trading_days(listing.market)[-2]
        spans = few.sessions(listing.market, day)
        one, other = (
            world.minutes(listing.con_id, spans[0].opens_at, spans[-1].closes_at)
            for world in (few, many)
        )
        assert one == other
        assert len(one) > 0
