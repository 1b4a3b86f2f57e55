"""Tables of numbers: where a service has each number of an observation, and in which unit."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.providers import values
from weatherd.providers.values import as_mapping, parse_number, parse_temperature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BOUNDS = MappingProxyType(  # of each number of an observation, in the order of its fields
    {
        "temperature": values.TEMPERATURE,
        "apparent_temperature": values.APPARENT_TEMPERATURE,
        "relative_humidity": values.RELATIVE_HUMIDITY,
        "pressure_msl": values.PRESSURE_MSL,
        "wind_speed": values.WIND_SPEED,
        "wind_direction": values.WIND_DIRECTION,
        "wind_gust": values.WIND_SPEED,
        "precipitation": values.PRECIPITATION,
        "cloud_cover": values.CLOUD_COVER,
        "visibility": values.VISIBILITY,
    }
)


class ServiceUnit(NamedTuple):
    """A unit: ``value * factor + offset`` is in weatherd's unit."""

    factor: float = 1.0
    offset: float = 0.0


BASE = ServiceUnit()  # weatherd's own: °C, %, hPa, m/s, degrees, mm, m
FAHRENHEIT, KELVIN = ServiceUnit(5 / 9, -160 / 9), ServiceUnit(1.0, -273.15)
KILOMETERS_PER_HOUR, MILES_PER_HOUR, KNOTS = ServiceUnit(1 / 3.6), ServiceUnit(0.44704), ServiceUnit(1852 / 3600)
INCHES, FEET, MILES = ServiceUnit(25.4), ServiceUnit(0.3048), ServiceUnit(1609.344)


class Number(NamedTuple):
    """A row of a table: the number *field* of an observation is at *path* of a record, in *unit*.

    A path has a dot between the names of an object and its member, as in ``main.temp``. A number may have several rows:
    the first valid one counts. If a record names its units, *unit* is a table of units by their names, and the name is
    the one at *unit_of*, or else at *path*; an unknown name is weatherd's own unit.
    """

    field: str
    path: str
    unit: ServiceUnit | Mapping[str, ServiceUnit] = BASE
    unit_of: str = ""

    def find_unit(self, names: Mapping[str, Any]) -> ServiceUnit:
        """Return the unit of the number in a record with these *names* of units, by path."""
        return (
            self.unit
            if isinstance(self.unit, ServiceUnit)
            else self.unit.get(str(names.get(self.unit_of or self.path)), BASE)
        )


class _Column(NamedTuple):
    """A row for a record with certain units."""

    field: str
    name: str
    bounds: tuple[float, float]
    factor: float
    offset: float
    parents: list[str]  # the names of the objects around the value
    is_further: bool  # there is another row of the field before


_NO_UNITS: Mapping[str, Any] = MappingProxyType({})
_MAX_UNITS = 16  # combinations of the names of units


class NumberTable:
    """The numbers of a service's record.

    *read* parses one of them, with its bounds, factor and offset. A record must have a temperature, unless the table
    says that something else may have it.
    """

    def __init__(
        self, *rows: Number, read: Callable[..., float | None] = parse_number, needs_temperature: bool = True
    ) -> None:
        self.rows = rows
        self.read = read
        self._needs_temperature = needs_temperature
        named = [row.unit_of or row.path for row in rows if not isinstance(row.unit, ServiceUnit)]
        self._named = [*dict.fromkeys(named)]
        self._columns: dict[tuple[str, ...], list[_Column]] = {}  # by the names of the units

    def parse(self, record: Mapping[str, Any], units: Mapping[str, Any] = _NO_UNITS) -> dict[str, Any]:
        """Return the numbers of a record by field; a number that is missing, impossible or of another type is None.

        Raises ProviderError if the temperature is needed and the record has none.
        """
        names = tuple([str(units.get(path)) for path in self._named])
        columns, read, get = self._columns.get(names) or self._convert_units(names, units), self.read, record.get
        found: dict[str, Any] = {}
        for field, name, bounds, factor, offset, parents, is_further in columns:
            if is_further and found[field] is not None:
                continue
            value = _find_inner(record, parents, name) if parents else get(name)
            if field == "temperature" and self._needs_temperature:
                found[field] = parse_temperature(value, factor, offset)
            else:
                found[field] = read(value, bounds, factor, offset)
        return found

    def _convert_units(self, names: tuple[str, ...], units: Mapping[str, Any]) -> list[_Column]:
        columns: list[_Column] = []
        for row in self.rows:
            *parents, name = row.path.split(".")
            is_further = any(column.field == row.field for column in columns)
            columns.append(_Column(row.field, name, BOUNDS[row.field], *row.find_unit(units), parents, is_further))
        if len(self._columns) < _MAX_UNITS:  # because a service may send any names
            self._columns[names] = columns
        return columns


def _find_inner(record: Mapping[str, Any], parents: Sequence[str], name: str) -> Any:
    for parent in parents:
        record = as_mapping(record.get(parent))
    return record.get(name)
