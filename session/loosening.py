"""Which way each limit is loosened, and what two sets of limits differ in that direction.

loosened(before, after)   between two sections at hand
drift(before, after)      between an earlier run's settings, as recorded, and sections at hand
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from guardrails.limits import Section

# A larger number (or true) is looser for these ...
LOOSER_ABOVE = frozenset(
    {
        "position_value_max",
        "position_risk_max",
        "positions_max",
        "sector_pct_max",
        "gross_exposure_max",
        "margin_use_pct_max",
        "day_loss_max",
        "collar_bps",
        "close_collar_bps",
        "stop_distance_bps_max",
        "target_distance_bps_max",
        "atr_pct_base",
        "quote_age_seconds_max",
        "spread_bps_max",
        "allow_delayed",
        "allow_short",
        "keeper_age_seconds_max",
        "reconcile_age_seconds_max",
        "adv_pct_max",
        "orders_minute_max",
        "orders_day_max",
        "proposals_session_max",
        "refusals_in_row_max",
        "thesis_characters_max",
        "input_bytes_max",
        "input_depth_max",
        # of stops: a position is held longer, or gives back more
        "profit_target_pct",
        "trail_start_pct",
        "trail_pct",
        "hold_minutes_max",
        # of breaker: the desk degrades or halts later
        "warn_fraction",
        "drawdown_degrade_pct",
        "drawdown_halt_pct",
        "margin_degrade_pct",
        "margin_halt_pct",
    }
)
# ... a smaller one (or false) for these ...
LOOSER_BELOW = frozenset(
    {
        "reward_risk_min",
        "confidence_min",
        "stop_distance_bps_min",
        "stop_distance_ticks_min",
        "no_entry_before_close_minutes",
        "reentry_cooldown_minutes",
        "average_volume_shares_min",
        "close_before_close_minutes",
        "close_before_lunch",
    }
)
# ... and for these lists, fewer or more entries.
LOOSER_SHORTER = frozenset({"restricted"})
LOOSER_LONGER = frozenset({"stock_types"})


class Loosening(NamedTuple):
    """One setting that became looser."""

    key: str
    before: Any
    after: Any


def loosened(before: Section, after: Section) -> list[Loosening]:
    """Every setting that `after` holds looser than `before`, by its key in their section."""
    found = []
    for key in sorted(type(before).model_fields):
        old, new = getattr(before, key), getattr(after, key)
        if _is_looser(key, old, new):
            found.append(Loosening(key, old, new))
    return found


def drift(before: Mapping[str, Any], after: Mapping[str, Section]) -> list[Loosening]:
    """Every setting of the sections that is looser than it was before, by its dotted key.

    before: sections as JSON, decimals as text, as a ledger keeps them. What did not exist then
    cannot have been looser, and is left out.
    """
    found = []
    for name, section in after.items():
        recorded = before.get(name, {})
        for key in sorted(set(recorded) & set(type(section).model_fields)):
            new = getattr(section, key)
            old = _as_recorded(recorded[key], new)
            if _is_looser(key, old, new):
                found.append(Loosening(f"{name}.{key}", old, new))
    return found


def _as_recorded(value: Any, like: Any) -> Any:
    """A value out of JSON in the type of the setting it is of."""
    if isinstance(like, Decimal):
        return Decimal(value)
    return tuple(value) if isinstance(like, tuple) else value


def _is_looser(key: str, old: Any, new: Any) -> bool:
    if key in LOOSER_ABOVE:
        return bool(new > old)
    if key in LOOSER_BELOW:
        return bool(new < old)
    if key in LOOSER_SHORTER:
        return not set(old) <= set(new)
    if key in LOOSER_LONGER:
        return not set(new) <= set(old)
    raise KeyError(f"{key} has no direction: say here which way it is loosened")
