"""When and where the faults of the order path strike, and that a strike can be played again."""

import asyncio
import json
from datetime import timedelta
from functools import cache

import ib_insync
import pytest

from sim.gateway.faults import CATALOGUE
from tests.support.lying import bracket, in_virtual_time, lying
from tests.support.tiny import NOON, US_CLOSE, TinyWorld, flat

BEGINS = US_CLOSE - timedelta(minutes=60)  # minute 330 of the session
WORLD = TinyWorld(
    {n: flat("206.00") for n in range(345, 350)} | {n: flat("197.00") for n in range(355, 360)}
)
# One line for every way in which F1 to F19 lie.
LIES = [
    {"fault": "F1"},
    {"fault": "F1", "of": "change"},
    {"fault": "F2"},
    {"fault": "F3"},
    {"fault": "F4"},
    {"fault": "F5"},
    {"fault": "F5", "code": 10148, "on": "cancel"},
    {"fault": "F5", "code": 105, "on": "change"},
    {"fault": "F6"},
    {"fault": "F6", "kind": "lot"},
    {"fault": "F7"},
    {"fault": "F7", "seconds": 200.0, "children": "full"},
    {"fault": "F8"},
    {"fault": "F8", "kind": "after"},
    {"fault": "F9", "kind": "duplicate"},
    {"fault": "F9", "kind": "stale"},
    {"fault": "F9", "kind": "status_first"},
    {"fault": "F9", "kind": "no_execution"},
    {"fault": "F9", "kind": "no_status"},
    {"fault": "F9", "kind": "late_commission"},
    {"fault": "F9", "kind": "no_realised"},
    {"fault": "F10"},
    {"fault": "F11"},
    {"fault": "F12"},
    {"fault": "F13"},
    {"fault": "F13", "acknowledged": True},
    {"fault": "F13", "kind": "parent_held"},
    {"fault": "F14"},
    {"fault": "F14", "kind": "commission"},
    {"fault": "F15"},
    {"fault": "F15", "kind": "asleep", "seconds": 120.0},
    {"fault": "F16"},
    {"fault": "F17"},
    {"fault": "F18"},
    {"fault": "F19"},
    {"fault": "F19", "kind": "manual"},
]


def name_of(lie):
    """A test's name for it."""
    return "-".join(str(value) for value in lie.values())


async def last_hour(scene):
    """What a client hears of a busy last hour, and what really happens in it.

    Two families that enter, one of which is changed; an order that is cancelled and one that
    rests over the close, a short sale, a what-if; the price touches a target and a stop.
    """
    heard = []
    ib = await scene.connect()
    ib.orderStatusEvent += lambda trade: heard.append(
        (trade.order.orderId, trade.orderStatus.status, trade.orderStatus.filled, trade.filled())
    )
    ib.commissionReportEvent += lambda trade, fill, report: heard.append(
        (fill.execution.execId, report.commission, report.realizedPNL)
    )
    stock = await scene.stock(ib)
    asked = ib.whatIfOrderAsync(stock, ib_insync.MarketOrder("BUY", 10))
    families = [[ib.placeOrder(stock, order) for order in bracket(ib, 50)] for _ in range(2)]
    resting = ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 10, 150.0))
    ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 10, 140.0, tif="GTC"))
    ib.placeOrder(stock, ib_insync.MarketOrder("SELL", 300))
    await asyncio.sleep(60)
    target = families[1][1]
    if not target.isDone():
        target.order.lmtPrice = 210.0
        ib.placeOrder(stock, target.order)
    ib.cancelOrder(resting.order)
    await asyncio.sleep(2 * 3600)
    fills = [(one.at, one.order_id, one.shares, one.price) for one in scene.exchange.fills()]
    margin = asked.done() and (asked.result().initMarginChange, asked.result().commission)
    return heard, scene.errors, fills, scene.live(), scene.shares(), margin


def played(*lines):
    """What happens in the hour under a schedule, and the lines of its strikes."""

    async def scenario():
        async with lying(*lines, world=WORLD, start=BEGINS) as scene:
            happened = await last_hour(scene)
            return happened, list(scene.gateway.faults.struck.lines)

    return in_virtual_time(scenario)


@cache
def honest():
    """What happens where nobody lies."""
    happened, struck = played()
    assert struck == []
    return happened


@pytest.mark.parametrize("lie", LIES, ids=name_of)
def test_the_line_of_a_strike_makes_it_strike_again(lie):
    happened, struck = played(json.dumps(lie))
    assert len(struck) == 1
    assert played(*struck) == (happened, struck)
    if lie.get("kind") != "duplicate":  # which the library hides
        assert happened != honest()


@pytest.mark.parametrize("seed", [1, 4])  # which strike the later of two that come at once
@pytest.mark.parametrize("lie", LIES, ids=name_of)
def test_drawn_strikes_are_played_again_without_drawing(lie, seed):
    drawn = json.dumps({**lie, "probability": 0.4, "times": 0})
    happened, struck = played(json.dumps({"seed": seed}), drawn)
    assert played(json.dumps({"seed": seed}), drawn) == (happened, struck)
    assert played(*struck) == (happened, struck)


@pytest.mark.parametrize(
    "scope", [{"client": 8}, {"symbol": "700"}, {"at": "2026-11-21T00:00:00Z"}, {"message": 999}]
)
def test_faults_that_do_not_strike_leave_the_gateway_as_honest_as_without_them(scope):
    drawn_to_a_symbol = {"fault": "F19", "kind": "manual"}
    lies = [
        lie
        for lie in LIES
        if lie != drawn_to_a_symbol or "symbol" not in scope
        if "client" not in scope or "client" in CATALOGUE[lie["fault"]].scopes
    ]
    assert played(*(json.dumps({**lie, **scope}) for lie in lies)) == (honest(), [])


def test_all_faults_at_once_are_played_again_by_their_lines():
    lines = [json.dumps({**lie, "probability": 0.5}) for lie in LIES]
    happened, struck = played(*lines)
    assert len(struck) > 5
    assert played(*lines) == (happened, struck)


FIRST_ORDER = 9  # of the requests that come before it, 7 connect and 1 asks about the contract
FIRST_ID = 4


def struck_of_five(*lines, client_id=7):
    """Which of five resting orders, sent a minute apart from noon on, do not rest in the end."""

    async def scenario():
        async with lying(*lines) as scene:
            ib = await scene.connect(client_id)
            stock = await scene.stock(ib)
            trades = []
            for _ in range(5):
                trades.append(ib.placeOrder(stock, ib_insync.LimitOrder("BUY", 10, 195.0)))
                await asyncio.sleep(60)
            assert trades[0].order.orderId == FIRST_ID
            return [n for n, trade in enumerate(trades) if trade.order.orderId not in scene.live()]

    return in_virtual_time(scenario)


@pytest.mark.parametrize("fault", ["F1", "F3", "F4", "F6"])
@pytest.mark.parametrize(
    ("trigger", "struck"),
    [
        ({}, [0]),
        ({"message": FIRST_ORDER + 2}, [2]),
        ({"message": FIRST_ORDER + 5}, []),
        ({"at": (NOON + timedelta(seconds=120)).isoformat()}, [2]),
        ({"after_seconds": 120}, [2]),
        ({"after_seconds": 121}, [3]),
        ({"message": FIRST_ORDER + 1, "after_seconds": 180}, [3]),
        ({"times": 2}, [0, 1]),
        ({"times": 0}, [0, 1, 2, 3, 4]),
        ({"times": 2, "after_seconds": 121}, [3, 4]),
        ({"leg": "entry"}, [0]),
        ({"leg": "stop"}, []),
        ({"order": FIRST_ID + 3}, [3]),
        ({"client": 7, "symbol": "AAPL"}, [0]),
        ({"client": 8}, []),
        ({"symbol": "700"}, []),
    ],
)
def test_a_plan_strikes_where_its_triggers_and_its_scope_say(fault, trigger, struck):
    assert struck_of_five(json.dumps({"fault": fault, **trigger})) == struck


@pytest.mark.parametrize("fault", ["F1", "F3", "F4", "F6"])
def test_a_probability_strikes_some_and_the_seed_says_which(fault):
    drawn = json.dumps({"fault": fault, "probability": 0.5, "times": 0})
    by_seed = [struck_of_five(json.dumps({"seed": seed}), drawn) for seed in range(6)]
    assert len({tuple(struck) for struck in by_seed}) > 3
    assert 9 <= sum(len(struck) for struck in by_seed) <= 21
    assert struck_of_five(json.dumps({"seed": 3}), drawn) == by_seed[3]
