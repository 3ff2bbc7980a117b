"""Numbers as a person reads them, and times to the microsecond."""

from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails.finding import limit_text, money, seconds, shown, unknown
from guardrails.terms import Check


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (D("200.00"), "200"),
        (D("200"), "200"),
        (D("2E+2"), "200"),
        (D("1E+3"), "1000"),
        (D("0.10"), "0.1"),
        (D("1.123456"), "1.123456"),
        (D("1.1234564"), "1.123456"),
        (D("1.1234566"), "1.123457"),
        (D("0.0000001"), "0"),
        (D("-0.0000001"), "0"),
        (D("-0"), "0"),
        (D("0"), "0"),
        (D("-1.50"), "-1.5"),
        (D("-0.5"), "-0.5"),
        (D("100"), "100"),
    ],
)
def test_shown(number, text):
    assert shown(number) == text


def test_money_has_two_decimals():
    assert (money(D("1.005")), money(D(-3)), money(D("2.346"))) == ("1.00", "-3.00", "2.35")


def test_a_limits_text_has_its_numbers_in_their_places():
    assert limit_text("{}..{} of {}", D("0.50"), 3, D("1E+1")) == "0.5..3 of 10"


@pytest.mark.parametrize(
    ("time", "found"),
    [
        (timedelta(seconds=90), D(90)),
        (timedelta(microseconds=1), D("0.000001")),
        (timedelta(days=1, microseconds=-1), D("86399.999999")),
        (timedelta(seconds=-1), D(-1)),
    ],
)
def test_seconds_are_exact(time, found):
    assert seconds(time) == found


def test_unknown_refuses_and_says_what_is_missing():
    assert unknown("rule", "the thing", "known") == Check(
        "rule", False, "unknown", "known", "the thing is unknown; an opening needs it to be known."
    )
