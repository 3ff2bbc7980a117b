"""How many shares: code decides, the model never does.

The target value is the largest position, made smaller where the stock moves more than the base ATR
in percent of its price, and never larger. Risk, sector, gross room, funds, the day's headroom and
liquidity each cap the number; what remains is rounded down to the board lot.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from guardrails import fees
from guardrails.limits import Limits
from guardrails.terms import Action, Instrument, Sizing, View

HUNDRED = Decimal(100)
ONE = Decimal(1)
NOTHING = Decimal(0)


class Room(NamedTuple):
    """What the limits leave for one more position, in base currency; None is unknown."""

    sector: Decimal | None
    gross: Decimal | None
    funds: Decimal | None
    margin: Decimal | None
    day_loss: Decimal | None
    liquidity_shares: int | None

    @staticmethod
    def of(
        view: View, limits: Limits, instrument: Instrument | None, fx: Decimal | None
    ) -> Room | None:
        """The room left in this view, or None without an instrument and its exchange rate."""
        if instrument is None or fx is None:
            return None
        rows = _exposures(view)
        exposure = None if rows is None else sum([value for _, value, _ in rows], NOTHING)
        in_sector = (
            None
            if rows is None or not instrument.sector
            else sum([v for sector, v, _ in rows if sector in ("", instrument.sector)], NOTHING)
        )
        at_stops = None if rows is None else _sum_known([loss for _, _, loss in rows])
        account = view.account
        day = _finite(account.day_pnl_base)
        equity = _finite(account.net_liquidation_base)
        margin = _finite(account.maintenance_margin_base)
        volume = view.average_volume_shares
        sector_max = limits.gross_exposure_max * limits.sector_pct_max / HUNDRED
        margin_share = limits.margin_use_pct_max / HUNDRED
        lost_today = None if day is None else max(-day, NOTHING)
        return Room(
            sector=None if in_sector is None else sector_max - in_sector,
            gross=None if exposure is None else limits.gross_exposure_max - exposure,
            funds=_finite(account.available_funds_base),
            margin=None if equity is None or margin is None else equity * margin_share - margin,
            day_loss=None
            if lost_today is None or at_stops is None
            else limits.day_loss_max - lost_today - at_stops,
            liquidity_shares=None if volume is None else int(volume * limits.adv_pct_max / HUNDRED),
        )


def _finite(number: Decimal | None) -> Decimal | None:
    return number if number is not None and number.is_finite() else None


def _sum_known(numbers: list[Decimal | None]) -> Decimal | None:
    known = [number for number in numbers if number is not None]
    return sum(known, Decimal(0)) if len(known) == len(numbers) else None


def _exposures(view: View) -> list[tuple[str, Decimal, Decimal | None]] | None:
    """(sector, value, loss at the stop) of each position and working entry, in base currency.

    None where one of them cannot be valued. A loss is None where there is no stop: unbounded.
    """
    rows: list[tuple[str, Decimal, Decimal | None]] = []
    base = view.account.base_currency
    for position in view.positions:
        rate = ONE if position.currency == base else view.account.fx.get(position.currency)
        if rate is None:
            return None
        price = position.market_price or position.average_price
        count = abs(position.shares)
        loss = None
        if position.stop_price is not None and position.protected_shares >= count:
            toward = (
                price - position.stop_price if position.shares > 0 else position.stop_price - price
            )
            loss = max(toward, Decimal(0)) * count * rate
        rows.append((position.sector, count * price * rate, loss))
    for entry in view.entries:
        rate = ONE if entry.currency == base else view.account.fx.get(entry.currency)
        if rate is None:
            return None
        loss = None
        if entry.stop_price is not None:
            loss = abs(entry.limit_price - entry.stop_price) * entry.shares * rate
        rows.append((entry.sector, entry.shares * entry.limit_price * rate, loss))
    return rows


def size(
    *,
    entry: Decimal,
    stop: Decimal,
    parts: int,
    fx: Decimal,
    atr: Decimal | None,
    instrument: Instrument,
    limits: Limits,
    room: Room | None,
    action: Action,
    on: date,
) -> Sizing | None:
    """The shares and what bounds them, or None where an input is unknown or not above zero.

    parts: how many orders the shares are split into; each pays its own fees.
    """
    lot, distance = instrument.lot, abs(entry - stop)
    if room is None or lot is None or lot <= 0 or distance == 0:
        return None
    if atr is None or not atr.is_finite() or atr <= 0:
        return None
    gross, funds, margin, day_loss = room.gross, room.funds, room.margin, room.day_loss
    if gross is None or funds is None or margin is None or day_loss is None:
        return None
    if room.liquidity_shares is None:
        return None
    scale = min(ONE, limits.atr_pct_base / (atr / entry * HUNDRED))
    price_base, distance_base = entry * fx, distance * fx
    target = limits.position_value_max * scale
    # Fees of the largest order there could be, both ways; the rest of a risk room is the stop's.
    most = max(1, int(target / price_base))
    part = most if parts == 1 else most // parts + lot  # no part is larger
    paid = fees.round_trip_fees(instrument, part, entry, stop, on=on, action=action)
    cost = parts * paid * fx
    bounds = {
        "position_value": _whole(target, price_base),
        # An unknown sector has no room.
        "sector_exposure": 0 if room.sector is None else _whole(room.sector, price_base),
        "gross_exposure": _whole(gross, price_base),
        "buying_power": _whole(funds, price_base),
        "margin_use": _whole(margin, price_base),
        "position_risk": _whole(limits.position_risk_max - cost, distance_base),
        "day_loss_headroom": _whole(day_loss - cost, distance_base),
        "liquidity": room.liquidity_shares,
    }
    binding = min(bounds, key=bounds.__getitem__)
    return Sizing(
        shares=bounds[binding] // lot * lot,
        lot=lot,
        price_base=price_base,
        target_value_base=target,
        atr_scale=scale,
        bounds=bounds,
        binding=binding,
    )


def _whole(room: Decimal, each: Decimal) -> int:
    """How many of `each` (> 0) fit into the room."""
    return int(room / each) if room > 0 else 0
