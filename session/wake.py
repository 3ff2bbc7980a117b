"""The opening message: what has changed since the last session, and nothing that stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from desk.standing import Standing
from guardrails.limits import Limits
from guardrails.terms import Account, Market, Position, View
from session.loop import Bounds


def limit_variables(limits: Limits, base_currency: str) -> dict[str, object]:
    """The limits under their own names, for the system prompt: one number, one place."""
    shown = {name: _plain(value) for name, value in limits.model_dump().items()}
    return {**shown, "base_currency": base_currency}


def wake_variables(
    *,
    view: View,
    standing: Standing,
    open_markets: Sequence[Market],
    limits: Limits,
    bounds: Bounds,
) -> dict[str, object]:
    """What prompts/wake.md is filled with."""
    return {
        "now": f"{view.now:%Y-%m-%d %H:%M} UTC",
        "open_markets": ", ".join(open_markets),
        "state": view.state,
        "state_reason": f"({standing.reason})" if standing.reason else "",
        "account": _account(view.account),
        "positions": _positions(view.positions),
        "limits_left": _left(view, limits),
        "bounds": (
            f"at most {bounds.turns_max} answers and {bounds.seconds_max / 60:.0f} minutes; "
            f"{bounds.refusals_in_row_max} refusals in a row end it."
        ),
    }


def _plain(value: object) -> object:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"


def _account(account: Account) -> str:
    return (
        f"net liquidation {_money(account.net_liquidation_base)} {account.base_currency}, "
        f"available funds {_money(account.available_funds_base)}, "
        f"day P&L {_money(account.day_pnl_base)}."
    )


def _positions(positions: Sequence[Position]) -> str:
    if not positions:
        return "- none"
    return "\n".join(
        f"- {one.symbol}: {one.shares} shares at {one.average_price:f} {one.currency}, "
        f"price {one.market_price if one.market_price is not None else 'unknown'}, "
        f"stop {one.stop_price if one.stop_price is not None else 'NONE'}, "
        f"target {one.target_price if one.target_price is not None else 'none'}"
        for one in positions
    )


def _left(view: View, limits: Limits) -> str:
    places = limits.positions_max - len(view.positions) - len(view.entries)
    return (
        f"- positions: {max(0, places)} of {limits.positions_max}\n"
        f"- entries today: {max(0, limits.orders_day_max - view.orders_today)} "
        f"of {limits.orders_day_max}\n"
        f"- proposals this session: {limits.proposals_session_max}"
    )
