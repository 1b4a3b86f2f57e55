"""The National Weather Service's present weather: the description and the WMO code."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd import wmo
from weatherd.providers.nws.conditions import parse_description, parse_weather_code

# https://api.weather.gov/openapi.json, MetarPhenomenon
INTENSITIES = ["light", "heavy", None]
MODIFIERS = ["patches", "blowing", "low_drifting", "freezing", "shallow", "partial", "showers", None]
WEATHER = [
    *("fog_mist", "dust_storm", "dust", "drizzle", "funnel_cloud", "fog", "smoke", "hail", "snow_pellets", "haze"),
    *("ice_crystals", "ice_pellets", "dust_whirls", "spray", "rain", "sand", "snow_grains", "snow", "squalls"),
    *("sand_storm", "thunderstorms", "unknown", "volcanic_ash"),
]
NONSENSE: list[Any] = [None, "", 5, True, [], {}, [None], [5], [[]], [{}], [{"weather": None}], [{"amount": []}]]


def present(text: str) -> dict[str, Any]:
    """Return the present weather that *text* lists, such as ``light rain showers, vc thunderstorms``."""
    found = []
    for name in filter(None, text.split(", ")):
        parts = name.split()
        found.append(
            {
                "intensity": next((part for part in parts if part in INTENSITIES), None),
                "modifier": next((part for part in parts if part in MODIFIERS), None),
                "weather": next(part for part in parts if part in WEATHER),
                "inVicinity": "vc" in parts,
            }
        )
    return {"presentWeather": found}


def clouds(*amounts: str) -> dict[str, Any]:
    """Return cloud layers."""
    return {"cloudLayers": [{"base": {"value": 300}, "amount": amount} for amount in amounts]}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("light rain", 61), ("rain", 63), ("heavy rain", 65)),
        *(("light rain showers", 80), ("rain showers", 81), ("heavy rain showers", 82)),
        *(("light rain freezing", 66), ("rain freezing", 67), ("heavy rain freezing", 67)),
        *(("light drizzle", 51), ("drizzle", 53), ("heavy drizzle", 55)),
        *(("light drizzle freezing", 56), ("drizzle freezing", 57), ("heavy drizzle freezing", 57)),
        *(("light snow", 71), ("snow", 73), ("heavy snow", 75)),
        *(("light snow showers", 85), ("snow showers", 86), ("heavy snow showers", 86)),
        *(("blowing snow", None), ("low_drifting snow", None)),
        *(("fog", 45), ("freezing fog", 45), ("fog_mist", 10), ("haze", 5), ("smoke", 4), ("volcanic_ash", 4)),
        *(("dust", 6), ("dust_whirls", 8), ("dust_storm", 7), ("sand_storm", 7), ("blowing sand", 7)),
        *(("squalls", 18), ("funnel_cloud", 19), ("ice_pellets", 68), ("snow_grains", 77)),
        *((text, None) for text in ("hail", "snow_pellets", "ice_crystals", "spray", "unknown")),
        ("heavy rain, fog_mist", 65),
        ("hail, light rain", 61),
        *(("thunderstorms", 95), ("rain, fog_mist, thunderstorms", 95)),
        *(("vc thunderstorms", 3), ("vc rain showers", 3), ("vc thunderstorms, light rain", 61)),
    ],
)
def test_the_code_of_present_weather(text: str, code: int | None) -> None:
    """A thunderstorm counts first, then the first weather with a code; clouds only if there is no weather."""
    assert parse_weather_code(present(text) | clouds("FEW", "BKN"), 5000.0) == code


@pytest.mark.parametrize(("visibility", "code"), [(999.9, 45), (0, 45), (1000, 10), (9999, 10), (None, 10)])
def test_mist_is_fog_below_a_kilometre(visibility: float | None, code: int) -> None:
    """The service has one name for both."""
    assert parse_weather_code(present("fog_mist"), visibility) == code


@pytest.mark.parametrize(
    ("amounts", "code", "description"),
    [
        (["CLR"], 0, "clear"),
        (["SKC"], 0, "clear"),
        (["FEW"], 1, "few clouds"),
        (["SCT", "FEW"], 2, "scattered clouds"),
        (["FEW", "BKN", "SCT"], 3, "broken clouds"),
        (["OVC", "BKN"], 3, "overcast"),
        (["VV", "FEW"], 1, "few clouds"),
        (["VV"], None, "unknown"),
        ([], None, "unknown"),
    ],
)
def test_the_layer_that_covers_most(amounts: list[str], code: int | None, description: str) -> None:
    """The layer with the largest amount counts, in any order."""
    assert (parse_weather_code(clouds(*amounts), None), parse_description(clouds(*amounts))) == (code, description)


NO_TEXT: list[Any] = ["", None, 5, "\x00"]
NO_ICON: list[Any] = [None, "", "/day/", "/day/__", 5, [], {}]
SKY = {"icon": "https://api.weather.gov/icons/land/day/rain_showers,40/tsra,60?size=medium"}


@pytest.mark.parametrize(
    ("properties", "description"),
    [
        ({"textDescription": " Light\nRain "} | present("snow") | clouds("OVC") | SKY, "Light Rain"),
        *(({"textDescription": it} | present("snow") | clouds("OVC") | SKY, "snow") for it in NO_TEXT),
        (present("light rain, fog_mist, vc thunderstorms"), "rain, fog mist, thunderstorms in the vicinity"),
        (clouds("OVC") | SKY, "overcast"),
        (SKY, "rain showers"),
        ({"icon": "/icons/land/night/skc?size=small"}, "clear"),
        ({"icon": "/icons/land/night/bkn"}, "broken clouds"),
        ({"icon": "/icons/land/day/wind_few"}, "wind few"),
        ({"icon": "/icons/marine/x"}, "unknown"),
        *(({"icon": it}, "unknown") for it in NO_ICON),
        ({}, "unknown"),
    ],
)
def test_the_description(properties: dict[str, Any], description: str) -> None:
    """The description is the service's text, else the weather, else the clouds, else the icon."""
    assert parse_description(properties) == description


@pytest.mark.parametrize("name", ["presentWeather", "cloudLayers"])
@pytest.mark.parametrize("value", NONSENSE)
def test_invalid_values_are_ignored(name: str, value: Any) -> None:
    """For any JSON in the place of a list there is a description."""
    assert (parse_weather_code({name: value}, None), parse_description({name: value})) == (None, "unknown")


@given(st.lists(st.sampled_from([*itertools.product(INTENSITIES, MODIFIERS, WEATHER)])))
def test_every_code_has_a_description(listed: list[tuple[str | None, str | None, str]]) -> None:
    """Every code that the service's weather can lead to is known."""
    names = ("intensity", "modifier", "weather")
    properties = {"presentWeather": [dict(zip(names, name, strict=True)) for name in listed]}
    code = parse_weather_code(properties, 500.0)
    assert code is None or code in wmo.DESCRIPTIONS
    assert parse_description(properties).isprintable()
    assert len(parse_description(properties)) <= 200
