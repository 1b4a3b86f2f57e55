"""Typed decoding of the numbers of a table, for responses of the usual form: three times as fast as value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, defstruct

from weatherd.observation import FIELDS, Observation
from weatherd.providers.kit.numbers import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.providers.kit.numbers import Number, NumberTable

_MAX_KNOWN = 5000  # numbers of a row
# The places of numbers in an observation
(
    TEMPERATURE_SLOT,
    PRESSURE_SLOT,
    HUMIDITY_SLOT,
    WIND_SPEED_SLOT,
    WIND_DIRECTION_SLOT,
    PRECIPITATION_SLOT,
    VISIBILITY_SLOT,
) = (
    FIELDS.index(field)
    for field in (
        "temperature",
        "pressure_msl",
        "relative_humidity",
        "wind_speed",
        "wind_direction",
        "precipitation",
        "visibility",
    )
)
_DEFAULTS = {field: repr(Observation._field_defaults[field]) for field in ("origin", "quality")}


class _Conversions(dict[Any, Any]):
    """The numbers of a row by the number that a service sent; None for None. Services send few different ones."""

    def __init__(self, row: Number, read: Callable[..., float | None]) -> None:
        super().__init__({None: None})
        self._read, self._bounds, self._unit = read, BOUNDS[row.field], row.find_unit({})

    def __missing__(self, sent: Any) -> float | None:
        number = self._read(sent, self._bounds, *self._unit)
        if len(self) < _MAX_KNOWN:
            self[sent] = number
        return number


class TypedNumbers:
    """The numbers of a table as members of a type for msgspec, beside *others*: types of further members, by path.

    The type of a member that has a default is a pair of both. A response in which a number has another type, or names
    units that are not those of the table, must not be parsed with this class but by the table; *others* may widen the
    type of a number, for values that the table reads.

    ``convert(record, city, provider, observed_at, fetched_at, description, code, station)`` returns all values of an
    observation, for :meth:`Observation._make`. A number that is missing or impossible is None, and so is a temperature.
    """

    def __init__(self, table: NumberTable, others: Mapping[str, Any]) -> None:
        self.type: Any = _define_type({row.path: (float | None, None) for row in table.rows} | dict(others))
        self.convert = _compile_conversion(table)


def _compile_conversion(table: NumberTable) -> Callable[..., list[Any]]:
    """Return a function with an expression for each value, which takes half the time of a loop over the rows.

    For example: ``lambda record, city, …, station: [city, …, row_0[record.main.temp], description, code, …]``.
    """
    conversions: dict[str, Any] = {}
    values = []
    for field in FIELDS:
        value = "None" if field in BOUNDS else _DEFAULTS.get(field, field)
        for row in reversed([row for row in table.rows if row.field == field]):
            name = f"row_{len(conversions)}"
            conversions[name] = _Conversions(row, table.read)
            number = f"{name}[record.{row.path}]"
            value = number if value == "None" else f"number if (number := {number}) is not None else {value}"
        values.append(value)
    parameters = [field for field in FIELDS if field not in BOUNDS and field not in _DEFAULTS]
    source = f"lambda record, {', '.join(parameters)}: [{', '.join(values)}]"
    function: Callable[..., list[Any]] = eval(source, conversions)  # noqa: S307 - of the paths of a table, not of data
    return function


def _define_type(members: Mapping[str, Any]) -> type[Struct]:
    """Return a type with these members; an object is optional if all of its members are."""
    objects: dict[str, dict[str, Any]] = {}
    fields: list[Any] = []
    for path, kind in members.items():
        name, _, rest = path.partition(".")
        if rest:
            objects.setdefault(name, {})[rest] = kind
        else:
            fields.append((name, *kind) if isinstance(kind, tuple) else (name, kind))
    for name, inner in objects.items():
        kind = _define_type(inner)
        is_optional = all(isinstance(member, tuple) for member in inner.values())
        fields.append((name, kind, kind()) if is_optional else (name, kind))
    return defstruct("Record", fields, frozen=True, gc=False, kw_only=True)
