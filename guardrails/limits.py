"""The limits of the desk as values, and the rules that keep them from contradicting each other.

Every number comes from config.yaml, where its unit and reason stand; there are no defaults here. A
missing key, an unknown key, or a number out of its range is refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _exact(number: Any) -> Any:
    """A config number by its text, so that 0.1 is one tenth and not a float's nearest."""
    if isinstance(number, bool):
        raise ValueError("a number is expected, was a boolean")  # noqa: TRY004
    return str(number) if isinstance(number, int | float) else number


Number = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Percent = Annotated[Number, Field(gt=0, le=100)]
Count = Annotated[int, Field(gt=0, strict=True)]
CountOrNone = Annotated[int, Field(ge=0, strict=True)]
Switch = Annotated[bool, Field(strict=True)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Section):
    """What an order may be. Read by the gate before the trade and by the watch after it."""

    position_value_max: Positive
    position_risk_max: Positive
    positions_max: Count
    sector_pct_max: Percent
    gross_exposure_max: Positive
    margin_use_pct_max: Percent
    day_loss_max: Positive
    reward_risk_min: Positive
    confidence_min: Share
    collar_bps: Positive
    close_collar_bps: Positive
    stop_distance_bps_min: Positive
    stop_distance_bps_max: Positive
    stop_distance_ticks_min: Count
    target_distance_bps_max: Positive
    atr_pct_base: Positive
    quote_age_seconds_max: Positive
    spread_bps_max: Positive
    allow_delayed: Switch
    allow_short: Switch
    restricted: tuple[str, ...]
    stock_types: tuple[str, ...]
    no_entry_before_close_minutes: CountOrNone
    reconcile_age_seconds_max: Positive
    reentry_cooldown_minutes: CountOrNone
    adv_pct_max: Percent
    average_volume_shares_min: Count
    orders_minute_max: Count
    orders_day_max: Count
    proposals_session_max: Count
    refusals_in_row_max: Count
    thesis_characters_max: Count
    input_bytes_max: Count
    input_depth_max: Count


class Stops(Section):
    """When an open position is left or its stop is moved closer."""

    profit_target_pct: Positive
    trail_start_pct: Positive
    trail_pct: Positive
    hold_minutes_max: Count
    close_before_close_minutes: CountOrNone
    close_before_lunch: Switch


class Breaker(Section):
    """When the desk degrades or halts. The day's loss limit itself is limits.day_loss_max."""

    warn_fraction: Annotated[Share, Field(gt=0, lt=1)]
    drawdown_degrade_pct: Percent
    drawdown_halt_pct: Percent
    margin_degrade_pct: Percent
    margin_halt_pct: Percent


def incoherences(limits: Limits, stops: Stops, breaker: Breaker) -> list[str]:
    """Each contradiction between two numbers, naming both keys with their values."""
    sector_room = limits.gross_exposure_max * limits.sector_pct_max / 100
    book_risk = limits.positions_max * limits.position_risk_max
    pairs = (
        (
            book_risk <= limits.day_loss_max,
            f"limits.positions_max x limits.position_risk_max is {book_risk}, more than "
            f"limits.day_loss_max {limits.day_loss_max}: a full book could lose more",
        ),
        (
            limits.position_value_max <= sector_room,
            f"limits.position_value_max {limits.position_value_max} is more than the room of a "
            f"sector, {sector_room} (limits.sector_pct_max of limits.gross_exposure_max)",
        ),
        (
            limits.position_risk_max <= limits.position_value_max,
            f"limits.position_risk_max {limits.position_risk_max} is more than "
            f"limits.position_value_max {limits.position_value_max}",
        ),
        (
            limits.stop_distance_bps_min < limits.stop_distance_bps_max,
            f"limits.stop_distance_bps_min {limits.stop_distance_bps_min} is not below "
            f"limits.stop_distance_bps_max {limits.stop_distance_bps_max}",
        ),
        (
            limits.stop_distance_bps_max * limits.reward_risk_min <= limits.target_distance_bps_max,
            f"limits.target_distance_bps_max {limits.target_distance_bps_max} is less than "
            f"limits.stop_distance_bps_max {limits.stop_distance_bps_max} x "
            "limits.reward_risk_min: the widest stop could have no target",
        ),
        (
            limits.collar_bps <= limits.close_collar_bps,
            f"limits.collar_bps {limits.collar_bps} is more than limits.close_collar_bps "
            f"{limits.close_collar_bps}: the way out must be the wider one",
        ),
        (
            limits.orders_minute_max <= limits.orders_day_max,
            f"limits.orders_minute_max {limits.orders_minute_max} is more than "
            f"limits.orders_day_max {limits.orders_day_max}",
        ),
        (
            limits.refusals_in_row_max <= limits.proposals_session_max,
            f"limits.refusals_in_row_max {limits.refusals_in_row_max} is more than "
            f"limits.proposals_session_max {limits.proposals_session_max}: never reached",
        ),
        (
            stops.trail_start_pct < stops.profit_target_pct,
            f"stops.trail_start_pct {stops.trail_start_pct} is not below stops.profit_target_pct "
            f"{stops.profit_target_pct}: trailing would never begin",
        ),
        (
            stops.trail_pct < stops.trail_start_pct,
            f"stops.trail_pct {stops.trail_pct} is not below stops.trail_start_pct "
            f"{stops.trail_start_pct}: the trailing stop would start as a loss",
        ),
        (
            stops.close_before_close_minutes < limits.no_entry_before_close_minutes,
            f"limits.no_entry_before_close_minutes {limits.no_entry_before_close_minutes} is not "
            f"above stops.close_before_close_minutes {stops.close_before_close_minutes}: "
            "an entry could be closed as soon as it is made",
        ),
        (
            breaker.drawdown_degrade_pct < breaker.drawdown_halt_pct,
            f"breaker.drawdown_degrade_pct {breaker.drawdown_degrade_pct} is not below "
            f"breaker.drawdown_halt_pct {breaker.drawdown_halt_pct}",
        ),
        (
            breaker.margin_degrade_pct < breaker.margin_halt_pct,
            f"breaker.margin_degrade_pct {breaker.margin_degrade_pct} is not below "
            f"breaker.margin_halt_pct {breaker.margin_halt_pct}",
        ),
        (
            limits.margin_use_pct_max < breaker.margin_halt_pct,
            f"limits.margin_use_pct_max {limits.margin_use_pct_max} is not below "
            f"breaker.margin_halt_pct {breaker.margin_halt_pct}: a full book would halt the desk",
        ),
    )
    return [says for holds, says in pairs if not holds]
