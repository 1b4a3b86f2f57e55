"""The payload that announces a city, by the rules of Home Assistant's MQTT sensor."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.fakes import BERLIN, KIEL
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics, build_payload

TOPICS = Topics("weatherd", "homeassistant")
SENSORS = build_payload(KIEL, TOPICS, BUILT_IN_BUDGETS)["cmps"]
NUMBERS = {key: sensor for key, sensor in SENSORS.items() if "unit_of_measurement" in sensor}
# https://developers.home-assistant.io/docs/core/entity/sensor: a unit that does not fit its class loses the sensor
UNITS = {
    "temperature": {"°C", "°F", "K"},
    "humidity": {"%"},
    "atmospheric_pressure": {"hPa", "mbar", "kPa", "bar", "inHg", "mmHg", "psi", "Pa", "cbar"},
    "wind_speed": {"m/s", "km/h", "mph", "kn", "ft/s", "Beaufort"},
    "wind_direction": {"°"},
    "precipitation": {"mm", "cm", "in"},
    "distance": {"m", "km", "cm", "mm", "mi", "yd", "ft", "in", "nmi"},
    None: {"%"},
}
# https://www.home-assistant.io/integrations/sensor.mqtt/: an unknown key of a component is lost without a message
KEYS = {"p", "unique_id", "qos", "expire_after", "name", "value_template"}
NUMBER_KEYS = KEYS | {"state_class", "unit_of_measurement", "suggested_display_precision"}


def test_a_direction_is_averaged_as_an_angle() -> None:
    """The mean of 350 and 10 degrees is 0 and not 180: the class of the state is that of an angle."""
    sensor = SENSORS["wind_direction"]
    assert (sensor["device_class"], sensor["state_class"], sensor["unit_of_measurement"]) == (
        "wind_direction",
        "measurement_angle",
        "°",
    )
    assert {sensor["state_class"] for key, sensor in NUMBERS.items() if key != "wind_direction"} == {"measurement"}


def test_every_number_has_a_precision() -> None:
    """Home Assistant would otherwise show 0.4 mm of rain as 0 mm, and a visibility as 24140.00 m."""
    assert {key: sensor["suggested_display_precision"] for key, sensor in NUMBERS.items()} == {
        "temperature": 1,
        "apparent_temperature": 1,
        "relative_humidity": 0,
        "pressure_msl": 1,
        "wind_speed": 1,
        "wind_direction": 0,
        "wind_gust": 1,
        "precipitation": 1,
        "cloud_cover": 0,
        "visibility": 0,
    }


@pytest.mark.parametrize("key", SENSORS)
def test_every_component_is_valid_alone(key: str) -> None:
    """Each has a platform, an id, known keys and a unit that fits: one invalid component loses the whole city."""
    sensor = SENSORS[key]
    assert key in FIELDS
    assert (sensor["p"], sensor["unique_id"]) == ("sensor", f"weatherd_kiel_{key}")
    if key == "quality":  # a state has up to 255 characters, and a retained one of an earlier version has no quality
        assert sensor["value_template"] == "{{ (value_json.quality | default('ok'))[:255] }}"
        assert sensor["entity_category"] == "diagnostic"
    else:
        assert sensor["value_template"] == f"{{{{ value_json.{key} }}}}"
    assert sensor.keys() - {"device_class", "entity_category"} == (NUMBER_KEYS if key in NUMBERS else KEYS)
    if key in NUMBERS:
        assert sensor["unit_of_measurement"] in UNITS[sensor.get("device_class")]
    else:
        assert sensor.get("device_class") in (None, "timestamp")


def test_the_device_and_the_origin_have_known_keys() -> None:
    """A device without identifiers, or an unknown key in the device or the origin, loses the whole city."""
    payload = build_payload(KIEL, TOPICS, BUILT_IN_BUDGETS)
    assert json.loads(json.dumps(payload)) == payload
    assert payload.keys() == {"dev", "o", "cmps", "state_topic", "availability", "availability_mode", "qos"}
    assert payload["dev"].keys() == {"ids", "name", "mf", "mdl"}
    assert payload["o"].keys() == {"name", "sw"}
    assert payload["dev"]["ids"] == ["weatherd_kiel"]


def test_no_id_is_in_two_devices() -> None:
    """Cities of any name, and a city in two topic trees, have ids of their own; a new name keeps them."""
    payloads = [
        build_payload(city, Topics(prefix, "homeassistant"), BUILT_IN_BUDGETS)
        for prefix in ("weatherd", "home")
        for city in (KIEL, BERLIN)
    ]
    ids = [sensor["unique_id"] for payload in payloads for sensor in payload["cmps"].values()]
    assert len(set(ids)) == len(ids)
    renamed = build_payload(replace(KIEL, name="Kiel-Mitte"), TOPICS, BUILT_IN_BUDGETS)
    assert renamed["dev"]["ids"] == payloads[0]["dev"]["ids"]
    assert renamed["cmps"] == payloads[0]["cmps"]
