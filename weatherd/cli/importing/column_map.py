"""Which column of a CSV file has which value, in which unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.language.quantities import KIND_OF_FIELD
from weatherd.cli.options import ArgumentError
from weatherd.text.suggestions import did_you_mean
from weatherd.text.units import UNITS, WRITTEN_UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.text.units import DisplayUnit

QUANTITIES = tuple(UNITS["metric"])
_TEXTS = ("description", "station", "city")
_TARGETS = ("time", *QUANTITIES, "code", *_TEXTS)
_TIME_HEADINGS = ("time", "observed_at", "timestamp", "datetime", "date")
_OPTION = "--column"


class MappedColumn(NamedTuple):
    """The headings of the columns with a value, several if they have the parts of a time, and its unit if given."""

    headings: Sequence[str]
    unit: DisplayUnit | None = None


def map_columns(options: Sequence[str], headings: Sequence[str]) -> dict[str, MappedColumn]:
    """Return the columns by field, from options such as ``temperature=Temp (F):°F``.

    A column whose heading is the name of a field needs no option. Raises ArgumentError for an unknown field, column or
    unit, and if there is no column for the time or the temperature.
    """
    columns = {name: MappedColumn([heading]) for heading in headings if (name := heading.casefold()) in _TARGETS}
    times = [heading for name in _TIME_HEADINGS for heading in headings if heading.casefold() == name]
    columns |= {"time": MappedColumn(times[:1])} if times else {}
    columns |= dict(_parse_option(option, headings) for option in options)
    for name in ("time", "temperature"):
        if name not in columns:
            known = ", ".join(map(repr, headings))
            raise ArgumentError(f"no column is named {name}: pass {_OPTION} {name}=HEADING; the headings are {known}")
    return columns


def _parse_option(option: str, headings: Sequence[str]) -> tuple[str, MappedColumn]:
    name, separator, heading = (part.strip() for part in option.partition("="))
    if not separator or not heading:
        raise ArgumentError(f"{_OPTION} should be FIELD=HEADING or FIELD=HEADING:UNIT, not {option!r}")
    if name not in _TARGETS:
        raise ArgumentError(f"{_OPTION} {option}: no field is named {name!r}{did_you_mean(name, _TARGETS)}")
    if heading in headings:
        return name, MappedColumn([heading])
    parts = [part.strip() for part in heading.split("+")]
    if name == "time" and all(part in headings for part in parts):
        return name, MappedColumn(parts)
    shorter, _, unit = (part.strip() for part in heading.rpartition(":"))
    if shorter in headings:
        return name, MappedColumn([shorter], _find_unit(option, name, unit))
    raise ArgumentError(f"{_OPTION} {option}: no column has the heading {heading!r}{did_you_mean(heading, headings)}")


def _find_unit(option: str, name: str, unit: str) -> DisplayUnit:
    units: Mapping[str, DisplayUnit] = {
        symbol: found
        for symbol, (field, found) in WRITTEN_UNITS.items()
        if name in QUANTITIES and KIND_OF_FIELD[field] is KIND_OF_FIELD[name]
    }
    if unit not in units:
        advice = f"the units of {name} are {', '.join(units)}" if units else f"{name} has no unit"
        raise ArgumentError(f"{_OPTION} {option}: {unit!r} is no unit of {name}; {advice}")
    return units[unit]
