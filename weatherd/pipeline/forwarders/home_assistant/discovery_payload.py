"""The discovery payload of a city for Home Assistant: one device with a sensor for each value. Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. Home Assistant rejects a payload with an
unknown key.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd import __version__
from weatherd.pipeline.forwarders.home_assistant.notice_components import (
    build_alert_components,
    build_warning_components,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.freshness import AgeBudgets

_NUMBERS = {  # name, device class, unit, decimals that Home Assistant shows
    "temperature": ("Temperature", "temperature", "°C", 1),
    "apparent_temperature": ("Apparent temperature", "temperature", "°C", 1),
    "relative_humidity": ("Humidity", "humidity", "%", 0),
    "pressure_msl": ("Pressure", "atmospheric_pressure", "hPa", 1),
    "wind_speed": ("Wind speed", "wind_speed", "m/s", 1),
    "wind_direction": ("Wind direction", "wind_direction", "°", 0),
    "wind_gust": ("Wind gust", "wind_speed", "m/s", 1),
    "precipitation": ("Precipitation", "precipitation", "mm", 1),
    "cloud_cover": ("Cloud cover", None, "%", 0),
    "visibility": ("Visibility", "distance", "m", 0),
}
_STATE_CLASSES = {"wind_direction": "measurement_angle"}  # the mean of 350° and 10° is 0°, not 180°
_EXPIRY_STEP = 600  # seconds
# A state has up to 255 characters; one that an earlier version has published has no quality
_QUALITY_TEMPLATE = "{{ (value_json.quality | default('ok'))[:255] }}"
_TEXTS = {"description": ("Weather", None), "observed_at": ("Observed", "timestamp")}


class Topics(NamedTuple):
    """The MQTT topics of weatherd and its cities."""

    prefix: str
    discovery_prefix: str
    node: str = ""  # name of this node in a cluster

    @property
    def status(self) -> str:
        """The topic of weatherd's own state, online or offline; in a cluster, that of this node."""
        return f"{self.prefix}/status/{self.node}" if self.node else f"{self.prefix}/status"

    @property
    def birth(self) -> str:
        """The topic on which Home Assistant announces that it has started."""
        return f"{self.discovery_prefix}/status"

    def state(self, city: str) -> str:
        """Return the topic of a city's latest observation."""
        return f"{self.prefix}/{city}/state"

    def availability(self, city: str) -> str:
        """Return the topic that marks a city's state as current or stale."""
        return f"{self.prefix}/{city}/availability"

    def notice(self, city: str, name: str) -> str:
        """Return the topic of a city's official warnings, or of the events of its alerts or warnings."""
        return f"{self.prefix}/{city}/{name}"

    def alert(self, city: str, rule: str) -> str:
        """Return the topic of the state of an alert rule."""
        return f"{self.prefix}/{city}/alert/{rule}"

    def device(self, city: str) -> str:
        """Return the id of a city's device. Only ASCII letters, digits, ``-`` and ``_`` are allowed."""
        return f"{re.sub('[^a-zA-Z0-9_-]', '_', self.prefix)}_{city}"

    def config(self, city: str) -> str:
        """Return the topic of a city's discovery payload."""
        return f"{self.discovery_prefix}/device/{self.device(city)}/config"


def expire_after(city: City, budgets: AgeBudgets) -> int:
    """Return the seconds after which a value of *city* expires: the age budget of its providers, in steps of 10 min.

    The steps are coarse, because a longer list may stretch all intervals by a second.
    """
    budget = max(budgets.of_city(city.id, provider) for provider in city.providers)
    return math.ceil(budget / _EXPIRY_STEP) * _EXPIRY_STEP


def build_payload(
    city: City, topics: Topics, budgets: AgeBudgets, rules: Sequence[Rule] = (), *, has_warnings: bool = False
) -> dict[str, Any]:
    """Return the payload that announces a city, with a binary sensor for each alert rule, and for official warnings.

    A value that is not updated expires after the age budget of the city's providers. Home Assistant restarts that
    period when it starts, so a stale state is also marked on the city's own availability topic.
    """
    device = topics.device(city.id)
    expire = expire_after(city, budgets)
    return {
        "dev": {"ids": [device], "name": city.name, "mf": "weatherd", "mdl": ", ".join(city.providers)},
        "o": {"name": "weatherd", "sw": __version__},
        "cmps": {
            name: {"p": "sensor", "unique_id": f"{device}_{name}", "qos": 1, "expire_after": expire, **sensor}
            for name, sensor in _sensors().items()
        }
        | dict(build_alert_components(city.id, topics, rules))
        | (build_warning_components(city.id, topics) if has_warnings else {}),
        "state_topic": topics.state(city.id),
        "availability": [{"topic": topics.status}, {"topic": topics.availability(city.id)}],
        "availability_mode": "all",
        "qos": 1,
    }


def _sensors() -> dict[str, dict[str, Any]]:
    sensors: dict[str, dict[str, Any]] = {}
    for key, (name, kind, unit, decimals) in _NUMBERS.items():
        sensors[key] = {
            "name": name,
            "state_class": _STATE_CLASSES.get(key, "measurement"),
            "unit_of_measurement": unit,
            "suggested_display_precision": decimals,
            **_value(key, kind),
        }
    for key, (name, kind) in _TEXTS.items():
        sensors[key] = {"name": name, **_value(key, kind)}
    sensors["quality"] = {
        "name": "Quality",
        "entity_category": "diagnostic",
        "value_template": _QUALITY_TEMPLATE,
    }
    return sensors


def _value(key: str, kind: str | None) -> dict[str, str]:
    return {"value_template": f"{{{{ value_json.{key} }}}}"} | ({"device_class": kind} if kind else {})
