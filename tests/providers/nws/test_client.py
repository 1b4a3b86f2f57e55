"""The National Weather Service: constructed observations, value by value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.providers.nws.client import parse_nws

if TYPE_CHECKING:
    from weatherd.observation import Observation


def quantity(value: Any, unit: str, quality: Any = "V") -> dict[str, Any]:
    """Return a value with its unit, as the service sends it."""
    return {"unitCode": f"wmoUnit:{unit}", "value": value, "qualityControl": quality}


PROPERTIES: dict[str, Any] = {
    "station": "https://api.weather.gov/stations/KXYZ",
    "timestamp": "2025-12-31T18:53:00-06:00",
    "textDescription": "Light Snow",
    "icon": "https://api.weather.gov/icons/land/night/snow?size=medium",
    "presentWeather": [{"intensity": "light", "modifier": None, "weather": "snow", "rawString": "-SN"}],
    "temperature": quantity(-3, "degC"),
    "windDirection": quantity(350, "degree_(angle)"),
    "windSpeed": quantity(18, "km_h-1"),
    "windGust": quantity(36, "km_h-1"),
    "barometricPressure": quantity(96100, "Pa"),
    "seaLevelPressure": quantity(100250, "Pa"),
    "visibility": quantity(800, "m", "C"),
    "precipitationLastHour": quantity(0.4, "mm", "C"),
    "relativeHumidity": quantity(81.25, "percent"),
    "windChill": quantity(-7.5, "degC"),
    "heatIndex": quantity(None, "degC"),
    "cloudLayers": [{"base": quantity(300, "m"), "amount": "OVC"}],
}
FIELDS = {
    "windChill": "apparent_temperature",
    "relativeHumidity": "relative_humidity",
    "seaLevelPressure": "pressure_msl",
    "windSpeed": "wind_speed",
    "windDirection": "wind_direction",
    "windGust": "wind_gust",
    "precipitationLastHour": "precipitation",
    "visibility": "visibility",
}
NO_UNITS: list[Any] = [None, "", "wmoUnit:furlong", 7, [], {}]
NO_NUMBERS: list[Any] = [None, "", "M", "nan", "inf", "1e999", True, [], {}, 1e11, -1e11, 10**300]
NO_STATIONS: list[Any] = [None, ..., 5, "", [], "\x00", "/"]
NO_QUANTITY: list[Any] = [
    *(None, ..., 5, "5", [], {}, {"value": 5}, {"unitCode": "wmoUnit:m"}),
    *({"unitCode": unit, "value": 5} for unit in NO_UNITS),
    *(quantity(value, "m") for value in NO_NUMBERS),
    *(quantity(5, "percent", quality) for quality in ("X", "Q", "qc:X", "qc:Q", "https://x/qc:X")),
]


def parse(document: Any, status: int = 200) -> Observation:
    """Parse a document as the body of a response."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_nws(KIEL, Response(status, body), EPOCH)


def parse_one(**values: Any) -> Observation:
    """Parse the usual observation with other *values*; Ellipsis removes one."""
    return parse({"properties": {name: value for name, value in (PROPERTIES | values).items() if value is not ...}})


def test_each_value_is_parsed() -> None:
    """Each value is in its field, in weatherd's units; there is no cloud cover in %."""
    found = parse_one()
    assert (found.city, found.provider, found.station) == (KIEL.id, "nws", "KXYZ")
    assert (found.observed_at, found.fetched_at) == (datetime(2026, 1, 1, 0, 53, tzinfo=UTC), EPOCH)
    assert (found.temperature, found.apparent_temperature, found.relative_humidity) == (-3, -7.5, 81.25)
    assert (found.pressure_msl, found.precipitation, found.cloud_cover, found.visibility) == (1002.5, 0.4, None, 800)
    assert (found.wind_speed, found.wind_direction, found.wind_gust) == (5, 350, 10)
    assert (found.code, found.description) == (71, "Light Snow")


@pytest.mark.parametrize(
    ("name", "unit", "value", "expected"),
    [
        *(("temperature", unit, value, 5) for unit, value in (("degC", 5), ("degF", 41), ("K", 278.15))),
        ("windSpeed", "km_h-1", 36, 10),
        ("windSpeed", "m_s-1", 10, 10),
        *(("windSpeed", unit, 9, 4.63) for unit in ("kt", "knots")),
        *(("seaLevelPressure", unit, value, 1013.25) for unit, value in (("Pa", 101325), ("hPa", 1013.25))),
        *(("precipitationLastHour", unit, value, 7.1) for unit, value in (("m", 0.0071000000000000004), ("mm", 7.1))),
        *(("visibility", unit, value, 1000) for unit, value in (("m", 1000), ("km", 1), ("mm", 1_000_000))),
        *(("visibility", unit, value, 1609.344) for unit, value in (("mi", 1), ("ft", 5280))),
        ("relativeHumidity", "percent", 88.436416127981786, 88.436416128),
    ],
)
@pytest.mark.parametrize("prefix", ["wmoUnit:", "unit:", "", "http://codes.wmo.int/common/unit:"])
def test_every_value_is_converted_from_its_unit(
    name: str, unit: str, value: float, expected: float, prefix: str
) -> None:
    """Values are converted from every unit, with any prefix; a number may be sent as text."""
    field = {"temperature": "temperature"} | FIELDS
    document = {"unitCode": prefix + unit, "value": value, "qualityControl": "V"}
    assert getattr(parse_one(**{name: document}), field[name]) == expected
    assert getattr(parse_one(**{name: document | {"value": str(value)}}), field[name]) == expected


@pytest.mark.parametrize(("name", "field"), FIELDS.items())
@pytest.mark.parametrize("value", NO_QUANTITY)
def test_other_values_are_optional(name: str, field: str, value: Any) -> None:
    """Null, missing, invalid, of unknown unit, rejected or questioned values are None, never 0; others are parsed."""
    found = parse_one(**{name: value})
    assert [field for field in FIELDS.values() if getattr(found, field) is None] == [field]


@pytest.mark.parametrize("quality", ["V", "C", "S", "Z", "G", "B", "T", "qc:V", "qc:Z", "", None, 5, ...])
def test_other_quality_marks_are_accepted(quality: Any) -> None:
    """Only rejected and questioned values are dropped; not every value has been checked."""
    document = {name: it for name, it in quantity(5, "degC", quality).items() if it is not ...}
    assert parse_one(temperature=document).temperature == 5


@pytest.mark.parametrize(
    ("direction", "speed", "expected"), [(0, 0, None), (0, 5, 0), (360, 5, 360), (250, 0, 250), (0, None, 0)]
)
def test_calm_air_has_no_direction(direction: float, speed: float | None, expected: float | None) -> None:
    """The METAR 00000KT is not wind from the north, which is 360°."""
    wind = {"windDirection": quantity(direction, "degree_(angle)"), "windSpeed": quantity(speed, "km_h-1")}
    assert parse_one(**wind).wind_direction == expected


def test_station_pressure_is_not_pressure_at_sea_level() -> None:
    """Denver's 840 hPa are not a cyclone."""
    assert parse_one(seaLevelPressure=quantity(None, "Pa")).pressure_msl is None


@pytest.mark.parametrize(
    ("chill", "heat", "expected"), [(-7, None, -7), (None, 35, 35), (None, None, None), (0, 35, 0)]
)
def test_apparent_temperature_is_wind_chill_or_heat_index(
    chill: float | None, heat: float | None, expected: float | None
) -> None:
    """At most one of them is known; 0 °C is a value; without either it is None."""
    assert (
        parse_one(windChill=quantity(chill, "degC"), heatIndex=quantity(heat, "degC")).apparent_temperature == expected
    )


@pytest.mark.parametrize(
    ("values", "station"),
    [
        ({"station": "https://api.weather.gov/stations/KXYZ/"}, "KXYZ"),
        ({"station": "KXYZ"}, "KXYZ"),
        ({"stationId": "KABC"}, "KABC"),
        ({"stationIdentifier": "KABC"}, "KABC"),
        *(({"station": value}, "") for value in NO_STATIONS),
    ],
)
def test_the_id_of_the_station(values: dict[str, Any], station: str) -> None:
    """The station is the id if it is sent, else the last part of the station's URL."""
    assert parse_one(**values).station == station


@pytest.mark.parametrize("value", NO_QUANTITY)
def test_without_a_temperature_there_is_no_observation(value: Any) -> None:
    """Without a possible temperature the station has no weather (EMPTY); the service is healthy."""
    with pytest.raises(ProviderError, match=r"^the response has (no|an impossible) temperature") as caught:
        parse_one(temperature=value)
    assert caught.value.failure is Failure.EMPTY


@pytest.mark.parametrize("value", [None, ..., "", "2026-01-01T00:53:00", 1767225600, True, [], {}])
def test_without_a_time_there_is_no_observation(value: Any) -> None:
    """A time without an offset is invalid."""
    with pytest.raises(ProviderError, match=r"^the response has no valid time of observation$"):
        parse_one(timestamp=value)


@pytest.mark.parametrize("document", [None, 5, [], {}, {"properties": []}, {"features": [{"properties": PROPERTIES}]}])
def test_documents_of_another_form(document: Any) -> None:
    """Anything but one observation is malformed."""
    with pytest.raises(ProviderError, match=r"^the response has no current weather$") as caught:
        parse(document)
    assert caught.value.failure is Failure.MALFORMED
