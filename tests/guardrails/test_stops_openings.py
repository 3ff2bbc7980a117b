"""When a closed market opens again, to the microsecond."""

from dataclasses import replace
from datetime import timedelta

import pytest

from guardrails.stops.timing import next_opening
from guardrails.terms import Hours
from tests.support.guarding import AAPL, NOW
from tests.support.watching import TOMORROW

INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (TOMORROW.opens_at - INSTANT, (True, TOMORROW.opens_at)),
        (TOMORROW.opens_at, (False, None)),
        (TOMORROW.closes_at - INSTANT, (False, None)),
        (TOMORROW.closes_at, (True, None)),
    ],
)
def test_a_session_begins_with_its_opening_and_not_after_its_end(now, found):
    assert next_opening(replace(AAPL, hours=(TOMORROW,)), now) == found


def test_a_session_without_length_is_no_opening():
    hours = (Hours(NOW, NOW), TOMORROW)
    assert next_opening(replace(AAPL, hours=hours), NOW) == (True, TOMORROW.opens_at)
