"""Reads the fields of one request in order, each as its type; wrong ones are the client's error."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

UNSET_INTEGER = 2147483647
WORD_CHARACTERS_MAX = 32  # the longest number a client writes is the unset double
MAGNITUDE_MAX = 15  # powers of ten; no price or quantity comes near
UNSET_DOUBLE_TEXT = "1.7976931348623157E308"


class BadRequest(Exception):
    """A request that cannot be read; the text goes back to the client."""


class LeftOver(BadRequest):
    """A request with more fields than its layout has."""


class Reader:
    """The fields of a request after its message id."""

    def __init__(self, fields: list[str]) -> None:
        self._fields = fields
        self._next = 0

    @property
    def left(self) -> int:
        """How many fields are not read yet."""
        return len(self._fields) - self._next

    def text(self) -> str:
        """The next field."""
        try:
            found = self._fields[self._next]
        except IndexError:
            raise BadRequest(f"a request of {len(self._fields)} fields ends too early") from None
        self._next += 1
        return found

    def integer(self) -> int:
        """An integer; empty is 0."""
        word = self.text()
        if len(word) > WORD_CHARACTERS_MAX:
            raise BadRequest(f"an integer of {len(word)} characters")
        try:
            return int(word) if word else 0
        except ValueError as error:
            raise BadRequest(f"an integer is expected, was {word[:40]!r}") from error

    def boolean(self) -> bool:
        """A boolean; empty is false."""
        word = self.text()
        if word not in ("", "0", "1", "True", "False"):
            raise BadRequest(f"0 or 1 is expected, was {word[:40]!r}")
        return word in ("1", "True")

    def decimal(self) -> Decimal | None:
        """A number; None where it is unset."""
        word = self.text()
        if not word:
            return None
        if word == UNSET_DOUBLE_TEXT:
            return None
        try:
            number = Decimal(word)
        except InvalidOperation as error:
            raise BadRequest(f"a number is expected, was {word[:40]!r}") from error
        if not number.is_finite() or number.adjusted() > 300:
            return None
        if number.adjusted() > MAGNITUDE_MAX or len(word) > WORD_CHARACTERS_MAX:
            raise BadRequest(f"a number of a sensible size is expected, was {word[:40]!r}")
        return number
