"""Time's part in leaving: is the market open, and which end of a session must not be outlived."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from guardrails.limits import Stops
from guardrails.terms import Hours, Instrument

# Two sessions this close belong to one day. Hong Kong's lunch is one hour, a night is over twelve.
LUNCH_MAX = timedelta(hours=4)


def next_opening(instrument: Instrument | None, now: datetime) -> tuple[bool, datetime | None]:
    """Whether the market is closed now, and when it opens again where that is known.

    Unknown hours count as open: an order to a closed market waits there, and a need that waits for
    an opening nobody knows would never be met.
    """
    hours = () if instrument is None else instrument.hours
    if not hours or any(opens_at <= now < closes_at for opens_at, closes_at in hours):
        return False, None
    coming = [opens_at for opens_at, _ in hours if opens_at > now]
    return True, min(coming, default=None)


def session_end(
    instrument: Instrument | None, opened_at: datetime | None, rules: Stops, now: datetime
) -> datetime | None:
    """The end of a session that the position must not see, near or already past; else None.

    A past end counts only for a position that is known to have been open before it.
    """
    before = timedelta(minutes=rules.close_before_close_minutes)
    if instrument is None or not before:
        return None
    for end in _ends(instrument.hours, with_lunch=rules.close_before_lunch):
        was_open = now < end if opened_at is None else opened_at < end
        if was_open and end - before <= now:
            return end
    return None


def _ends(hours: tuple[Hours, ...], *, with_lunch: bool) -> list[datetime]:
    """The ends of days, and of mornings before lunch if asked for."""
    following = itertools.zip_longest(hours, hours[1:])
    return [
        one.closes_at
        for one, after in following
        if with_lunch or after is None or after.opens_at - one.closes_at > LUNCH_MAX
    ]
