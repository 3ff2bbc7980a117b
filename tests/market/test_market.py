"""The worlds behind the gateway: real folders read exactly, a synthetic market drawn once."""

import hashlib
import shutil
from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from sim.ladders import HK_FUNDS, HK_OLD, HK_PHASE_1, HK_PHASE_2, RULES, rule_id
from sim.market import open_market

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


@pytest.mark.parametrize(("seed", "digest"), [(0, "f060a0cbc3abe6fb"), (7, "69bbdc40748a5c70")])
def test_the_bars_of_a_seed_never_change(seed, digest):
    world = open_market(None, seed=seed)
    found = hashlib.blake2b(digest_size=8)
    for listing in world.listings():
        for day in [*world.trading_days(listing.market)[::30], date(2026, 10, 14)]:
            bars, _ = minutes_of(world, listing, day)
            found.update(listing.symbol.encode())
            for column in bars.columns():
                found.update(column.astype("<i8").tobytes())
    assert found.hexdigest() == digest


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


@pytest.mark.parametrize(
    ("day", "kind", "rule"),
    [
        ("2025-08-03", "COMMON", HK_OLD),
        ("2025-08-04", "COMMON", HK_PHASE_1),
        ("2026-08-02", "COMMON", HK_PHASE_1),
        ("2026-08-03", "COMMON", HK_PHASE_2),
        ("2020-05-31", "ETF", HK_OLD),
        ("2020-06-01", "ETF", HK_FUNDS),
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


def test_days_that_fell_out_of_what_is_kept_are_the_same_again(monkeypatch):
    monkeypatch.setattr("sim.market.DAYS_KEPT", 2)
    world = open_market(None, seed=1)
    listing = world.listings()[-1]
    days = world.trading_days(listing.market)[:4]
    first = [minutes_of(world, listing, day)[0] for day in days]
    assert [minutes_of(world, listing, day)[0] for day in days] == first
    spans = [world.sessions(listing.market, day) for day in days]
    over_days = world.minutes(listing.con_id, spans[0][0].opens_at, spans[-1][-1].closes_at)
    assert list(over_days) == [bar for bars in first for bar in bars]


def test_no_days_are_no_days():
    world = open_market(None)
    assert list(world.days(world.listings()[0].con_id, date(2026, 11, 20), 0)) == []
