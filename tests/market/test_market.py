"""The worlds behind the gateway: real folders read exactly, a synthetic market drawn once."""

import itertools
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import hours
from sim.gateway.nouns import Bar
from sim.ladders import HK_FUNDS, HK_OLD, HK_PHASE_1, HK_PHASE_2, RULES, rule_id
from sim.market import MarketError, open_market
from sim.minutes import expand, on_grid

FOLDERS = [
    "us_1min",
    "us_5min",
    "us_15min",
    "us_1h",
    "us_1d",
    "hk_1min",
    "hk_5min",
    "hk_1h",
    "hk_1d",
    "gpl3/hk_1d",
    "gpl3/us_1d",
]


def minutes_of(world, listing, day):
    spans = world.sessions(listing.market, day)
    return world.minutes(listing.con_id, spans[0].opens_at, spans[-1].closes_at), spans


def tick_of(listing, price):
    return [tick for low, tick in RULES[listing.market_rule_id] if low <= price][-1]


@pytest.mark.data
@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_opens_and_its_days_have_minutes_on_the_grid(shared_data, name):
    world = open_market(shared_data / name)
    for market in world.markets():
        days = world.trading_days(market)
        sample = days if len(days) <= 8 else [days[0], days[1], *days[:: len(days) // 3], days[-1]]
        for day in sample:
            there = world.on(day)
            traded = 0
            for listing in there.listings():
                if listing.market != market:
                    continue
                bars, spans = minutes_of(there, listing, day)
                traded += len(bars)
                for bar in bars[:40]:
                    assert any(opens <= bar.at < closes for opens, closes in spans)
                    assert bar.low <= min(bar.open, bar.close)
                    assert bar.high >= max(bar.open, bar.close)
                    for price in bar[1:5]:
                        assert price % tick_of(listing, price) == 0, (listing.symbol, bar)
            assert traded > 0, (name, day)


@pytest.mark.data
def test_an_expanded_day_is_that_day_exactly(shared_data):
    world = open_market(shared_data / "gpl3" / "hk_1d")
    day = world.trading_days("HK")[-1]
    there = world.on(day)
    assert "expanded" in there.label
    for listing in there.listings():
        bars, _ = minutes_of(there, listing, day)
        if not bars:
            continue
        after = there.days(listing.con_id, day + timedelta(days=1), 1)[0]
        assert bars[0].open == after.open
        assert bars[-1].close == after.close
        assert max(bar.high for bar in bars) == after.high
        assert min(bar.low for bar in bars) == after.low
        assert sum(bar.volume for bar in bars) == after.volume


@pytest.mark.data
def test_lots_are_those_of_the_exchange_or_said_to_be_assumed(shared_data, tmp_path):
    world = open_market(shared_data / "hk_5min")
    [tencent] = world.listings()
    assert (tencent.lot, "assumed" in world.label) == (100, False)
    lonely = tmp_path / "bars"
    shutil.copytree(shared_data / "hk_5min", lonely)
    world = open_market(lonely)
    assert "lots assumed" in world.label
    (lonely / "contracts.csv").write_text(
        "symbol,market,name,sector,lot,currency\n700,HK,Tencent,Tech,400,HKD\n", encoding="utf-8"
    )
    world = open_market(lonely)
    assert (world.listings()[0].lot, "assumed" in world.label) == (400, False)


prices = st.decimals(min_value=D("0.5"), max_value=D(900), places=2)


@given(
    st.lists(prices, min_size=4, max_size=4),
    st.integers(0, 10**7),
    st.integers(4, 400),
    st.booleans(),
)
def test_expansion_keeps_open_high_low_close_and_volume(row, volume, count, low_first):
    rule = RULES[HK_PHASE_2]
    first, other, low, last = (on_grid(float(price), rule) for price in row)
    whole = Bar(
        datetime(2026, 1, 1, tzinfo=UTC),
        first,
        max(first, other, low, last),
        min(first, other, low, last),
        last,
        volume,
    )
    starts = [whole.at + timedelta(minutes=n) for n in range(count)]
    bars = expand(whole, starts, rule, low_first=low_first)
    assert [bar.at for bar in bars] == starts
    assert (bars[0].open, bars[-1].close) == (whole.open, whole.close)
    assert max(bar.high for bar in bars) == whole.high
    assert min(bar.low for bar in bars) == whole.low
    assert sum(bar.volume for bar in bars) == volume
    for before, after in itertools.pairwise(bars):
        assert after.open == before.close


def test_the_synthetic_market_is_the_same_in_any_order_of_access():
    one, two = open_market(None, seed=4), open_market(None, seed=4)
    assert one.label == "synthetic seed 4"
    day = one.trading_days("US")[-1]
    listings = one.listings()
    forwards = [minutes_of(one, listing, day)[0] for listing in listings if listing.market == "US"]
    backwards = [
        minutes_of(two, listing, day)[0] for listing in reversed(listings) if listing.market == "US"
    ]
    assert forwards == backwards[::-1]
    other = open_market(None, seed=5)
    assert forwards[0] != minutes_of(other, listings[-1], day)[0]


def test_a_synthetic_days_bar_is_what_its_minutes_come_to():
    world = open_market(None, seed=2)
    for listing in world.listings()[::5]:
        for day in world.trading_days(listing.market)[-3:]:
            bars, _ = minutes_of(world, listing, day)
            daily = world.days(listing.con_id, day + timedelta(days=1), 1)[0]
            assert daily[1:] == (
                bars[0].open,
                max(b.high for b in bars),
                min(b.low for b in bars),
                bars[-1].close,
                sum(b.volume for b in bars),
            )
            assert all(bar.volume % listing.lot == 0 for bar in bars)


def test_the_synthetic_market_crashes_halts_gaps_and_is_busy_at_both_ends():
    world = open_market(None, seed=0)
    falls, halts, gaps, early, noon = [], 0, 0, 0, 0
    for listing in world.listings():
        if listing.market != "US":
            continue
        crash, _ = minutes_of(world, listing, date(2026, 10, 14))
        falls.append(crash[-1].close / crash[0].open - 1)
        for day in world.trading_days("US")[-12:]:
            bars, _ = minutes_of(world, listing, day)
            halts += len(bars) < 390
            before = world.days(listing.con_id, day, 1)[0]
            gaps += abs(bars[0].open / before.close - 1) > D("0.03")
            early += sum(bar.volume for bar in bars[:30])
            noon += sum(bar.volume for bar in bars[180:210])
    assert sum(falls) / len(falls) < D("-0.04")
    assert halts > 0
    assert gaps > 0
    assert early > 2 * noon


def write(folder, table):
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "bars.parquet")
    return folder


def bars(**changes):
    columns = {
        "symbol": ["A"],
        "market": ["US"],
        "ts": pa.array([datetime(2026, 11, 20, 15, tzinfo=UTC)], pa.timestamp("ms", tz="UTC")),
        "open": [1.0],
        "high": [1.0],
        "low": [1.0],
        "close": [1.0],
        "volume": [1],
    }
    return pa.table({k: v for k, v in (columns | changes).items() if v is not None})


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda path: path / "none", "no such folder"),
        (lambda path: path, "no *.parquet"),
        (lambda path: write(path / "a", bars(volume=None)), "volume missing"),
        (lambda path: write(path / "b", bars(open=[float("nan")])), "finite"),
        (lambda path: write(path / "c", bars(low=[-1.0])), "above 0"),
        (lambda path: write(path / "d", bars(market=["JP"])), "JP"),
        (lambda path: write(path / "e", bars(open=["x"])), "not readable"),
        (lambda path: write(path / "f", bars(ts=[1.5])), "not readable"),
        (lambda path: write(path / "g", pa.table({"x": [1]})), "hold no bars"),
        (
            lambda path: write(
                path / "h",
                bars(
                    ts=pa.array(
                        [datetime(2026, 11, 21, 3, tzinfo=UTC)], pa.timestamp("ms", tz="UTC")
                    )
                ),
            ),
            "regular hours",
        ),
    ],
)
def test_data_that_cannot_be_used_are_refused_in_one_line(tmp_path, make, word):
    with pytest.raises(MarketError) as caught:
        open_market(make(tmp_path))
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(MarketError, match=r"broken\.parquet"):
        open_market(tmp_path)


@pytest.mark.parametrize(
    ("market", "day", "spans"),
    [
        ("US", "2026-11-20", ["14:30-21:00"]),
        ("US", "2026-03-09", ["13:30-20:00"]),  # the Monday after the clocks changed
        ("US", "2026-03-06", ["14:30-21:00"]),
        ("US", "2026-11-27", ["14:30-18:00"]),
        ("US", "2019-11-29", ["14:30-18:00"]),
        ("US", "2019-07-03", ["13:30-17:00"]),
        ("HK", "2026-11-20", ["01:30-04:00", "05:00-08:00"]),
        ("HK", "2026-12-24", ["01:30-04:00"]),
    ],
)
def test_sessions_follow_each_markets_clock_lunch_and_half_days(market, day, spans):
    found = hours.sessions(market, date.fromisoformat(day))
    assert [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in found] == spans


@pytest.mark.parametrize(
    ("market", "day"), [("US", "2026-11-26"), ("HK", "2026-10-19"), ("HK", "2026-11-21")]
)
def test_holidays_are_closed(market, day):
    assert not hours.is_trading_day(market, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "kind", "rule"),
    [
        ("2025-08-03", "COMMON", HK_OLD),
        ("2025-08-04", "COMMON", HK_PHASE_1),
        ("2026-08-02", "COMMON", HK_PHASE_1),
        ("2026-08-03", "COMMON", HK_PHASE_2),
        ("2026-08-03", "ETF", HK_FUNDS),
    ],
)
def test_the_tick_table_is_that_of_its_day(day, kind, rule):
    assert rule_id("HK", kind, date.fromisoformat(day)) == rule


def test_tick_bands_meet_the_exchanges_tables():
    for price, tick in (
        ("0.30", "0.005"),
        ("5", "0.005"),
        ("15", "0.01"),
        ("30", "0.02"),
        ("75", "0.05"),
    ):
        assert [t for low, t in RULES[HK_PHASE_2] if low <= D(price)][-1] == D(tick)
    for price, tick in (("5", "0.01"), ("15", "0.02"), ("30", "0.05")):
        assert [t for low, t in RULES[HK_OLD] if low <= D(price)][-1] == D(tick)
    for price, tick in (("15", "0.01"), ("30", "0.02")):
        assert [t for low, t in RULES[HK_PHASE_1] if low <= D(price)][-1] == D(tick)
