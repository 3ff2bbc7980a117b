"""What guardrails hand out cannot be changed afterwards, mistaken in order, or grown by a field."""

import dataclasses
import importlib
import pkgutil
from dataclasses import FrozenInstanceError

import pytest
from pydantic import ValidationError

import guardrails
from guardrails import rule
from tests.support.guarding import BUY, HELD, LIMITS, QUOTE, VIEW

MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(guardrails.__path__, "guardrails.")
]
VALUES = sorted(
    {
        one
        for module in MODULES
        for one in vars(module).values()
        if isinstance(one, type)
        and dataclasses.is_dataclass(one)
        and one.__module__ == module.__name__
    },
    key=lambda one: one.__qualname__,
)


def test_the_nouns_of_the_desk_are_among_them():
    names = {one.__name__ for one in VALUES}
    assert {"Proposal", "View", "Ticket", "Ruling", "Position", "Need", "Memory"} <= names


@pytest.mark.parametrize("value", VALUES, ids=lambda one: one.__name__)
def test_a_value_is_frozen_named_and_closed(value):
    assert value.__dataclass_params__.frozen
    assert hasattr(value, "__slots__")
    assert all(field.kw_only for field in dataclasses.fields(value))


@pytest.mark.parametrize("value", [BUY, VIEW, HELD, QUOTE, rule(BUY, VIEW, LIMITS).ticket])
def test_nothing_of_a_value_can_be_set(value):
    field = dataclasses.fields(value)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, None)


def test_nothing_of_the_limits_can_be_set():
    with pytest.raises(ValidationError, match="frozen"):
        LIMITS.day_loss_max = LIMITS.day_loss_max * 2
