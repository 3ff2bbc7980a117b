"""What an order costs, estimated before it is sent by the rates of its day; the report decides.

Charged: IBKR Fixed, and what it does not include. Hong Kong: stamp duty and the levies of SFC and
AFRC; the exchange's trading fee and the clearing fee are included. US: on a sale the SEC's section
31 fee and FINRA's TAF, on both sides the CAT fee; exchange and clearing are included. Where a rate
is unknown for a day, the largest known one is charged.

Not covered: tiered pricing, structured products (they pay no duty; here they do), and an order that
the exchange splits into several contract notes (each is rounded up by itself).

Sources, all as of 2026-11-20: IBKR commission pages (interactivebrokers.com.hk and .com, Fixed);
HKEX and SFC fee pages; SEC fee rate advisories up to 2026-2; SR-FINRA-2026-020 and -021; the IBKR
page of third-party fees for CAT.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import NamedTuple

from guardrails.terms import Action, Instrument, Market

D = Decimal


class Rate(NamedTuple):
    """A rate in force from `first` to `last`, both included; None: until further notice.

    rate: of the value, or in dollars a share; cap: dollars an order, None for none.
    """

    first: date
    last: date | None
    rate: Decimal
    cap: Decimal | None = None


Schedule = tuple[Rate, ...]

# Hong Kong, of the value, both sides.
STAMP_DUTY: Schedule = (
    Rate(date(2001, 9, 1), date(2021, 7, 31), D("0.0010")),
    Rate(date(2021, 8, 1), date(2023, 11, 16), D("0.0013")),
    Rate(date(2023, 11, 17), None, D("0.0010")),
)
SFC_LEVY: Schedule = (Rate(date(2014, 11, 1), None, D("0.000027")),)
AFRC_LEVY: Schedule = (Rate(date(2022, 1, 1), None, D("0.0000015")),)
# The first day without stamp duty, by the broker's word for the stock; any other word pays. Funds
# that are leveraged or inverse are ETF to the broker.
NO_STAMP_DUTY_FROM = {"ETF": date(2015, 2, 13), "REIT": date(2024, 12, 21)}
HK_COMMISSION, HK_COMMISSION_MIN = D("0.0008"), D(18)  # of the value; HKD

# United States. The SEC's is of a sale's value, FINRA's per share sold, CAT's per share.
SECTION_31: Schedule = (
    Rate(date(2020, 2, 18), date(2021, 2, 24), D("0.0000221")),
    Rate(date(2021, 2, 25), date(2022, 5, 13), D("0.0000051")),
    Rate(date(2022, 5, 14), date(2023, 2, 26), D("0.0000229")),
    Rate(date(2023, 2, 27), date(2024, 5, 21), D("0.0000080")),
    Rate(date(2024, 5, 22), date(2025, 5, 13), D("0.0000278")),
    Rate(date(2025, 5, 14), date(2026, 4, 3), D(0)),
    Rate(date(2026, 4, 4), None, D("0.0000206")),
)
TAF: Schedule = (
    Rate(date(2024, 1, 1), date(2025, 12, 31), D("0.000166"), D("8.30")),
    Rate(date(2026, 1, 1), date(2026, 9, 30), D("0.000195"), D("9.79")),
    Rate(date(2026, 10, 1), date(2026, 12, 31), D(0), D(0)),
    # An older filing had 0.000232 and 11.61 for 2027; the newer one holds the rate of 2026.
    Rate(date(2027, 1, 1), None, D("0.000195"), D("9.79")),
)
CAT_FEE: Schedule = (Rate(date(2026, 9, 1), None, D("0.000003")),)
US_COMMISSION, US_COMMISSION_MIN = D("0.005"), D("1.00")  # USD a share; USD
US_COMMISSION_VALUE_MAX = D("0.01")  # of the value; it bounds the minimum too

OTHER_SIDE = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}
_IS_SALE = {Action.BUY: False, Action.SELL: True}
_CENT, _DOLLAR, _NOTHING = D("0.01"), D(1), D(0)
_DAYS_KEPT = 16  # a session sees one day, a test of schedules several


def order_fees(
    market: Market, shares: int, price: Decimal, *, on: date, action: Action, stock_type: str
) -> Decimal:
    """Fees of one order in the market's currency, rounded up to the cent.

    shares: > 0; price: > 0.
    on:     the trading day, in which case the UTC date of the moment will do: the regular sessions
            of both markets (01:30 to 08:10 and 13:30 to 21:00 UTC) lie within one.
    stock_type: the broker's word; "" is unknown and pays everything.
    Raises KeyError for a market without a schedule, or an action that is none.
    """
    return _BY_MARKET[market](shares, shares * price, on, _IS_SALE[action], stock_type)


def round_trip_fees(
    instrument: Instrument,
    shares: int,
    entry: Decimal,
    leave: Decimal,
    *,
    on: date,
    action: Action,
) -> Decimal:
    """Fees of an order at `entry` and of the one on the other side that ends it at `leave`.

    Both are charged at the rates of `on`; see order_fees.
    """
    market, kind = instrument.market, instrument.stock_type
    enters = order_fees(market, shares, entry, on=on, action=action, stock_type=kind)
    leaves = order_fees(market, shares, leave, on=on, action=OTHER_SIDE[action], stock_type=kind)
    return enters + leaves


def in_force(schedule: Schedule, on: date) -> Rate:
    """The row for that day, or the one with the largest rate where none is known."""
    for row in schedule:
        if row.first <= on and (row.last is None or on <= row.last):
            return row
    return max(schedule, key=lambda row: row.rate)


def _hong_kong(_shares: int, value: Decimal, on: date, _is_sale: bool, stock_type: str) -> Decimal:
    stamp_duty, sfc_levy, afrc_levy = _hong_kong_rates(on)
    exempt_from = NO_STAMP_DUTY_FROM.get(stock_type)
    stamp = _NOTHING
    if exempt_from is None or on < exempt_from:
        stamp = (value * stamp_duty).quantize(_DOLLAR, ROUND_CEILING)
    # Each is rounded to a cent by itself, to the nearest; upward here, so that the sum is enough.
    return (
        max(value * HK_COMMISSION, HK_COMMISSION_MIN).quantize(_CENT, ROUND_CEILING)
        + stamp
        + (value * sfc_levy).quantize(_CENT, ROUND_CEILING)
        + (value * afrc_levy).quantize(_CENT, ROUND_CEILING)
    )


def _united_states(
    shares: int, value: Decimal, on: date, is_sale: bool, _stock_type: str
) -> Decimal:
    section_31, taf, taf_max, cat_fee = _united_states_rates(on)
    commission, most = shares * US_COMMISSION, value * US_COMMISSION_VALUE_MAX
    if commission < US_COMMISSION_MIN:
        commission = US_COMMISSION_MIN
    fees = (commission if commission < most else most) + shares * cat_fee
    if is_sale:
        activity = shares * taf
        fees += value * section_31 + (activity if activity < taf_max else taf_max)
    return fees.quantize(_CENT, ROUND_CEILING)


@lru_cache(_DAYS_KEPT)
def _hong_kong_rates(on: date) -> tuple[Decimal, Decimal, Decimal]:
    stamp_duty, sfc, afrc = (in_force(one, on).rate for one in (STAMP_DUTY, SFC_LEVY, AFRC_LEVY))
    return stamp_duty, sfc, afrc


@lru_cache(_DAYS_KEPT)
def _united_states_rates(on: date) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    taf = in_force(TAF, on)
    if taf.cap is None:
        raise ValueError("every row of the TAF needs its cap")
    return in_force(SECTION_31, on).rate, taf.rate, taf.cap, in_force(CAT_FEE, on).rate


_BY_MARKET = {Market.HK: _hong_kong, Market.US: _united_states}
