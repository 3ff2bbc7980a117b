"""Changes that cosmic-ray does not make: those of this domain, and a few of plain Python.

Each is a cosmic-ray operator: `mutation_positions(node)` says where and how often, `mutate(node,
index)` does it in place. Those here have one form: `changes(node)` lists the new texts of a node.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import parso
from cosmic_ray.operators.operator import Example, Operator
from parso.tree import BaseNode, Leaf, NodeOrLeaf


class Rewriting(Operator):
    """Puts another text in the place of a node, once for each text that `changes` lists."""

    @abstractmethod
    def changes(self, node: NodeOrLeaf) -> Sequence[str]:
        """The texts that take the node's place, each a mutant of its own."""

    def mutation_positions(self, node):
        """One position, the node's own, for each change."""
        return [(node.start_pos, node.end_pos) for _ in self.changes(node)]

    def mutate(self, node, index):
        """The node with the text of change number `index`, its leading white space kept."""
        space = node.get_first_leaf().prefix
        return Leaf(self.changes(node)[index], node.start_pos, prefix=space)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Stand in tests/mutation/test_operators.py."""
        return ()


def _ring(*names: str) -> dict[str, str]:
    return dict(zip(names, (*names[1:], names[0]), strict=True))


class MemberSwap(Rewriting):
    """Another member of the same enumeration: BUY for SELL, LONG for SHORT, HK for US."""

    RINGS: ClassVar = {
        "Action": _ring("BUY", "SELL"),
        "Side": _ring("LONG", "SHORT"),
        "Market": _ring("HK", "US"),
        "State": _ring("NORMAL", "DEGRADED", "HALTED"),
        "Intent": _ring("OPEN", "CLOSE", "TIGHTEN"),
        "Remedy": _ring("REPAIR", "CLOSE", "TAKE", "TIGHTEN"),
        "ticks": _ring("up", "down"),
    }

    def changes(self, node):
        before = node.get_previous_leaf() if node.type == "name" else None
        if before is None or before.value != ".":
            return []
        owner = before.get_previous_leaf()
        ring = self.RINGS.get(owner.value, {})
        return [ring[node.value]] if node.value in ring else []


class RoundingSwap(Rewriting):
    """The other direction. As text, which is what decimal's constants are: no import is needed."""

    OTHER: ClassVar = {
        "ROUND_CEILING": '"ROUND_FLOOR"',
        "ROUND_FLOOR": '"ROUND_CEILING"',
        "ROUND_HALF_EVEN": '"ROUND_HALF_UP"',
    }

    def changes(self, node):
        if node.type != "name" or _is_imported(node):
            return []
        return [self.OTHER[node.value]] if node.value in self.OTHER else []


class BuiltinSwap(Rewriting):
    """min for max, any for all, and back."""

    OTHER: ClassVar = {"min": "max", "max": "min", "all": "any", "any": "all"}

    def changes(self, node):
        is_called = node.type == "name" and node.get_next_leaf().value == "("
        if not is_called or (node.get_previous_leaf() and node.get_previous_leaf().value == "."):
            return []
        return [self.OTHER[node.value]] if node.value in self.OTHER else []


class NeighbourSwap(Rewriting):
    """A field beside the one that is meant: bid for ask, one limit for the next."""

    def __init__(self, rings: Sequence[Sequence[str]] = ()) -> None:
        self._next = {}
        for names in (*self.FIELDS, *rings):
            self._next |= _ring(*names) if len(names) > 1 else {}

    FIELDS = (
        ("bid", "ask"),
        ("limit_price", "stop_price", "target_price"),
        ("entry", "stop", "target"),
        ("value_base", "risk_base", "gain_base"),
        ("sector", "gross", "margin", "funds", "day_loss"),
        ("orders_last_minute", "orders_today", "proposals_this_session"),
        ("opens_at", "closes_at"),
        ("from_price", "tick"),
        ("market_price", "average_price"),
        ("protected_shares", "exiting_shares"),
        ("net_liquidation_base", "available_funds_base", "maintenance_margin_base"),
    )

    def changes(self, node):
        before = node.get_previous_leaf() if node.type == "name" else None
        if before is None or before.value != "." or _is_imported(node):
            return []
        return [self._next[node.value]] if node.value in self._next else []


class ElementDrop(Rewriting):
    """A tuple, list, set or dict without one of its elements; a family without one check."""

    def changes(self, node):
        if node.type != "atom" or len(node.children) != 3:
            return []
        inner = node.children[1]
        if inner.type not in ("testlist_comp", "dictorsetmaker") or _is_comprehension(inner):
            return []
        opening, closing = node.children[0].value, node.children[2].value
        elements = _elements(inner)
        comma = "," if opening == "(" else ""  # what makes a tuple of one
        rests = [elements[:at] + elements[at + 1 :] for at in range(len(elements))]
        return [
            f"{opening}{', '.join(rest)}{comma if len(rest) == 1 else ''}{closing}"
            for rest in rests
            if rest
        ]


class OperandDrop(Rewriting):
    """A condition without one of its parts, and a range without one of its ends."""

    def changes(self, node):
        parts = [part.get_code().strip() for part in getattr(node, "children", ())]
        if node.type in ("and_test", "or_test"):
            word = f" {parts[1]} "
            operands = parts[::2]
            return [word.join(operands[:at] + operands[at + 1 :]) for at in range(len(operands))]
        if node.type == "comparison" and len(parts) > 3:
            return [" ".join(parts[2:]), " ".join(parts[:-2])]
        return []


class ConditionFix(Rewriting):
    """A condition that is never true, always true, or the opposite."""

    def changes(self, node):
        if not _is_condition(node):
            return []
        return ["False", "True", f"not ({node.get_code().strip()})"]


class ReturnNone(Rewriting):
    """Nothing in the place of what is returned."""

    def changes(self, node):
        before = node.get_previous_leaf() if node.parent is not None else None
        is_returned = node.parent is not None and node.parent.type == "return_stmt"
        if not is_returned or before is None or before.value != "return":
            return []
        return [] if node.get_code().strip() == "None" else ["None"]


class CallDrop(Rewriting):
    """What is given to `abs`, `int` and `sorted`, as it is."""

    def changes(self, node):
        if node.type != "atom_expr" or len(node.children) != 2:
            return []
        name, call = node.children
        is_call = name.type == "name" and call.children[0].value == "("
        if not is_call or name.value not in ("abs", "int", "sorted"):
            return []
        inner = "".join(part.get_code() for part in call.children[1:-1]).strip()
        return [f"({inner})"] if inner else []


class DecimalDigit(Rewriting):
    """The last digit of a number written as text, one up and one down."""

    NUMBER = re.compile(r'"(\d*\.?\d*?)(\d)(e-?\d+)?"')

    def changes(self, node):
        if node.type != "string" or _called(node) not in ("Decimal", "D"):
            return []
        found = self.NUMBER.fullmatch(node.value)
        if found is None:
            return []
        head, digit, tail = found[1], int(found[2]), found[3] or ""
        return [f'"{head}{(digit + by) % 10}{tail}"' for by in (1, 9)]


class OrderSwap(Rewriting):
    """In the relations between settings: `<` for `<=`, and back."""

    OTHER: ClassVar = {'"<"': '"<="', '"<="': '"<"', '"!="': '"<"'}

    def changes(self, node):
        is_relation = node.type == "string" and _called(node) == "Relation"
        return [self.OTHER[node.value]] if is_relation and node.value in self.OTHER else []


class RangeLoosen(Rewriting):
    """A setting of a wider kind: zero where a count began at one, more than a hundred percent."""

    WIDER: ClassVar = {
        "Positive": "Number",
        "Bps": "Positive",
        "Share": "Number",
        "Percent": "Positive",
        "Count": "CountOrNone",
        "CountOrNone": "int",
        "Switch": "bool",
    }

    def changes(self, node):
        if node.type != "name" or node.parent is None or node.parent.type != "annassign":
            return []
        return [self.WIDER[node.value]] if node.value in self.WIDER else []


def _is_imported(node: NodeOrLeaf) -> bool:
    return parso.python.tree.search_ancestor(node, "import_from", "import_name") is not None


def _is_comprehension(inner: BaseNode) -> bool:
    return any(child.type in ("sync_comp_for", "comp_for") for child in inner.children)


def _elements(inner: BaseNode) -> list[str]:
    """The texts between the commas, without comments: they would swallow what follows."""
    parts, current = [], []
    for child in inner.children:
        if child.type == "operator" and child.value == ",":
            parts.append(current)
            current = []
        else:
            current.append(child)
    parts.append(current)
    return [_bare(part) for part in parts if part]


def _bare(part: Sequence[NodeOrLeaf]) -> str:
    first, *rest = part
    return first.get_code(include_prefix=False) + "".join(node.get_code() for node in rest)


def _is_condition(node: NodeOrLeaf) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type in ("if_stmt", "while_stmt"):
        before = node.get_previous_sibling()
        return (
            before is not None
            and before.type == "keyword"
            and before.value
            in (
                "if",
                "elif",
                "while",
            )
        )
    if parent.type in ("test", "ternary"):
        return len(parent.children) > 2 and parent.children[2] is node
    return parent.type == "comp_if" and parent.children[1] is node


def _called(node: NodeOrLeaf) -> str:
    """The name of the function whose argument the node is, or ""."""
    trailer = parso.python.tree.search_ancestor(node, "trailer")
    if trailer is None or trailer.children[0].value != "(":
        return ""
    return trailer.get_previous_leaf().value
