"""Simulated responses have the shape of recorded ones: the same keys, JSON types and units."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.simulator.endpoints import ENDPOINTS
from weatherd.simulator.nws import endpoints as nws
from weatherd.simulator.open_meteo import forecast as open_meteo
from weatherd.simulator.open_meteo import geocoding
from weatherd.simulator.openweathermap import current as openweathermap
from weatherd.simulator.query import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 2, 5, 20, 17, tzinfo=UTC)


def shape_of(value: Any) -> Any:
    """Reduce JSON to its keys and types, and lists to the set of their items' shapes."""
    match value:
        case dict():
            return {key: shape_of(value[key]) for key in sorted(value)}
        case list():
            return {repr(shape_of(item)) for item in value}
        case bool() | None:
            return value
        case int() | float():
            return "number"
    return type(value).__name__


def query_for(recorded: dict[str, Any], *sections: str) -> dict[str, list[str]]:
    """Return the query for the same sections and variables as a recorded response."""
    asked = {name: [key for key in recorded[name] if key not in {"time", "interval"}] for name in sections}
    where = {"latitude": [str(recorded["latitude"])], "longitude": [str(recorded["longitude"])]}
    return asked | where | {"timezone": [recorded["timezone"]]}


def forecast(query: dict[str, list[str]]) -> Any:
    """Return a simulated response without its mark."""
    status, body = open_meteo.handle_forecast(query, NOW)
    assert status == 200, body
    for one in body if isinstance(body, list) else [body]:
        assert one.pop("simulated")
    return body


@pytest.mark.parametrize(
    "name",
    [
        "current_clear_night_code0_austria",
        "current_dense_drizzle_code55_tromso_coast_gusts",
        "current_overcast_minus7_kazakhstan",
        "current_partly_cloudy_code2_india",
    ],
)
def test_forecast(name: str, recording: Callable[[str], Any]) -> None:
    """Current, hourly and daily values have the recorded keys, types and units, in the same order."""
    real = recording(f"open-meteo/{name}.json")
    response = forecast(query_for(real, "current", "hourly", "daily"))
    assert shape_of(response) == shape_of(real)
    assert list(response) == list(real)
    for section in ("current_units", "hourly_units", "daily_units"):
        assert response[section] == real[section]
    assert response["timezone_abbreviation"] == real["timezone_abbreviation"]


def test_minutely(recording: Callable[[str], Any]) -> None:
    """Values for each quarter of an hour have the recorded shape."""
    real = recording("open-meteo/forecast_minutely_15.json")
    assert shape_of(forecast(query_for(real, "minutely_15"))) == shape_of(real)


def test_without_variables(recording: Callable[[str], Any]) -> None:
    """Without requested variables, the response has only the common fields."""
    real = recording("open-meteo/forecast_no_current_minimal.json")
    assert shape_of(forecast(query_for(real))) == shape_of(real)


def test_several_places(recording: Callable[[str], Any]) -> None:
    """The list has objects with an id from the second on."""
    real = recording("open-meteo/multilocation_two_daily_location_id.json")
    queries = [query_for(one, "daily") for one in real]
    both = {name: queries[0][name] + queries[1][name] for name in ("latitude", "longitude")}
    response = forecast(queries[0] | both | {"forecast_days": ["1"]})
    assert [shape_of(one) for one in response] == [shape_of(one) for one in real]


def test_geocoding(recording: Callable[[str], Any]) -> None:
    """A place has only keys and types of the recorded one; missing keys are optional."""
    real, (status, body) = (
        recording("open-meteo/geocoding_enschede.json"),
        geocoding.handle_search({"name": ["Enschede"]}),
    )
    assert status == 200
    assert shape_of(body["results"][0]).items() <= shape_of(real["results"][0]).items()
    nothing = geocoding.handle_search({"name": ["Atlantis"]})[1]
    assert shape_of(nothing) == shape_of(recording("open-meteo/geocoding_empty.json"))


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("error_400_latitude_out_of_range.json", {"latitude": ["999"], "longitude": ["1"]}),
        (
            "sourceform_error_400_too_many_locations.json",
            {"latitude": ["1"] * 1001, "longitude": ["1"] * 1001},
        ),
    ],
)
def test_rejected_requests(name: str, query: dict[str, list[str]], recording: Callable[[str], Any]) -> None:
    """Error responses equal the recorded ones."""
    assert open_meteo.handle_forecast(query, NOW) == (400, recording(f"open-meteo/{name}"))


def test_rejected_geocoding_requests(recording: Callable[[str], Any]) -> None:
    """Error responses of the geocoding equal the recorded ones."""
    count = geocoding.handle_search({"name": ["Berlin"], "count": ["0"]})
    assert count == (400, recording("open-meteo/docexample_geocoding_error_400.json"))
    assert geocoding.handle_get({"id": ["1"]}) == (400, recording("open-meteo/error_400_location_id_not_found.json"))


@pytest.mark.parametrize(
    "name",
    [
        "docexample_current_zocca",
        "owmphp_current_lisbon_scattered_clouds_day",
        "vcr_london_light_rain_night_1h",
        "vcr_london_moderate_rain_day_lat_lon",
        "telegraf_snow_1h",
    ],
)
def test_current_weather(name: str, recording: Callable[[str], Any]) -> None:
    """OpenWeatherMap's responses have each recorded field with the recorded type."""
    real = recording(f"openweathermap/{name}.json")
    real["sys"].pop("message", None)  # of before 2019
    seen = _response_with({"rain", "snow"} & set(real))
    for key, value in shape_of(real).items():
        if isinstance(value, dict):
            assert value.items() <= shape_of(seen)[key].items(), key
        else:
            assert shape_of(seen)[key] == value, key


def _response_with(falls: set[str]) -> Any:
    for lat in range(45, 70):
        query = {"lat": [str(lat)], "lon": ["10.1"], "appid": ["key"]}
        body = openweathermap.handle_weather(query, NOW)[1]
        named = openweathermap.handle_weather({"q": ["Kiel"], "appid": ["key"]}, NOW)[1]
        if {"rain", "snow"} & set(body) == falls:
            return body | {"sys": named["sys"]}
    raise AssertionError(falls)


@pytest.mark.parametrize(
    ("name", "kind", "path"),
    [
        ("open-meteo/error_429_minutely.json", "429", "/v1/forecast"),
        ("openweathermap/issue_error_429_account_blocked.json", "429", "/data/2.5/weather"),
        ("openweathermap/vcr_error_401_invalid_key.json", "401", "/data/2.5/weather"),
    ],
)
def test_fault_bodies(name: str, kind: str, path: str, recording: Callable[[str], Any]) -> None:
    """The bodies of faults equal the recorded ones."""
    endpoint = next(endpoint for endpoint in ENDPOINTS if endpoint.path == path)
    assert endpoint.error_responses[kind] == (int(kind), recording(name))


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("owmphp_error_400_wrong_latitude.json", {"lat": ["91"], "lon": ["1"], "appid": ["key"]}),
        ("vcr_error_401_invalid_key.json", {"lat": ["9"], "lon": ["1"], "appid": ["invalid"]}),
    ],
)
def test_rejected_weather_requests(name: str, query: dict[str, list[str]], recording: Callable[[str], Any]) -> None:
    """OpenWeatherMap's error responses equal the recorded ones."""
    real = recording(f"openweathermap/{name}")
    assert openweathermap.handle_weather(query, NOW) == (int(real["cod"]), real)


def test_nws_features(recording: Callable[[str], Any]) -> None:
    """A point, a station and an observation of the NWS have each recorded field with the recorded type."""

    def handle(handler: Callable[..., Any], **path: str) -> Any:
        return handler(ServiceRequest({}, path, {"User-Agent": "test"}, "http://localhost"), NOW).body

    point = handle(nws.handle_point, point="30,-85")
    grid = point["properties"]
    stations = handle(nws.handle_stations, x=str(grid["gridX"]), y=str(grid["gridY"]))
    name = stations["features"][0]["properties"]["stationIdentifier"]
    recorded_stations = recording("nws/pynws_gridpoints_stations.json")
    assert stations["observationStations"] == [feature["id"] for feature in stations["features"]]
    for real, seen in (
        (recording("nws/pynws_points.json"), point),
        (recorded_stations["features"][0], stations["features"][0]),
    ):
        real.pop("@context", None)
        assert_has_fields(real, seen)
    real = recording("nws/pynws_stations_observations_latest.json")
    latest = handle(nws.handle_latest_observation, station=name)
    assert set(real) - {"@context"} <= set(latest)
    assert latest["id"] == latest["properties"]["@id"]


def assert_has_fields(real: Any, seen: Any) -> None:
    """Assert that *seen* has all keys of *real*, with values of the same types, at all levels."""
    if isinstance(real, dict):
        assert set(real) <= set(seen)
        for key, value in real.items():
            assert_has_fields(value, seen[key])
    else:
        assert shape_of(seen) == shape_of(real)
