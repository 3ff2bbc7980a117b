"""How the simulated exchange and broker behave where the real ones leave it open.

Where IBKR's behaviour is unverified the default is the reading that is worse for whoever trades;
an exception says why. docs/gateway.md lists them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

_WORDS = {
    "extremes": ("seed", "worst"),
    "parent_end_takes_children": ("always", "unfilled"),
    "foreign_currency": ("loan", "refuse"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Settings of the exchange and of the broker before it."""

    # Matching
    spread_ticks: int = 1  # ask over bid
    participation: Decimal = Decimal("0.25")  # of the volume at a point that an order may take
    stop_slippage_ticks: int = 1  # a triggered stop fills this far through its price
    extremes: str = "seed"  # which of a bar's high and low comes first: "seed", or "worst" for us

    # Order life
    children_arm_on_full: bool = False  # exits arm for each partial fill: seen (nautilus#2704)
    parent_end_takes_children: str = "always"  # or "unfilled": when an entry ends part-filled
    rejected_leg_takes_family: bool = False  # the other legs of a rejected one stay as they are
    cancel_notice_first: bool = False  # 202 before the status; either was seen
    status_twice_after_fill: bool = True  # as captured
    active_orders_max: int = 20  # per contract, side and account (tws-api order_limitations.html)
    us_short_sales: bool = True

    # SEHK
    sehk_price_limits: bool = True  # 24 spreads behind, 9 through the far touch; 9 times the close
    odd_lots_rest: bool = True  # an order below one lot is never matched; False: 5 ticks through
    lunch_cancels_wait: bool = True  # morning orders are cancelled from 12:30 only

    # Account
    foreign_currency: str = "loan"  # a margin account borrows what it lacks; "refuse": 201
    summaries_max: int = 2  # account summaries at once, then 322
    pnl_ready_seconds: int = 1  # until then the stream says the largest double
    account_refresh_seconds: int = 180  # values and portfolio are pushed on a trade, and this often

    # Market data
    realtime: tuple[str, ...] = ("US", "HK")  # markets with a subscription
    delayed: bool = True  # others are served delayed to a client that asked for it
    delay_minutes: int = 15
    us_sizes_in_lots: bool = False  # quote sizes of US stocks in round lots (ib_async#183)
    scanner_markets: tuple[str, ...] = ("US", "HK")  # HK is refused to some accounts

    # Requests
    messages_per_second_max: int = 0  # above: 100; the real limit is 50; 0 is none
    disconnect_after_100: bool = True
    history_open_max: int = 50
    untransmitted_lost_on_restart: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError for a word that means nothing."""
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                expected = " or ".join(words)
                raise ValueError(f"{name} must be {expected}, was {getattr(self, name)!r}")
