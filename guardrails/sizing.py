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
from guardrails.known import known_amount, known_price, known_rate
from guardrails.limits import Limits
from guardrails.side import CLOSING, OPENING, lead, side_of
from guardrails.targets import PARTS_MAX
from guardrails.terms import Action, Instrument, Position, Sizing, View, WorkingEntry

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
        day = known_amount(account.day_pnl_base)
        equity = known_amount(account.net_liquidation_base)
        margin = known_amount(account.maintenance_margin_base)
        volume = view.average_volume_shares
        sector_max = limits.gross_exposure_max * limits.sector_pct_max / HUNDRED
        margin_share = limits.margin_use_pct_max / HUNDRED
        lost_today = None if day is None else max(-day, NOTHING)
        return Room(
            sector=None if in_sector is None else sector_max - in_sector,
            gross=None if exposure is None else limits.gross_exposure_max - exposure,
            funds=known_amount(account.available_funds_base),
            margin=None if equity is None or margin is None else equity * margin_share - margin,
            day_loss=None
            if lost_today is None or at_stops is None
            else limits.day_loss_max - lost_today - at_stops,
            liquidity_shares=None if volume is None else int(volume * limits.adv_pct_max / HUNDRED),
        )


def _sum_known(numbers: list[Decimal | None]) -> Decimal | None:
    known = [number for number in numbers if number is not None]
    return sum(known, Decimal(0)) if len(known) == len(numbers) else None


def _exposures(view: View) -> list[tuple[str, Decimal, Decimal | None]] | None:
    """(sector, value, loss at the stop) of each position and working entry, in base currency.

    The loss has the fees of the orders that are still to come. None where one of them cannot be
    valued. A loss is None where there is no stop: unbounded.
    """
    rows: list[tuple[str, Decimal, Decimal | None]] = []
    for position in view.positions:
        if position.shares == 0:
            continue
        rate = known_rate(view.account, position.currency)
        told = position.market_price
        price = known_price(position.average_price if told is None else told)
        if rate is None or price is None:
            return None
        count = abs(position.shares)
        rows.append((position.sector, count * price * rate, _loss(position, price, rate, view)))
    for entry in view.entries:
        rate, price = known_rate(view.account, entry.currency), known_price(entry.limit_price)
        if rate is None or price is None:
            return None
        rows.append((entry.sector, entry.shares * price * rate, _entry_loss(entry, rate, view)))
    return rows


def _loss(position: Position, price: Decimal, rate: Decimal, view: View) -> Decimal | None:
    """What leaving at the stop loses from `price`, or None where not every share is under one."""
    stop, count = known_price(position.stop_price), abs(position.shares)
    if stop is None or position.protected_shares < count:
        return None
    side = side_of(position.shares)
    # It may be two parts with a stop each. What kind of stock it is is not told: it pays duty.
    part = count // PARTS_MAX + 1
    fee = fees.order_fees(
        position.market, part, stop, on=view.now.date(), action=CLOSING[side], stock_type=""
    )
    return (max(lead(side, price, stop), NOTHING) * count + PARTS_MAX * fee) * rate


def _entry_loss(entry: WorkingEntry, rate: Decimal, view: View) -> Decimal | None:
    """What an entry loses that fills and is then stopped, or None where it has no stop."""
    stop = known_price(entry.stop_price)
    if stop is None or entry.shares <= 0:
        return None
    paid = [
        fees.order_fees(
            entry.market, entry.shares, price, on=view.now.date(), action=action, stock_type=""
        )
        for price, action in (
            (entry.limit_price, OPENING[entry.side]),
            (stop, CLOSING[entry.side]),
        )
    ]
    return (abs(entry.limit_price - stop) * entry.shares + sum(paid)) * rate


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
    atr = known_price(atr)
    if atr is None:
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
