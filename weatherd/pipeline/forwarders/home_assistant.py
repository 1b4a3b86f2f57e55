"""What Home Assistant is told of a city: one device with a sensor for each value. Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload; it refuses a payload with a key too many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd import __version__
from weatherd.freshness import age_budget

if TYPE_CHECKING:
    from weatherd.city import City

_NUMBERS = {  # name, device class, unit
    "temperature": ("Temperature", "temperature", "°C"),
    "apparent_temperature": ("Apparent temperature", "temperature", "°C"),
    "relative_humidity": ("Humidity", "humidity", "%"),
    "pressure_msl": ("Pressure", "atmospheric_pressure", "hPa"),
    "wind_speed": ("Wind speed", "wind_speed", "m/s"),
    "wind_direction": ("Wind direction", None, "°"),
    "wind_gust": ("Wind gust", "wind_speed", "m/s"),
    "precipitation": ("Precipitation", "precipitation", "mm"),
    "cloud_cover": ("Cloud cover", None, "%"),
    "visibility": ("Visibility", "distance", "m"),
}
_TEXTS = {"description": ("Weather", None), "observed_at": ("Observed", "timestamp")}


@dataclass(frozen=True, slots=True)
class Topics:
    """The names under which cities are published."""

    prefix: str
    discovery_prefix: str

    @property
    def status(self) -> str:
        """Where weatherd itself is online or offline."""
        return f"{self.prefix}/status"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it is there."""
        return f"{self.discovery_prefix}/status"

    def state(self, city: str) -> str:
        """Return where a city's last observation is."""
        return f"{self.prefix}/{city}/state"

    def availability(self, city: str) -> str:
        """Return where it is said whether that is the weather of now."""
        return f"{self.prefix}/{city}/availability"

    def device(self, city: str) -> str:
        """Return the id of a city's device; ids are ASCII letters, digits, ``-`` and ``_``."""
        return f"{re.sub('[^a-zA-Z0-9_-]', '_', self.prefix)}_{city}"

    def config(self, city: str) -> str:
        """Return where a city's device is announced."""
        return f"{self.discovery_prefix}/device/{self.device(city)}/config"


def announcement(city: City, topics: Topics) -> dict[str, Any]:
    """Return the payload that announces a city.

    A value that is no longer renewed expires with the age budget of the city's providers, and a city whose weather is
    not that of now is offline by a topic of its own: Home Assistant begins to count anew when it starts.
    """
    device = topics.device(city.id)
    expire = int(max(map(age_budget, city.providers)))
    return {
        "dev": {"ids": [device], "name": city.name, "mf": "weatherd", "mdl": ", ".join(city.providers)},
        "o": {"name": "weatherd", "sw": __version__},
        "cmps": {
            name: {"p": "sensor", "unique_id": f"{device}_{name}", "qos": 1, "expire_after": expire, **sensor}
            for name, sensor in _sensors().items()
        },
        "state_topic": topics.state(city.id),
        "availability": [{"topic": topics.status}, {"topic": topics.availability(city.id)}],
        "availability_mode": "all",
        "qos": 1,
    }


def _sensors() -> dict[str, dict[str, Any]]:
    sensors: dict[str, dict[str, Any]] = {}
    for key, (name, kind, unit) in _NUMBERS.items():
        sensors[key] = {"name": name, "state_class": "measurement", "unit_of_measurement": unit, **_value(key, kind)}
    for key, (name, kind) in _TEXTS.items():
        sensors[key] = {"name": name, **_value(key, kind)}
    return sensors


def _value(key: str, kind: str | None) -> dict[str, str]:
    return {"value_template": f"{{{{ value_json.{key} }}}}"} | ({"device_class": kind} if kind else {})
