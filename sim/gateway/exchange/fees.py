"""What the simulated account is charged, by market and date: IBKR Fixed with taxes and levies.

Sources: interactivebrokers.com.hk and its US counterpart (Fixed pricing); HKEX, SFC and AFRC fee
pages; SEC fee rate advisories; FINRA TAF schedule. Rates as in force on each date.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from sim.gateway.nouns import Listing

D = Decimal
CENT = D("0.01")
TENTH_OF_A_MILL = D("0.0001")

# (from, rate), ascending: the last row at or before the day is in force.
STAMP_DUTY = (
    (date(2001, 9, 1), D("0.001")),
    (date(2021, 8, 1), D("0.0013")),
    (date(2023, 11, 17), D("0.001")),
)
NO_STAMP_DUTY_FROM = {"ETF": date(2015, 2, 13), "REIT": date(2024, 12, 21)}
SFC_LEVY = ((date(2014, 11, 1), D("0.000027")),)
AFRC_LEVY = ((date(2022, 1, 1), D("0.0000015")),)
SEC_FEE = (
    (date(2020, 2, 18), D("0.0000221")),
    (date(2021, 2, 25), D("0.0000051")),
    (date(2022, 5, 14), D("0.0000229")),
    (date(2023, 2, 27), D("0.000008")),
    (date(2024, 5, 22), D("0.0000278")),
    (date(2025, 5, 14), D(0)),
    (date(2026, 4, 4), D("0.0000206")),
)
TAF = (
    (date(2024, 1, 1), (D("0.000166"), D("8.30"))),
    (date(2026, 1, 1), (D("0.000195"), D("9.79"))),
    (date(2026, 10, 1), (D(0), D(0))),
    (date(2027, 1, 1), (D("0.000195"), D("9.79"))),
)
CAT_FEE = ((date(2026, 9, 1), D("0.000003")),)


def order_cost(listing: Listing, action: str, shares: int, value: Decimal, day: date) -> Decimal:
    """Everything one order costs once `shares` worth `value` are filled, in its currency.

    It is the sum for the whole order: minimums and the rounding of stamp duty apply once.
    """
    if shares == 0:
        return D(0)
    if listing.market == "HK":
        return _hong_kong(listing, value, day)
    return _united_states(action, shares, value, day)


def _hong_kong(listing: Listing, value: Decimal, day: date) -> Decimal:
    commission = max(value * D("0.0008"), D(18)).quantize(CENT, ROUND_HALF_UP)
    exempt = day >= NO_STAMP_DUTY_FROM.get(listing.stock_type, date.max)
    stamp = D(0) if exempt else (value * _rate(STAMP_DUTY, day)).quantize(D(1), ROUND_CEILING)
    levies = sum(
        (
            (value * _rate(table, day)).quantize(CENT, ROUND_HALF_UP)
            for table in (SFC_LEVY, AFRC_LEVY)
        ),
        D(0),
    )
    return commission + stamp + levies


def _united_states(action: str, shares: int, value: Decimal, day: date) -> Decimal:
    commission = min(max(shares * D("0.005"), D(1)), value * D("0.01"))
    fees = shares * _rate(CAT_FEE, day)
    if action == "SELL":
        rate, cap = next((row for start, row in reversed(TAF) if start <= day), (D(0), D(0)))
        fees += value * _rate(SEC_FEE, day) + min(shares * rate, cap)
    return (commission + fees).quantize(TENTH_OF_A_MILL, ROUND_HALF_UP)


def _rate(table: tuple[tuple[date, Decimal], ...], day: date) -> Decimal:
    return next((rate for start, rate in reversed(table) if start <= day), D(0))
