"""The simulated exchanges' tick tables, by class of security and date, as market rules.

Bands are written low edge inclusive, as IBKR's market rules are. Sources: HKEX Second Schedule,
parts A and D (funds have a table of their own from 2020-06-01 on), and Reduction of Minimum
Spreads, phase 1 (2025-08-04) and phase 2 (2026-08-03); 17 CFR 242.612. The ids are this
simulation's own but for 26, the usual one of US stocks.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

Rule = tuple[tuple[Decimal, Decimal], ...]


def _rule(text: str) -> Rule:
    numbers = [Decimal(word) for word in text.split()]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


_UPPER = "100 0.1 200 0.2 500 0.5 1000 1 2000 2 5000 5"
US_RULE, HK_OLD, HK_PHASE_1, HK_PHASE_2, HK_FUNDS = 26, 3601, 3602, 3603, 3604
RULES: dict[int, Rule] = {
    US_RULE: _rule("0 0.0001 1 0.01"),
    HK_OLD: _rule("0 0.001 0.25 0.005 0.5 0.01 10 0.02 20 0.05 " + _UPPER),
    HK_PHASE_1: _rule("0 0.001 0.25 0.005 0.5 0.01 20 0.02 50 0.05 " + _UPPER),
    HK_PHASE_2: _rule("0 0.001 0.25 0.005 10 0.01 20 0.02 50 0.05 " + _UPPER),
    HK_FUNDS: _rule(
        "0 0.001 1 0.002 5 0.005 10 0.01 20 0.02 100 0.05 200 0.1 500 0.2 1000 0.5 2000 1"
    ),
}


def rule_id(market: str, stock_type: str, day: date) -> int:
    """The id of the rule in force for such a stock on that day."""
    if market == "US":
        return US_RULE
    if stock_type == "ETF" and day >= date(2020, 6, 1):
        return HK_FUNDS
    if day >= date(2026, 8, 3):
        return HK_PHASE_2
    return HK_PHASE_1 if day >= date(2025, 8, 4) else HK_OLD
