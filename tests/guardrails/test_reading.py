"""Hostile text becomes a refusal with one clear sentence, never an exception and never a guess."""

import json
from decimal import Decimal as D

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardrails import read_proposal
from guardrails.terms import Check, Intent, Proposal, Side
from tests.support.guarding import LIMITS, with_limits

GOOD = {
    "intent": "open",
    "symbol": "AAPL",
    "side": "long",
    "limit_price": 200.0,
    "stop_price": 194.0,
    "target_price": 212.0,
    "confidence": 0.8,
    "thesis": "Breakout above prior day high on volume.",
}


def raw(**changes):
    return json.dumps({**GOOD, **changes})


def without(key):
    return json.dumps({name: value for name, value in GOOD.items() if name != key})


def literal(key, text):
    """The good proposal with one value written as the given JSON text."""
    return raw(**{key: "@"}).replace('"@"', text)


def test_a_good_proposal_is_read_exactly():
    found = read_proposal(raw(), LIMITS)
    assert found == Proposal(
        intent=Intent.OPEN,
        symbol="AAPL",
        side=Side.LONG,
        limit_price=D("200.0"),
        stop_price=D("194.0"),
        target_price=D("212.0"),
        confidence=D("0.8"),
        thesis="Breakout above prior day high on volume.",
    )


def test_a_price_keeps_the_digits_it_was_written_with():
    found = read_proposal(literal("limit_price", "9.050000190734863"), LIMITS)
    assert found.limit_price == D("9.050000190734863")


@pytest.mark.parametrize("intent", ["close", "tighten"])
def test_the_way_out_needs_only_what_it_uses(intent):
    price = {"close": "limit_price", "tighten": "stop_price"}[intent]
    body = {"intent": intent, "symbol": "AAPL", "side": "long", price: 199.5}
    assert isinstance(read_proposal(json.dumps(body), LIMITS), Proposal)
    del body[price]
    assert not isinstance(read_proposal(json.dumps(body), LIMITS), Proposal)


HOSTILE = [
    *[
        literal("limit_price", text)
        for text in ("NaN", "Infinity", "-Infinity", "1e400", "-5", "0")
    ],
    *[literal("limit_price", text) for text in ("1e-99", "true", '"200"', "[200]", "null", "{}")],
    literal("limit_price", "1" + "0" * 5000),
    literal("limit_price", "1e99999999999999999"),
    literal("limit_price", "1e9999999999999999999"),  # an exponent that Decimal itself refuses
    literal("stop_price", "NaN"),
    literal("target_price", "Infinity"),
    *[literal("confidence", text) for text in ("1.01", "-0.1", "NaN", "true", '"0.9"')],
    *[raw(side=side) for side in ("", "LONG", "long ", "not long", "buy", "close", "l", 1, None)],
    *[raw(intent=intent) for intent in ("", "OPEN", "open ", "flatten", "close_all", None, [])],
    *[
        raw(symbol=symbol)
        for symbol in (
            "",
            "aapl",
            "AAPL ",
            " AAPL",
            "AAPL\n",
            "\u0410APL",
            "\uff21\uff21\uff30\uff2c",
            "A\u200bAPL",
            "AAPL,MSFT",
            "'; DROP TABLE x;--",
            "../../etc",
            "0700",
            "00700",
            "700.HK",
            "\u0667\u0660\u0660",
            700,
            None,
            ["AAPL"],
            "TOOLONG",
        )
    ],
    *[raw(**{key: 1}) for key in ("quantity", "size_usd", "leverage", "account", "order_type")],
    *[raw(**{key: True}) for key in ("approved", "override", "live", "__proto__", "skip_checks")],
    *[without(key) for key in GOOD],
    raw()[:-1] + ', "side": "short"}',
    raw() + raw(),
    "// comment\n" + raw(),
    "\ufeff" + raw(),
    "[" * 100_000,
    '{"a":' * 50 + "1" + "}" * 50,
    "[]",
    "null",
    "true",
    "1",
    '"text"',
    "",
    " ",
    raw(thesis="x" * 40_000),
    raw(thesis=7),
    raw(thesis="\u200b\u0000"),
    b"\xff\xfe" + raw().encode("utf-16-le"),
    b"\x80\x81",
    '{"thesis": "\udc80"}',
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_in_one_sentence(text):
    found = read_proposal(text, LIMITS)
    assert isinstance(found, tuple)
    [check] = found
    assert isinstance(check, Check)
    assert check.rule == "well_formed"
    assert not check.ok
    assert check.says.startswith("propose_order: expected ")
    assert "\n" not in check.says
    assert len(check.says) < 400


def test_the_size_limit_is_exact():
    text = raw()
    at = with_limits(input_bytes_max=len(text))
    assert isinstance(read_proposal(text, at), Proposal)
    under = with_limits(input_bytes_max=len(text) - 1)
    assert not isinstance(read_proposal(text, under), Proposal)


def test_the_depth_limit_is_exact_and_brackets_in_text_do_not_count():
    assert isinstance(read_proposal(raw(thesis="[[[{{{" * 9), LIMITS), Proposal)
    assert isinstance(read_proposal(raw(), with_limits(input_depth_max=1)), Proposal)
    deep = read_proposal('{"a": {}}', with_limits(input_depth_max=1))
    assert "nesting" in deep[0].says


def test_the_thesis_is_cleaned_and_cut_and_decides_nothing():
    found = read_proposal(raw(thesis="a\u202eb\x1b[31m\r\nc" + "d" * 3000), LIMITS)
    assert found.thesis.startswith("a b [31m c")
    assert len(found.thesis) == LIMITS.thesis_characters_max


@given(st.binary(max_size=400))
def test_no_bytes_raise(data):
    assert isinstance(read_proposal(data, LIMITS), Proposal | tuple)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "quantity"]), json_values))
def test_no_values_raise(changes):
    found = read_proposal(json.dumps({**GOOD, **changes}), LIMITS)
    assert isinstance(found, Proposal | tuple)
    if isinstance(found, Proposal) and found.limit_price is not None:
        assert found.limit_price > 0
        assert found.limit_price.is_finite()
