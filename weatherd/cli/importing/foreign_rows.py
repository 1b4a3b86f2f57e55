"""Rows of CSV files of other programs as observations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weatherd import wmo
from weatherd.cli.importing.column_map import QUANTITIES
from weatherd.cli.importing.local_times import parse_local_time
from weatherd.cli.importing.source_rows import FieldError
from weatherd.cli.importing.value_limits import FIRST_TIME, MAX_CODE, MAX_LEAD, QUANTITY_BOUNDS
from weatherd.observation import IMPORT, Observation
from weatherd.providers import values as bounds
from weatherd.text.units import UNITS, format_quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from weatherd.cli.importing.city_names import ImportedCity
    from weatherd.cli.importing.column_map import MappedColumn

_MISSING = {"", "-", "--", "–", "na", "n/a", "nan", "null", "none"}
_MISSING_NUMBERS = {-999.0, -9999.0}  # usual marks, which no field can have


@dataclass
class ForeignRows:
    """The parser of a file's rows, which are in the order of the file."""

    columns: Mapping[str, MappedColumn]
    provider: str
    city: str | None  # of all rows; None if a column has it
    find_city: Callable[[str], ImportedCity]
    time_format: str | None
    has_decimal_comma: bool
    now: datetime
    _before: dict[str, datetime] = field(default_factory=dict)  # times of the previous rows, by city
    _descending: set[str] = field(default_factory=set)  # ids of the cities whose last two times descend

    def parse(self, values: Mapping[str, str]) -> Observation:
        """Return the observation in a row. Raises FieldError."""
        city = self._parse_city(values)
        observed_at = self._parse_time(values, city)
        numbers: dict[str, Any] = {
            name: self._parse_number(values, name) for name in QUANTITIES if name in self.columns
        }
        if numbers["temperature"] is None:
            raise FieldError(self.columns["temperature"].headings[0], "has no temperature")
        code = self._parse_code(values)
        return Observation(
            city=city.id,
            provider=self.provider,
            observed_at=observed_at,
            fetched_at=self.now,
            description=self._read(values, "description") or wmo.describe_code(code),
            code=code,
            station=self._read(values, "station"),
            origin=IMPORT,
            **numbers,
        )

    def _read(self, values: Mapping[str, str], name: str) -> str:
        """Return the text of a field; "" if it is missing."""
        column = self.columns.get(name)
        text = bounds.clean_text(" ".join(values[heading] for heading in column.headings)) if column else ""
        return "" if text.casefold() in _MISSING else text

    def _parse_city(self, values: Mapping[str, str]) -> ImportedCity:
        name = self.city or self._read(values, "city")
        if not name:
            raise FieldError(self.columns["city"].headings[0], "has no city")
        return self.find_city(name)

    def _parse_time(self, values: Mapping[str, str], city: ImportedCity) -> datetime:
        text, heading = self._read(values, "time"), self.columns["time"].headings[0]
        try:
            before, is_descending = self._before.get(city.id), city.id in self._descending
            time = parse_local_time(text, self.time_format, city.zone, before, is_descending=is_descending)
        except (ValueError, OverflowError, OSError):
            form = self.time_format or "ISO 8601 such as 2026-01-31 12:00 (or pass --time-format)"
            raise FieldError(heading, f"the time should be {form}, not {text!r}") from None
        if time > self.now + MAX_LEAD:
            raise FieldError(heading, f"the time {text!r} is in the future: is the time zone right?")
        if time < FIRST_TIME:
            raise FieldError(heading, f"the time {text!r} is before 1900: are its year and --time-format right?")
        if before and time != before:
            (self._descending.add if time < before else self._descending.discard)(city.id)
        self._before[city.id] = time
        return time

    def _parse_number(self, values: Mapping[str, str], name: str) -> float | None:
        text, column = self._read(values, name), self.columns[name]
        if not text:
            return None
        number = self._to_number(text)
        if number is None:
            raise FieldError(column.headings[0], f"{name} should be a number, not {text!r}")
        if number in _MISSING_NUMBERS:
            return None
        own = UNITS["metric"][name]
        unit = column.unit or own
        found = bounds.parse_number(number, QUANTITY_BOUNDS[name], 1 / unit.factor, -unit.offset / unit.factor)
        if found is None:
            low, high = (format_quantity(bound, unit) for bound in QUANTITY_BOUNDS[name])
            raise FieldError(
                column.headings[0], f"{name} should be from {low} to {high}, not {text!r}: is the unit right?"
            )
        return found

    def _to_number(self, text: str) -> float | None:
        if self.has_decimal_comma and "." not in text:
            text = text.replace(",", ".")
        try:
            return None if "_" in text else float(text)
        except ValueError:
            return None

    def _parse_code(self, values: Mapping[str, str]) -> int | None:
        text = self._read(values, "code")
        number: Any = self._to_number(text) if text else None
        code = bounds.parse_integer(number)
        if text and (code is None or not 0 <= code <= MAX_CODE):
            raise FieldError(self.columns["code"].headings[0], f"code should be from 0 to {MAX_CODE}, not {text!r}")
        return code
