"""Claude's far end of a session: the Messages API, or the offline stand-in under the same SDK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from edges.claude import Attempt, Claude
from session.ending import Exit, Stop
from session.money import Price
from session.settings import Settings
from sim.standin import StandIn

STANDIN = "standin"
KEY_NAME = "ANTHROPIC_API_KEY"
OFFLINE = "http://offline.invalid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The model of a session: its id, and whether a real service answers."""

    name: str
    is_real: bool
    note: str  # "" or why it is not the configured one


def choose(settings: Settings) -> Model:
    """The configured model, or the stand-in where no key is set and the broker is simulated.

    Raises Stop with one line if a real model is wanted without a key.
    """
    if settings.model not in settings.budget.prices:
        raise Stop(
            Exit.CONFIGURATION,
            f"model {settings.model!r} has no price under budget.prices, so its cost could not be "
            f"bounded; priced are {', '.join(sorted(settings.budget.prices))}",
        )
    if settings.model == STANDIN:
        return Model(name=STANDIN, is_real=False, note="")
    if settings.anthropic_api_key:
        return Model(name=settings.model, is_real=True, note="")
    if settings.broker == "sim":
        note = f"{KEY_NAME} is not set: the stand-in answers in place of {settings.model}"
        return Model(name=STANDIN, is_real=False, note=note)
    raise Stop(
        Exit.CONFIGURATION,
        f"model {settings.model} needs {KEY_NAME} in the environment or in .env, which is not set",
    )


def connect(
    model: Model, settings: Settings, seed: int, record: Callable[[Attempt], None]
) -> Claude:
    """A client for the model; every HTTP attempt is handed to `record` before and after."""
    if model.is_real:
        return Claude(
            model=model.name,
            api_key=settings.anthropic_api_key or "",
            base_url=settings.anthropic_base_url,
            transport=None,
            record=record,
        )
    return Claude(
        model=model.name,
        api_key="offline",
        base_url=OFFLINE,
        transport=StandIn(seed=seed, thinks=settings.broker == "sim"),
        record=record,
    )


def price_on(settings: Settings, model: str, day: date) -> Price:
    """The price in force for the model on that day. Raises Stop for an unpriced model."""
    rows = [row for row in settings.budget.prices.get(model, ()) if row.from_day <= day]
    if not rows:
        known = ", ".join(sorted(settings.budget.prices))
        raise Stop(
            Exit.CONFIGURATION,
            f"budget.prices has no price for {model!r} on {day}: its cost could not be bounded; "
            f"add one, or choose one of {known}",
        )
    row = max(rows, key=lambda one: one.from_day)
    return Price(
        input=row.input, cache_write=row.cache_write, cache_read=row.cache_read, output=row.output
    )
