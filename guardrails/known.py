"""Which figures of a broker are known: not None, NaN, infinities, nor its words for "unset".

IBKR sends 1.797E308 for a figure it does not have, and -1 or 0 for a price it does not have.
"""

from __future__ import annotations

from decimal import Decimal

from guardrails.terms import Account

AMOUNT_MAX = Decimal("1e15")
ONE = Decimal(1)


def known_amount(number: Decimal | None) -> Decimal | None:
    """An amount of money, of either sign, or None where it is not known."""
    if number is None or not number.is_finite() or not -AMOUNT_MAX < number < AMOUNT_MAX:
        return None
    return number


def known_price(number: Decimal | None) -> Decimal | None:
    """A price or an exchange rate, > 0, or None where it is not known."""
    known = known_amount(number)
    return known if known is not None and known > 0 else None


def known_rate(account: Account, currency: str) -> Decimal | None:
    """Base currency per unit of `currency`, or None where the broker told no usable rate."""
    return ONE if currency == account.base_currency else known_price(account.fx.get(currency))
