"""Every limit of an opening tried just under, at and just over: the trials as data, by field.

Those that make the order smaller before they refuse are in room_trials.py. A field of Limits that
is tried nowhere fails tests/guardrails/test_limits.py.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from typing import Any, NamedTuple

from guardrails.terms import Hours, Intent, Side
from tests.support.guarding import (
    AAPL,
    BUY,
    HELD,
    HK_BUY,
    HK_QUOTE,
    HK_VIEW,
    LIMITS,
    NOW,
    OTHER,
    QUOTE,
    TENCENT,
    VIEW,
    with_limits,
)

CENT, MINUTE, INSTANT = D("0.01"), timedelta(minutes=1), timedelta(microseconds=1)


class Bound(NamedTuple):
    """A limit that refuses by itself.

    at:    the last value of the quantity that passes.
    step:  the smallest by which it can move, in the direction of refusal.
    tried: value -> (proposal, view, limits).
    """

    field: str
    rule: str
    at: Any
    step: Any
    tried: Callable[[Any], tuple[Any, Any, Any]]


def buy(**changes):
    """The plain proposal, changed, in the plain view under the configured limits."""
    return replace(BUY, **changes), VIEW, LIMITS


def sell(**changes):
    """The plain proposal turned round and changed, where shorts are allowed."""
    short = replace(BUY, side=Side.SHORT, stop_price=D(206), target_price=D(188))
    return replace(short, **changes), VIEW, with_limits(allow_short=True)


def viewed(**changes):
    """The plain proposal in a view with some changes."""
    return BUY, replace(VIEW, **changes), LIMITS


def closing(price):
    """The way out at this limit price."""
    close = replace(BUY, intent=Intent.CLOSE, limit_price=price)
    return close, replace(VIEW, positions=(HELD,)), LIMITS


def coarse(ticks):
    """A stock of 20 cents on a tick of a tenth, with a stop so many ticks away."""
    entry = D("0.200")
    quote = replace(HK_QUOTE, bid=entry, ask=entry, last=entry)
    stock = replace(TENCENT, symbol="5")
    proposal = replace(
        HK_BUY,
        symbol="5",
        limit_price=entry,
        stop_price=entry - ticks * D("0.001"),
        target_price=D("0.250"),
    )
    return proposal, replace(HK_VIEW, quote=quote, instrument=stock, atr=D("0.005")), LIMITS


def exact_ratio(target):
    """Under a limit of 1.75, which a target of 211.52 pays exactly, fees included.

    25 shares: 25 x 6.45 + 1.01 + 1.10 = 163.36 and 25 x 11.52 - 1.01 - 1.11 = 285.88.
    """
    proposal = replace(BUY, stop_price=D("193.55"), target_price=target)
    return proposal, VIEW, with_limits(reward_risk_min=D("1.75"))


def aged(age):
    return viewed(quote=replace(QUOTE, at=NOW - age))


def spread(ask):
    return viewed(quote=replace(QUOTE, bid=D("199.40"), ask=ask))


def closes_in(time):
    return viewed(instrument=replace(AAPL, hours=(Hours(NOW - 60 * MINUTE, NOW + time),)))


def among(count):
    """The proposal as one of `count` positions, the others of one share in sectors of their own."""
    others = [
        replace(OTHER, symbol=f"S{n}", shares=1, protected_shares=1, sector=f"sector {n}")
        for n in range(count - 1)
    ]
    return viewed(positions=tuple(others))


BOUNDS = [
    Bound("positions_max", "positions_max", 5, 1, among),
    Bound("reward_risk_min", "target_pays", D("211.52"), -CENT, exact_ratio),
    Bound("confidence_min", "confidence_min", D("0.7"), D("-1e-24"), lambda n: buy(confidence=n)),
    Bound(
        "collar_bps",
        "entry_in_collar",
        D("202.00"),
        CENT,
        lambda price: buy(limit_price=price, target_price=D(230)),
    ),
    Bound(
        "collar_bps", "entry_in_collar", D("198.00"), -CENT, lambda price: buy(limit_price=price)
    ),
    Bound("close_collar_bps", "close_in_collar", D("210.00"), CENT, closing),
    Bound("close_collar_bps", "close_in_collar", D("190.00"), -CENT, closing),
    Bound(
        "stop_distance_bps_min",
        "stop_protects",
        D("199.40"),
        CENT,
        lambda price: buy(stop_price=price),
    ),
    Bound(
        "stop_distance_bps_max",
        "stop_protects",
        D("184.00"),
        -CENT,
        lambda price: buy(stop_price=price, target_price=D(240)),
    ),
    Bound(
        "stop_distance_bps_min",
        "stop_protects",
        D("200.60"),
        -CENT,
        lambda price: sell(stop_price=price),
    ),
    Bound(
        "stop_distance_bps_max",
        "stop_protects",
        D("216.00"),
        CENT,
        lambda price: sell(stop_price=price, target_price=D(160)),
    ),
    Bound(
        "target_distance_bps_max",
        "target_pays",
        D("140.00"),
        -CENT,
        lambda price: sell(target_price=price),
    ),
    Bound("stop_distance_ticks_min", "stop_protects", 3, -1, coarse),
    Bound(
        "target_distance_bps_max",
        "target_pays",
        D("260.00"),
        CENT,
        lambda price: buy(target_price=price),
    ),
    Bound("quote_age_seconds_max", "quote_usable", timedelta(seconds=15), INSTANT, aged),
    Bound("spread_bps_max", "quote_usable", D("200.60"), CENT, spread),
    Bound("no_entry_before_close_minutes", "session_open", 20 * MINUTE, -INSTANT, closes_in),
    Bound(
        "keeper_age_seconds_max",
        "keeper_alive",
        timedelta(seconds=90),
        INSTANT,
        lambda age: viewed(keeper_at=NOW - age),
    ),
    Bound(
        "reconcile_age_seconds_max",
        "reconciled",
        timedelta(seconds=7200),
        INSTANT,
        lambda age: viewed(reconciled_at=NOW - age),
    ),
    Bound(
        "reentry_cooldown_minutes",
        "not_duplicate",
        60 * MINUTE,
        -INSTANT,
        lambda ago: viewed(stopped_out_at={"AAPL": NOW - ago}),
    ),
    Bound(
        "average_volume_shares_min",
        "liquidity",
        20_000,
        -1,
        lambda shares: viewed(average_volume_shares=shares),
    ),
    Bound(
        "orders_minute_max", "orders_rate", 4, 1, lambda count: viewed(orders_last_minute=count - 1)
    ),
    Bound("orders_day_max", "orders_day", 20, 1, lambda count: viewed(orders_today=count - 1)),
    Bound(
        "proposals_session_max",
        "proposals_session",
        12,
        1,
        lambda count: viewed(proposals_this_session=count - 1),
    ),
]


def untried(model, fields):
    """The fields of a section that are not among those tried."""
    return set(model.model_fields) - set(fields)
