"""Every change of one module that makes another program of it, once each.

What is never evaluated is left alone: annotations (except where pydantic reads them), docstrings,
`__all__`. Text is left alone too, but not what is computed inside an f-string.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    exception_replacer,
    number_replacer,
    remove_decorator,
    unary_operator_replacement,
    zero_iteration_for_loop,
)
from cosmic_ray.operators.operator import Operator

from tests.mutation import operators


def _named(found: Iterable[type[Operator]], prefix: str, wanted: set[str]) -> list[type[Operator]]:
    return [operator for operator in found if operator.__name__.removeprefix(prefix) in wanted]


# Changes that leave the types as they are. The others fail at once, and prove nothing by it.
_BINARY = {
    *("Add_Sub", "Sub_Add", "Mul_Div", "Mul_Add", "Div_Mul", "Div_FloorDiv"),
    *("FloorDiv_Div", "FloorDiv_Mul", "FloorDiv_Mod", "Mod_FloorDiv", "Mod_Mul"),
    *("BitOr_BitAnd", "BitAnd_BitOr"),
}
_ORDER = ("Eq", "NotEq", "Lt", "LtE", "Gt", "GtE")
_COMPARISON = {f"{one}_{other}" for one in _ORDER for other in _ORDER} | {"Is_IsNot", "IsNot_Is"}
_UNARY = {"Delete_Not", "Delete_USub"}
CORE = (
    *_named(binary_operator_replacement.operators(), "ReplaceBinaryOperator_", _BINARY),
    *_named(comparison_operator_replacement.operators(), "ReplaceComparisonOperator_", _COMPARISON),
    *_named(unary_operator_replacement.operators(), "ReplaceUnaryOperator_", _UNARY),
    boolean_replacer.AddNot,
    boolean_replacer.ReplaceTrueWithFalse,
    boolean_replacer.ReplaceFalseWithTrue,
    boolean_replacer.ReplaceAndWithOr,
    boolean_replacer.ReplaceOrWithAnd,
    break_continue.ReplaceBreakWithContinue,
    break_continue.ReplaceContinueWithBreak,
    exception_replacer.ExceptionReplacer,
    number_replacer.NumberReplacer,
    remove_decorator.RemoveDecorator,
    zero_iteration_for_loop.ZeroIterationForLoop,
)
OURS = (
    operators.MemberSwap,
    operators.RoundingSwap,
    operators.BuiltinSwap,
    operators.ElementDrop,
    operators.OperandDrop,
    operators.ConditionFix,
    operators.ReturnNone,
    operators.CallDrop,
    operators.DecimalDigit,
    operators.OrderSwap,
    operators.RangeLoosen,
)
READ_BY_PYDANTIC = ("Section", "BaseModel")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One changed program.

    path:          of the module, from the project's folder.
    function:      the innermost function or class around the change; "" at the module's top.
    line:          the first changed one, in the module as it is.
    before, after: the changed lines, without indentation.
    statement:     first and last line of the statement around the change, without its body; None
                   outside functions.
    """

    path: str
    operator: str
    function: str
    line: int
    before: str
    after: str
    source: str
    statement: tuple[int, int] | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a listing names it by."""
        return (self.path, self.function, self.before, self.after)


def mutants(
    path: str,
    source: str,
    rings: Sequence[Sequence[str]] = (),
    only: Collection[str] = (),
) -> list[Mutant]:
    """The mutants of a module, in the order of its lines.

    rings: names of fields of one kind; each is replaced by the next of its ring.
    only:  names of operators; () is all of them.
    """
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    named = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    made = []
    every = [*(op() for op in (*CORE, *OURS)), operators.NeighbourSwap(rings)]
    changing = [one for one in every if not only or type(one).__name__ in only]
    for node in tree.body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
        last = node.end_lineno or node.lineno
        head, chunk, tail = lines[:first], "".join(lines[first:last]), lines[last:]
        seen = {_meaning(chunk)}
        nodes = list(ast_nodes(get_ast(chunk)))
        for operator in changing:
            places = sum(len(list(operator.mutation_positions(place))) for place in nodes)
            for text in (mutate_code(chunk, operator, at) for at in range(places)):
                meaning = _meaning(text)
                if meaning is not None and meaning not in seen:
                    seen.add(meaning)
                    name = type(operator).__name__
                    change = _change(chunk, text)
                    whole = "".join([*head, text, *tail])
                    made.append(_mutant(path, name, whole, named, first, change))
    return sorted(made, key=lambda one: (one.line, one.operator, one.after))


def _meaning(source: str) -> str | None:
    """The program as text, without what is never evaluated: equal for equal programs.

    None where the change is no Python: an operator took a star for a multiplication.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            compile(source, "a mutant", "exec")
    except SyntaxError:
        return None
    return ast.unparse(_Evaluated().visit(ast.parse(source)))


class _Evaluated(ast.NodeTransformer):
    def __init__(self) -> None:
        self._is_read = [False]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        self._is_read.append(not bases.isdisjoint(READ_BY_PYDANTIC))
        _without_docstring(node)
        self.generic_visit(node)
        self._is_read.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        _without_docstring(node)
        self._is_read.append(False)
        self.generic_visit(node)
        self._is_read.pop()
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        _without_docstring(node)
        self.generic_visit(node)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        # A star that parts arguments is no multiplication: how they may be given is left alone.
        node.defaults += [one for one in node.kw_defaults if one is not None]
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if not self._is_read[-1]:
            node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if names == ["__all__"]:
            node.value = ast.Constant(None)
        self.generic_visit(node)
        return node


def _without_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        first.value = ast.Constant(None)


def _change(chunk: str, text: str) -> tuple[int, int, str, str]:
    """First changed line and the line after the last, counted from 0, and both texts of them."""
    old, new = chunk.splitlines(), text.splitlines()
    matched = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [opcode for opcode in matched if opcode[0] != "equal"]
    (_, first, _, new_first, _), (_, _, end, _, new_end) = changed[0], changed[-1]
    return first, end, _told(old[first:end]), _told(new[new_first:new_end])


def _mutant(
    path: str,
    operator: str,
    source: str,
    named: Sequence[ast.FunctionDef | ast.ClassDef],
    offset: int,
    change: tuple[int, int, str, str],
) -> Mutant:
    first, end, before, after = change
    line = offset + first + 1
    around = [node for node in named if _first_line(node) <= line <= (node.end_lineno or 0)]
    around.sort(key=lambda node: node.lineno)
    return Mutant(
        path=path,
        operator=operator,
        function=".".join(node.name for node in around),
        line=line,
        before=before,
        after=after,
        source=source,
        statement=_statement(around, line, max(offset + end, line)),
    )


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


def _told(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def _statement(around: Sequence[ast.stmt], first: int, last: int) -> tuple[int, int] | None:
    """Lines of the statement at these lines, if it is inside a function and runs when called."""
    if not around or not isinstance(around[-1], ast.FunctionDef):
        return None
    inside = [
        node
        for outer in around[-1].body
        for node in ast.walk(outer)
        if isinstance(node, ast.stmt) and node.lineno <= first <= (node.end_lineno or 0)
    ]
    if not inside:
        return None  # the signature: evaluated on import
    innermost = max(inside, key=lambda node: node.lineno)
    body = getattr(innermost, "body", None)
    end = body[0].lineno - 1 if body else innermost.end_lineno or last
    return innermost.lineno, max(end, last, innermost.lineno)
