"""What an order costs, estimated before it is sent. The commission report is the truth.

US: IBKR Fixed, 0.005 USD a share, at least 1.00, at most 1 % of the value. Regulatory fees on sales
    are below 0.003 % of the value and are covered by rounding up.
HK: IBKR Fixed, 0.08 %, at least 18 HKD (exchange and clearing fees included); stamp duty 0.10 %
    up to a whole dollar, SFC levy 0.0027 %, AFRC levy 0.00015 %, on both sides.
Rates in force on 2026-11-20 (interactivebrokers.com.hk; HKEX and SFC fee pages). Stamp duty is
charged here for ETFs too, which are exempt: the careful side.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from guardrails.terms import Market

_CENT = Decimal("0.01")
_US_PER_SHARE, _US_MIN, _US_SHARE_MAX = Decimal("0.005"), Decimal("1.00"), Decimal("0.01")
_US_SALE = Decimal("0.00003")
_HK_RATE, _HK_MIN = Decimal("0.0008"), Decimal(18)
_HK_STAMP, _HK_LEVIES = Decimal("0.001"), Decimal("0.0000285")


def order_fees(market: Market, shares: int, price: Decimal) -> Decimal:
    """Fees of one order in the market's currency, rounded up to the cent.

    shares: > 0; price: > 0. Raises KeyError for a market without a schedule.
    """
    value = shares * price
    fees = {Market.US: _us, Market.HK: _hk}[market](shares, value)
    return fees.quantize(_CENT, ROUND_CEILING)


def _us(shares: int, value: Decimal) -> Decimal:
    return min(max(shares * _US_PER_SHARE, _US_MIN), value * _US_SHARE_MAX) + value * _US_SALE


def _hk(_shares: int, value: Decimal) -> Decimal:
    stamp = (value * _HK_STAMP).quantize(Decimal(1), ROUND_CEILING)
    return max(value * _HK_RATE, _HK_MIN) + stamp + value * _HK_LEVIES
