"""Open positions as the keeper sees them, and what they need; tests change one thing each."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

from guardrails.stops import Memory, Watched, remember, stops
from guardrails.terms import Hours
from session.settings import load
from tests.support.guarding import AAPL, HELD, LIMITS, NOW, QUOTE, ROOT

RULES = load(ROOT / "config.yaml", environ={}).stops
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LONG = Watched(
    position=HELD,  # 20 shares, stop at 194
    instrument=AAPL,
    quote=QUOTE,
    entry_price=D("200"),
    opened_at=NOW - 30 * MINUTE,
    meant_stop=D("194"),
)
SHORT = replace(LONG, position=replace(HELD, shares=-20, stop_price=D("206")), meant_stop=D("206"))
CLOSES = AAPL.hours[0].closes_at
TOMORROW = Hours(CLOSES + 17.5 * 60 * MINUTE, CLOSES + 24 * 60 * MINUTE)
TWO_DAYS = replace(AAPL, hours=(*AAPL.hours, TOMORROW))


def at(watched, price, *, best=None, before=None, since=None, age=0 * SECOND):
    """The position with a touch of `price` on its own side, and what was remembered of it."""
    price = D(price)
    side = {True: (price, price + D("0.02")), False: (price - D("0.02"), price)}
    bid, ask = side[watched.position.shares > 0]
    memory = Memory(
        best_price=None if best is None else D(best),
        touch=price if before is None else D(before),
        breached_since=since,
    )
    quote = replace(QUOTE, bid=bid, ask=ask, at=NOW - age)
    return replace(watched, quote=quote, memory=memory)


def held(watched, **changes):
    """The same with another position."""
    return replace(watched, position=replace(watched.position, **changes))


def need_of(watched, now=NOW, rules=RULES, limits=LIMITS):
    """What one position needs, or None."""
    found = stops([watched], rules, limits, now)
    return found[0] if found else None


def rule_of(watched, now=NOW, rules=RULES, limits=LIMITS):
    """The rule that finds a need of one position, or None."""
    need = need_of(watched, now, rules, limits)
    return None if need is None else need.rule


def looks(watched, prices, every=30):
    """The rules named at a row of looks, the memory carried along; None is no quote."""
    found = []
    memory = Memory()
    for number, price in enumerate(prices):
        now = NOW + timedelta(seconds=every * number)
        seen = replace(watched, quote=None) if price is None else at(watched, price)
        if seen.quote is not None:
            seen = replace(seen, quote=replace(seen.quote, at=now))
        seen = replace(seen, memory=memory)
        need = need_of(seen, now)
        found.append(None if need is None else need.rule)
        memory = remember(seen, LIMITS, now)
    return found
