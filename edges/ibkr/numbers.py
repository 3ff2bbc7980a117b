"""Wire numbers into values, or into None for everything that means "unknown".

The wire says unknown in several ways: nan, the largest double (1.797e308), -1 or 0 for a price. The
client library passes them on as ordinary floats. Only this file knows them.
"""

from __future__ import annotations

import math
from decimal import Decimal

_UNSET_FROM = 1e300  # anything this large is the wire's "unset" (1.7976931348623157e308)


def amount(wire: float | str | None) -> Decimal | None:
    """A sum of money of either sign, or None where the wire has none."""
    if wire is None or wire == "":
        return None
    try:
        number = float(wire)
    except ValueError:
        return None
    if not math.isfinite(number) or abs(number) >= _UNSET_FROM:
        return None
    return Decimal(str(wire)) if isinstance(wire, str) else Decimal(repr(number))


def price(wire: float | None) -> Decimal | None:
    """A price > 0, or None: the wire says "no price" as -1, 0, nan or the largest double."""
    number = amount(wire)
    if number is None or number <= 0:
        return None
    # Nine significant digits name every float32 exactly; real prices have fewer.
    return Decimal(f"{number:.9g}") + 0


def shares(wire: float | None) -> int | None:
    """A whole number of shares of either sign, or None where it is none."""
    number = amount(wire)
    if number is None or number != number.to_integral_value():
        return None
    return int(number)
