"""The builder of Python's nodes from the tree of an alert expression."""

from __future__ import annotations

import ast
import itertools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.alerts.language.known_names import FORMULA_FIELDS, CityFacts
from weatherd.alerts.language.typed_tree import (
    Arithmetic,
    Comparison,
    Constant,
    FactValue,
    FieldValue,
    FormulaValue,
    Inversion,
    Junction,
    Minus,
    WindowValue,
)
from weatherd.observation import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.alerts.language.typed_tree import Node
    from weatherd.alerts.windows.city_windows import WindowKey

OBSERVATION_NAME, FACTS_NAME, WINDOWS_NAME = "observation", "facts", "windows"  # arguments of the function
_ARITHMETIC = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}
_COMPARISONS = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq}


class TreeBuilder:
    """Builds Python's nodes. Values that may be None are stored in variables, because each is used twice.

    With *positions*, summaries of the past are read from the numbers of a city's windows, where NaN is unknown.
    """

    def __init__(self, positions: Mapping[WindowKey, int] = MappingProxyType({})) -> None:
        self._numbers = itertools.count()
        self._positions = positions

    def build_truth(self, node: Node) -> ast.expr:
        """Return an expression that is true if the condition is True, and not if it is False or None."""
        match node:
            case Junction(is_and, conditions):
                return ast.BoolOp(ast.And() if is_and else ast.Or(), [self.build_truth(each) for each in conditions])
        return self.build_condition(node)

    def build_condition(self, node: Node) -> ast.expr:
        """Return an expression whose value is True, False or None."""
        match node:
            case Junction(is_and, (first, *others)):
                built = self.build_condition(first)
                for other in others:
                    built = self._join(built, self.build_condition(other), is_and=is_and)
                return built
            case Inversion(condition):
                name = self._new_name()
                inverted = ast.UnaryOp(ast.Not(), _load(name))
                return ast.IfExp(_is(_store(name, self.build_condition(condition)), None), _constant(None), inverted)
            case Comparison(operators, operands):
                missing: list[ast.expr] = []
                left, *others_built = (self._build_number(operand, missing) for operand in operands)
                compared = ast.Compare(left, [_COMPARISONS[operator]() for operator in operators], others_built)
                return _unless_missing(missing, compared)
        return self._build_leaf(node)

    def _join(self, first: ast.expr, second: ast.expr, *, is_and: bool) -> ast.expr:
        """Return ``a and b``, or ``a or b``: False and None is False, True or None is True, else None is the result.

        ``(x := a) is not False and (y if (y := b) is False or x else None)``
        ``(x := a) or (y if (y := b) or x is False else None)``
        """
        x, y = self._new_name(), self._new_name()
        stored_first, stored_second = _store(x, first), _store(y, second)
        if is_and:
            is_decided = ast.BoolOp(ast.Or(), [_is(stored_second, False), _load(x)])
            rest = ast.IfExp(is_decided, _load(y), _constant(None))
            return ast.BoolOp(ast.And(), [ast.Compare(stored_first, [ast.IsNot()], [_constant(False)]), rest])
        is_decided = ast.BoolOp(ast.Or(), [stored_second, _is(_load(x), False)])
        return ast.BoolOp(ast.Or(), [stored_first, ast.IfExp(is_decided, _load(y), _constant(None))])

    def _build_number(self, node: Node, missing: list[ast.expr]) -> ast.expr:
        """Return an expression for a value, and append to *missing* what is true if the value is None."""
        match node:
            case Constant(value):
                return _constant(value)
            case Minus(operand):
                return ast.UnaryOp(ast.USub(), self._build_number(operand, missing))
            case Arithmetic("/", left, right) if not isinstance(right, Constant):
                operands = [self._build_number(left, missing), self._build_number(right, missing)]
                return self._keep(_call("divide", *operands), missing)
            case Arithmetic(operator, left, right):
                built = self._build_number(left, missing)
                return ast.BinOp(built, _ARITHMETIC[operator](), self._build_number(right, missing))
            case FormulaValue(name):
                fields = [self._build_number(FieldValue(field), missing) for field in FORMULA_FIELDS[name]]
                return self._keep(_call(name, *fields), missing)
            case WindowValue(key=key) if key in self._positions:
                name = self._new_name()
                stored = _store(name, _item(WINDOWS_NAME, self._positions[key]))
                missing.append(ast.Compare(stored, [ast.NotEq()], [_load(name)]))
                return _load(name)
        return self._keep(self._build_leaf(node), missing)

    def _build_leaf(self, node: Node) -> ast.expr:
        match node:
            case FieldValue(name):
                return _item(OBSERVATION_NAME, FIELDS.index(name))
            case FactValue(name):
                return _item(FACTS_NAME, CityFacts._fields.index(name))
            case WindowValue():
                windows = _item(FACTS_NAME, CityFacts._fields.index("windows"))
                return _call("read_window", windows, _constant(node.key))
        raise TypeError(f"not a value: {node}")

    def _keep(self, value: ast.expr, missing: list[ast.expr]) -> ast.expr:
        name = self._new_name()
        missing.append(_is(_store(name, value), None))
        return _load(name)

    def _new_name(self) -> str:
        return f"value_{next(self._numbers)}"


def _unless_missing(missing: list[ast.expr], result: ast.expr) -> ast.expr:
    if not missing:
        return result
    test = missing[0] if len(missing) == 1 else ast.BoolOp(ast.Or(), missing)
    return ast.IfExp(test, _constant(None), result)


def _constant(value: Any) -> ast.expr:
    return ast.Constant(value)


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _store(name: str, value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name(name, ast.Store()), value)


def _is(value: ast.expr, constant: bool | None) -> ast.expr:  # noqa: FBT001 - a value, not an option
    return ast.Compare(value, [ast.Is()], [_constant(constant)])


def _item(name: str, index: int) -> ast.expr:
    return ast.Subscript(_load(name), _constant(index), ast.Load())


def _call(function: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(_load(function), list(arguments), [])
