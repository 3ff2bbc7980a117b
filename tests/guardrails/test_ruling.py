"""A ticket is made of a complete case or not at all, even where every check were wrong."""

from dataclasses import replace

import pytest

from guardrails import rule, ruling
from guardrails.case import build
from guardrails.terms import Intent
from tests.support.guarding import BUY, LIMITS, VIEW

CASE = build(BUY, VIEW, LIMITS)


@pytest.mark.parametrize("part", ["instrument", "value_base", "risk_base", "sizing"])
def test_no_ticket_is_made_of_an_incomplete_case(part):
    with pytest.raises(RuntimeError, match="a case that is not complete"):
        ruling._ticket(CASE._replace(**{part: None}))


@pytest.mark.parametrize(("sized", "asked"), [(0, 0), (-1, -1), (25, 24), (24, 25), (0, 25)])
def test_no_ticket_is_made_of_other_shares_than_the_sized_ones(sized, asked):
    case = CASE._replace(sizing=replace(CASE.sizing, shares=sized), shares=asked)
    with pytest.raises(RuntimeError, match="not the sized one"):
        ruling._ticket(case)


def test_one_share_is_an_order():
    case = CASE._replace(sizing=replace(CASE.sizing, shares=1), shares=1)
    assert ruling._ticket(case).shares == 1


def test_an_opening_is_one():
    assert rule(BUY, VIEW, LIMITS).ticket.intent is Intent.OPEN
