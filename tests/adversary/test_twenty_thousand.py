"""Twenty thousand hostile proposals through the real tool: no breach, no exception, not hollow.

The seed is fixed, so that a red run is red again; `make nightly` takes another one each time.
"""

import asyncio
import copy
import re
from dataclasses import replace

import pytest

from guardrails import rule
from guardrails.checks import OPENING_CHECKS
from guardrails.terms import Check, Intent, Ruling
from tests.adversary.generator import case
from tests.adversary.run import APPROVED_SHARE_MIN, found_wrong, judged, some
from tests.adversary.shrink import smallest
from tests.adversary.worlds import World
from tests.support.guarding import BUY, HELD, LIMITS, VIEW

SEED, COUNT = 20_261_120, 20_000
REDUCING_RULES = {"position_held", "closes_what_is_held", "close_in_collar", "stop_tightens"}
NEVER_REFUSES = {"side_known"}  # reading lets no other side through; the check shows the table
# What reading expects, a word of each sort; `limit` of a check is the whole of it.
EXPECTED = (
    r"at most \d+ bytes",
    "valid Unicode text",
    "UTF-8 text",
    "nesting of at most",
    "one JSON object",
    "finite numbers",
    "numbers of at most",
    "a decimal number",
    "each key once",
    "only the keys",
    "symbol for the intent",
    "side for the intent",
    "limit_price for the intent",
    "stop_price for the intent",
    "target_price for the intent",
    "confidence for the intent",
    "thesis for the intent",
    "intent one of",
    "side one of",
    "a symbol exactly",
    "limit_price as a JSON number",
    "limit_price from",
    "stop_price from",
    "target_price from",
    "target_price_2 from",
    "confidence from",
    "thesis to be text",
    "a thesis of a sentence",
)


@pytest.fixture(scope="module")
def tally():
    counted = asyncio.run(some(SEED, 0, COUNT))
    print(f"seed {SEED}\n{counted.told()}")
    return counted


@pytest.mark.xdist_group("adversary")
def test_no_proposal_breaks_a_limit_or_raises(tally):
    assert [failure.told() for failure in tally.failures] == []
    assert tally.proposals == COUNT


@pytest.mark.xdist_group("adversary")
def test_the_run_is_not_hollow(tally):
    assert tally.approved_share >= APPROVED_SHARE_MIN
    assert min(tally.approved[intent] for intent in ("open", "close", "tighten")) > 100
    assert tally.split > 20  # orders with two targets


@pytest.mark.xdist_group("adversary")
def test_every_rule_has_refused(tally):
    rules = {check.__name__ for check in OPENING_CHECKS} | REDUCING_RULES
    assert set(tally.refused_by) == rules - NEVER_REFUSES


@pytest.mark.xdist_group("adversary")
def test_reading_has_refused_for_every_reason(tally):
    seen = list(tally.malformed)
    missing = [words for words in EXPECTED if not any(re.match(words, one) for one in seen)]
    assert missing == []


def test_equal_seed_and_index_give_an_equal_case():
    assert [case(7, index) for index in range(50)] == [case(7, index) for index in range(50)]
    assert case(7, 1) != case(8, 1)


def test_the_smallest_text_keeps_only_what_fails():
    text = '{"a": 123.456, "b": "long words", "c": null, "d": [1, 2]}'
    assert smallest(text, lambda one: '"a"' in str(one)) == '{"a": 100}'
    assert smallest("[[[x]]]", lambda one: "x" in str(one)) == "x"
    assert smallest(b"\xff and more", lambda one: b"\xff" in one) == b"\xff"


def test_what_cannot_be_made_smaller_is_given_back():
    text = '{"a": 1}'
    assert smallest(text, lambda one: one == text) == text


SANE = World(VIEW, LIMITS, ())
NO_WORLD = World(None, LIMITS, ())
READABLE = '{"intent": "close", "symbol": "AAPL", "side": "long", "limit_price": 200}'


def kinds(lines):
    return [line.partition(":")[0] for line in lines]


def test_the_run_sees_a_breach():
    right = rule(BUY, VIEW, LIMITS)
    assert judged(BUY, right, SANE, again=True) == []
    ticket = copy.copy(right.ticket)  # past the seal, as no code of the desk may
    object.__setattr__(ticket, "shares", ticket.shares + 1)
    wrong = judged(BUY, replace(right, ticket=ticket), SANE, again=True)
    assert kinds(wrong) == ["parts", "amounts", "position_value", "equal"]


def test_the_run_sees_a_blocked_way_out_and_a_refusal_without_words():
    close = replace(BUY, intent=Intent.CLOSE)
    refused = Ruling(checks=(Check("orders_day", False, "20", "20"),), ticket=None)
    held = World(replace(VIEW, positions=(HELD,)), LIMITS, ())
    assert kinds(judged(close, refused, held, again=False)) == ["words", "blocked"]
    assert kinds(judged(close, Ruling(checks=(), ticket=None), SANE, again=False)) == ["verdict"]


def test_the_run_sees_an_exception():
    assert asyncio.run(found_wrong(READABLE, SANE)) == []
    assert kinds(asyncio.run(found_wrong(READABLE, NO_WORLD))) == ["raised"]
