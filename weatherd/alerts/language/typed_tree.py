"""The tree of an alert expression after the check of its kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Operator = Literal["<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A number in weatherd's own unit, or a text."""

    value: float | str


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field of the observation."""

    name: str


@dataclass(frozen=True, slots=True)
class FactValue:
    """A field of :class:`weatherd.alerts.language.known_names.CityFacts`."""

    name: str


@dataclass(frozen=True, slots=True)
class FormulaValue:
    """A quantity that is computed from the observation, such as ``dew_point``."""

    name: str


@dataclass(frozen=True, slots=True)
class WindowValue:
    """A summary of a field over the last *span* seconds, such as ``max(wind_gust, 6h)``."""

    function: str
    field: str
    span: float

    @property
    def key(self) -> tuple[str, str, float]:
        """The key of the summary in :attr:`weatherd.alerts.language.known_names.CityFacts.windows`."""
        return self.function, self.field, self.span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers with ``+``, ``-``, ``*`` or ``/`` between them."""

    operator: Operator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Minus:
    """A number with a minus before it."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Comparison:
    """Operands, with an operator between each two: ``0 < temperature < 5``."""

    operators: tuple[Operator, ...]
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions of which all or one must hold."""

    is_and: bool
    conditions: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Inversion:
    """A condition that must not hold."""

    condition: Node


Leaf = Constant | FieldValue | FactValue | FormulaValue | WindowValue
Node = Leaf | Arithmetic | Minus | Comparison | Junction | Inversion


def find_leaves(node: Node) -> Iterator[Node]:
    """Yield the values in a condition, in its order."""
    match node:
        case Arithmetic(_, left, right):
            children: Sequence[Node] = (left, right)
        case Minus(child) | Inversion(child):
            children = (child,)
        case Comparison(_, operands):
            children = operands
        case Junction(_, conditions):
            children = conditions
        case _:
            children = ()
            yield node
    for child in children:
        yield from find_leaves(child)
