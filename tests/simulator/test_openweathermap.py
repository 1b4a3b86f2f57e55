"""Current weather 2.5 keeps OpenWeatherMap's documented rules."""

from __future__ import annotations

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


def ask_at(now: datetime, /, **query: list[str]) -> Any:
    """Return the body of a good answer at some time."""
    status, body = handle_weather(KIEL | query, now)
    assert status == 200, body
    return body


def ask(**query: list[str]) -> Any:
    """Return the body of a good answer."""
    return ask_at(NOW, **query)


def test_a_normal_answer_has_every_field() -> None:
    """Whatever may be missing in odd answers is there in a normal one, which says that it is simulated."""
    body = ask()
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


def test_time_moves_in_steps_of_ten_minutes() -> None:
    """``dt`` is the last step, and the values are those of that time."""
    step = datetime(2026, 8, 21, 12, tzinfo=UTC)
    body = ask(units=["metric"])
    assert body["dt"] == step.timestamp()
    assert body["main"]["temp"] == round(weather_at(54.32, 10.13, step.timestamp()).temperature, 2)
    assert ask_at(NOW + timedelta(minutes=2), units=["metric"]) == body


def test_units() -> None:
    """Kelvin without ``units``, °C with metric, °F and miles an hour with imperial."""
    kelvin, metric, imperial = ask(), ask(units=["metric"]), ask(units=["imperial"])
    assert kelvin["main"]["temp"] == pytest.approx(metric["main"]["temp"] + 273.15, abs=0.02)
    assert imperial["main"]["temp"] == pytest.approx(metric["main"]["temp"] * 1.8 + 32, abs=0.02)
    assert kelvin["wind"] == metric["wind"]
    assert imperial["wind"]["speed"] == pytest.approx(metric["wind"]["speed"] * 2.2369, abs=0.02)
    assert ask(units=["parsec"]) == kelvin


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(0, 2_000_000_000))
def test_rain_and_snow_only_when_they_fall(lat: float, lon: float, at: int) -> None:
    """The condition agrees with rain, snow and clouds, anywhere and at any time."""
    body = ask_at(datetime.fromtimestamp(at, UTC), lat=[str(lat)], lon=[str(lon)])
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
    """Each WMO code has its condition with the documented words."""
    assert tuple(weather_condition(code, cover, is_day=True).values()) == expected


def test_icons_know_the_night() -> None:
    """The icon ends in d by day and in n by night."""
    assert weather_condition(0, 0, is_day=False)["icon"] == "01n"


def test_keys() -> None:
    """Any key will do, under either name; none, or one that begins with ``invalid``, is refused."""
    refusal = {
        "cod": 401,
        "message": "Invalid API key. Please see http://openweathermap.org/faq#error401 for more info.",
    }
    assert handle_weather({"lat": ["1"], "lon": ["2"], "APPID": ["k"]}, NOW)[0] == 200
    assert handle_weather({"lat": ["1"], "lon": ["2"]}, NOW) == (401, refusal)
    assert handle_weather(KIEL | {"appid": ["invalid-1"]}, NOW) == (401, refusal)


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
def test_refusals(query: dict[str, list[str]], status: int, message: str) -> None:
    """What is wrong is refused in the service's words, with ``cod`` as a string."""
    assert handle_weather(KIEL | query, NOW) == (status, {"cod": str(status), "message": message})


@pytest.mark.parametrize(
    ("name", "place_id"),
    [("London", 2643743), ("London,GB", 2643743), ("London,CA", 6058560), ("paris,tx,us", 4717560)],
)
def test_places_by_name(name: str, place_id: int) -> None:
    """The old ways to name a place still work: by name and country, and by id."""
    named = {"appid": ["key"], "q": [name]}
    status, body = handle_weather(named, NOW)
    assert (status, body["id"]) == (200, place_id)
    assert handle_weather({"appid": ["key"], "id": [str(place_id)]}, NOW) == (200, body)


def test_at_sea() -> None:
    """Far from any place an answer has neither name nor country."""
    body = ask(lat=["-40"], lon=["-120"])
    assert (body["name"], body["id"], body["timezone"]) == ("", 0, -8 * 3600)
    assert "country" not in body["sys"]


def test_other_modes_are_refused() -> None:
    """XML and HTML are named and refused, never answered with JSON weather."""
    status, body = handle_weather(KIEL | {"mode": ["xml"]}, NOW)
    assert status == 400
    assert "xml" in body["message"]
