"""The units that Open-Meteo answers in, and how it writes numbers in them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.simulator.query import Query, RejectedRequestError, last_value

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by the service's symbol, with the way from the simulator's own unit to it."""

    symbol: str
    factor: float = 1.0
    offset: float = 0.0
    digits: int | None = None  # decimals; None writes whole numbers

    def write(self, value: float) -> float:
        """Convert and round a value as the service does."""
        return round(value * self.factor + self.offset, self.digits)


_FIXED = {
    "percent": Unit("%"),
    "pressure": Unit("hPa", digits=1),
    "direction": Unit("°"),
    "code": Unit("wmo code"),
    "flag": Unit(""),
    "hours": Unit("h", digits=2),
    "seconds": Unit("s", digits=2),
}
_CHOICES: Mapping[tuple[str, str], Mapping[str, Mapping[str, Unit]]] = {
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
    """Return the unit of each kind of quantity that a query asks for.

    Raise RefusedError for a unit that the service does not know.
    """
    chosen = dict(_FIXED)
    for (name, kind), choices in _CHOICES.items():
        legacy = name.replace("wind_speed", "windspeed")
        asked = last_value(query, name) or last_value(query, legacy) or next(iter(choices))
        if asked not in choices:
            raise RejectedRequestError(f"Cannot initialize {kind} from invalid String value {asked} for key {name}")
        chosen.update(choices[asked])
    return MappingProxyType(chosen)
