"""Figures of a stock's recent days that rulings need: average true range and average volume."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

from guardrails.terms import Bar

ATR_DAYS = 14
VOLUME_DAYS = 20


def average_true_range(days: Sequence[Bar]) -> Decimal | None:
    """The mean true range of up to the last 14 complete days, or None without two days.

    days: complete daily bars, oldest first. A true range is the larger of the day's range and its
    distance from the previous close (Wilder 1978); a plain mean, not Wilder's smoothing, so that
    it depends on these days alone.
    """
    ranges = [
        max(day.high - day.low, abs(day.high - before.close), abs(day.low - before.close))
        for before, day in itertools.pairwise(days)
    ][-ATR_DAYS:]
    if not ranges:
        return None
    return sum(ranges, Decimal(0)) / len(ranges)


def average_volume(days: Sequence[Bar]) -> int | None:
    """The mean daily volume in shares of up to the last 20 complete days, or None without any."""
    volumes = [day.volume for day in days][-VOLUME_DAYS:]
    return sum(volumes) // len(volumes) if volumes else None
