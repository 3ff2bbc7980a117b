"""How a check says what it found: numbers always, a sentence only where it refuses."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from guardrails.terms import Check

UNKNOWN = "unknown"
DECIMALS_SHOWN = 6
MICROSECOND, MINUTE, MILLION = timedelta(microseconds=1), timedelta(minutes=1), Decimal(1_000_000)
LIMIT_TEXTS_KEPT = 256  # some thirty a set of limits


def unknown(rule: str, what: str, limit: str) -> Check:
    """A refusal because `what` is not known: nothing is opened on a guess."""
    return Check(
        rule, False, UNKNOWN, limit, f"{what} is unknown; an opening needs it to be {limit}."
    )


def shown(number: Decimal) -> str:
    """A number as a person writes it: no exponent, no trailing zeros, at most six decimals."""
    text = str(number)
    if "E" in text or len(text.partition(".")[2]) > DECIMALS_SHOWN:
        text = f"{number:.{DECIMALS_SHOWN}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(LIMIT_TEXTS_KEPT)
def limit_text(pattern: str, *limits: Decimal | int) -> str:
    """The limits written into a pattern's places. The same ones are asked for at every ruling."""
    return pattern.format(*[shown(Decimal(limit)) for limit in limits])


def money(number: Decimal) -> str:
    """An amount with two decimals."""
    return f"{number:.2f}"


def seconds(time: timedelta) -> Decimal:
    """A time in seconds, exact: a part of a second over a limit is over it."""
    return (time // MICROSECOND) / MILLION
