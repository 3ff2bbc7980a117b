"""Which way each limit is loosened, and what two sets of limits differ in that direction."""

from __future__ import annotations

from typing import Any

from guardrails.limits import Limits

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
    }
)
# ... a smaller one for these ...
LOOSER_BELOW = frozenset(
    {
        "reward_risk_min",
        "confidence_min",
        "stop_distance_bps_min",
        "stop_distance_ticks_min",
        "no_entry_before_close_minutes",
        "reentry_cooldown_minutes",
        "average_volume_shares_min",
    }
)
# ... and for these lists, fewer or more entries.
LOOSER_SHORTER = frozenset({"restricted"})
LOOSER_LONGER = frozenset({"stock_types"})


def loosened(before: Limits, after: Limits) -> list[tuple[str, Any, Any]]:
    """(key, before, after) of every limit that `after` holds looser than `before`, by name."""
    found = []
    for key in sorted(type(before).model_fields):
        old, new = getattr(before, key), getattr(after, key)
        if _is_looser(key, old, new):
            found.append((key, old, new))
    return found


def _is_looser(key: str, old: Any, new: Any) -> bool:
    if key in LOOSER_ABOVE:
        return bool(new > old)
    if key in LOOSER_BELOW:
        return bool(new < old)
    if key in LOOSER_SHORTER:
        return not set(old) <= set(new)
    if key in LOOSER_LONGER:
        return not set(new) <= set(old)
    raise KeyError(f"limits.{key} has no direction: say here which way it is loosened")
