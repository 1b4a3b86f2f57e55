"""The check of an expression's kinds: a temperature is not compared with a speed. Names and units are resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lark import Token, Tree

from weatherd.alerts.language.grammar import ExpressionError, parse_expression
from weatherd.alerts.language.known_names import (
    FACT_KINDS,
    FORMULA_FIELDS,
    FUNCTION_FIELDS,
    KNOWN_FUNCTIONS,
    KNOWN_NAMES,
    RAIN,
    SEVERITIES,
)
from weatherd.alerts.language.operands import Operand, add_operands, compare_operands, multiply_operands, negate_operand
from weatherd.alerts.language.quantities import KIND_OF_FIELD, Kind, read_quantity
from weatherd.alerts.language.typed_tree import (
    Constant,
    FactValue,
    FieldValue,
    FormulaValue,
    Inversion,
    Junction,
    WindowValue,
)
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.alerts.language.typed_tree import Node, Operator

_MIN_SPAN, _MAX_SPAN = 60.0, 31 * 86400.0  # seconds
_CHANGES = {Kind.TEMPERATURE: Kind.TEMPERATURE_CHANGE}  # the kind of the difference of two values


def check_expression(text: str) -> Node:
    """Parse the text of a condition, and check the kinds of its values. Raises ExpressionError."""
    operand = _check(parse_expression(text))
    return _require_condition(operand)


def _require_condition(operand: Operand) -> Node:
    if operand.kind is not Kind.CONDITION or operand.node is None:
        operand.reject(f"has {operand.describe()} in place of a condition; compare it, as in temperature < 0")
    return operand.node


def _check(tree: Tree[Token]) -> Operand:
    column, children = (tree.meta.start_pos if not tree.meta.empty else 0) + 1, tree.children
    match tree.data:
        case "condition" | "conjunction":
            conditions = tuple(_require_condition(_check(child)) for child in _trees(children))
            return Operand(column, Kind.CONDITION, Junction(tree.data == "conjunction", conditions))
        case "inversion":
            (child,) = _trees(children)
            return Operand(column, Kind.CONDITION, Inversion(_require_condition(_check(child))))
        case "comparison":
            _require_quotes(list(_trees(children)))
            return compare_operands([_check(child) for child in _trees(children)], _operators(children), column)
        case "sum" | "product":
            (first, *others), operators = [_check(child) for child in _trees(children)], _operators(children)
            for operator, other in zip(operators, others, strict=True):
                first = (add_operands if tree.data == "sum" else multiply_operands)(operator, first, other)
            return first
        case "minus":
            (child,) = _trees(children)
            return negate_operand(_check(child), column)
        case "quantity":
            return Operand(column, None, quantity=read_quantity(str(children[0]), column))
        case "text":
            return Operand(column, Kind.TEXT, Constant(str(children[0])[1:-1]))
        case "call":
            return _check_call(str(children[0]), list(_trees(children[1:])), column)
    return _check_name(str(children[0]), column)


def _trees(children: list[Any]) -> Iterator[Tree[Token]]:
    return (child for child in children if isinstance(child, Tree))


def _operators(children: list[Any]) -> list[Operator]:
    return [cast("Operator", str(token)) for token in children[1::2]]


def _require_quotes(operands: list[Tree[Token]]) -> None:
    """Raise ExpressionError for a text without quotes, as in ``provider == open-meteo``."""
    if not any(KIND_OF_FIELD.get(_join_tokens(operand)) is Kind.TEXT for operand in operands):
        return
    for operand in operands:
        for tree in operand.find_data("name"):
            if str(tree.children[0]) not in (*KNOWN_NAMES, *KNOWN_FUNCTIONS):
                text = _join_tokens(operand)
                raise ExpressionError(f'has {text!r} without quotes; write "{text}"', operand.meta.start_pos + 1)


def _join_tokens(tree: Tree[Token]) -> str:
    return "".join(tree.scan_values(lambda value: isinstance(value, Token)))


def _check_name(name: str, column: int) -> Operand:
    if name in KIND_OF_FIELD:
        return Operand(column, KIND_OF_FIELD[name], FieldValue(name))
    if name in FACT_KINDS:
        return Operand(column, FACT_KINDS[name], FactValue(name))
    if name in SEVERITIES:
        return Operand(column, Kind.SEVERITY, Constant(SEVERITIES[name]))
    if name in FORMULA_FIELDS:
        return Operand(column, Kind.TEMPERATURE, FormulaValue(name))
    if name in KNOWN_FUNCTIONS:
        example = f"{name}(1h)" if name == RAIN else f"{name}(temperature, 24h)"
        raise ExpressionError(f"has {name!r}, which is a function, without its span; write {example}", column)
    hint = did_you_mean(name, (*KNOWN_NAMES, *KNOWN_FUNCTIONS)) or f"; the names are {', '.join(KNOWN_NAMES)}"
    raise ExpressionError(f"has the unknown name {name!r}{hint}", column)


def _check_call(name: str, arguments: list[Tree[Token]], column: int) -> Operand:
    if name == RAIN:
        if len(arguments) != 1:
            raise ExpressionError("has rain() without its span; write rain(24h)", column)
        return Operand(column, Kind.RAIN, WindowValue(RAIN, "precipitation", _check_span(arguments[0])))
    if name not in FUNCTION_FIELDS:
        reason = "is not a function; write it without parentheses" if name in KNOWN_NAMES else "is not known"
        hint = "" if name in KNOWN_NAMES else did_you_mean(name, KNOWN_FUNCTIONS) or _list_functions()
        raise ExpressionError(f"calls {name!r}, which {reason}{hint}", column)
    if len(arguments) != 2:  # noqa: PLR2004 - a field and a span
        message = f"has {name}() without a field and a span; write {name}(temperature, 24h)"
        raise ExpressionError(message, column)
    field = _check(arguments[0])
    if not isinstance(field.node, FieldValue) or field.node.name not in FUNCTION_FIELDS[name]:
        fields = ", ".join(FUNCTION_FIELDS[name])
        field.reject(f"has {name}() of something that it cannot summarize; the fields are {fields}")
    kind = KIND_OF_FIELD[field.node.name]
    kind = _CHANGES.get(kind, kind) if name == "change" else kind
    return Operand(column, kind, WindowValue(name, field.node.name, _check_span(arguments[1])))


def _list_functions() -> str:
    return f"; the functions are {', '.join(KNOWN_FUNCTIONS)}"


def _check_span(argument: Tree[Token]) -> float:
    operand = _check(argument)
    node = operand.resolve(Kind.DURATION)
    if operand.quantity is None or not operand.quantity.unit or not isinstance(node, Constant):
        operand.reject("should have a length of time here, such as 20m, 24h or 7d")
    span = float(node.value)
    if not _MIN_SPAN <= span <= _MAX_SPAN:
        operand.reject("should have a length of time from 1m to 31d here")
    return span
