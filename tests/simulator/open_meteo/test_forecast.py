"""The simulated forecast endpoint follows Open-Meteo's documentation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.open_meteo.requests import NOW, TWO_PLACES, fetch, fetch_at
from weatherd.simulator.open_meteo.units import parse_units
from weatherd.simulator.sky.clock import WeatherClock
from weatherd.simulator.sky.weather import weather_at


def test_one_place_is_an_object() -> None:
    """One location returns an object with the common fields, marked as simulated."""
    body = fetch()
    assert body["simulated"] is True
    assert set(body) == {
        *("simulated", "latitude", "longitude", "generationtime_ms", "utc_offset_seconds", "timezone"),
        *("timezone_abbreviation", "elevation"),
    }
    assert (body["timezone"], body["timezone_abbreviation"], body["utc_offset_seconds"]) == ("GMT", "GMT", 0)


@pytest.mark.parametrize(
    ("lats", "lons"), [(["54.32,48.14"], ["10.13,11.58"]), (["54.32", "48.14"], ["10.13", "11.58"])]
)
def test_several_places_are_a_list(lats: list[str], lons: list[str]) -> None:
    """Several locations, comma-separated or repeated, return a list in the same order; ids begin with the second."""
    first, second = fetch(latitude=lats, longitude=lons, current=["temperature_2m"])
    assert "location_id" not in first
    assert second["location_id"] == 1
    assert first["latitude"] == pytest.approx(54.32, abs=0.02)
    assert second["latitude"] == pytest.approx(48.14, abs=0.02)
    assert first["current"] != second["current"]


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_grid_cell(lat: float, lon: float) -> None:
    """The coordinates in the response are those of a grid cell near the location, and valid."""
    body = fetch(latitude=[str(lat)], longitude=[str(lon)])
    assert abs(body["latitude"] - lat) <= 0.011
    assert abs(body["longitude"] - lon) <= 0.011
    assert abs(body["latitude"]) <= 90
    assert abs(body["longitude"]) <= 180


def test_current() -> None:
    """``current`` has the variables of comma-separated and repeated parameters, at the last quarter of an hour."""
    body = fetch(current=["temperature_2m,weather_code", "wind_speed_10m"])
    assert list(body["current"]) == ["time", "interval", "temperature_2m", "weather_code", "wind_speed_10m"]
    assert body["current"]["time"] == "2026-08-21T12:00"
    assert body["current"]["interval"] == 900
    assert body["current_units"] == {
        "time": "iso8601",
        "interval": "seconds",
        "temperature_2m": "°C",
        "weather_code": "wmo code",
        "wind_speed_10m": "km/h",
    }


def test_current_is_the_weather_of_its_time() -> None:
    """The values are those of ``time``, so they stay the same until the next update."""
    weather = weather_at(54.32, 10.13, datetime(2026, 8, 21, 12, tzinfo=UTC).timestamp())
    names = "temperature_2m,relative_humidity_2m,precipitation,snowfall,wind_speed_10m,pressure_msl,is_day"
    current = fetch(current=[names], wind_speed_unit=["ms"])["current"]
    assert current["temperature_2m"] == round(weather.temperature, 1)
    assert current["relative_humidity_2m"] == round(weather.relative_humidity)
    assert current["precipitation"] == round(weather.precipitation.total / 4, 2)
    assert current["wind_speed_10m"] == round(weather.wind_speed, 2)
    assert current["pressure_msl"] == round(weather.pressure_msl, 1)
    assert current["is_day"] == 1
    later = NOW + timedelta(minutes=7)
    assert fetch_at(later, WeatherClock(), current=[names], wind_speed_unit=["ms"])["current"] == current


def test_sums_are_of_the_interval() -> None:
    """Precipitation is the sum of the interval (15 minutes or an hour), and not a rate."""
    sums = ["precipitation,rain,showers,snowfall"]
    kinds = set()
    for lat in range(-80, 80, 4):
        fall = weather_at(lat, 10, datetime(2026, 8, 21, 12, tzinfo=UTC).timestamp()).precipitation
        rates = [fall.total, fall.rain, fall.showers, fall.snowfall]
        body = fetch(latitude=[str(lat)], longitude=["10"], current=sums, hourly=sums, forecast_days=["1"])
        assert list(body["current"].values())[2:] == [round(rate / 4, 2) for rate in rates]
        assert [body["hourly"][name][12] for name in sums[0].split(",")] == [round(rate, 2) for rate in rates]
        kinds |= {index for index, rate in enumerate(rates) if rate}
    assert kinds == {0, 1, 2, 3}


def test_accelerated_clock() -> None:
    """With an accelerated clock the values run ahead, while timestamps stay real."""
    clock = WeatherClock(NOW.timestamp() - 60, 600)
    slow, fast = fetch(current=["temperature_2m"]), fetch_at(NOW, clock, current=["temperature_2m"])
    assert slow["current"]["time"] == fast["current"]["time"]
    later = weather_at(54.32, 10.13, clock.latest_update(NOW.timestamp(), 900))
    assert fast["current"]["temperature_2m"] == round(later.temperature, 1)
    assert fast["current"] != slow["current"]


@pytest.mark.parametrize("spelling", ["true", "True"])
def test_legacy_current_weather(spelling: str) -> None:
    """The section used before 2023 has its own names of variables, and its own parameter for the wind unit."""
    body = fetch(current_weather=[spelling], windspeed_unit=["ms"])
    assert list(body["current_weather"]) == [
        *("time", "interval", "temperature", "windspeed", "winddirection", "is_day", "weathercode"),
    ]
    assert body["current_weather_units"]["windspeed"] == "m/s"


@pytest.mark.parametrize(
    ("parameter", "value", "variable", "symbol"),
    [
        ("temperature_unit", "fahrenheit", "temperature_2m", "°F"),
        ("wind_speed_unit", "mph", "wind_speed_10m", "mp/h"),
        ("wind_speed_unit", "kn", "wind_gusts_10m", "kn"),
        ("precipitation_unit", "inch", "snowfall", "inch"),
        ("precipitation_unit", "inch", "visibility", "ft"),
    ],
)
def test_units(parameter: str, value: str, variable: str, symbol: str) -> None:
    """The requested units are used, with the service's symbols."""
    body = fetch(current=[variable], **{parameter: [value]})
    assert body["current_units"][variable] == symbol


def test_conversions() -> None:
    """Values are converted to the requested units."""
    imperial = parse_units({"temperature_unit": ["fahrenheit"], "precipitation_unit": ["inch"]})
    assert imperial["temperature"].convert(-40) == -40
    assert imperial["water"].convert(25.4) == 1
    assert imperial["snow"].convert(2.54) == 1
    assert parse_units({})["speed"].convert(10) == 36
    assert parse_units({"wind_speed_unit": ["mph"]})["speed"].convert(10) == 22.4
    assert parse_units({"wind_speed_unit": ["kn"]})["speed"].convert(10) == 19.4


def test_known_but_not_simulated() -> None:
    """A variable that the service has but the simulator has not is null, with the unit ``undefined``."""
    body = fetch(current=["cape"], hourly=["soil_temperature_6cm"], daily=["uv_index_max"], forecast_days=["1"])
    assert body["current"]["cape"] is None
    assert body["current_units"]["cape"] == "undefined"
    assert body["hourly"]["soil_temperature_6cm"] == [None] * 24
    assert (body["daily"]["uv_index_max"], body["daily_units"]["uv_index_max"]) == ([None], "undefined")


def test_defaults_may_be_sent() -> None:
    """Sending every default explicitly, as some clients do, does not change the response."""
    defaults = "tilt=0 azimuth=0 past_days=0 forecast_days=7 models=best_match cell_selection=land format=json "
    defaults += "timezone=GMT timeformat=iso8601 temperature_unit=celsius wind_speed_unit=kmh apikey= "
    defaults += "precipitation_unit=mm current_weather=false start_date="
    sent = {name: [value] for name, _, value in (pair.partition("=") for pair in defaults.split())}
    assert fetch(current=["rain"], **sent) == fetch(current=["rain"])


def test_elevation() -> None:
    """A requested elevation is returned, and ``nan`` omits it."""
    assert fetch(elevation=["12"])["elevation"] == 12
    assert "elevation" not in fetch(elevation=["nan"])
    assert [body.get("elevation") for body in fetch(**TWO_PLACES, elevation=["nan", "3"])] == [None, 3]


def test_a_thousand_places() -> None:
    """A thousand locations return a thousand objects."""
    bodies = fetch(latitude=["54.32"] * 1000, longitude=["10.13"] * 1000, timezone=["GMT"])
    assert [body.get("location_id", 0) for body in bodies] == list(range(1000))
