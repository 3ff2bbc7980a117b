"""Is there room: for the symbol, the number of positions, the money, the sector, the day's loss."""

from __future__ import annotations

from decimal import Decimal

from guardrails.case import Case
from guardrails.finding import MINUTE, money, unknown
from guardrails.terms import Check


def not_duplicate(case: Case) -> Check:
    """Nothing is held or working in the symbol, and it was not stopped out a moment ago."""
    symbol, minutes = case.proposal.symbol, case.limits.reentry_cooldown_minutes
    limit = f"no position, no entry, {minutes} min after a stop"
    if any(position.symbol == symbol for position in case.view.positions):
        says = f"{symbol} is held already; close or tighten it, or choose another stock."
        return Check("not_duplicate", False, "held", limit, says)
    if any(entry.symbol == symbol for entry in case.view.entries):
        says = f"an entry in {symbol} is working already; wait for it."
        return Check("not_duplicate", False, "working", limit, says)
    stopped = case.view.stopped_out_at.get(symbol)
    if stopped is not None and case.view.now - stopped < minutes * MINUTE:
        ago = (case.view.now - stopped) // MINUTE
        says = f"{symbol} was stopped out {ago} min ago; {minutes} min must pass."
        return Check("not_duplicate", False, f"stopped out {ago} min ago", limit, says)
    return Check("not_duplicate", True, "none", limit)


def positions_max(case: Case) -> Check:
    """Positions and working entries together leave a place."""
    most = case.limits.positions_max
    symbols = {p.symbol for p in case.view.positions} | {e.symbol for e in case.view.entries}
    ok = len(symbols) < most
    says = (
        "" if ok else f"{len(symbols)} positions are open or being entered; at most {most} may be."
    )
    return Check("positions_max", ok, f"{len(symbols)} + 1", f"<= {most}", says)


def position_value(case: Case) -> Check:
    """The order's value is within the largest position, scaled down for a volatile stock."""
    limits = case.limits
    if case.value_base is None or case.sizing is None:
        limit = f"<= {money(limits.position_value_max)} base"
        return unknown("position_value", "price, stop, ATR, lot, account or volume", limit)
    most = min(limits.position_value_max, case.sizing.target_value_base)
    sizing = case.sizing
    ok = case.value_base <= most and sizing.shares > 0
    says = ""
    if not ok:
        says = (
            f"one board lot of {sizing.lot} at {money(sizing.price_base)} is "
            f"{money(sizing.lot * sizing.price_base)}; {money(most)} is the largest position in "
            f"this stock (position_value_max {money(limits.position_value_max)} x ATR scale "
            f"{sizing.atr_scale:.2f}), and {sizing.binding} leaves {sizing.bounds[sizing.binding]} "
            "shares: not one lot."
        )
    return Check("position_value", ok, money(case.value_base), f"<= {money(most)} base", says)


def position_risk(case: Case) -> Check:
    """What the stop can cost, fees included, is within the risk of one position."""
    return _within(
        "position_risk", case, case.risk_base, case.limits.position_risk_max, "the loss at the stop"
    )


def sector_exposure(case: Case) -> Check:
    """The sector stays within its share of the gross exposure; an unknown sector refuses."""
    if case.instrument is not None and not case.instrument.sector:
        return unknown("sector_exposure", "the stock's sector", "known")
    room = None if case.room is None else case.room.sector
    return _within("sector_exposure", case, case.value_base, room, "the value for its sector")


def gross_exposure(case: Case) -> Check:
    """All positions and entries together stay within the gross exposure."""
    room = None if case.room is None else case.room.gross
    return _within("gross_exposure", case, case.value_base, room, "the value beside the open ones")


def margin_use(case: Case) -> Check:
    """Maintenance margin stays within its share of equity, the whole value counted as margin."""
    room = None if case.room is None else case.room.margin
    return _within("margin_use", case, case.value_base, room, "the margin the position may need")


def buying_power(case: Case) -> Check:
    """Available funds cover the whole value: the broker's BuyingPower is never used."""
    room = None if case.room is None else case.room.funds
    return _within("buying_power", case, case.value_base, room, "the value against available funds")


def day_loss_headroom(case: Case) -> Check:
    """If every open stop and this one were hit, the day would stay within its loss limit."""
    room = None if case.room is None else case.room.day_loss
    return _within(
        "day_loss_headroom", case, case.risk_base, room, "the loss at the stop beside all open ones"
    )


def _within(
    rule: str, case: Case, amount: Decimal | None, room: Decimal | None, what: str
) -> Check:
    if amount is None or room is None:
        return unknown(rule, what, "known and within its limit")
    observed, limit = f"{amount:.2f}", f"<= {room:.2f} base"
    if amount <= room:
        return Check(rule, True, observed, limit)
    says = f"{what} is {observed} for {case.shares} shares; {room:.2f} is left."
    return Check(rule, False, observed, limit, says)


EXPOSURE = (
    not_duplicate,
    positions_max,
    position_value,
    position_risk,
    sector_exposure,
    gross_exposure,
    margin_use,
    buying_power,
    day_loss_headroom,
)
