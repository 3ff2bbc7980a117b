"""Reading to the last character: what just passes, what just does not, and the words for it."""

import json
from decimal import Decimal as D

import pytest

from guardrails import read_proposal
from guardrails.reading import KEYS, NUMBER_CHARACTERS_MAX
from guardrails.terms import Proposal
from tests.support.guarding import LIMITS, with_limits

GOOD = {
    "intent": "open",
    "symbol": "AAPL",
    "side": "long",
    "limit_price": 200.0,
    "stop_price": 194.0,
    "target_price": 212.0,
    "confidence": 0.8,
    "thesis": "Breakout.",
}
CLOSE = {"intent": "close", "symbol": "AAPL", "side": "long", "limit_price": 199.5}
TIGHTEN = {"intent": "tighten", "symbol": "AAPL", "side": "long", "stop_price": 199.5}


def said(text, limits=LIMITS):
    """The sentence of the refusal, or "" for a proposal."""
    found = read_proposal(text, limits)
    return "" if isinstance(found, Proposal) else found[0].says.removeprefix("propose_order: ")


def told(**changes):
    return said(json.dumps({**GOOD, **changes}))


def written(key, text):
    """Of the good proposal with this value written as JSON text."""
    return said(json.dumps({**GOOD, key: "@"}).replace('"@"', text))


def test_a_second_target_is_read():
    found = read_proposal(json.dumps({**GOOD, "target_price_2": 220.5}), LIMITS)
    assert found.target_price_2 == D("220.5")


@pytest.mark.parametrize("body", [GOOD, CLOSE, TIGHTEN], ids=lambda body: body["intent"])
def test_what_an_intent_needs_is_named_where_it_is_missing_or_null(body):
    for key in set(body) - {"intent"}:
        expected = f"expected {key} for the intent {body['intent']}; found no {key}."
        without = {name: value for name, value in body.items() if name != key}
        assert said(json.dumps(without)) == expected
        assert said(json.dumps({**body, key: None})) == expected


def test_the_way_out_needs_no_thesis_and_keeps_an_empty_one():
    for body in (CLOSE, TIGHTEN):
        for thesis in ({}, {"thesis": None}, {"thesis": ""}, {"thesis": " \x00 "}):
            assert read_proposal(json.dumps({**body, **thesis}), LIMITS).thesis == ""


@pytest.mark.parametrize("key", ["limit_price", "stop_price", "target_price", "target_price_2"])
def test_a_price_lies_between_its_bounds_both_included(key):
    for inside in ("0.0001", "10000000"):
        assert written(key, inside) == ""
    for outside in ("0.00009999", "10000000.01"):
        limit = f"{key} from 0.0001 to 10000000"
        shown = str(D(outside))
        assert written(key, outside) == f"expected {limit}; found {key} {shown}."


def test_confidence_lies_between_zero_and_one_both_included():
    assert written("confidence", "0") == written("confidence", "1") == ""
    for outside in ("-0.0001", "1.0001"):
        limit = "confidence from 0 to 1"
        assert written("confidence", outside) == f"expected {limit}; found confidence {outside}."


def test_a_number_has_so_many_characters_and_not_one_more():
    assert NUMBER_CHARACTERS_MAX == 24
    assert written("limit_price", "200." + "0" * 20) == ""
    limit = "numbers of at most 24 characters"
    longer = written("limit_price", "200." + "0" * 21)
    assert longer == f"expected {limit}; found a number of 25 characters."


def test_the_number_of_bytes_is_told():
    text = json.dumps(GOOD)
    limits = with_limits(input_bytes_max=len(text) - 1)
    expected = f"expected at most {len(text) - 1} bytes; found {len(text)} bytes."
    assert said(text, limits) == expected


def test_what_is_found_is_shown_as_it_was_written_and_cut():
    assert written("side", "null") == "expected side for the intent open; found no side."
    assert written("intent", "null") == (
        "expected intent one of open, close, tighten; found intent nothing."
    )
    assert written("side", "5.50") == "expected side one of long, short; found side 5.50."
    shown = "'" + "x" * 59
    assert told(side="x" * 100) == f"expected side one of long, short; found side {shown}."


def test_the_first_unknown_key_is_named_and_cut():
    keys = ", ".join(KEYS)
    assert told(zeal=1, leverage=2) == (
        f"expected only the keys {keys}; found unknown key 'leverage'."
    )
    long = "k" * 41
    assert told(**{long: 1}) == f"expected only the keys {keys}; found unknown key '{long[:40]}'."


def test_a_key_that_stands_twice_is_named_and_cut():
    long = "k" * 41
    text = f'{{"{long}": 1, "{long}": 2}}'
    assert said(text) == f"expected each key once; found the key '{long[:40]}' twice."


def test_what_is_no_json_is_told_in_sixty_characters():
    why = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert said("{a") == f"expected one JSON object; found no JSON ({why[:60]})."


def test_nesting_too_deep_for_the_parser_is_a_refusal():
    deep = with_limits(input_depth_max=10**6, input_bytes_max=10**6)
    assert said("[" * 200_000, deep).startswith("expected one JSON object; found no JSON (")


NESTED = "expected nesting of at most"


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ('{"a": 1}', 1),
        ('{"a": {}, "b": {}, "c": []}', 2),  # brackets that close are left behind
        ('{"a": [], "b": [[]]}', 3),
        ('{"a": "x [[[ ! [[["}', 1),  # in text nothing counts
        ('{"a": "say \\"[[[\\" twice"}', 1),  # nor behind an escaped quote
        ('{"a": "x\\\\", "b": [[]]}', 3),  # an escaped backslash escapes nothing
        ('{"a": "x\\n", "b": [[]]}', 3),  # one escape is over after one character
        ('{"a": "\\u005b[", "b": []}', 2),
    ],
)
def test_levels_are_counted_as_the_parser_will_find_them(text, levels):
    assert not said(text, with_limits(input_depth_max=levels)).startswith(NESTED)
    if levels > 1:
        under = said(text, with_limits(input_depth_max=levels - 1))
        assert under == f"{NESTED} {levels - 1} levels; found deeper nesting."
