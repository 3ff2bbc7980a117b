"""Limits of harm: the most that a hijacked model can lose in a day, as numbers from the limits.

worst_day(limits, stops, breaker)   -> Harm; its says() tells it to a person

Why the bound holds. Each entry was approved because, at that moment,

    lost today + the loss at every open stop + the loss at its own stop, fees still to come included

is at most day_loss_max. Take the last entry of a day: nothing is opened after it, and what was lost
before it is in the first term, gaps and re-entries included. If from then on every stop fills at
its price, the day loses at most day_loss_max. A stop that gaps adds the gap and the fees on it, and
only for what is open after the last entry: earlier gaps have taken room from later entries.

What is assumed:
- The account's figures are known and current at each ruling (the gate refuses on an unknown one),
  and the day's P&L holds unrealised losses at the prices the positions are valued at, and the
  commissions. `fees_day_base` is what to add if the broker left commissions out.
- Every position is under its resting stop, share for share: an opening is refused beside one that
  is not. Fees are those of guardrails.fees; a part of an order is charged as an order.
- Positions are the desk's own, none carried from yesterday unless
  stops.close_before_close_minutes is 0; then what they had gained can be lost again on top.
- The target rests too: a position is worth at most its value there.
- Exchange rates stand still, and the Hong Kong dollar is inside its band (for minimum fees only).

What is not counted: gaps beyond the stated one. A long position cannot lose more than it is worth
(a gap of 100 %); a short's loss has no bound at all, so where shorts are allowed the gap is one of
so many percent and no worst case. Nor: several days in a row, what the model itself costs,
dividends, borrow and interest, errors of the broker. The state of the desk lowers nothing here:
the bound holds with breakers that never trip, and they are told as a second line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from guardrails import fees
from guardrails.limits import Breaker, Limits, Stops
from guardrails.targets import PARTS_MAX
from guardrails.terms import Action, Market

# Percent. The widest band in which a stock of more than 0.75 USD (LULD, outside the doubled
# minutes) or of the HSCI (VCM, small) trades without a pause. After a pause it may be more.
GAP_PCT = Decimal(20)
TICK_LEAST = Decimal("0.0001")  # 17 CFR 242.612, below 1 USD; Hong Kong's is ten times as much
ANY_DAY = date.min  # before every schedule: the largest rate of each is charged
# US dollars per unit of the market's currency, at most: the HKMA sells at 7.75 and not below.
DOLLARS = {Market.US: Decimal(1), Market.HK: Decimal(1) / Decimal("7.75")}
BPS, HUNDRED, ONE, NOTHING = Decimal(10_000), Decimal(100), Decimal(1), Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Harm:
    """The most of each that a day can bring. Amounts are in the account's base currency.

    orders_day:          entries; each is sent in one or two parts.
    order_value_base:    of one entry, at its limit price.
    open_max:            positions and working entries at once.
    in_market_base:      positions and working entries together, at the prices of the last entry.
    loss_at_stops_base:  of the day, fees included, where every stop fills at its price.
    loss_with_gap_base:  the same where every stop that is open at once fills `gap_pct` beyond it.
    fees_day_base:       of all round trips of a day; inside the two losses, not beside them.
    degrades_at_base:    the day's loss from which nothing is opened.
    halts_at_base:       the day's loss at which the desk halts and closes what is open.
    """

    orders_day: int
    order_value_base: Decimal
    open_max: int
    in_market_base: Decimal
    gap_pct: Decimal
    loss_at_stops_base: Decimal
    loss_with_gap_base: Decimal
    fees_day_base: Decimal
    degrades_at_base: Decimal
    halts_at_base: Decimal
    allows_short: bool
    holds_over_night: bool

    def says(self) -> tuple[str, ...]:
        """What a hijacked model can do at most, a sentence each."""
        sentences = [
            f"At most {self.orders_day} entries a day, each of at most "
            f"{_money(self.order_value_base)} and with a stop.",
            f"At most {self.open_max} positions at once, together at most "
            f"{_money(self.in_market_base)}.",
            f"A day in which every stop fills at its price loses at most "
            f"{_money(self.loss_at_stops_base)}, fees included.",
            f"If all open stops gap by {self.gap_pct:f} % at once, the day loses at most "
            f"{_money(self.loss_with_gap_base)}.",
            f"A day's fees are at most {_money(self.fees_day_base)} and part of these losses, as "
            "long as the broker's P&L holds commissions.",
            f"Beside this, a day's loss of {_money(self.degrades_at_base)} ends all entries and "
            f"one of {_money(self.halts_at_base)} halts the desk, once two looks agree.",
        ]
        if self.allows_short:
            sentences.append("Shorts are allowed: beyond the stated gap their loss has no bound.")
        if self.holds_over_night:
            sentences.append("Positions may be held over night: their earlier gains can be lost.")
        return tuple(sentences)


def worst_day(
    limits: Limits,
    stops: Stops,
    breaker: Breaker,
    *,
    gap_pct: Decimal = GAP_PCT,
    dollar_base: Decimal = ONE,
) -> Harm:
    """The most that any model can do in a day under these limits.

    gap_pct:     how far beyond its price a stop fills, in percent of that price; 0..100.
    dollar_base: base currency per US dollar, > 0; for fees in dollars. The default is an account
                 in US dollars.
    Raises ValueError for others.
    """
    if not (dollar_base.is_finite() and dollar_base > 0):
        raise ValueError(f"dollar_base must be above zero, was {dollar_base}")
    if not (gap_pct.is_finite() and 0 <= gap_pct <= HUNDRED):
        raise ValueError(f"gap_pct must be from 0 to 100, was {gap_pct}")
    gap, most = gap_pct / HUNDRED, limits.positions_max
    holds_over_night = stops.close_before_close_minutes == 0
    carried = most if holds_over_night else 0
    round_trip = _round_trip_fees(limits, NOTHING, dollar_base)
    beyond = _round_trip_fees(limits, gap, dollar_base)
    # No entry has counted the fees of what was carried here, where none is made today.
    given_back = carried * (_given_back(limits) + round_trip)
    at_stops = max(limits.day_loss_max, given_back)
    return Harm(
        orders_day=limits.orders_day_max,
        order_value_base=limits.position_value_max,
        open_max=most,
        in_market_base=min(limits.gross_exposure_max, most * _worth_max(limits)),
        gap_pct=gap_pct,
        loss_at_stops_base=at_stops,
        loss_with_gap_base=at_stops + gap * _at_stops_max(limits) + most * (beyond - round_trip),
        fees_day_base=beyond * (limits.orders_day_max + carried),
        degrades_at_base=limits.day_loss_max * breaker.warn_fraction,
        halts_at_base=limits.day_loss_max,
        allows_short=limits.allow_short,
        holds_over_night=holds_over_night,
    )


def _worth_max(limits: Limits) -> Decimal:
    """The most one position is worth before it is left: a long at its target, a short at its stop.

    A short's stop counts whether or not shorts are allowed: a target is farther than a stop.
    """
    farthest = max(limits.target_distance_bps_max, limits.stop_distance_bps_max)
    return limits.position_value_max * (ONE + farthest / BPS)


def _at_stops_max(limits: Limits) -> Decimal:
    """The most that all positions together are worth at their stops.

    A long's stop is below its price, so that the gross exposure bounds it. A short's is above it.
    """
    book = limits.positions_max * _worth_max(limits)
    return book if limits.allow_short else min(limits.gross_exposure_max, book)


def _given_back(limits: Limits) -> Decimal:
    """The most that one position of yesterday can lose today: from its target to its first stop."""
    way = limits.target_distance_bps_max + limits.stop_distance_bps_max
    return limits.position_value_max * way / BPS


def _round_trip_fees(limits: Limits, gap: Decimal, dollar_base: Decimal) -> Decimal:
    """No entry costs more, in and out, in any market, on any day."""
    beyond = ONE + gap if limits.allow_short else ONE
    grown = _worth_max(limits) / limits.position_value_max * beyond
    return max(
        _fees(market, limits, ONE, dollar_base) + _fees(market, limits, grown, dollar_base)
        for market in Market
    )


def _fees(market: Market, limits: Limits, grown: Decimal, dollar_base: Decimal) -> Decimal:
    """Of the largest entry, or of leaving it at `grown` times its price, in base currency.

    Charged as sales, the dearer side, and at the lowest price at which a stop is both ticks enough
    away and near enough: fees a share weigh most there.
    """
    rate = DOLLARS[market] * dollar_base
    price = limits.stop_distance_ticks_min * TICK_LEAST * BPS / limits.stop_distance_bps_max
    shares = limits.position_value_max / rate / price
    part = int((shares / PARTS_MAX).to_integral_value(ROUND_CEILING))
    fee = fees.order_fees(
        market, part, price * grown, on=ANY_DAY, action=Action.SELL, stock_type=""
    )
    return PARTS_MAX * fee * rate


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.01'), ROUND_CEILING):,f}"
