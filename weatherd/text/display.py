"""What people read: values in their units, the weather in their language's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd.text.condition_words import load_words
from weatherd.text.daylight import is_daylight
from weatherd.text.units import UNITS, convert_value, format_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from weatherd.text.condition_words import Language
    from weatherd.text.units import ReaderUnits


@dataclass(frozen=True, slots=True)
class Display:
    """The units and the language of a reader."""

    units: ReaderUnits = "metric"
    language: Language = "en"

    @property
    def temperature_unit(self) -> str:
        """The symbol of the unit of temperatures."""
        return UNITS[self.units]["temperature"].symbol

    def convert(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of an observation with its quantities in the reader's units, rounded unless unchanged."""
        converted = dict(values)
        for name, unit in UNITS[self.units].items():
            value = values.get(name)
            if value is not None and unit != UNITS["metric"][name]:
                converted[name] = round(convert_value(value, unit), unit.digits)
        return converted

    def format(self, field: str, value: float | None, digits: int | None = None) -> str:
        """Format a quantity with its unit: ``42.8 °F`` for the field ``temperature`` and 6.0; a dash for None."""
        return format_quantity(value, UNITS[self.units][field], digits)

    def describe(self, description: str, code: int | None, lat: float, lon: float, at: datetime) -> str:
        """Return the words for the weather at a place (degrees) and time.

        They are made from the code, in the reader's language, so that they do not depend on the service. Its own
        *description* is returned for weather without a code.
        """
        words = load_words(self.language).get(code) if code is not None else None
        if isinstance(words, tuple):  # only then, because the height of the sun takes ten times as long as the rest
            return words[0 if is_daylight(lat, lon, at) else 1]
        return words or description


DEFAULT_DISPLAY = Display()
