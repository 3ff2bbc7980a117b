"""Are entry, stop and target sound, after rounding and with fees."""

from __future__ import annotations

from decimal import Decimal

from guardrails.case import BPS, Case
from guardrails.finding import limit_text, money, shown, unknown
from guardrails.side import lead
from guardrails.terms import Check, Market, Quote, Side

# The exchange's own price range, in its currency; None is no bound. SEHK: Second Schedule, Part A
# (ETFs may go to 9,999: the smaller range is the careful one). US: one tick of 17 CFR 242.612.
EXCHANGE_RANGE: dict[Market, tuple[Decimal, Decimal | None]] = {
    Market.HK: (Decimal("0.01"), Decimal(9995)),
    Market.US: (Decimal("0.0001"), None),
}


def entry_in_collar(case: Case) -> Check:
    """The limit price is near the middle of the book, and one that the exchange takes."""
    collar = case.limits.collar_bps
    limit = limit_text("within {} bps of mid", collar)
    if case.instrument is None or case.entry is None or case.mid is None or case.mid <= 0:
        return unknown("entry_in_collar", "the distance of the limit price from mid", limit)
    # The price as asked: rounding must not make a possible price of an impossible one.
    asked = case.proposal.limit_price
    least, most = EXCHANGE_RANGE[case.instrument.market]
    if asked is None or asked < least or (most is not None and asked > most):
        known = f"from {shown(least)}" + ("" if most is None else f" to {shown(most)}")
        observed = "no price" if asked is None else shown(asked)
        says = f"limit_price {observed} is none that the exchange takes: {known} passes."
        return Check("entry_in_collar", False, observed, known, says)
    distance = (case.entry - case.mid) / case.mid * BPS
    ok = abs(distance) <= collar
    says = ""
    if not ok:
        low, high = case.mid * (1 - collar / BPS), case.mid * (1 + collar / BPS)
        says = (
            f"limit_price {shown(case.entry)} is {distance:+.0f} bps from mid {shown(case.mid)}; "
            f"{shown(low)} to {shown(high)} passes."
        )
    return Check("entry_in_collar", ok, f"{distance:+.1f} bps", limit, says)


def stop_protects(case: Case) -> Check:
    """The stop is on the losing side of the entry and of the market, at a sensible distance.

    A marketable limit fills at the market's price, not at its own: a stop between the two would
    trigger at once.
    """
    limits = case.limits
    low, high = limits.stop_distance_bps_min, limits.stop_distance_bps_max
    limit = limit_text("{}..{} bps and >= {} ticks", low, high, limits.stop_distance_ticks_min)
    if case.entry is None or case.stop is None or case.tick is None:
        return unknown("stop_protects", "the distance of the stop", limit)
    losing = lead(case.proposal.side, case.entry, case.stop)
    distance = losing / case.entry * BPS
    ticks = losing / case.tick
    ok = low <= distance <= high and ticks >= limits.stop_distance_ticks_min
    side = case.proposal.side
    says = ""
    if not ok:
        where = "below" if side is Side.LONG else "above"
        says = (
            f"stop_price {shown(case.stop)} is {distance:.0f} bps ({ticks:.0f} ticks) on the "
            f"losing side of the entry {shown(case.entry)}; a {side.value} needs it {where} "
            f"the entry by {limit}."
        )
    touch = _leaving_touch(case.quote, side)
    if ok and touch is not None and lead(side, touch, case.stop) <= 0:
        ok = False
        says = (
            f"stop_price {shown(case.stop)} is through the market, which is at {shown(touch)} "
            "already: it would trigger at once."
        )
    return Check("stop_protects", ok, f"{distance:.1f} bps, {ticks:.0f} ticks", limit, says)


def _leaving_touch(quote: Quote | None, side: Side) -> Decimal | None:
    """The side of the book at which the position would be left; None where it is not known."""
    if quote is None:
        return None
    touch = {Side.LONG: quote.bid, Side.SHORT: quote.ask}[side]
    return touch if touch is not None and touch.is_finite() else None


def target_pays(case: Case) -> Check:
    """A target is on the winning side, near enough, and all pay for the risk, fees included."""
    limits = case.limits
    far = limits.target_distance_bps_max
    limit = limit_text("reward/risk >= {}, target within {} bps", limits.reward_risk_min, far)
    if case.targets is None or not case.risk_base or case.gain_base is None:
        return unknown("target_pays", "reward and risk of the order", limit)
    ratio = case.gain_base / case.risk_base
    ok = bool(case.targets.standing) and ratio >= limits.reward_risk_min
    says = ""
    if not ok:
        targets = " and ".join([shown(target) for target in case.targets.priced])
        says = (
            f"target_price {targets} gains {money(case.gain_base)} against a loss of "
            f"{money(case.risk_base)} at the stop, fees included: {ratio:.2f}; {limit} pass."
        )
    return Check("target_pays", ok, f"{ratio:.2f}", limit, says)


def second_target(case: Case) -> Check:
    """A second target that does not stand is left out alone, with a word. It refuses nothing."""
    far = case.limits.target_distance_bps_max
    limit = limit_text("beyond the first, within {} bps, two lots", far)
    if case.proposal.target_price_2 is None:
        return Check("second_target", True, "none", limit)
    if case.targets is None or not case.parts:
        return unknown("second_target", "the split of the lots", limit)
    nearer, *farther = case.parts
    if farther:
        split = " and ".join([f"{shares} at {shown(target)}" for shares, target in case.parts])
        return Check("second_target", True, split, limit)
    says = " ".join(case.targets.left_out) or (
        f"{case.shares} shares are too few lots to be split: target_price_2 is left out."
    )
    return Check("second_target", True, f"all at {shown(nearer.target_price)}", limit, says)


def confidence_min(case: Case) -> Check:
    """The model is confident enough; more confidence never makes an order larger."""
    confidence, least = case.proposal.confidence, case.limits.confidence_min
    limit = limit_text(">= {}", least)
    if confidence is None:
        return unknown("confidence_min", "the confidence", limit)
    ok = confidence >= least
    says = (
        ""
        if ok
        else f"confidence {shown(confidence)} is below {shown(least)}: do not trade this one."
    )
    return Check("confidence_min", ok, shown(confidence), limit, says)


PRICES = (entry_in_collar, stop_protects, target_pays, second_target, confidence_min)
