"""The fields of a request as values, each by its type; a wrong one is the client's error."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

UNSET_INTEGER = 2147483647
UNSET_DOUBLE_TEXT = "1.7976931348623157E308"
WORD_CHARACTERS_MAX = 32  # the longest number a client writes is the unset double
MAGNITUDE_MAX = 15  # powers of ten; no price or quantity comes near
UNSET_MAGNITUDE_MIN = 300  # powers of ten from which a number means that there is none
BOOLEANS = {"": False, "0": False, "False": False, "1": True, "True": True}


class BadRequest(Exception):
    """A request that cannot be read; the text goes back to the client."""


class LeftOver(BadRequest):
    """A request with more fields than its layout has."""


def same(word: str) -> str:
    """The field as it is."""
    return word


def integer(word: str) -> int:
    """An integer; empty is 0."""
    if not word:
        return 0
    if len(word) > WORD_CHARACTERS_MAX:
        raise BadRequest(f"an integer of {len(word)} characters")
    try:
        return int(word)
    except ValueError as error:
        raise BadRequest(f"an integer is expected, was {word[:40]!r}") from error


def boolean(word: str) -> bool:
    """A boolean; empty is false."""
    found = BOOLEANS.get(word)
    if found is None:
        raise BadRequest(f"0 or 1 is expected, was {word[:40]!r}")
    return found


def decimal(word: str) -> Decimal | None:
    """A number; None where it is unset."""
    if not word or word == UNSET_DOUBLE_TEXT:
        return None
    try:
        number = Decimal(word)
    except InvalidOperation as error:
        raise BadRequest(f"a number is expected, was {word[:40]!r}") from error
    if not number.is_finite() or number.adjusted() > UNSET_MAGNITUDE_MIN:
        return None
    if number.adjusted() > MAGNITUDE_MAX or len(word) > WORD_CHARACTERS_MAX:
        raise BadRequest(f"a number of a sensible size is expected, was {word[:40]!r}")
    return number
