"""Ranges of numbers for which comparisons of one value hold, by which a rule contradicts itself. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.language.typed_tree import Comparison, Constant, Junction

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


def explain_overlap(when: Node, until: Node) -> str | None:
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
