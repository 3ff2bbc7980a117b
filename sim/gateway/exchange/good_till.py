"""When an order that is good till a date ends."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FORMS = ("%Y%m%d %H:%M:%S", "%Y%m%d-%H:%M:%S")  # the dash is UTC (tws-api order.html)
UTC_FORM = FORMS[1]
TEXT_MAX = 64


@lru_cache(maxsize=1024)
def end_of(text: str, zone_name: str) -> datetime | None:
    """The instant of "yyyymmdd hh:mm:ss ZONE"; without a zone in `zone_name`. None: unreadable."""
    words = text.split()
    if len(text) > TEXT_MAX or not words:
        return None
    if "-" in words[0]:
        return _read(words[0], UTC_FORM, "UTC") if len(words) == 1 else None
    if len(words) not in (2, 3):
        return None
    return _read(" ".join(words[:2]), FORMS[0], words[2] if len(words) == 3 else zone_name)


def _read(text: str, form: str, zone_name: str) -> datetime | None:
    try:
        zone = ZoneInfo(zone_name)
        found = datetime.strptime(text, form).replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return None
