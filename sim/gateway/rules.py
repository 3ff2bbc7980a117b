"""How the simulated exchange and broker behave where the real ones leave it open.

Where IBKR's behaviour is unverified the default is the reading that is worse for whoever trades.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Settings of the exchange."""

    spread_ticks: int = 1  # ask over bid
    participation: Decimal = Decimal("0.25")  # of the volume at a point that an order may take
    stop_slippage_ticks: int = 1  # a triggered stop fills this far through its price
    children_arm_on_full: bool = False  # unverified: False arms exits for each partial entry fill
    us_short_sales: bool = True
