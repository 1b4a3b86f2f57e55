"""Ranges of numbers for which a comparison holds, by which a rule contradicts itself or what is possible. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.language.quantities import KIND_OF_FIELD, Kind
from weatherd.alerts.language.typed_tree import Comparison, Constant, FieldValue, Junction, WindowValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.alerts.language.typed_tree import Node, Operator

_MIRRORED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


class _Bound(NamedTuple):
    """An end of a range, in the order of the numbers; *shift* is -1 just below the number, 1 just above it, else 0."""

    number: float
    shift: int = 0


class _Range(NamedTuple):
    """The numbers from *low* to *high*, both included."""

    low: _Bound = _Bound(-math.inf)
    high: _Bound = _Bound(math.inf)

    def intersect(self, other: _Range) -> _Range:
        return _Range(max(self.low, other.low), min(self.high, other.high))

    @property
    def is_empty(self) -> bool:
        return self.low > self.high


_NOT_NEGATIVE = _Range(_Bound(0.0))
_POSSIBLE: dict[Kind, _Range] = {
    Kind.TEMPERATURE: _Range(_Bound(-273.15)),  # absolute zero in °C
    Kind.SPEED: _NOT_NEGATIVE,
    Kind.PRESSURE: _NOT_NEGATIVE,
    Kind.RAIN: _NOT_NEGATIVE,
    Kind.DISTANCE: _NOT_NEGATIVE,
    Kind.PERCENTAGE: _Range(_Bound(0.0), _Bound(100.0)),
    Kind.ANGLE: _Range(_Bound(0.0), _Bound(360.0)),  # the direction of wind
}


def find_conflicts(when: Node | None, until: Node | None) -> Iterator[tuple[str, str]]:
    """Yield the key and the problem of each condition by which a rule can never work; None is a missing condition."""
    if when and (contradiction := _explain_contradiction(when)):
        yield "when", contradiction
    if when and until and (overlap := _explain_overlap(when, until)):
        yield "until", overlap


def _explain_contradiction(when: Node) -> str | None:
    """Return why a condition, or one of several with ``or`` between them, never holds; None if it may hold.

    Only values that are compared with numbers are looked at: a field has no value outside its possible range, and no
    value is in two ranges that have none in common, as in ``temperature < 0 and temperature > 10``.
    """
    if isinstance(when, Junction) and not when.is_and:
        return next(filter(None, map(_explain_contradiction, when.conditions)), None)
    left: dict[Node, _Range] = {}
    for leaf, values in _find_ranges(when):
        left[leaf] = values.intersect(left.get(leaf) or _find_possible(leaf))
        if left[leaf].is_empty:
            return f"never holds: there is no such {getattr(leaf, 'field', None) or getattr(leaf, 'name', 'value')}"
    return None


def _find_possible(leaf: Node) -> _Range:
    """Return the values that a field, or its lowest, highest or mean value, can have; for others, all numbers."""
    match leaf:
        case FieldValue(name) | WindowValue("min" | "max" | "mean" | "rain", name, _):
            return _POSSIBLE.get(KIND_OF_FIELD[name], _Range())
        case _:
            return _Range()


def _explain_overlap(when: Node, until: Node) -> str | None:
    """Return how the end of an alert overlaps its condition; None if it does not, or if that depends on other values.

    A single number that belongs to both, such as 0 in ``temperature <= 0`` and ``temperature >= 0``, is no mistake.
    """
    begins: dict[Node, _Range] = {}
    for leaf, values in _find_ranges(when):
        begins[leaf] = values.intersect(begins.get(leaf, _Range()))
    for condition in until.conditions if isinstance(until, Junction) and not until.is_and else (until,):
        found = list(_find_ranges(condition))
        leaves = {leaf for leaf, _ in found}
        if len(leaves) != 1 or len(found) != _count_comparisons(condition) or not leaves <= begins.keys():
            continue
        [leaf] = leaves
        ends, begin = _Range(), begins[leaf]
        for _, values in found:
            ends = ends.intersect(values)
        both = begin.intersect(ends)
        if both == begin and begin.low <= begin.high:
            return "holds wherever 'when' does, so that the alert never fires"
        if both.low.number < both.high.number:
            return "holds for a part of the values of 'when', for which the alert does not fire"
    return None


def _find_ranges(node: Node) -> Iterator[tuple[Node, _Range]]:
    """Yield each value of a conjunction that is compared with numbers, and the numbers for which that holds."""
    if isinstance(node, Junction) and node.is_and:
        for condition in node.conditions:
            yield from _find_ranges(condition)
    if not isinstance(node, Comparison):
        return
    for left, operator, right in zip(node.operands, node.operators, node.operands[1:], strict=False):
        if isinstance(left, Constant) and not isinstance(right, Constant) and operator in _MIRRORED:
            yield from _read_range(right, _MIRRORED[operator], left)
        elif isinstance(right, Constant) and not isinstance(left, Constant):
            yield from _read_range(left, operator, right)


def _read_range(leaf: Node, operator: Operator, constant: Constant) -> Iterator[tuple[Node, _Range]]:
    number = constant.value
    if isinstance(number, str):
        return
    match operator:
        case "<":
            yield leaf, _Range(high=_Bound(number, -1))
        case "<=":
            yield leaf, _Range(high=_Bound(number))
        case ">":
            yield leaf, _Range(low=_Bound(number, 1))
        case ">=":
            yield leaf, _Range(low=_Bound(number))
        case "==":
            yield leaf, _Range(_Bound(number), _Bound(number))


def _count_comparisons(node: Node) -> int:
    """Return the number of comparisons of two operands in a conjunction; at least 1 for other conditions."""
    if isinstance(node, Junction) and node.is_and:
        return sum(map(_count_comparisons, node.conditions))
    return len(node.operators) if isinstance(node, Comparison) else 1
