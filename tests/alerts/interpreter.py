"""A plain interpreter of alert expressions, to compare the compiled functions with."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from weatherd.alerts import weather_formulas
from weatherd.alerts.language import typed_tree
from weatherd.alerts.language.known_names import FORMULA_FIELDS

if TYPE_CHECKING:
    from weatherd.alerts.language.known_names import CityFacts
    from weatherd.alerts.language.typed_tree import Node

_OPERATORS: dict[str, Any] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def interpret(node: Node, observation: Any, facts: CityFacts) -> Any:  # noqa: C901 - a case for each node
    """Return the value of a tree, by recursion; None if a value is missing."""
    match node:
        case typed_tree.Junction(is_and, conditions):
            values = [interpret(condition, observation, facts) for condition in conditions]
            decisive = not is_and
            return decisive if decisive in values else None if None in values else is_and
        case typed_tree.Inversion(condition):
            value = interpret(condition, observation, facts)
            return None if value is None else not value
        case typed_tree.Comparison(operators, operands):
            values = [interpret(operand, observation, facts) for operand in operands]
            if None in values:
                return None
            pairs = zip(operators, values, values[1:], strict=False)
            return all(_OPERATORS[sign](left, right) for sign, left, right in pairs)
        case typed_tree.Arithmetic(sign, left, right):
            first, second = interpret(left, observation, facts), interpret(right, observation, facts)
            if first is None or second is None or (sign == "/" and second == 0):
                return None
            return _OPERATORS[sign](first, second)
        case typed_tree.Minus(operand):
            value = interpret(operand, observation, facts)
            return None if value is None else -value
        case typed_tree.Constant(constant):
            return constant
        case typed_tree.FieldValue(name):
            return getattr(observation, name, None)
        case typed_tree.FactValue(name):
            return getattr(facts, name)
        case typed_tree.FormulaValue(name):
            arguments = [getattr(observation, field, None) for field in FORMULA_FIELDS[name]]
            return None if None in arguments else getattr(weather_formulas, name)(*arguments)
        case typed_tree.WindowValue():
            return facts.windows.get(node.key)
    raise AssertionError(node)
