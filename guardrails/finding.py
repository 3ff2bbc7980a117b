"""How a check says what it found: numbers always, a sentence only where it refuses."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from guardrails.terms import Check

UNKNOWN = "unknown"


def unknown(rule: str, what: str, limit: str) -> Check:
    """A refusal because `what` is not known: nothing is opened on a guess."""
    return Check(
        rule, False, UNKNOWN, limit, f"{what} is unknown; an opening needs it to be {limit}."
    )


def shown(number: Decimal) -> str:
    """A number as a person writes it: no exponent, no trailing zeros, at most six decimals."""
    text = f"{number:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def money(number: Decimal) -> str:
    """An amount with two decimals."""
    return f"{number:.2f}"


def seconds(time: timedelta) -> Decimal:
    """A time in seconds, exact: a part of a second over a limit is over it."""
    return Decimal(time // timedelta(microseconds=1)).scaleb(-6)
