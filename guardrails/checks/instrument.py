"""Is this a stock that may be traded, in its own session, on a quote that can be believed."""

from __future__ import annotations

from decimal import Decimal

from guardrails.case import BPS, Case
from guardrails.finding import MINUTE, limit_text, seconds, shown, unknown
from guardrails.known import known_price
from guardrails.terms import Check, Market, Side

NEEDED_ORDER_TYPES = ("LMT", "STP")


def session_open(case: Case) -> Check:
    """The instrument's own session is open, and not about to close."""
    margin = case.limits.no_entry_before_close_minutes
    limit = f"open for {margin} more min"
    if case.instrument is None or not case.instrument.hours:
        return unknown("session_open", "the instrument's trading session", limit)
    now = case.view.now
    for opens_at, closes_at in case.instrument.hours:
        if opens_at <= now < closes_at:
            left = (closes_at - now) // MINUTE
            ok = left >= margin
            says = (
                "" if ok else f"the session closes in {left} min; entries end {margin} min before."
            )
            return Check("session_open", ok, f"open, {left} min left", limit, says)
    coming = [opens_at for opens_at, _ in case.instrument.hours if opens_at > now]
    opens = f"opens at {min(coming):%Y-%m-%d %H:%M} UTC" if coming else "no opening is known"
    return Check("session_open", False, "closed", limit, f"the market is closed; {opens}.")


def instrument_known(case: Case) -> Check:
    """The broker qualified this exact symbol in this session, as a stock of an allowed type."""
    limits, symbol = case.limits, case.proposal.symbol
    limit = "a qualified stock, " + "|".join(limits.stock_types)
    found = case.instrument
    if found is None:
        says = (
            f"the broker knows no single stock {symbol!r}; use a symbol that scan or quote shows."
        )
        return Check("instrument_known", False, "not qualified", limit, says)
    kind = f"{found.security_type} {found.stock_type}".strip()
    if symbol in limits.restricted:
        return Check(
            "instrument_known", False, "restricted", limit, f"{symbol} is on limits.restricted."
        )
    ok = (
        found.security_type == "STK"
        and found.stock_type in limits.stock_types
        and found.con_id > 0
        and found.lot is not None
        and found.lot > 0
    )
    says = (
        ""
        if ok
        else f"{symbol} is {kind or 'of unknown type'} with board lot {found.lot or 'unknown'}."
    )
    return Check("instrument_known", ok, kind, limit, says)


def side_known(case: Case) -> Check:
    """The side is one of the table's; reading has let no other through."""
    return Check("side_known", True, f"{case.proposal.side} is {case.action}", "long|short")


def short_allowed(case: Case) -> Check:
    """A short needs allow_short, and is never opened on SEHK."""
    if case.proposal.side is Side.LONG:
        return Check("short_allowed", True, "long", "long")
    market = None if case.instrument is None else case.instrument.market
    ok = case.limits.allow_short and market is Market.US
    says = "" if ok else "short positions are not opened here; propose a long one or none."
    return Check("short_allowed", ok, "short", "long", says)


def quote_usable(case: Case) -> Check:
    """Two-sided, uncrossed, fresh, real-time, not too wide, and without an impossible number."""
    limits, quote = case.limits, case.quote
    limit = limit_text(
        "real-time, <= {} s old, <= {} bps wide",
        limits.quote_age_seconds_max,
        limits.spread_bps_max,
    )
    if quote is None or quote.bid is None or quote.ask is None or case.mid is None:
        return unknown("quote_usable", "a two-sided quote", limit)
    if not (quote.bid.is_finite() and quote.ask.is_finite() and 0 < quote.bid <= quote.ask):
        says = f"the quote is crossed or zero: bid {quote.bid}, ask {quote.ask}."
        return Check("quote_usable", False, f"{quote.bid} x {quote.ask}", limit, says)
    if quote.last is not None and known_price(quote.last) is None:
        # One impossible number: the feed is broken, whatever its other numbers look like.
        says = f"the last price of the quote is {quote.last}: the feed cannot be believed."
        return Check("quote_usable", False, f"last {quote.last}", limit, says)
    age = seconds(case.view.now - quote.at)
    spread = (quote.ask - quote.bid) / case.mid * BPS
    observed = f"{shown(age)} s old, {shown(spread)} bps wide"
    if not quote.is_realtime and not limits.allow_delayed:
        return Check(
            "quote_usable", False, "delayed", limit, "the quote is delayed; none is opened on it."
        )
    ok = 0 <= age <= limits.quote_age_seconds_max and spread <= limits.spread_bps_max
    says = "" if ok else f"the quote is {observed}; entries need {limit}."
    return Check("quote_usable", ok, observed, limit, says)


def liquidity(case: Case) -> Check:
    """The stock trades enough, and the order is a small share of it."""
    limits, volume = case.limits, case.view.average_volume_shares
    floor, pct = limits.average_volume_shares_min, limits.adv_pct_max
    limit = limit_text(">= {} shares a day, order <= {} % of them", floor, pct)
    if volume is None:
        return unknown("liquidity", "the average daily volume", limit)
    share = Decimal(case.shares) / Decimal(max(volume, 1)) * 100
    ok = volume >= floor and share <= pct
    says = (
        ""
        if ok
        else f"{case.shares} shares are {share:.2f} % of an average day of {volume}; {limit} pass."
    )
    return Check("liquidity", ok, f"{volume} a day, {share:.3f} %", limit, says)


def order_type_supported(case: Case) -> Check:
    """The contract takes limit orders and can rest a stop."""
    if case.instrument is None or not case.instrument.order_types:
        return unknown("order_type_supported", "the contract's order types", "LMT, STP")
    missing = [one for one in NEEDED_ORDER_TYPES if one not in case.instrument.order_types]
    says = (
        "" if not missing else f"the contract does not take {', '.join(missing)}: no stop can rest."
    )
    return Check(
        "order_type_supported", not missing, "LMT, STP" if not missing else "", "LMT, STP", says
    )


INSTRUMENT = (
    session_open,
    instrument_known,
    side_known,
    short_allowed,
    quote_usable,
    liquidity,
    order_type_supported,
)
