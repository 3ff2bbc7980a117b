"""The limits of the desk as values, and the rules that keep them from contradicting each other.

Every number comes from config.yaml, where its unit and reason stand; there are no defaults here. A
missing key, an unknown key, or a number out of its range is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _exact(number: Any) -> Any:
    """A config number by its text, so that 0.1 is one tenth and not a float's nearest.

    Text is no number: Decimal would take 1_000, full-width digits and Infinity for one.
    """
    if isinstance(number, bool):
        raise ValueError("a number is expected, was a boolean")  # noqa: TRY004
    if isinstance(number, str):
        raise ValueError("a number in plain digits is expected, was text")  # noqa: TRY004
    return str(number) if isinstance(number, int | float) else number


Number = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
Bps = Annotated[Number, Field(gt=0, lt=10_000)]  # of a price: a whole one would reach zero
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
    collar_bps: Bps
    close_collar_bps: Bps
    stop_distance_bps_min: Bps
    stop_distance_bps_max: Bps
    stop_distance_ticks_min: Count
    target_distance_bps_max: Positive
    atr_pct_base: Positive
    quote_age_seconds_max: Positive
    spread_bps_max: Bps
    allow_delayed: Switch
    allow_short: Switch
    restricted: tuple[str, ...]
    stock_types: tuple[str, ...]
    no_entry_before_close_minutes: CountOrNone
    keeper_age_seconds_max: Positive
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

    warn_fraction: Annotated[Share, Field(gt=0)]
    drawdown_degrade_pct: Percent
    drawdown_halt_pct: Percent
    margin_degrade_pct: Percent
    margin_halt_pct: Percent


class Relation(NamedTuple):
    """What two settings owe each other: `low` stands in `order` to `high`, and why.

    low, high: dotted keys and plain numbers, joined by " x " and " + ", products first.
    order:     "<", "<=" or "!=".
    """

    low: str
    order: str
    high: str
    because: str


SECTOR_ROOM = "limits.gross_exposure_max x limits.sector_pct_max x 0.01"
RELATIONS = (
    # Sizes: what one position may be fits into what all of them may be.
    Relation(
        "limits.positions_max x limits.position_risk_max",
        "<=",
        "limits.day_loss_max",
        "a full book could lose more at its stops",
    ),
    Relation(
        "limits.position_value_max", "<=", SECTOR_ROOM, "one position would overfill its sector"
    ),
    Relation(
        SECTOR_ROOM, "<=", "limits.gross_exposure_max", "one sector would be more than the whole"
    ),
    Relation(
        "limits.position_risk_max",
        "<=",
        "limits.position_value_max",
        "a position cannot lose more than it is worth",
    ),
    Relation(
        "limits.day_loss_max",
        "<=",
        "limits.gross_exposure_max",
        "a book cannot lose more than it is worth, so the breaker would never trip",
    ),
    # Prices: every stop can have a target, and the way out is the wider one.
    Relation(
        "limits.stop_distance_bps_min", "<", "limits.stop_distance_bps_max", "no stop would pass"
    ),
    Relation(
        "limits.stop_distance_bps_max x limits.reward_risk_min",
        "<=",
        "limits.target_distance_bps_max",
        "the widest stop could have no target",
    ),
    Relation(
        "limits.collar_bps", "<=", "limits.close_collar_bps", "the way out must be the wider one"
    ),
    Relation(
        "limits.spread_bps_max x 0.5",
        "<=",
        "limits.collar_bps",
        "the far side of the widest spread would be outside the collar",
    ),
    # Counts: a limit that another one makes unreachable is a mistake in one of them.
    Relation("limits.orders_minute_max", "<=", "limits.orders_day_max", "it would never bind"),
    Relation(
        "limits.refusals_in_row_max", "<=", "limits.proposals_session_max", "it would never bind"
    ),
    Relation("limits.thesis_characters_max", "<=", "limits.input_bytes_max", "it would never bind"),
    # Exits: in the order in which a position meets them.
    Relation("stops.trail_start_pct", "<", "stops.profit_target_pct", "trailing would never begin"),
    Relation(
        "stops.trail_pct", "<", "stops.trail_start_pct", "the trailing stop would start as a loss"
    ),
    Relation(
        "stops.close_before_close_minutes",
        "<",
        "limits.no_entry_before_close_minutes",
        "an entry could be closed as soon as it is made",
    ),
    # Breakers: the warning before the halt, the gate before both.
    Relation(
        "breaker.warn_fraction x limits.day_loss_max",
        "<",
        "limits.day_loss_max",
        "the warning must come before the halt",
    ),
    Relation(
        "breaker.drawdown_degrade_pct",
        "<",
        "breaker.drawdown_halt_pct",
        "the warning must come before the halt",
    ),
    Relation(
        "breaker.margin_degrade_pct",
        "<",
        "breaker.margin_halt_pct",
        "the warning must come before the halt",
    ),
    Relation(
        "limits.margin_use_pct_max",
        "<",
        "breaker.margin_halt_pct",
        "a full book would halt the desk",
    ),
)
_MUST_BE = {"<": "below", "<=": "at most", "!=": "other than"}


def incoherences(limits: Limits, stops: Stops, breaker: Breaker) -> list[str]:
    """Each contradiction between two numbers, naming both keys with their values."""
    return contradictions({"limits": limits, "stops": stops, "breaker": breaker}, RELATIONS)


def contradictions(sections: Mapping[str, object], relations: Iterable[Relation]) -> list[str]:
    """What each relation that does not hold says, in their order.

    sections: by the first word of a dotted key. Raises KeyError or AttributeError for an unknown
    key: a relation that names none would hold forever.
    """
    return [
        f"{_told(sections, low)} must be {_MUST_BE[order]} {_told(sections, high)}: {because}"
        for low, order, high, because in relations
        if not _holds(_worth(sections, low), order, _worth(sections, high))
    ]


def _holds(low: Decimal, order: str, high: Decimal) -> bool:
    return {"<": low < high, "<=": low <= high, "!=": low != high}[order]


def _told(sections: Mapping[str, object], expression: str) -> str:
    """The expression with its value; a bare number tells itself."""
    worth = f"{_worth(sections, expression).normalize():f}"
    return worth if expression == worth else f"{expression} ({worth})"


def _worth(sections: Mapping[str, object], expression: str) -> Decimal:
    total = Decimal(0)
    for product in expression.split(" + "):
        worth = Decimal(1)
        for word in product.split(" x "):
            worth *= _value(sections, word)
        total += worth
    return total


def _value(sections: Mapping[str, object], word: str) -> Decimal:
    if word[0].isdigit():
        return Decimal(word)
    first, *rest = word.split(".")
    found: Any = sections[first]
    for name in rest:
        found = getattr(found, name)
    return Decimal(found)
