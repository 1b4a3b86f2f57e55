"""Typed decoding of the numbers of a table, for responses of the usual form: three times as fast as value by value."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from msgspec import Struct, defstruct

from weatherd.providers.kit.numbers import BASE, BOUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.providers.kit.numbers import Number, NumberTable, ServiceUnit

_MAX_KNOWN = 5000  # numbers of a row
_UNKNOWN = "weatherd_has_no_such_number"  # the name of a member that is always None
_SLOTS = {field: slot for slot, field in enumerate(BOUNDS)}
HUMIDITY_SLOT, WIND_DIRECTION_SLOT, PRECIPITATION_SLOT = (
    _SLOTS[field] for field in ("relative_humidity", "wind_direction", "precipitation")
)


class _Conversions(dict[Any, Any]):
    """The numbers of a row by the number that a service sent; None for None. Services send few different ones."""

    def __init__(self, row: Number | None, read: Callable[..., float | None]) -> None:
        super().__init__({None: None})
        self._read = read
        self._bounds = BOUNDS[row.field] if row else (0.0, 0.0)
        self._unit: ServiceUnit = row.find_unit({}) if row else BASE

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
    """

    def __init__(self, table: NumberTable, others: Mapping[str, Any]) -> None:
        members = {row.path: (float | None, None) for row in table.rows} | {_UNKNOWN: (None, None)}
        self.type: Any = _define_type(members | dict(others))
        first: dict[str, Number] = {}
        further = [row for row in table.rows if first.setdefault(row.field, row) is not row]
        rows = [first.get(field) for field in BOUNDS]
        self._conversions = [_Conversions(row, table.read) for row in rows]
        self._get = operator.attrgetter(*[row.path if row else _UNKNOWN for row in rows])
        self._further = [
            (_SLOTS[row.field], operator.attrgetter(row.path), _Conversions(row, table.read)) for row in further
        ]

    def convert(self, record: Any) -> list[Any]:
        """Return the ten numbers of a decoded record, in the order of an observation's fields.

        A number that is missing or impossible is None, and so is a temperature.
        """
        numbers = [*map(operator.getitem, self._conversions, self._get(record))]
        for slot, get, conversions in self._further:
            if numbers[slot] is None:
                numbers[slot] = conversions[get(record)]
        return numbers


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
