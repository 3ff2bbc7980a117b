"""Each operator makes the changes it is for, and none where nothing is evaluated."""

import pytest

from tests.mutation.mutants import mutants


def changes(source, operator=None):
    """The changed lines of a module's mutants."""
    found = mutants("guardrails/module.py", source)
    return [one.after for one in found if operator in (None, one.operator)]


@pytest.mark.parametrize(
    ("source", "operator", "expected"),
    [
        ("x = Action.BUY", "MemberSwap", ["x = Action.SELL"]),
        ("x = Action.SELL", "MemberSwap", ["x = Action.BUY"]),
        ("x = Side.LONG", "MemberSwap", ["x = Side.SHORT"]),
        ("x = Market.US", "MemberSwap", ["x = Market.HK"]),
        ("x = State.HALTED", "MemberSwap", ["x = State.NORMAL"]),
        ("x = ticks.up", "MemberSwap", ["x = ticks.down"]),
        ("x = quote.ask", "NeighbourSwap", ["x = quote.bid"]),
        ("x = f(ROUND_FLOOR)", "RoundingSwap", ['x = f("ROUND_CEILING")']),
        ("x = f(ROUND_CEILING)", "RoundingSwap", ['x = f("ROUND_FLOOR")']),
        ("from decimal import ROUND_FLOOR", "RoundingSwap", []),
        ("x = max(a, b)", "BuiltinSwap", ["x = min(a, b)"]),
        ("x = any(a)", "BuiltinSwap", ["x = all(a)"]),
        ("x = a.max(b)", "BuiltinSwap", []),
        ("DESK = (a, b, c)", "ElementDrop", ["DESK = (a, b)", "DESK = (a, c)", "DESK = (b, c)"]),
        ("ALL = (*DESK, *PACE)", "ElementDrop", ["ALL = (*DESK,)", "ALL = (*PACE,)"]),
        ("x = {a: 1, b: 2}", "ElementDrop", ["x = {a: 1}", "x = {b: 2}"]),
        ("x = [a for a in b]", "ElementDrop", []),
        ("x = a and b and c", "OperandDrop", ["x = a and b", "x = a and c", "x = b and c"]),
        ("x = 0 < a <= 9", "OperandDrop", ["x = 0 < a", "x = a <= 9"]),
        ("x = a < b", "OperandDrop", []),
        ("x = a < b", "ReplaceComparisonOperator_Lt_LtE", ["x = a <= b"]),
        ("x = a and b", "ReplaceAndWithOr", ["x = a or b"]),
        ("x = not a", "ReplaceUnaryOperator_Delete_Not", ["x =  a"]),
        ("x = abs(a - b)", "CallDrop", ["x = (a - b)"]),
        ('x = Decimal("0.05")', "DecimalDigit", ['x = Decimal("0.04")', 'x = Decimal("0.06")']),
        ('x = Decimal("1e-9")', "DecimalDigit", ['x = Decimal("0e-9")', 'x = Decimal("2e-9")']),
        ('x = Relation("a", "<=", "b")', "OrderSwap", ['x = Relation("a", "<", "b")']),
        ("class A(Section):\n    x: Count", "RangeLoosen", ["x: CountOrNone"]),
        ("class A:\n    x: Count", "RangeLoosen", []),
        ("def f():\n    return 1", "ReturnNone", ["return None"]),
        ("def f():\n    return None", "ReturnNone", []),
    ],
)
def test_an_operator_makes_these_changes(source, operator, expected):
    assert sorted(changes(source + "\n", operator)) == sorted(expected)


def test_a_condition_is_fixed_and_negated_as_a_whole():
    found = changes("if a or b:\n    x()\n", "ConditionFix")
    assert sorted(found) == ["if False:", "if True:", "if not (a or b):"]
    found = changes("x = [a for a in b if a]\n", "ConditionFix")
    assert "x = [a for a in b if not (a)]" in found


@pytest.mark.parametrize(
    "source",
    [
        '"""Text with 1 and not 2."""\n',
        "def f(a: A | None) -> B | None:\n    pass\n",
        "def f(*, a):\n    pass\n",
        "def f(a, *, b, c=d):\n    pass\n",
        "x: dict[A, tuple[B, C | None]]\n",
        '__all__ = ["a", "b"]\n',
        'x = "at most 5 and not 6"\n',
    ],
)
def test_what_is_never_evaluated_is_left_alone(source):
    assert changes(source) == []


def test_what_an_f_string_computes_is_changed_and_its_text_is_not():
    assert changes('x = f"{a - b:.2f} of 5"\n') == ['x = f"{a + b:.2f} of 5"']


def test_a_mutant_says_where_it_is():
    source = "X = 0\n\n\ndef f(a):\n    if a:\n        g(\n            1 - a\n        )\n    b\n"
    [found] = [one for one in mutants("m.py", source) if one.operator.endswith("Sub_Add")]
    assert found.key == ("m.py", "f", "1 - a", "1 + a")
    assert (found.line, found.statement) == (7, (6, 8))
    assert found.source == source.replace("1 - a", "1 + a")
    [top, _] = [one for one in mutants("m.py", source) if one.line == 1]
    assert (top.function, top.statement) == ("", None)


def test_neighbours_of_a_ring_are_swapped():
    found = mutants("m.py", "x = limits.a\n", [["a", "b", "c"]])
    assert [one.after for one in found] == ["x = limits.b"]


def test_equal_programs_are_one_mutant():
    """`not a` comes of two operators."""
    found = changes("if a:\n    x()\n")
    assert len(found) == len(set(found))
