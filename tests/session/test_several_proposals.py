"""Several proposals in one answer: the best takes the room, and a bad one sinks nobody."""

import json

from tests.support.conversing import Says, converse
from tests.support.desk import desk_on, in_virtual_time

GOOD = {
    "intent": "open",
    "symbol": "AAPL",
    "side": "long",
    "limit_price": 200.05,
    "stop_price": 194.0,
    "target_price": 212.5,
    "target_price_2": None,
    "confidence": 0.8,
    "thesis": "up",
}
BETTER = GOOD | {"target_price": 220.0}
BAD = GOOD | {"target_price": "a lot"}


def conversed(tmp_path, *calls):
    """(results in the order of the calls, the steps of the record, the open orders)."""
    far = Says(calls)

    async def scenario():
        async with desk_on(tmp_path) as desk:
            ending = await converse(desk, far)
            assert ending.outcome == "ended", ending
            return desk.ledger.steps("s1"), await desk.broker.open_orders()

    steps, live = in_virtual_time(scenario)
    [results] = far.results
    assert [result["tool_use_id"] for result in results] == [f"t0-{n}" for n in range(len(calls))]
    return [json.loads(result["content"]) for result in results], steps, live


def refusals(answer):
    return [row["rule"] for row in answer["refused_by"]]


def test_the_best_of_several_proposals_takes_the_room_and_a_bad_one_sinks_nobody(tmp_path):
    (bad, good, quote, better), steps, _ = conversed(
        tmp_path,
        ("propose_order", BAD),
        ("propose_order", GOOD),
        ("quote", {"symbol": "AAPL"}),
        ("propose_order", BETTER),
    )
    assert refusals(bad) == ["well_formed"]
    assert better["verdict"] == "approved"
    assert better["targets"] == [{"shares": 24, "target_price": 220.0}]
    assert "not_duplicate" in refusals(good)
    assert quote["position"] is None  # questions are answered before anything is sent
    numbers = (better["proposal"], good["proposal"], bad["proposal"])
    assert numbers == (1, 2, 3)  # the order of ruling
    calls = [json.loads(step["body"])["id"] for step in steps if step["kind"] == "tool_call"]
    assert calls == ["t0-2", "t0-3", "t0-1", "t0-0"]


def test_what_was_left_out_of_an_approved_order_is_told(tmp_path):
    [answer], _, live = conversed(
        tmp_path, ("propose_order", BETTER | {"target_price_2": 219.0, "limit_price": 199.5})
    )
    assert answer["verdict"] == "approved"
    assert answer["left_out"] == ["target_price_2 219 is not beyond 220 and is left out."]
    assert [order.order_type for order in live] == ["LMT", "LMT", "STP"]


def test_two_targets_are_two_brackets_in_the_answer_too(tmp_path):
    [answer], _, live = conversed(
        tmp_path, ("propose_order", BETTER | {"target_price_2": 230.0, "limit_price": 199.5})
    )
    assert answer["targets"] == [
        {"shares": 13, "target_price": 220.0},
        {"shares": 12, "target_price": 230.0},
    ]
    assert len(answer["orders"]) == len(live) == 6
    assert answer["left_out"] == []
