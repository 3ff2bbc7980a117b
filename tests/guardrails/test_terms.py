"""What the nouns work out by themselves, and what they are when nothing is said."""

import dataclasses
from decimal import Decimal as D
from enum import Enum

import pytest

from guardrails import rule, terms
from guardrails.terms import Action, Execution, Intent, Market, Part, Position
from tests.support.guarding import BUY, HELD, LIMITS, NOW, VIEW


def test_every_noun_is_a_value():
    """An enumeration, a tuple of names, or a dataclass; nothing with an identity of its own."""
    nouns = [
        one
        for one in vars(terms).values()
        if isinstance(one, type) and one.__module__ == terms.__name__
    ]
    assert len(nouns) > 15
    for noun in nouns:
        assert issubclass(noun, Enum | tuple) or dataclasses.is_dataclass(noun), noun


@pytest.mark.parametrize(
    ("exec_id", "root"),
    [
        ("0000e0d5.6576fd38.01.01", "0000e0d5.6576fd38.01"),
        ("0000e0d5.6576fd38.01.02", "0000e0d5.6576fd38.01"),  # its correction
        ("one.01", "one"),
        ("one", "one"),
    ],
)
def test_a_correction_has_the_root_of_what_it_corrects(exec_id, root):
    found = Execution(
        exec_id=exec_id,
        order_ref="",
        perm_id=1,
        account_id="DU1",
        symbol="AAPL",
        market=Market.US,
        currency="USD",
        action=Action.BUY,
        shares=1,
        price=D(1),
        at=NOW,
    )
    assert found.root == root


def test_a_ticket_has_the_target_of_its_first_part():
    two = rule(dataclasses.replace(BUY, target_price_2=D("220")), VIEW, LIMITS).ticket
    assert two.parts == (Part(13, D("212.00")), Part(12, D("220")))
    assert two.target_price == D("212.00")
    one = rule(BUY, VIEW, LIMITS).ticket
    assert one.target_price == D("212.00")
    held = dataclasses.replace(VIEW, positions=(HELD,))
    close = dataclasses.replace(BUY, intent=Intent.CLOSE)
    assert rule(close, held, LIMITS).ticket.target_price is None


def test_a_position_that_nobody_told_more_of_is_under_no_stop():
    bare = Position(
        symbol="AAPL",
        market=Market.US,
        con_id=1,
        currency="USD",
        shares=20,
        average_price=D(1),
    )
    assert (bare.stop_price, bare.protected_shares, bare.exiting_shares) == (None, 0, 0)
