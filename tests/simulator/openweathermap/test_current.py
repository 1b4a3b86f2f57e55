"""The simulated current weather 2.5 follows OpenWeatherMap's documentation."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.simulator.openweathermap.conditions import weather_condition
from weatherd.simulator.openweathermap.current import handle_weather
from weatherd.simulator.sky.weather import weather_at

NOW = datetime(2026, 8, 21, 12, 7, 30, tzinfo=UTC)
KIEL = {"lat": ["54.32"], "lon": ["10.13"], "appid": ["key"]}


def fetch_at(now: datetime, /, **query: list[str]) -> Any:
    """Return the body of a successful response at a time."""
    status, body = handle_weather(KIEL | query, now)
    assert status == 200, body
    return body


def fetch(**query: list[str]) -> Any:
    """Return the body of a successful response."""
    return fetch_at(NOW, **query)


def test_response_has_every_field() -> None:
    """A normal response has all optional fields, and is marked as simulated."""
    body = fetch()
    assert set(body) - {"rain", "snow"} == {
        *("coord", "weather", "base", "main", "visibility", "wind", "clouds", "dt", "sys", "timezone", "id"),
        *("name", "cod"),
    }
    assert set(body["main"]) == {
        *("temp", "feels_like", "temp_min", "temp_max", "pressure", "humidity", "sea_level", "grnd_level"),
    }
    assert set(body["wind"]) == {"speed", "deg", "gust"}
    assert (body["base"], body["cod"]) == ("simulated", 200)
    assert (body["coord"], body["name"], body["id"]) == ({"lon": 10.13, "lat": 54.32}, "Kiel", 2891122)
    assert (body["timezone"], body["sys"]["country"]) == (7200, "DE")
    assert body["sys"]["sunrise"] < body["dt"] < body["sys"]["sunset"]


def test_updates_every_ten_minutes() -> None:
    """``dt`` is the time of the last update, about ten minutes after the one before; the values are those of ``dt``."""
    bodies = [fetch_at(NOW + timedelta(seconds=10 * n), units=["metric"]) for n in range(360)]
    for body in bodies:
        assert body["main"]["temp"] == round(weather_at(54.32, 10.13, body["dt"]).temperature, 2)
    times = sorted({body["dt"] for body in bodies})
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) in (6, 7)
    assert all(500 <= step <= 700 for step in steps)
    assert len(set(steps)) > 1


def test_units() -> None:
    """The default is kelvin; metric means °C, imperial °F and miles per hour."""
    kelvin, metric, imperial = fetch(), fetch(units=["metric"]), fetch(units=["imperial"])
    assert kelvin["main"]["temp"] == pytest.approx(metric["main"]["temp"] + 273.15, abs=0.02)
    assert imperial["main"]["temp"] == pytest.approx(metric["main"]["temp"] * 1.8 + 32, abs=0.02)
    assert kelvin["wind"] == metric["wind"]
    assert imperial["wind"]["speed"] == pytest.approx(metric["wind"]["speed"] * 2.2369, abs=0.02)
    assert fetch(units=["parsec"]) == kelvin


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 2_000_000_000))
def test_rain_and_snow_match_the_condition(lat: float, lon: float, at: int) -> None:
    """The condition is consistent with rain, snow and clouds, anywhere and at any time."""
    body = fetch_at(datetime.fromtimestamp(at, UTC), lat=[str(lat)], lon=[str(lon)])
    group = body["weather"][0]["id"] // 100
    assert ("rain" in body) == (group in {2, 3, 5})
    assert ("snow" in body) == (group == 6)
    assert all(set(body[name]) == {"1h"} for name in {"rain", "snow"} & set(body))
    clouds = {800: (0, 11), 801: (11, 25), 802: (25, 50), 803: (51, 84), 804: (85, 100)}
    low, high = clouds.get(body["weather"][0]["id"], (0, 100))
    assert low <= body["clouds"]["all"] <= high
    assert body["visibility"] <= 10_000


@pytest.mark.parametrize(
    ("code", "cover", "expected"),
    [
        (0, 0, (800, "Clear", "clear sky", "01d")),
        (2, 40, (802, "Clouds", "scattered clouds", "03d")),
        (2, 60, (803, "Clouds", "broken clouds", "04d")),
        (3, 100, (804, "Clouds", "overcast clouds", "04d")),
        (63, 100, (501, "Rain", "moderate rain", "10d")),
        (67, 100, (511, "Rain", "freezing rain", "13d")),
        (95, 80, (211, "Thunderstorm", "thunderstorm", "11d")),
    ],
)
def test_conditions(code: int, cover: float, expected: tuple[int, str, str, str]) -> None:
    """Each WMO code has the documented condition."""
    assert tuple(weather_condition(code, cover, is_day=True).values()) == expected


def test_night_icons() -> None:
    """The icon ends in n at night."""
    assert weather_condition(0, 0, is_day=False)["icon"] == "01n"


def test_keys() -> None:
    """Any key is accepted, under either name; a missing one, or one that begins with ``invalid``, is rejected."""
    rejection = {
        "cod": 401,
        "message": "Invalid API key. Please see http://openweathermap.org/faq#error401 for more info.",
    }
    assert handle_weather({"lat": ["1"], "lon": ["2"], "APPID": ["k"]}, NOW)[0] == 200
    assert handle_weather({"lat": ["1"], "lon": ["2"]}, NOW) == (401, rejection)
    assert handle_weather(KIEL | {"appid": ["invalid-1"]}, NOW) == (401, rejection)


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"lat": ["91"]}, 400, "wrong latitude"),
        ({"lat": ["north"]}, 400, "wrong latitude"),
        ({"lat": ["nan"]}, 400, "wrong latitude"),
        ({"lon": ["-180.1"]}, 400, "wrong longitude"),
        ({"lon": []}, 400, "wrong longitude"),
        ({"lat": [], "lon": []}, 400, "Nothing to geocode"),
        ({"lat": [], "lon": [], "q": ["Atlantis"]}, 404, "city not found"),
        ({"lat": [], "lon": [], "id": ["1"]}, 404, "city not found"),
    ],
)
def test_rejected_requests(query: dict[str, list[str]], status: int, message: str) -> None:
    """An invalid request is rejected with the service's message, with ``cod`` as a string."""
    assert handle_weather(KIEL | query, NOW) == (status, {"cod": str(status), "message": message})


@pytest.mark.parametrize(
    ("name", "place_id"),
    [("London", 2643743), ("London,GB", 2643743), ("London,CA", 6058560), ("paris,tx,us", 4717560)],
)
def test_places_by_name(name: str, place_id: int) -> None:
    """Places can be requested by name and country, and by id."""
    named = {"appid": ["key"], "q": [name]}
    status, body = handle_weather(named, NOW)
    assert (status, body["id"]) == (200, place_id)
    assert handle_weather({"appid": ["key"], "id": [str(place_id)]}, NOW) == (200, body)


def test_at_sea() -> None:
    """Far from any place, the response has neither name nor country."""
    body = fetch(lat=["-40"], lon=["-120"])
    assert (body["name"], body["id"], body["timezone"]) == ("", 0, -8 * 3600)
    assert "country" not in body["sys"]


def test_other_modes_are_rejected() -> None:
    """The modes XML and HTML are rejected by name, and never sent as JSON."""
    status, body = handle_weather(KIEL | {"mode": ["xml"]}, NOW)
    assert status == 400
    assert "xml" in body["message"]
