"""Units of Open-Meteo's responses, and how numbers are converted and rounded."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.simulator.query import Query, RejectedRequestError, last_value

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Unit:
    """Unit with the service's symbol, and the conversion from the simulator's own unit (SI, °C, %)."""

    symbol: str
    factor: float = 1.0
    offset: float = 0.0
    digits: int | None = None  # decimals; None rounds to whole numbers

    def convert(self, value: float) -> float:
        """Convert and round a value like the service."""
        return round(value * self.factor + self.offset, self.digits)


_FIXED = {  # kind of quantity: unit
    "percent": Unit("%"),
    "pressure": Unit("hPa", digits=1),
    "direction": Unit("°"),
    "code": Unit("wmo code"),
    "flag": Unit(""),
    "hours": Unit("h", digits=2),
    "seconds": Unit("s", digits=2),
}
_CHOICES: Mapping[tuple[str, str], Mapping[str, Mapping[str, Unit]]] = {  # parameter, the service's type: choices
    ("temperature_unit", "TemperatureUnit"): {
        "celsius": {"temperature": Unit("°C", digits=1)},
        "fahrenheit": {"temperature": Unit("°F", 1.8, 32, digits=1)},
    },
    ("wind_speed_unit", "WindspeedUnit"): {
        "kmh": {"speed": Unit("km/h", 3.6, digits=1)},
        "ms": {"speed": Unit("m/s", digits=2)},
        "mph": {"speed": Unit("mp/h", 2.236936, digits=1)},
        "kn": {"speed": Unit("kn", 1.943844, digits=1)},
    },
    ("precipitation_unit", "PrecipitationUnit"): {
        "mm": {"water": Unit("mm", digits=2), "snow": Unit("cm", digits=2), "distance": Unit("m", digits=1)},
        "inch": {
            "water": Unit("inch", 1 / 25.4, digits=3),
            "snow": Unit("inch", 1 / 2.54, digits=3),
            "distance": Unit("ft", 3.28084, digits=1),
        },
    },
}


def parse_units(query: Query) -> Mapping[str, Unit]:
    """Return the unit of each kind of quantity, as selected by the query.

    The first choice of each parameter is its default.

    Raise RejectedRequestError for an unknown unit.
    """
    chosen = dict(_FIXED)
    for (name, kind), choices in _CHOICES.items():
        legacy = name.replace("wind_speed", "windspeed")
        asked = last_value(query, name) or last_value(query, legacy) or next(iter(choices))
        if asked not in choices:
            raise RejectedRequestError(f"Cannot initialize {kind} from invalid String value {asked} for key {name}")
        chosen.update(choices[asked])
    return MappingProxyType(chosen)
