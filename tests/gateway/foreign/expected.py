"""What every client must have found after the scenario, and what the keys of its JSON mean.

The scenario, the same in each script: (1) connect; (2) contract details of one US and one SEHK
stock; (3) market rule, bars, a quote once and as a stream; (4) account summary, updates, positions
and P&L; (5) scanner, news, symbols, a what-if order, the time; (6) a bracket of three whose stop
is moved over the price, so that it fills and its sibling is cancelled; executions with what they
cost and brought; (7) a cancel of an unknown id, an order off the tick, an order abroad while that
exchange is closed, a new price for a resting order, a global cancel.

Prices are held against each other, not against constants: the market may be drawn anew.
"""

from __future__ import annotations

from typing import Any

import pytest

SHARES = 10
LOTS_SINCE = 164  # contract details have minSize from this version on
FACTS: dict[str, Any] = {
    "account": "DU1234567",
    "next_id": 1,  # the lowest order id that may be used
    "notices": [2104, 2106, 2158],  # codes of the error channel that name no request
    "problems": [],  # whatever the library could not decode, send or expect
    "held_at_start": [],
    "held": [["ARDN", SHARES]],  # positions while the bracket's exits are at work
    "portfolio": [["ARDN", SHARES]],  # the same, as account updates told it
    "held_at_end": [],
    "knows_scan": True,  # the scanner's parameters list the scan that was asked for
    # Open orders while the exits are at work: type, action, status
    "open": [["LMT", "SELL", "Submitted"], ["STP", "SELL", "PreSubmitted"]],
    # Every status of an order with why it was held, repeated ones once
    "statuses": {
        "parent": ["PreSubmitted", "Filled"],
        "target": ["PreSubmitted child", "Submitted", "Cancelled"],
        "stop": ["PreSubmitted child,trigger", "PreSubmitted trigger", "Filled"],
        "crooked": ["Inactive"],
        "resting": ["Submitted", "Cancelled"],
        "abroad": ["PreSubmitted", "Cancelled"],
    },
    # Every code of the error channel that named an order
    "codes": {
        "target": [202],
        "crooked": [110],
        "resting": [202],
        "abroad": [399, 202],
        "unknown": [10147],
    },
    # Completed orders: type, action, status
    "completed": [
        ["LMT", "BUY", "Cancelled"],
        ["LMT", "BUY", "Cancelled"],
        ["LMT", "BUY", "Filled"],
        ["LMT", "BUY", "Inactive"],
        ["LMT", "SELL", "Cancelled"],
        ["STP", "SELL", "Filled"],
    ],
}
US = {
    "rules": "26,26,26,26,26",
    "exchanges": "SMART,NASDAQ,NYSE,ARCA,BATS",
    "zone": "US/Eastern",
}
HK = {"rules": "3603", "exchanges": "SEHK", "zone": "Hongkong"}


def check(found: dict[str, Any], version: int) -> None:
    """Raises AssertionError where a client found something else."""
    for key, fact in (FACTS | {"version": version}).items():
        assert found[key] == fact, key
    _check_contracts(found, version)
    _check_market(found)
    _check_money(found)


def _check_contracts(found: dict[str, Any], version: int) -> None:
    for key, facts, lot, sessions in (("us", US, 1, 1), ("hk", HK, 200, 2)):
        assert {name: found[key][name] for name in facts} == facts
        assert found[key]["lot"] == (lot if version >= LOTS_SINCE else None)
        assert found[key]["con_id"] > 0
        assert found[key]["name"]
        today = found["today"].replace("-", "")
        assert sum(part.startswith(today) for part in found[key]["hours"].split(";")) == sessions


def _check_market(found: dict[str, Any]) -> None:
    bid, ask, last = found["quote"]
    assert found["rule"] == [[0, 0.0001], [1, 0.01]]
    assert bid < ask
    assert found["stream"] == found["quote"]
    assert found["bars"][0] > 78  # more than one day of 5 minutes
    assert found["days"] == [10, found["bars"][1]] == [10, last]
    assert found["hk_days"][0] == 10
    assert len(found["scan"]) == 5
    assert "ARDN" in found["matches"]
    assert found["providers"] == ["SYNTH", "FOLDER"]
    assert found["headline"]
    assert found["headline"] in found["article"]


def _check_money(found: dict[str, Any]) -> None:
    for key in ("summary", "updates", "multi"):
        assert float(found[key]["NetLiquidation"]) > 0, key
        assert found[key].keys() == {"NetLiquidation", "BuyingPower", "AvailableFunds"}, key
    [bought, sold], [paid, brought] = found["fills"], found["commissions"]
    _, ask, last = found["quote"]
    assert bought == ["BOT", SHARES, ask]
    assert sold == ["SLD", SHARES, last]
    assert paid[1] is None  # nothing is realised by what opens a position
    assert brought[1] == _close_to((sold[2] - bought[2]) * SHARES - paid[0] - brought[0])
    initial, maintenance, cost = found["what_if"]
    assert initial > maintenance > 0
    assert cost == paid[0]
    realised = _close_to(brought[1], within=0.005)  # the streams tell cents
    assert found["pnl"] == [realised, 0, realised]
    assert found["pnl_single"] == [0, 0, realised]
    # The price that the order was moved to, and what an open order says of itself behind it
    price = _close_to(last * 0.7, within=0.005)
    terms = ["GTC", found["account"], "scenario", True, 3, "", False, False, False]
    assert found["echo"] == [price, *terms]


def _close_to(number: float, within: float = 1e-6) -> Any:
    return pytest.approx(number, abs=within)
