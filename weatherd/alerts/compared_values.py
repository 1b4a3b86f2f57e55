"""The values that a condition compares: ``temperature`` is -2.5, ``rain(24h)`` is 52.1. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from weatherd.alerts import weather_formulas
from weatherd.alerts.language.known_names import FORMULA_FIELDS, RAIN, SEVERITIES
from weatherd.alerts.language.typed_tree import FactValue, FieldValue, FormulaValue, WindowValue, find_leaves
from weatherd.observation import FIELDS
from weatherd.text.duration import format_duration
from weatherd.text.units import UNITS, format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from weatherd.alerts.language.known_names import CityFacts
    from weatherd.alerts.language.typed_tree import Node
    from weatherd.text.display import Display
    from weatherd.text.units import DisplayUnit


ComparedValue: TypeAlias = float | str | bool | None  # None: unknown
_DIGITS = 3  # after the point
_MINUTE, _HOUR = 60, 3600
_USUAL_HOURS = (24, 48)  # which are written so, and not as days
_SEVERITY_WORDS: dict[Any, str] = {number: word for word, number in SEVERITIES.items()} | {-1: "none"}
_LENGTHS = ("age", "down_for")  # in seconds
_FIELDS_OF_OTHERS = {RAIN: "precipitation"} | dict.fromkeys(FORMULA_FIELDS, "temperature")  # with the same unit


def read_values(node: Node, observation: Sequence[Any], facts: CityFacts) -> dict[str, ComparedValue]:
    """Return the values in a condition by their names, in its order, in weatherd's units."""
    found = {}
    for leaf in find_leaves(node):
        match leaf:
            case FieldValue(name):
                found[name] = observation[FIELDS.index(name)]
            case FactValue("warning_severity" as name):
                found[name] = _SEVERITY_WORDS.get(facts.warning_severity)
            case FactValue(name):
                found[name] = getattr(facts, name)
            case FormulaValue(name):
                operands = [observation[FIELDS.index(field)] for field in FORMULA_FIELDS[name]]
                found[name] = None if None in operands else getattr(weather_formulas, name)(*operands)
            case WindowValue():
                found[_name_window(leaf)] = facts.windows.get(leaf.key)
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in found.items()}


def _name_window(leaf: WindowValue) -> str:
    hours = leaf.span / _HOUR
    span = f"{hours:.0f}h" if hours in _USUAL_HOURS else format_duration(leaf.span)
    return f"{RAIN}({span})" if leaf.function == RAIN else f"{leaf.function}({leaf.field}, {span})"


def format_values(values: Mapping[str, ComparedValue], display: Display) -> str:
    """Return values for people, in their units: ``-2.5 °C``, or with their names if there are several."""
    texts = {name: _format_value(name, value, display) for name, value in values.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{name} {text}" for name, text in texts.items())


def _format_value(name: str, value: ComparedValue, display: Display) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if name in _LENGTHS:
        return format_duration(value // _MINUTE * _MINUTE if value >= _MINUTE else round(value))
    if name == "share":
        return f"{value:.0%}"
    unit = _find_unit(name, display)
    return format_quantity(value, unit) if unit else f"{value:,g}"


def _find_unit(name: str, display: Display) -> DisplayUnit | None:
    """Return the unit of a value with this name: of the field of a window, and without an offset for a change."""
    function, _, rest = name.partition("(")
    field = rest.partition(",")[0] if "," in rest else _FIELDS_OF_OTHERS.get(function, function)
    unit = UNITS[display.units].get(field)
    return unit._replace(offset=0.0) if unit and function == "change" else unit
