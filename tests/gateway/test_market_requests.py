"""Contracts, quotes, history, scanner and news, as a client hears them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import ib_insync
import pytest

from sim.gateway.nouns import Headline, Session
from sim.gateway.rules import Rules
from sim.gateway.wire import answers
from tests.support.lying import in_virtual_time
from tests.support.tiny import AAPL as APPLE
from tests.support.tiny import DAY, NOON, US_CLOSE, US_OPEN, TinyWorld, flat
from tests.support.wire import peer, served

AAPL = ["0", "AAPL", "STK", "", "0", "", "", "SMART", "", "USD", "", ""]
TENCENT = ["0", "700", "STK", "", "0", "", "", "SEHK", "", "HKD", "", ""]
RISE = {n: flat(f"{200 + n * D('0.1')}") for n in range(0, 390)}  # ten cents a minute


async def asked(gateway, *requests, until, seconds=None, client_id=1):
    """What one peer is told after its requests."""
    async with peer(gateway, client_id) as one:
        for request in requests:
            one.send(*request)
        return await (one.until(*until) if seconds is None else one.told(seconds))


def market_data(request_id, contract=AAPL, *, snapshot=True):
    """The fields of a reqMktData."""
    return [1, 11, request_id, *contract, 0, "", int(snapshot), 0, ""]


def history(request_id, *, size="5 mins", duration="1 D", end="", show="TRADES", keep=0, form=2):
    """The fields of a reqHistoricalData."""
    return [20, request_id, *AAPL, 0, end, size, duration, 1, show, form, keep, ""]


def ticks(messages):
    """{tick type: price} of what was told."""
    return {int(m[3]): D(m[4]) for m in messages if m[0] == "1"}


def details(messages):
    """The contractDetails among messages, by name."""
    layout = answers.CONTRACT_DETAILS
    return [layout.read(m[1:], 176) for m in messages if m[0] == "10"]


def errors(messages):
    """(request id, code) of the error channel."""
    return [(int(m[2]), int(m[3])) for m in messages if m[0] == "4"]


# Contracts


@pytest.mark.parametrize(
    ("contract", "found"),
    [
        (AAPL, [(1, "SMART")]),
        (TENCENT, [(2, "SEHK")]),
        (["1", *AAPL[1:7], "", "", "", "", ""], [(1, "SMART")]),
        (["0", "AAPL", "STK", "", "0", "", "", "NASDAQ", "", "USD", "", ""], [(1, "NASDAQ")]),
        (["0", "AAPL", "STK", "", "0", "", "", "SMART", "NYSE", "USD", "", ""], []),
        (["0", "AAPL", "OPT", "", "0", "", "", "SMART", "", "USD", "", ""], []),
        (["0", "aapl", "STK", "", "0", "", "", "SMART", "", "USD", "", ""], []),
        (["0", "AAPL", "STK", "", "0", "", "", "SMART", "", "HKD", "", ""], []),
    ],
)
def test_a_contract_is_found_by_what_it_says_and_by_nothing_else(contract, found):
    async def main():
        async with served() as gateway:
            return await asked(gateway, [9, 8, 5, *contract, 0, "", "", ""], until=("52", "4"))

    told = in_virtual_time(main)
    assert [(row["conId"], row["exchange"]) for row in details(told)] == found
    assert errors(told) == ([] if found else [(5, 200)])


def test_a_contract_without_an_exchange_is_told_of_each_of_them():
    anywhere = ["0", "AAPL", "STK", "", "0", "", "", "", "", "", "", ""]

    async def main():
        async with served() as gateway:
            return await asked(gateway, [9, 8, 5, *anywhere, 0, "", "", ""], until=("52",))

    rows = details(in_virtual_time(main))
    assert [row["exchange"] for row in rows] == ["SMART", "NASDAQ", "NYSE", "ARCA", "BATS"]
    for row in rows:
        assert {"LMT", "STP", "MKT"} <= set(row["orderTypes"].split(","))
        assert len(row["marketRuleIds"].split(",")) == len(row["validExchanges"].split(","))


def test_an_unknown_market_rule_is_an_error_that_names_no_request():
    async def main():
        async with served() as gateway:
            return await asked(gateway, [91, 4711], until=("4",))

    assert errors(in_virtual_time(main)) == [(-1, 321)]


# Quotes


def test_a_snapshot_ends_and_a_stream_tells_only_what_changes():
    async def main():
        async with served(TinyWorld(RISE)) as gateway, peer(gateway) as one:
            one.send(*market_data(5))
            snapshot = await one.until("57")
            one.send(*market_data(6, snapshot=False))
            first = await one.told(1)
            later = await one.told(60)
            one.send(2, 2, 6)
            after = await one.told(120)
            one.send(2, 2, 6)
            unknown = await one.told(1)
            return snapshot, first, later, after, unknown

    snapshot, first, later, after, unknown = in_virtual_time(main)
    assert ticks(snapshot)[1] == ticks(snapshot)[4] == D("203.0")
    assert ticks(snapshot)[2] == D("203.01")
    assert ticks(snapshot)[9] == D(196)
    assert 14 in ticks(first)
    assert ticks(later)[4] > ticks(first)[4]
    assert 14 not in ticks(later)  # the open does not change
    assert 9 not in ticks(later)
    assert after == []
    assert errors(unknown) == [(6, 300)]


def test_a_market_without_subscription_is_refused_or_delayed_as_the_client_asked():
    rules = Rules(realtime=("HK",))

    async def main():
        async with served(TinyWorld(RISE), rules=rules) as gateway, peer(gateway) as one:
            one.send(*market_data(5))
            refused = await one.told(1)
            one.send(59, 1, 3)
            one.send(*market_data(6))
            delayed = await one.until("57")
            return refused, delayed

    refused, delayed = in_virtual_time(main)
    assert errors(refused) == [(5, 354)]
    assert ticks(refused) == {}
    assert delayed[0][:4] == ["4", "2", "6", "10167"]
    assert ["58", "1", "6", "3"] in delayed
    assert ticks(delayed)[66] == D("201.5")  # of fifteen minutes ago
    assert set(ticks(delayed)) <= {66, 67, 68, 72, 73, 75, 76}


def test_delayed_data_that_are_not_enabled_are_refused():
    rules = Rules(realtime=(), delayed=False)

    async def main():
        async with served(rules=rules) as gateway:
            return await asked(gateway, [59, 1, 3], market_data(5), until=("4",))

    assert errors(in_virtual_time(main)) == [(5, 10168)]


def test_before_the_open_there_is_no_price_and_after_the_close_a_frozen_one_on_request():
    async def main(now, kind):
        async with served(TinyWorld(RISE), now=now) as gateway:
            return await asked(gateway, [59, 1, kind], market_data(5), until=("57",))

    early = in_virtual_time(lambda: main(US_OPEN - timedelta(hours=1), 1))
    assert ticks(early)[1] == ticks(early)[2] == -1
    closed = in_virtual_time(lambda: main(US_CLOSE + timedelta(hours=1), 1))
    assert ticks(closed)[1] == -1
    frozen = in_virtual_time(lambda: main(US_CLOSE + timedelta(hours=1), 2))
    assert ["58", "1", "5", "2"] in frozen
    assert ticks(frozen)[1] == D("238.9")


class Halted(TinyWorld):
    """AAPL is halted for ten minutes at noon."""

    def halts(self, con_id, day):
        begins = NOON + timedelta(minutes=1)
        return (Session(begins, begins + timedelta(minutes=10)),) if con_id == 1 else ()


def test_a_halt_is_told_when_it_begins_and_when_it_ends():
    async def main():
        async with served(Halted()) as gateway:
            request = market_data(5, snapshot=False)
            return await asked(gateway, request, until=(), seconds=900)

    told = in_virtual_time(main)
    assert [m[4] for m in told if m[0] == "45"] == ["1", "0"]
    bids = [D(m[4]) for m in told if m[:1] == ["1"] and m[3] == "1"]
    assert -1 in bids
    assert bids[-1] == 200


def test_sizes_are_shares_or_round_lots_by_a_setting():
    async def main(rules):
        async with served(rules=rules) as gateway:
            told = await asked(gateway, market_data(5), until=("57",))
            return [int(m[4]) for m in told if m[:1] == ["2"]]

    [shares] = in_virtual_time(lambda: main(Rules()))
    [lots] = in_virtual_time(lambda: main(Rules(us_sizes_in_lots=True)))
    assert lots == shares // 100


# History


def test_bars_are_of_the_past_and_add_up_in_every_size():
    sizes = ("15 secs", "30 secs", "1 min", "2 mins", "5 mins", "15 mins", "30 mins", "1 hour")

    async def main():
        async with served(TinyWorld(RISE), now=NOON + timedelta(minutes=7.5)) as gateway:
            ib = ib_insync.IB()
            await ib.connectAsync("127.0.0.1", gateway.port, 7)
            stock = ib_insync.Stock("AAPL", "SMART", "USD")
            found = {}
            for size in sizes:
                await asyncio.sleep(20)  # the pace of small bars
                found[size] = await ib.reqHistoricalDataAsync(
                    stock, "20261120 15:00:00 UTC", "1 D", size, "TRADES", True, 2
                )
            ib.disconnect()
            return found

    found = in_virtual_time(main)
    total = sum(bar.volume for bar in found["1 min"])
    first, last = found["1 min"][0], found["1 min"][-1]
    for size, bars in found.items():
        assert bars[0].open == first.open, size
        assert bars[-1].close == last.close, size
        assert sum(bar.volume for bar in bars) == total, size
        assert [bar.date for bar in bars] == sorted({bar.date for bar in bars})
        assert bars[0].date == US_OPEN
        assert bars[-1].date <= NOON
    assert len(found["1 min"]) == 31  # the minute that begins at the end has its first trade


def test_the_bar_under_way_shows_nothing_of_the_future():
    jump = {30: (D(200), D(210), D(190), D(205), 10_000)}

    async def main(seconds):
        async with served(TinyWorld(jump), now=NOON + timedelta(seconds=seconds)) as gateway:
            told = await asked(gateway, history(5, size="1 min"), until=("17", "4"))
            bars = told[-1][5:]
            return bars[-8:]

    at_once = in_virtual_time(lambda: main(1))
    assert at_once[1:5] == ["200", "200", "200", "200"]
    whole = in_virtual_time(lambda: main(59))
    assert whole[1:5] == ["200", "210", "190", "205"]


@pytest.mark.parametrize(
    ("request_fields", "code"),
    [
        (history(5, size="7 mins"), 320),
        (history(5, duration="1 X"), 320),
        (history(5, duration="200 Y"), 320),
        (history(5, size="30 secs", duration="5 D"), 320),
        (history(5, show="OPTION_VOLUME"), 321),
        (history(5, keep=1, end="20261120 15:00:00 UTC"), 321),
        (history(5, end="19790101 15:00:00 UTC"), 320),
        (history(5, end="20261120 15:00:00 No/Where"), 320),
        ([20, 5, *AAPL[:1], "NONE", *AAPL[2:], 0, "", "1 day", "1 D", 1, "TRADES", 2, 0, ""], 200),
    ],
)
def test_a_request_for_bars_that_cannot_be_served_says_why(request_fields, code):
    async def main():
        async with served() as gateway:
            return await asked(gateway, request_fields, until=("4", "17"))

    [(_, found)] = errors(in_virtual_time(main))
    assert found == code


def test_small_bars_are_paced_and_others_are_not():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            codes = {}
            for size in ("30 secs", "1 min"):
                one.send(*history(5, size=size, duration="600 S"))
                one.send(*history(6, size=size, duration="600 S"))
                codes[size, "same"] = errors(await one.told(1))
                await asyncio.sleep(16)
                for n in range(6):
                    one.send(*history(10 + n, size=size, duration=f"{600 + n} S"))
                codes[size, "burst"] = errors(await one.told(1))
                await asyncio.sleep(16)
                for n in range(60):
                    one.send(*history(20 + n, size=size, duration=f"{700 + n} S"))
                    await asyncio.sleep(1)
                codes[size, "window"] = errors(await one.told(1))
            return codes

    codes = in_virtual_time(main)
    assert codes["30 secs", "same"] == [(6, 162)]
    assert codes["30 secs", "burst"] == [(15, 162)]
    assert codes["30 secs", "window"]
    assert all(not codes["1 min", kind] for kind in ("same", "burst", "window"))


def test_bars_kept_up_to_date_follow_the_market_until_cancelled():
    async def main():
        async with served(TinyWorld(RISE)) as gateway, peer(gateway) as one:
            one.send(*history(5, size="1 min", keep=1))
            await one.until("17")
            told = await one.told(180)
            one.send(25, 1, 5)
            await one.told(1)
            return told, await one.told(120)

    told, after = in_virtual_time(main)
    updates = [m for m in told if m[0] == "90"]
    assert len({m[3] for m in updates}) == 3  # three more minutes began
    assert updates[-1][5] == "203.2"
    assert after == []


def test_bids_and_asks_are_a_spread_apart():
    async def main():
        async with served() as gateway:
            shown = {}
            for number, show in enumerate(("TRADES", "BID", "ASK", "MIDPOINT")):
                told = await asked(
                    gateway, history(5, show=show), until=("17", "4"), client_id=10 + number
                )
                shown[show] = D(told[-1][-5])
            return shown

    shown = in_virtual_time(main)
    assert shown["BID"] == shown["TRADES"] == 200
    assert shown["ASK"] == D("200.01")
    assert shown["MIDPOINT"] == D("200.005")


# Scanner and search


def scan(request_id, code="TOP_PERC_GAIN", location="STK.US.MAJOR", instrument="STK", **more):
    """The fields of a reqScannerSubscription."""
    above, below, volume = (more.get(key, "") for key in ("above", "below", "volume"))
    rest = ["", "", "", "", "", "", "", "", "", "", 0, "", "", "ALL", "", ""]
    rows = more.get("rows", 10)
    return [22, request_id, rows, instrument, location, code, above, below, volume, *rest]


@pytest.mark.parametrize(
    ("request_fields", "found"),
    [
        (scan(5), ["AAPL"]),
        (scan(5, above="199.99"), ["AAPL"]),
        (scan(5, above="200"), []),
        (scan(5, below="200"), []),
        (scan(5, volume="100000000"), []),
        (scan(5, rows=0), ["AAPL"]),
        (scan(5, rows=-1), ["AAPL"]),
        (scan(5, location="STK.HK.SEHK", instrument="STOCK.HK"), ["700"]),
        (scan(5, code="MOST_ACTIVE_USD"), ["AAPL"]),
        (scan(5, location="STK.HK.SEHK"), 162),
        (scan(5, location="STK.JP"), 162),
        (scan(5, code="NONSENSE"), 162),
    ],
)
def test_a_scan_gives_rows_or_says_why_not(request_fields, found):
    async def main():
        async with served() as gateway:
            return await asked(gateway, request_fields, until=("20", "4"))

    told = in_virtual_time(main)
    if isinstance(found, int):
        assert errors(told) == [(5, found)]
    else:
        assert told[-1][3] == str(len(found))
        assert told[-1][6::16] == found


def test_a_scan_goes_on_every_thirty_seconds_until_it_is_cancelled_and_ten_may_run():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            one.send(*scan(5))
            running = [m for m in await one.told(95) if m[0] == "20"]
            for n in range(10):
                one.send(*scan(10 + n))
            too_many = errors(await one.told(1))
            one.send(23, 1, 5)
            await one.told(1)
            after = [m for m in await one.told(95) if m[0] == "20" and m[2] == "5"]
            return len(running), too_many, after

    assert in_virtual_time(main) == (4, [(19, 321)], [])


class Two(TinyWorld):
    """AAPL has risen since yesterday, AAA has fallen."""

    def listings(self):
        return [*super().listings(), replace(APPLE, con_id=3, symbol="AAA")]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("TOP_PERC_GAIN", ["AAPL", "AAA"]),
        ("TOP_PERC_LOSE", ["AAA", "AAPL"]),
        ("HOT_BY_PRICE", ["AAA", "AAPL"]),
    ],
)
def test_a_scan_ranks_by_what_its_code_says_and_gives_as_many_rows_as_asked(code, found):
    async def main(rows):
        async with served(Two(RISE)) as gateway:
            return await asked(gateway, scan(5, code=code, rows=rows), until=("20",))

    told = in_virtual_time(lambda: main(10))
    assert told[-1][6::16] == found
    assert told[-1][4::16] == ["0", "1"]
    assert in_virtual_time(lambda: main(1))[-1][6::16] == found[:1]


def test_a_price_that_stands_still_is_told_once():
    async def main():
        async with served() as gateway:
            return await asked(gateway, market_data(5, snapshot=False), until=(), seconds=90)

    told = in_virtual_time(main)
    kinds = [m[3] for m in told if m[0] == "1"]
    assert (kinds.count("1"), kinds.count("2")) == (1, 1)
    assert kinds.count("4") > 3  # trades go on, at the same price


def test_an_account_without_a_scanner_for_a_market_is_told_so():
    request = scan(5, location="STK.HK.SEHK", instrument="STOCK.HK")

    async def main():
        async with served(rules=Rules(scanner_markets=("US",))) as gateway:
            return await asked(gateway, request, until=("20", "4"))

    told = in_virtual_time(main)
    assert errors(told) == [(5, 162)]
    assert "not configured for one of the chosen locations" in told[-1][4]


@pytest.mark.parametrize(("pattern", "found"), [("AAP", 1), ("tencent", 1), ("", 0), ("zzz", 0)])
def test_symbols_are_searched_by_symbol_and_name(pattern, found):
    async def main():
        async with served() as gateway:
            return await asked(gateway, [81, 5, pattern], until=("79",))

    assert in_virtual_time(main)[-1][2] == str(found)


# News


class Newsy(TinyWorld):
    """Two headlines of today and one of the future."""

    LINES = (
        Headline(NOON - timedelta(hours=2), "FOLDER", "F$1", "one\0half"),
        Headline(NOON - timedelta(hours=1), "FOLDER", "F$2", "two"),
        Headline(NOON + timedelta(hours=1), "FOLDER", "F$3", "of tomorrow"),
    )

    def headlines(self, con_id, start, end):
        return [line for line in self.LINES if con_id == 1 and start <= line.at < end]


@pytest.mark.parametrize(
    ("start", "end", "total", "found"),
    [
        ("", "", 10, ["two", "onehalf"]),
        ("", "", 1, ["two"]),
        ("2026-11-20 13:30:00.0", "", 10, ["two"]),
        ("", "2026-11-20 13:30:00.0", 10, ["onehalf"]),
        ("2026-11-20 16:00:00.0", "2026-11-20 17:00:00.0", 10, []),
        ("", "2030-01-01 00:00:00.0", 10, ["two", "onehalf"]),
    ],
)
def test_headlines_are_of_the_span_asked_for_and_never_of_the_future(start, end, total, found):
    async def main():
        async with served(Newsy()) as gateway:
            request = [86, 5, 1, "FOLDER+SYNTH", start, end, total, ""]
            return await asked(gateway, request, until=("87", "4"))

    told = in_virtual_time(main)
    assert [m[5] for m in told if m[0] == "86"] == found
    assert told[-1] == ["87", "5", "1" if total == 1 else "0"]


def test_an_article_is_given_by_its_id_or_refused():
    async def main():
        async with served(Newsy()) as gateway:
            found = await asked(gateway, [84, 5, "FOLDER", "F$2", ""], until=("83", "4"))
            missing = await asked(gateway, [84, 6, "FOLDER", "F$9", ""], until=("83", "4"))
            return found[-1], errors(missing)

    assert in_virtual_time(main) == (["83", "5", "0", "two"], [(6, 10172)])


def test_hours_of_the_coming_days_are_told_with_lunch_and_closed_days():
    async def main():
        async with served() as gateway:
            return await asked(gateway, [9, 8, 5, *TENCENT, 0, "", "", ""], until=("52",))

    [row] = details(in_virtual_time(main))
    hours = row["tradingHours"].split(";")
    assert hours[0] == "20261120:0930-20261120:1200"
    assert hours[1] == "20261120:1300-20261120:1600"
    assert hours[2] == "20261121:CLOSED"
    assert datetime(2026, 11, 20, tzinfo=UTC).date() == DAY
