"""How values stand in the ledger: money as decimal text, times as UTC text, structures as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any


def at_text(at: datetime) -> str:
    """An instant as `2026-11-20T14:30:00.000000Z`. Raises ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("times in the ledger must be aware, was naive")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def at_value(text: str) -> datetime:
    """The aware UTC instant of such a text."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def money_text(amount: Decimal | None) -> str | None:
    """A decimal as text without an exponent. Raises ValueError for NaN and infinities."""
    if amount is None:
        return None
    if not amount.is_finite():
        raise ValueError(f"money in the ledger must be finite, was {amount}")
    return f"{amount:f}"


def setting_text(value: Any) -> str:
    """A setting as config.yaml spells it: numbers in plain digits, all else as JSON."""
    return f"{value:f}" if isinstance(value, Decimal) else json_text(value)


def json_text(value: Any) -> str:
    """JSON with decimals as text, keys in the order given; lone surrogates are escaped."""
    return json.dumps(value, default=_plain, ensure_ascii=True, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return at_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"no JSON form for {type(value).__name__}")
