"""The simulated exchange and the tables agree on every day: two witnesses that share no code."""

from datetime import date, timedelta

import pytest

from guardrails import tick_tables
from guardrails.terms import Instrument, Market, Step
from guardrails.tick_tables import cross_checked
from sim.ladders import RULES, rule_id
from sim.market import open_market

SCHEDULES = (*tick_tables.PART_A, *tick_tables.PART_D, *tick_tables.RULE_612)
EDGES = {one.first for one in SCHEDULES} | {one.last for one in SCHEDULES if one.last is not None}
DAYS = sorted({edge + timedelta(days=n) for edge in EDGES for n in (-1, 0, 1)})
FOLDERS = ("us_1min", "us_1d", "hk_1min", "hk_5min", "hk_1h", "hk_1d", "gpl3/hk_1d", "gpl3/us_1d")


def served(market, kind, rule):
    """The instrument that a session is served: all that the check looks at."""
    return Instrument(
        symbol="X",
        market=Market(market),
        con_id=1,
        name="",
        currency="",
        exchange="",
        primary_exchange="",
        security_type="STK",
        stock_type=kind,
        ladder=tuple(Step(low, tick) for low, tick in RULES[rule]),
    )


@pytest.mark.parametrize("kind", ["COMMON", "REIT", "ETF", ""])
@pytest.mark.parametrize("market", ["HK", "US"])
def test_on_every_day_the_simulation_serves_the_table(market, kind):
    for day in [*DAYS, date(2027, 11, 1)]:
        instrument = served(market, kind, rule_id(market, kind, day))
        assert cross_checked(instrument, day) == (instrument, None), day


def disagreements(world):
    """(day, symbol, what is said) of each listing on each of the world's days that differs."""
    found = []
    for market in world.markets():
        days = world.trading_days(market)
        for day in {days[0], days[-1], *days[:: max(1, len(days) // 12)]}:
            for one in world.on(day).listings():
                instrument = served(one.market, one.stock_type, one.market_rule_id)
                _, says = cross_checked(instrument, day)
                if one.market == market and says is not None:
                    found.append((day, one.symbol, says))
    return found


def test_the_synthetic_market_is_on_the_tables():
    assert disagreements(open_market(None, seed=1)) == []


@pytest.mark.data
@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_of_bars_is_on_the_tables_of_its_days(shared_data, name):
    assert disagreements(open_market(shared_data / name)) == []
