"""When faults strike: by message, instant, chance and client, the same again from what was noted.

And what they leave behind: a gateway that closes, has no tasks of its own, and starts again.
"""

import asyncio
import gc
import json
from datetime import timedelta

import ib_insync
import pytest

from sim.gateway.faults import CATALOGUE
from tests.support.lying import in_virtual_time, lying
from tests.support.tiny import NOON, TinyWorld, flat

MINE = [f"F{number}" for number in range(20, 41)]
SCAN = ib_insync.ScannerSubscription(
    instrument="STK", locationCode="STK.US.MAJOR", scanCode="MOST_ACTIVE"
)


def world():
    """Prices that move, so that what is stale shows."""
    return TinyWorld({n: flat(f"{200 + n - 30}.00") for n in range(30, 120)})


async def answer(question, seconds=70):
    """What came back, or what was raised, as a text."""
    try:
        return repr(await asyncio.wait_for(question, seconds))
    except (TimeoutError, ConnectionError) as error:
        return type(error).__name__


async def visit(scene, client_id):
    """Everything that one client sees in one session, as texts."""
    try:
        ib = await scene.connect(client_id)
    except (TimeoutError, ConnectionError) as error:
        return [type(error).__name__]
    stock = ib_insync.Stock("AAPL", "SMART", "USD")
    told = [repr(ib.accountValues()), repr(ib.positions()), repr(len(ib.openTrades()))]
    try:
        told.append(await answer(ib.reqContractDetailsAsync(stock)))
        told.append(await answer(ib.reqMarketRuleAsync(26)))
        told.append(await answer(quotes(ib, stock)))
        told.append(await answer(bars(ib, stock)))
        told.append(await answer(ib.reqHistoricalNewsAsync(1, "SYNTH", "", "", 10)))
        told.append(await answer(ib.reqScannerDataAsync(SCAN)))
        trade = ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 1, 150.0))
        await asyncio.sleep(5)
        told.append(trade.orderStatus.status)
    except ConnectionError as error:
        told.append(type(error).__name__)
    ib.disconnect()
    await asyncio.sleep(30)
    return told


async def quotes(ib, stock):
    """Bid, ask and last of a snapshot."""
    [ticker] = await ib.reqTickersAsync(stock)
    return ticker.bid, ticker.ask, ticker.last


async def bars(ib, stock):
    """The closes of half an hour."""
    found = await ib.reqHistoricalDataAsync(stock, "", "1800 S", "1 min", "TRADES", True)
    return [bar.close for bar in found]


def played(*lines):
    """What two clients saw in two sessions each, what is true at the end, and what was noted."""

    async def scenario():
        async with lying(*lines, world=world()) as scene:
            told = [await visit(scene, client_id) for client_id in (1, 2, 1, 2)]
            truth = (scene.live(), scene.exchange.account_values())
            return told, truth, scene.errors, scene.gateway.faults.struck.lines

    return in_virtual_time(scenario)


HONEST = played()
REPEATED = [
    {"fault": "F20", "message": 10},
    {"fault": "F21", "message": 12},
    {"fault": "F22", "after_seconds": 20, "when": "idle", "seconds": 20},
    {"fault": "F24", "client": 2},
    {"fault": "F25", "at": (NOON + timedelta(seconds=20)).isoformat(), "seconds": 20},
    {"fault": "F26", "after_seconds": 50, "seconds": 20},
    {"fault": "F27", "missing": "rows", "client": 2, "times": 0},
    {"fault": "F28", "probability": 0.3},
    {"fault": "F29", "probability": 0.5},
    {"fault": "F31", "probability": 0.4, "times": 0},
    {"fault": "F33", "after_seconds": 20, "kind": "zero"},
    {"fault": "F34", "probability": 0.4, "times": 2},
    {"fault": "F36", "kind": "unknown", "message": 20},
    {"fault": "F37", "kind": "closed", "probability": 0.4},
    {"fault": "F39", "kind": "missing", "client": 2},
    {"fault": "F40", "kind": "news_none", "probability": 0.5, "times": 0},
]


@pytest.mark.parametrize("row", REPEATED, ids=lambda row: row["fault"])
def test_what_was_noted_of_a_strike_makes_it_strike_again(row):
    first = played('{"seed": 3}', json.dumps(row))
    *seen, lines = first
    assert lines
    assert seen != list(HONEST[:3])
    again = played(*lines)
    assert again == first


def test_a_schedule_that_never_strikes_changes_nothing():
    lines = [json.dumps({"fault": name, "after_seconds": 10**6}) for name in CATALOGUE]
    assert played(*lines) == HONEST


async def refusals(scene, client_id, count, pause=60):
    """At which of some requests for quotes, a pause apart, there were none: their numbers."""
    ib = await scene.connect(client_id)
    stock = await scene.stock(ib)
    found = []
    for number in range(count):
        before = len(scene.errors)
        await ib.reqTickersAsync(stock)
        if len(scene.errors) > before:
            found.append(number)
        await asyncio.sleep(pause)
    ib.disconnect()
    return found


@pytest.mark.parametrize(
    ("keys", "struck"),
    [
        ({}, [0]),
        ({"times": 3}, [0, 1, 2]),
        ({"times": 0}, [0, 1, 2, 3, 4, 5]),
        ({"message": 9}, [0]),  # the start is 1 to 7, the contract 8
        ({"message": 10}, [1]),
        ({"message": 12, "times": 2}, [3, 4]),
        ({"after_seconds": 60}, [1]),
        ({"after_seconds": 61}, [2]),
        ({"after_seconds": 61, "message": 13}, [4]),
        ({"at": "2026-11-20T15:03:00Z"}, [3]),
        ({"at": "2026-11-20T10:03:00-05:00", "times": 0}, [3, 4, 5]),
        ({"symbol": "AAPL"}, [0]),
        ({"symbol": "700"}, []),
        ({"client": 7}, [0]),
        ({"client": 8}, []),
    ],
)
def test_a_plan_strikes_at_the_first_opportunity_that_all_its_keys_allow(keys, struck):
    async def scenario():
        async with lying(json.dumps({"fault": "F31", **keys})) as scene:
            found = await refusals(scene, 7, 6)
            assert found == struck
            assert scene.struck == ({"F31": len(struck)} if struck else {})

    in_virtual_time(scenario)


def test_chance_is_drawn_from_the_seed_at_every_opportunity():
    def drawn(seed):
        async def scenario():
            line = '{"fault": "F31", "probability": 0.3, "times": 0}'
            async with lying(json.dumps({"seed": seed}), line) as scene:
                return tuple(await refusals(scene, 7, 200, 1))

        return in_virtual_time(scenario)

    found = [drawn(seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert all(35 < len(struck) < 85 for struck in found)


@pytest.mark.parametrize("name", MINE)
def test_the_gateway_closes_after_each_fault_leaves_no_task_and_starts_again(name):
    complaints = []

    async def scenario():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        line = json.dumps({"fault": name, "message": 9, "times": 0})
        async with lying(line, world=world()) as scene:
            await visit(scene, 1)
            open_client = asyncio.ensure_future(visit(scene, 2))
            await asyncio.sleep(3)
            await scene.gateway.close()
            await asyncio.sleep(600)
            await open_client
            ours = asyncio.all_tasks() - {asyncio.current_task()}
            assert [task.get_coro().__qualname__ for task in ours] == []
            await scene.gateway.start()
            _, writer = await asyncio.open_connection("127.0.0.1", scene.gateway.port)
            writer.close()
        gc.collect()

    in_virtual_time(scenario)
    assert complaints == []


@pytest.mark.parametrize(
    "line",
    [
        '{"fault": "F22", "when": "idle", "after_seconds": 20, "seconds": 600}',
        '{"fault": "F23", "after_seconds": 20}',
        '{"fault": "F25", "after_seconds": 20, "pending": "late", "seconds": 600}',
        '{"fault": "F26", "after_seconds": 20, "seconds": 600}',
        '{"fault": "F29", "seconds": 600, "span_seconds": 30}',
        '{"fault": "F30", "kind": "coalesced", "delay_seconds": 600, "seconds": 100}',
    ],
)
def test_a_gateway_closed_while_a_strike_is_on_is_as_new_when_started_again(line):
    async def scenario():
        async with lying(line) as scene:
            await answer(scene.connect())
            await asyncio.sleep(21)
            port = scene.gateway.port
            await scene.gateway.close()
            with pytest.raises(ConnectionRefusedError):
                await scene.connect()
            await asyncio.sleep(700)
            with pytest.raises(ConnectionRefusedError):
                await scene.connect()  # what was due meanwhile did not open it
            await scene.gateway.start(port)
            assert (await scene.connect()).isConnected()

    in_virtual_time(scenario)
