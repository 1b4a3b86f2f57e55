"""Operands of alert expressions: the kinds that may be compared and calculated with one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from weatherd.alerts.language.grammar import ExpressionError
from weatherd.alerts.language.quantities import Kind, Quantity
from weatherd.alerts.language.typed_tree import Arithmetic, Comparison, Constant, Minus, Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.alerts.language.typed_tree import Operator

_NO_ARITHMETIC = (Kind.CONDITION, Kind.TEXT, Kind.SEVERITY)
_FAHRENHEIT_HINT = "multiplies, divides or negates a temperature; write a unit instead, as in 28 F"


class Operand(NamedTuple):
    """A part of an expression. A quantity has no kind until it is compared with something."""

    column: int
    kind: Kind | None
    node: Node | None = None
    quantity: Quantity | None = None

    def can_be(self, kind: Kind) -> bool:
        """Return whether the operand has this kind, or is a quantity that can be meant so."""
        return kind in self.quantity.kinds() if self.quantity else self.kind is kind

    def resolve(self, kind: Kind) -> Node:
        """Return the node of a value of this kind. Raises ExpressionError for another kind."""
        if not self.can_be(kind):
            self.reject(f"has {self.describe()} in place of {kind.value}")
        node = Constant(self.quantity.kinds()[kind]) if self.quantity else self.node
        if node is None:
            self.reject("has no value")
        return node

    def settle(self) -> Operand:
        """Return the operand with the usual kind of its quantity; a number without a unit is a plain number."""
        if not self.quantity:
            return self
        values = self.quantity.kinds()
        kind = next(iter(values)) if self.quantity.unit else Kind.NUMBER
        return Operand(self.column, kind, Constant(values[kind]))

    def describe(self) -> str:
        """Return the kind for messages, such as "a temperature"."""
        kind = self.settle().kind
        return kind.value if kind else "nothing"

    def reject(self, message: str) -> NoReturn:
        """Raise an ExpressionError about the operand."""
        raise ExpressionError(message, self.column)


def compare_operands(operands: Sequence[Operand], operators: Sequence[Operator], column: int) -> Operand:
    """Return a comparison, with an operator between each two operands. Raises ExpressionError."""
    kind = next((operand.kind for operand in operands if operand.kind), None)
    if kind is None:
        operands[0].reject("compares numbers only, which is always true or always false; compare a name")
    for operand in operands:
        if operand.kind is Kind.CONDITION:
            operand.reject("compares a condition; combine conditions with and, or, not")
        if not operand.can_be(kind):
            hint = _suggest_change(kind, operand.kind)
            operand.reject(f"compares {kind.value} with {operand.describe()}{hint}")
    for operator, operand in zip(operators, operands[1:], strict=True):
        if kind is Kind.TEXT and operator not in {"==", "!="}:
            operand.reject(f"compares texts with {operator}; texts are compared with == or !=")
    nodes = tuple(operand.resolve(kind) for operand in operands)
    return Operand(column, Kind.CONDITION, Comparison(tuple(operators), nodes))


def _suggest_change(*kinds: Kind | None) -> str:
    is_change = set(kinds) == {Kind.TEMPERATURE, Kind.TEMPERATURE_CHANGE}
    return "; a difference of two temperatures is compared with a number" if is_change else ""


def add_operands(operator: Operator, left: Operand, right: Operand) -> Operand:
    """Return the sum or the difference of two operands. Raises ExpressionError."""
    if left.quantity and right.quantity:
        if not left.quantity.unit and not right.quantity.unit:
            sign = 1 if operator == "+" else -1
            return left._replace(quantity=Quantity(left.quantity.number + sign * right.quantity.number))
        left = left.settle() if left.quantity.unit else left
        right = right.settle() if left.quantity else right
    kinds = _find_kinds_of_sum(operator, left, right)
    nodes = left.resolve(kinds[0]), right.resolve(kinds[1])
    return Operand(left.column, kinds[2], Arithmetic(operator, *nodes))


def _find_kinds_of_sum(operator: str, left: Operand, right: Operand) -> tuple[Kind, Kind, Kind]:
    """Return the kinds of both operands and of the result.

    The difference of two temperatures is of another kind, because 4 °F is a temperature of -15.6 °C, but a difference
    of 2.2 K.
    """
    kind = left.kind or right.kind
    for operand in (left, right):
        if operand.kind in _NO_ARITHMETIC:
            operand.reject(f"calculates with {operand.describe()}")
    if kind is None:
        left.reject("calculates with numbers only")
    change, point = Kind.TEMPERATURE_CHANGE, Kind.TEMPERATURE
    if point not in {left.kind, right.kind}:
        return kind, kind, kind
    if operator == "+":
        if left.kind is right.kind:
            right.reject("adds two temperatures; add a difference, as in temperature + 5 °C, or use mean()")
        return (point, change, point) if left.kind is point else (change, point, point)
    if right.kind is point:
        return point, point, change
    return point, change, point


def multiply_operands(operator: Operator, left: Operand, right: Operand) -> Operand:
    """Return the product or the quotient of two operands. Raises ExpressionError."""
    if left.quantity and right.quantity and not (left.quantity.unit or right.quantity.unit):
        return _calculate(operator, left, left.quantity.number, right.quantity.number)
    is_quotient = operator == "/" and left.kind and right.quantity and right.quantity.unit
    right = Operand(right.column, left.kind, right.resolve(left.kind)) if is_quotient and left.kind else right.settle()
    left = left.settle()
    for operand in (left, right):
        if operand.kind in _NO_ARITHMETIC:
            operand.reject(f"calculates with {operand.describe()}")
        if operand.kind is Kind.TEMPERATURE:
            operand.reject(_FAHRENHEIT_HINT)
    if right.kind is Kind.NUMBER:
        kind = left.kind
    elif operator == "/" and right.kind is left.kind:
        kind = Kind.NUMBER
    elif operator == "*" and left.kind is Kind.NUMBER:
        kind = right.kind
    else:
        verb = "multiplies" if operator == "*" else "divides"
        right.reject(f"{verb} {left.describe()} by {right.describe()}; one of them must be a plain number")
    nodes = left.resolve(left.kind or Kind.NUMBER), right.resolve(right.kind or Kind.NUMBER)
    if operator == "/" and nodes[1] == Constant(0.0):
        right.reject("divides by zero")
    return Operand(left.column, kind, Arithmetic(operator, *nodes))


def _calculate(operator: str, operand: Operand, left: float, right: float) -> Operand:
    if operator == "/" and right == 0:
        operand.reject("divides by zero")
    return operand._replace(quantity=Quantity(left * right if operator == "*" else left / right))


def negate_operand(operand: Operand, column: int) -> Operand:
    """Return an operand with a minus before it. Raises ExpressionError."""
    if operand.quantity:
        return Operand(column, None, quantity=operand.quantity.negate())
    if operand.kind in _NO_ARITHMETIC or operand.node is None:
        operand.reject(f"calculates with {operand.describe()}")
    if operand.kind is Kind.TEMPERATURE:
        operand.reject(_FAHRENHEIT_HINT)
    return Operand(column, operand.kind, Minus(operand.node))
