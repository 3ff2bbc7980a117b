"""Which trading day an instant belongs to, and when that day began, in each market's own zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from guardrails.terms import Market

ZONES = {Market.HK: ZoneInfo("Asia/Hong_Kong"), Market.US: ZoneInfo("America/New_York")}


def trading_day(now: datetime, market: Market) -> date:
    """The market's local date at `now`."""
    return now.astimezone(ZONES[market]).date()


def day_start(now: datetime, market: Market) -> datetime:
    """Local midnight of that day, in UTC."""
    return datetime.combine(trading_day(now, market), time(), ZONES[market]).astimezone(UTC)
