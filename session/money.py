"""What a session's model calls cost, and whether the next one may be made."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

MILLION = Decimal(1_000_000)
CHARACTERS_PER_TOKEN_MIN = Decimal("2.5")  # the safe side of what tokenizers since 2026 count


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """USD per million tokens of each kind, in force on the session's day."""

    input: Decimal
    cache_write: Decimal
    cache_read: Decimal
    output: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Tokens of one answer, by what they cost."""

    input: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            input=self.input + other.input,
            cache_write=self.cache_write + other.cache_write,
            cache_read=self.cache_read + other.cache_read,
            output=self.output + other.output,
        )


@dataclass(kw_only=True, slots=True)
class Meter:
    """Counts what was spent and says whether the worst case of the next call still fits."""

    price: Price
    session_usd_max: Decimal
    day_usd_max: Decimal
    month_usd_max: Decimal
    spent_today_usd: Decimal
    spent_this_month_usd: Decimal
    tokens: Tokens = field(default_factory=Tokens)
    usd: Decimal = Decimal(0)

    def cost(self, tokens: Tokens) -> Decimal:
        """USD of one answer."""
        price = self.price
        return (
            tokens.input * price.input
            + tokens.cache_write * price.cache_write
            + tokens.cache_read * price.cache_read
            + tokens.output * price.output
        ) / MILLION

    def book(self, tokens: Tokens) -> Decimal:
        """USD of one answer, added to what was spent."""
        usd = self.cost(tokens)
        self.tokens += tokens
        self.usd += usd
        return usd

    def refusal(self, request_characters: int, output_tokens_max: int) -> str | None:
        """Why the next call may not be made, or None. The whole prompt counts as newly written."""
        prompt = int(request_characters / CHARACTERS_PER_TOKEN_MIN) + 1
        reserve = self.cost(Tokens(cache_write=prompt, output=output_tokens_max))
        caps = (
            ("session.usd_max", self.usd, self.session_usd_max),
            ("budget.usd_day_max", self.usd + self.spent_today_usd, self.day_usd_max),
            ("budget.usd_month_max", self.usd + self.spent_this_month_usd, self.month_usd_max),
        )
        for name, spent, cap in caps:
            if spent + reserve > cap:
                return (
                    f"{name} is {cap} USD: {spent:.4f} are spent and the next call "
                    f"may cost {reserve:.4f}"
                )
        return None
