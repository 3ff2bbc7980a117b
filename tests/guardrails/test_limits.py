"""Every field of Limits is tried just under, at and just over; a field without a trial fails."""

import json
from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction

import pytest

from guardrails import read_proposal, rule
from guardrails.limits import Count, Limits, incoherences
from guardrails.terms import Proposal, Side
from session.loosening import LOOSER_ABOVE, loosened
from session.settings import load
from tests.support.guarding import (
    AAPL,
    BUY,
    LIMITS,
    QUOTE,
    ROOT,
    VIEW,
    check_of,
    refused_by,
    with_limits,
)
from tests.support.limit_trials import BOUNDS, untried
from tests.support.room_trials import FITS


def named(trial):
    return f"{trial.field}-{trial.at}"


@pytest.mark.parametrize("trial", BOUNDS, ids=named)
def test_a_bound_passes_at_the_limit_and_refuses_by_itself_one_step_over(trial):
    under, at, over = (trial.tried(trial.at + steps * trial.step) for steps in (-1, 0, 1))
    assert refused_by(rule(*under)) == refused_by(rule(*at)) == []
    assert rule(*under).approved
    assert rule(*at).approved
    ruling = rule(*over)
    assert refused_by(ruling) == [trial.rule]
    assert not ruling.approved
    assert any(character.isdigit() for character in check_of(ruling, trial.rule).says)


@pytest.mark.parametrize("trial", FITS, ids=named)
@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_limit_leaves_the_most_shares_that_fit_and_not_one_more(trial, steps):
    value = trial.at + steps * trial.step
    ruling = rule(BUY, *trial.tried(value))
    room = Fraction(trial.room(value))
    shares = ruling.ticket.shares
    assert Fraction(trial.taken(shares)) <= room < Fraction(trial.taken(shares + 1))
    assert ruling.sizing.binding == trial.rule


@pytest.mark.parametrize("trial", FITS, ids=named)
def test_a_step_over_a_whole_number_of_shares_takes_one_share_off(trial):
    under, at, over = (
        rule(BUY, *trial.tried(trial.at + steps * trial.step)).ticket.shares for steps in (-1, 0, 1)
    )
    assert (under, over) == (at, at - 1)


@pytest.mark.parametrize("trial", FITS, ids=named)
def test_a_limit_refuses_one_lot_that_is_just_too_much(trial):
    """One board lot is 25 shares, all that the value of a position allows."""

    def ruled(steps):
        value = trial.lot_at + steps * trial.step
        view, limits = trial.tried(value)
        return rule(BUY, replace(view, instrument=replace(AAPL, lot=25)), limits), value

    for steps in (-1, 0):
        assert ruled(steps)[0].ticket.shares == 25
    ruling, value = ruled(1)
    assert Fraction(trial.taken(25)) > Fraction(trial.room(value))
    # position_value also says, of whichever limit it is, that it leaves not one lot.
    assert set(refused_by(ruling)) == {"position_value", trial.rule}
    says = check_of(ruling, "position_value").says
    assert f"{trial.rule} leaves 24 shares: not one lot" in says
    assert shown(trial.taken(25)) in check_of(ruling, trial.rule).says
    assert rule(BUY, *replaced(trial, value)).approved


def shown(amount):
    """An amount as a refusal says it; of liquidity (thousandths of shares) the shares."""
    return str(amount // 1000) if isinstance(amount, int) else f"{amount:.2f}"


def replaced(trial, value):
    """The same with a lot of 25 shares and the field's limit a little looser."""
    view, limits = trial.tried(value)
    return replace(view, instrument=replace(AAPL, lot=25)), looser(limits, trial.field)


def looser(limits, field):
    """The limits with one of them a little looser."""
    old = getattr(limits, field)
    little = 1 if isinstance(old, int) else old / 50
    new = old + little if field in LOOSER_ABOVE else old - little
    after = limits.model_copy(update={field: new})
    assert loosened(limits, after) == [(field, old, new)]
    return after


@pytest.mark.parametrize("trial", BOUNDS, ids=named)
def test_what_a_bound_refuses_passes_once_that_limit_alone_is_looser(trial):
    proposal, view, limits = trial.tried(trial.at + trial.step)
    assert rule(proposal, view, looser(limits, trial.field)).approved


SHORT = replace(BUY, side=Side.SHORT, stop_price=D(206), target_price=D(188))
DELAYED = replace(VIEW, quote=replace(QUOTE, is_realtime=False))
# Field, rule, proposal, view, the value that refuses, the one that passes.
CHOICES = [
    ("allow_delayed", "quote_usable", BUY, DELAYED, False, True),
    ("allow_short", "short_allowed", SHORT, VIEW, False, True),
    ("restricted", "instrument_known", BUY, VIEW, ("MSFT", "AAPL"), ("MSFT", "AAPLX", "AAP")),
    ("stock_types", "instrument_known", BUY, VIEW, ("ETF", "COMMON2"), ("ETF", "COMMON")),
]


@pytest.mark.parametrize(("field", "name", "proposal", "view", "refuses", "passes"), CHOICES)
def test_a_switch_or_list_refuses_one_way_and_passes_the_other(
    field, name, proposal, view, refuses, passes
):
    assert refused_by(rule(proposal, view, with_limits(**{field: refuses}))) == [name]
    assert rule(proposal, view, with_limits(**{field: passes})).approved


@pytest.mark.parametrize("field", ["allow_delayed", "allow_short"])
def test_a_switch_that_is_off_refuses_nothing_else(field):
    for value in (False, True):
        assert rule(BUY, VIEW, with_limits(**{field: value})).approved


# The reading

GOOD = {
    "intent": "open",
    "symbol": "AAPL",
    "side": "long",
    "limit_price": 200,
    "stop_price": 194,
    "target_price": 212,
    "confidence": 0.8,
    "thesis": "up",
}


def thesis_of(characters):
    """What is left of a thesis of so many characters: a longer one is cut, not refused."""
    found = read_proposal(json.dumps(GOOD | {"thesis": "x" * characters}), LIMITS)
    return len(found.thesis)


def nested(levels):
    """The good proposal with its thesis so many levels deep, itself the first."""
    return json.dumps(GOOD).replace('"up"', "[" * (levels - 1) + "]" * (levels - 1))


def test_thesis_characters_max_keeps_that_many_and_cuts_one_more():
    most = LIMITS.thesis_characters_max
    assert [thesis_of(most + n) for n in (-1, 0, 1)] == [most - 1, most, most]


@pytest.mark.parametrize("as_bytes", [False, True])
def test_input_bytes_max_counts_bytes_and_not_characters(as_bytes):
    most = LIMITS.input_bytes_max
    text = json.dumps(GOOD | {"thesis": "é"}, ensure_ascii=False)
    for size, passes in ((most - 1, True), (most, True), (most + 1, False)):
        raw = text + " " * (size - len(text.encode()))
        found = read_proposal(raw.encode() if as_bytes else raw, LIMITS)
        assert isinstance(found, Proposal) is passes
        if not passes:
            [check] = found
            assert (check.rule, check.observed) == ("well_formed", f"{most + 1} bytes")


def test_input_depth_max_counts_levels_before_anything_is_parsed():
    flat = with_limits(input_depth_max=1)
    assert isinstance(read_proposal(json.dumps(GOOD), flat), Proposal)
    for limits in (flat, LIMITS):
        most = limits.input_depth_max
        found = [read_proposal(nested(most + n), limits) for n in (0, 1) if most + n > 1]
        observed = [check.observed for [check] in found]
        # At the limit it is read, and then found to be no text.
        assert observed[-1] == "deeper nesting"
        assert all(one.startswith("thesis [") for one in observed[:-1])
        assert f"at most {most} levels" in found[-1][0].limit


READING = ("thesis_characters_max", "input_bytes_max", "input_depth_max")


# The registry


class OneMore(Limits):
    """A limit that somebody adds and nobody tries."""

    added_without_a_trial_max: Count


def test_every_field_has_a_trial_and_every_trial_a_field():
    fields = [trial.field for trial in (*BOUNDS, *FITS)]
    fields += [field for field, *_ in CHOICES]
    fields += [*READING, "refusals_in_row_max"]  # the last: test_limits_conversation.py
    assert untried(Limits, fields) == set()
    assert set(fields) - set(Limits.model_fields) == set()
    assert untried(OneMore, fields) == {"added_without_a_trial_max"}


# The numbers themselves


@pytest.mark.parametrize("value", [True, False, "400", "1_000", "Infinity", float("nan"), 0, -1])
def test_a_limit_takes_numbers_only(value):
    with pytest.raises(ValueError, match="position_risk_max"):
        Limits.model_validate(LIMITS.model_dump() | {"position_risk_max": value})


def test_two_limits_that_contradict_each_other_are_named_with_their_values():
    settings = load(ROOT / "config.yaml", environ={})
    limits = with_limits(positions_max=6)
    [says] = incoherences(limits, settings.stops, settings.breaker)
    assert "limits.positions_max x limits.position_risk_max (2400)" in says
    assert "limits.day_loss_max (2000)" in says
    assert incoherences(LIMITS, settings.stops, settings.breaker) == []
