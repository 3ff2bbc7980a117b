"""What a broker says that is no figure is unknown, and what is one is taken as it is."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from guardrails.known import known_amount, known_price, known_rate
from tests.support.guarding import ACCOUNT

NO_FIGURES = [None, D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity"), D("1.8e308"), D("1e15")]


@pytest.mark.parametrize("number", [*NO_FIGURES, D("-1e15"), D("-1.8e308")])
def test_what_is_no_amount(number):
    assert known_amount(number) is None


@pytest.mark.parametrize("number", [D(0), D(-1), D("999999999999999.99"), D("-999999999999999.99")])
def test_what_is_an_amount(number):
    assert known_amount(number) == number


@pytest.mark.parametrize("number", [*NO_FIGURES, D(0), D(-1), D("-0.0001")])
def test_what_is_no_price(number):
    assert known_price(number) is None
    assert (
        known_rate(replace(ACCOUNT, fx={"HKD": number} if number is not None else {}), "HKD")
        is None
    )


@pytest.mark.parametrize("number", [D("0.0001"), D(1), D("999999999999999.99")])
def test_what_is_a_price(number):
    assert known_price(number) == number
    assert known_rate(replace(ACCOUNT, fx={"HKD": number}), "HKD") == number


@pytest.mark.parametrize("base", ["USD", "EUR"])
def test_only_the_base_currency_itself_needs_no_rate(base):
    account = replace(ACCOUNT, base_currency=base, fx={})
    assert known_rate(account, base) == 1
    for other in ("AUD", "GBP", "ZAR"):
        assert known_rate(account, other) is None
