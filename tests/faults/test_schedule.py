"""A schedule is read as it was written, or refused in one line that names the line and the word."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.gateway.faults import CATALOGUE, Plan, ScheduleError, read


def refusal(*lines):
    """What is said of lines that cannot be used: one line of text."""
    with pytest.raises(ScheduleError) as caught:
        read(lines)
    [said] = str(caught.value).splitlines()
    assert len(said) < 700
    return said


def plans_or_refusal(line):
    """The plans of a line and nothing, or no plans and what is said of it."""
    try:
        return read([line]).plans, ""
    except ScheduleError as error:
        return (), str(error)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"fault": "F99"}', "no fault 'F99'"),
        ('{"fault": "f22"}', "no fault 'f22'; did you mean F22?"),
        ('{"fault": 22}', "no fault 22"),
        ('{"fault": null}', "no fault None"),
        ("{}", "no fault None"),
        ('{"fault": "F22", "secnods": 5}', "F22 has no key 'secnods'; did you mean seconds?"),
        ('{"fault": "F22", "seconds ": 5}', "did you mean seconds?"),
        ('{"fault": "F22", "seed": 5}', "F22 has no key 'seed'"),
        ('{"fault": "F22", "fault": "F23"}', "key 'fault' is there twice"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest_that_is(line, says):
    assert says in refusal(line)


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ('{"fault": "F22", "leg": "stop"}', "client"),
        ('{"fault": "F33", "order": 7}', "symbol, client"),
        ('{"fault": "F19", "client": 7}', "symbol"),
    ],
)
def test_a_scope_that_no_opportunity_of_the_fault_has_is_refused(line, by):
    said = refusal(line)
    assert "cannot be narrowed by" in said
    assert said.endswith(f"it can by {by}")


@pytest.mark.parametrize("key", ["message", "times", "client"])
@pytest.mark.parametrize(
    "value", ["1.5", "true", '"1"', "-1", "[]", "{}", "NaN", "Infinity", "1e400", "9" * 5000]
)
def test_a_count_must_be_a_whole_number(key, value):
    said = refusal(f'{{"fault": "F22", "{key}": {value}}}')
    assert f"{key} must be a whole number" in said or "numbers of a sensible size" in said


@pytest.mark.parametrize("key", ["after_seconds", "probability", "seconds"])
@pytest.mark.parametrize(
    "value", ["true", '"1"', "-0.1", "[1]", "NaN", "-Infinity", "Infinity", "1e10", "1" + "0" * 400]
)
def test_a_number_must_be_one_and_neither_below_0_nor_absurd(key, value):
    assert key in refusal(f'{{"fault": "F22", "{key}": {value}}}')


@pytest.mark.parametrize(
    ("key", "value", "good"),
    [
        ("message", 0, False),
        ("message", 1, True),
        ("times", 0, True),
        ("client", 0, True),
        ("after_seconds", 0, True),
        ("probability", 0, False),
        ("probability", 0.0001, True),
        ("probability", 1, True),
        ("probability", 1.0001, False),
        ("seconds", 0, True),
        ("seconds", 10**9, True),
        ("seconds", 10**9 + 1, False),
    ],
)
def test_each_bound_is_just_there(key, value, good):
    line = json.dumps({"fault": "F22", key: value})
    if good:
        assert len(read([line]).plans) == 1
    else:
        assert key in refusal(line)


@pytest.mark.parametrize(
    "value",
    [
        '"2026-11-20T15:10:00"',
        '"2026-11-20"',
        '"noon"',
        "1763651400",
        '""',
        "true",
        "[]",
        '"2026-13-40T15:10:00Z"',
    ],
)
def test_an_instant_without_its_zone_is_none(value):
    assert "at must be an instant with its zone" in refusal(f'{{"fault": "F22", "at": {value}}}')


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"fault": "F3", "leg": "middle"}', "leg must be one of entry, target, stop"),
        ('{"fault": "F3", "leg": 1}', "leg must be one of"),
        ('{"fault": "F3", "symbol": 700}', "symbol must be a text"),
        ('{"fault": "F22", "when": "later"}', "when must be one of before, after, idle"),
        ('{"fault": "F31", "code": "354"}', "code must be one of 354"),
        ('{"fault": "F31", "code": 354.0}', "code must be one of 354"),
        ('{"fault": "F31", "code": [354]}', "code must be one of 354"),
        ('{"fault": "F38", "disconnect": 1}', "disconnect must be like its default True"),
        ('{"fault": "F38", "most": 50.5}', "most must be like its default 50"),
        ('{"fault": "F38", "most": true}', "most must be like its default 50"),
        ('{"fault": "F39", "tag": 1}', "tag must be like its default 'AvailableFunds'"),
        ('{"fault": "F39", "tag": null}', "tag must be like its default"),
    ],
)
def test_a_word_or_a_setting_of_another_kind_is_refused(line, says):
    assert says in refusal(line)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "1",
        '"F22"',
        "null",
        "true",
        "NaN",
        "{",
        "{'fault': 'F22'}",
        "F22",
        "{}{}",
        '{"a": 1,}',
    ],
)
def test_a_line_that_is_no_object_is_refused(line):
    assert "expected" in refusal(line) or "no fault" in refusal(line)


@pytest.mark.parametrize("opened", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [500, 900, 990, 1000, 5000, 100_000])
def test_json_of_any_depth_is_refused_in_one_line(opened, depth):
    closed = {"[": "]", '{"a":': "}"}[opened]
    for inner in (opened * depth, opened * depth + "1" + closed * depth):
        refusal(inner)
        refusal(f'{{"fault": "F22", "symbol": {inner}}}')


def test_the_line_is_named_and_blanks_and_comments_count():
    lines = [
        "# what happened",
        "",
        "   ",
        '  # {"fault": "F99"}',
        '{"fault": "F22"}',
        '{"fault": 1}',
    ]
    assert refusal(*lines).startswith("line 6: ")
    assert [plan.fault for plan in read(lines[:5]).plans] == ["F22"]


def test_a_line_sets_the_seed_and_the_last_one_holds():
    assert read(['{"fault": "F22"}']).seed == 0
    assert read(['{"seed": 7}', '{"fault": "F22"}']).seed == 7
    assert read(['{"seed": 7}', '{"fault": "F22"}', '{"seed": 8}']).seed == 8
    for value in ("-1", "1.5", '"7"', "true"):
        assert "seed must be a whole number" in refusal(f'{{"seed": {value}}}')


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_whatever_stands_in_a_line_is_read_or_refused(line):
    _, said = plans_or_refusal(line)
    assert said == "" or said.startswith("line 1: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
KEYS = ["message", "at", "after_seconds", "probability", "times", "leg", "symbol", "client"]


@given(st.sampled_from(sorted(CATALOGUE)), st.data())
def test_whatever_a_key_is_given_is_read_or_refused(fault, data):
    keys = [*KEYS, *CATALOGUE[fault].settings]
    row = data.draw(st.dictionaries(st.sampled_from(keys), JSON, max_size=4))
    line = json.dumps({"fault": fault, **row})
    plans, said = plans_or_refusal(line)
    assert said == "" or said.startswith("line 1: ")
    for plan in plans:
        assert read([plan.line()]).plans == (plan,)


def settings_of(fault):
    """Some of a fault's settings with values they may have."""
    return st.fixed_dictionaries(
        {}, optional={key: _values(default) for key, default in CATALOGUE[fault].settings.items()}
    )


def _values(default):
    if isinstance(default, tuple):
        return st.sampled_from(default)
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(0, 10**9)
    if isinstance(default, float):
        return st.floats(0, 1e9)
    return st.text()


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))) | st.just(UTC)
SCOPED = {
    "leg": st.sampled_from(("entry", "target", "stop")),
    "symbol": st.text(),
    "client": st.integers(0, 10**9),
    "order": st.integers(0, 10**9),
}
PLANS = st.sampled_from(sorted(CATALOGUE)).flatmap(
    lambda fault: st.builds(
        Plan,
        fault=st.just(fault),
        message=st.none() | st.integers(1, 10**9),
        at=st.none() | st.datetimes(min_value=datetime(1900, 1, 1), timezones=ZONES),  # noqa: DTZ001
        after_seconds=st.none() | st.floats(0, 1e9),
        probability=st.floats(0, 1, exclude_min=True),
        times=st.integers(0, 10**9),
        settings=settings_of(fault),
        **{scope: st.none() | SCOPED[scope] for scope in CATALOGUE[fault].scopes},
    )
)


@given(st.lists(PLANS, max_size=4), st.integers(0, 10**9))
def test_a_schedule_written_as_lines_is_read_back_the_same(plans, seed):
    lines = [json.dumps({"seed": seed}), *(plan.line() for plan in plans)]
    schedule = read(lines)
    assert (schedule.plans, schedule.seed) == (tuple(plans), seed)
    assert read(schedule.lines()) == schedule
