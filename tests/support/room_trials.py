"""Every limit that makes an order smaller, tried where a whole number of shares just fits.

The figures are for the plain proposal: AAPL bought at 200.00 with its stop at 194.00.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction
from typing import Any, NamedTuple

from tests.support.guarding import ACCOUNT, LIMITS, OTHER, VIEW, with_limits

CENT = D("0.01")


class Fit(NamedTuple):
    """A limit that makes the order smaller, until one lot is too much and is refused.

    rule:   the rule whose bound is the smallest, and which refuses one lot just over it.
    at:     a value at which a whole number of shares just fits.
    step:   the smallest by which the quantity can move, in the direction of fewer shares.
    tried:  value -> (view, limits), for BUY.
    room:   value -> what is left, in base currency or shares.
    taken:  shares -> what they take of it.
    lot_at: a value at which one lot of 25 shares just fits.
    """

    field: str
    rule: str
    at: Any
    step: Any
    tried: Callable[[Any], tuple[Any, Any]]
    room: Callable[[Any], Any]
    taken: Callable[[int], Any]
    lot_at: Any


# Fees of 25 shares in and out again at the stop, the largest order that the value allows:
# 1.00 + 25 x 0.000003 and 1.00 + 25 x 0.000003 + 25 x 194 x 0.0000206, each up to the cent.
FEES = D("1.01") + D("1.10")


def value(shares):
    """25 shares of 200.00 are 5,000 base, the configured largest position."""
    return shares * D(200)


def loss(shares):
    """At the stop, six below the entry; the fees set aside are those of the largest order."""
    return shares * D(6) + FEES


def beside(sector):
    """Views by the value of the one position held, in that sector, nearly at its stop."""

    def seen(held):
        one = replace(OTHER, shares=1, protected_shares=1, market_price=held, sector=sector)
        return replace(VIEW, positions=(replace(one, stop_price=held - CENT),)), LIMITS

    return seen


def account(**changes):
    return replace(VIEW, account=replace(ACCOUNT, **changes)), LIMITS


def thin(volume):
    """A tenth of a percent of an average day may be ordered: 25 shares of 25,000."""
    return replace(VIEW, average_volume_shares=volume), with_limits(adv_pct_max=D("0.1"))


FITS = [
    Fit(
        "position_value_max", "position_value", D(2000), -CENT,
        lambda most: (VIEW, with_limits(position_value_max=most)),
        room=lambda most: most, taken=value, lot_at=D(5000),
    ),
    Fit(
        "position_risk_max", "position_risk", 60 + FEES, -CENT,
        lambda most: (VIEW, with_limits(position_risk_max=most)),
        room=lambda most: most, taken=loss, lot_at=150 + FEES,
    ),
    Fit(
        "sector_pct_max", "sector_exposure", D(8000), CENT, beside("Technology"),
        room=lambda held: D("0.4") * 25_000 - held, taken=value, lot_at=D(5000),
    ),
    Fit(
        "gross_exposure_max", "gross_exposure", D(23_000), CENT, beside("Energy"),
        room=lambda held: 25_000 - held, taken=value, lot_at=D(20_000),
    ),
    Fit(
        "margin_use_pct_max", "margin_use", D(88_000), CENT,
        lambda used: account(maintenance_margin_base=used),
        room=lambda used: D("0.9") * 100_000 - used, taken=value, lot_at=D(85_000),
    ),
    Fit(
        "day_loss_max", "day_loss_headroom", 1940 - FEES, CENT,
        lambda lost: account(day_pnl_base=-lost),
        room=lambda lost: 2000 - lost, taken=loss, lot_at=1850 - FEES,
    ),
    Fit(
        "adv_pct_max", "liquidity", 24_000, -1, thin,
        room=lambda volume: volume, taken=lambda shares: 1000 * shares, lot_at=25_000,
    ),
    Fit(
        "atr_pct_base", "position_value", D("6.25"), CENT,
        lambda atr: (replace(VIEW, atr=atr), LIMITS),
        # 5,000 x 2.5 % of 200 / atr, and never more than 5,000.
        room=lambda atr: min(Fraction(5000), 25_000 / Fraction(atr)), taken=value, lot_at=D(5),
    ),
]  # fmt: skip
