"""What was sent and proposed already is counted against the paces."""

from dataclasses import replace

import pytest

from tests.support.guarding import LIMITS, VIEW, ruled


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("orders_last_minute", "orders_minute_max"),
        ("orders_today", "orders_day_max"),
        ("proposals_this_session", "proposals_session_max"),
    ],
)
def test_paces_bind_at_their_number(field, limit):
    most = getattr(LIMITS, limit)
    assert ruled(view=replace(VIEW, **{field: most - 1})).approved
    assert not ruled(view=replace(VIEW, **{field: most})).approved
    assert not ruled(view=replace(VIEW, **{field: -1})).approved
