"""Bright Sky has no words of its own: what is made of its condition, icon, clouds and precipitation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL
from tests.support.virtual_time import EPOCH
from weatherd.http.response import Response
from weatherd.providers.bright_sky.client import parse_bright_sky

CONDITIONS = ["dry", "fog", "rain", "sleet", "snow", "hail", "thunderstorm", None]
ICONS = ["clear-day", "clear-night", "partly-cloudy-day", "partly-cloudy-night", "cloudy", "fog", "wind", None]
NO_WORDS: list[Any] = [..., "", "sunny", 5, True, [], {}, ["rain"]]


def parse_condition(condition: Any, icon: Any, cover: Any = None, fall: Any = None) -> tuple[int | None, str]:
    """Return the code and the words of an answer."""
    weather = {"condition": condition, "icon": icon, "cloud_cover": cover, "precipitation_60": fall}
    weather |= {"timestamp": "2026-01-01T00:00:00+00:00", "temperature": 1}
    body = json.dumps({"weather": {name: value for name, value in weather.items() if value is not ...}})
    found = parse_bright_sky(KIEL, Response(200, body.encode()), EPOCH)
    return found.code, found.description


@pytest.mark.parametrize(("kind", "codes"), [("rain", (61, 63, 65)), ("snow", (71, 73, 75)), ("sleet", (68, 69, 69))])
def test_what_falls_is_as_heavy_as_the_last_hour(kind: str, codes: tuple[int, ...]) -> None:
    """Moderate from 2.5 mm an hour on, heavy from 7.6 mm; slight while nobody knows."""
    falls = [None, 0, 2.4, 2.5, 7.5, 7.6, 80]
    expected = [codes[index] for index in (0, 0, 0, 1, 1, 2, 2)]
    assert [parse_condition(kind, "cloudy", 100, fall) for fall in falls] == [(code, kind) for code in expected]


@pytest.mark.parametrize(("condition", "code"), [("fog", 45), ("thunderstorm", 95), ("hail", None)])
def test_other_weather_has_a_code_or_none(condition: str, code: int | None) -> None:
    """Neither clouds nor precipitation change it; hail alone has no code among ours."""
    assert {parse_condition(condition, icon, 0, 9) for icon in ICONS} == {(code, condition)}


@pytest.mark.parametrize("condition", ["dry", None, *NO_WORDS])
def test_the_clouds_are_told_when_it_is_dry(condition: Any) -> None:
    """``dry`` is no description: the classes are those of the service's icons, and "mainly clear" from 11 % on."""
    covers = [0, 10, 11, 24, 25, 79, 80, 100]
    words = ["clear sky"] * 2 + ["mainly clear"] * 2 + ["partly cloudy"] * 2 + ["overcast"] * 2
    expected = list(zip([0, 0, 1, 1, 2, 2, 3, 3], words, strict=True))
    assert [parse_condition(condition, "wind", cover) for cover in covers] == expected


@pytest.mark.parametrize("icon", ["clear-day", "clear-night", "wind", None, *NO_WORDS])
def test_no_clear_sky_where_the_clouds_are_unknown(icon: Any) -> None:
    """The service shows a clear sky when it knows of no clouds; nothing is made of that."""
    assert parse_condition("dry", icon) == (None, "dry")
    assert parse_condition(None, icon) == (None, "unknown")


@pytest.mark.parametrize(("icon", "expected"), [("rain", (61, "rain")), ("fog", (45, "fog")), ("snow", (71, "snow"))])
@pytest.mark.parametrize("condition", [None, *NO_WORDS])
def test_the_icon_counts_where_there_is_no_condition(condition: Any, icon: str, expected: tuple[int, str]) -> None:
    """The service draws rain by what was measured when nobody saw it."""
    assert parse_condition(condition, icon, 0) == expected


@pytest.mark.parametrize("icon", ["rain", "snow", "fog", "thunderstorm"])
def test_a_dry_condition_counts_more_than_the_icon(icon: str) -> None:
    """What was seen is believed, not what is drawn for it."""
    assert parse_condition("dry", icon, 0) == (0, "clear sky")
    assert parse_condition("dry", icon) == (None, "dry")


def test_a_cloudy_icon_is_believed() -> None:
    """It is not what the service shows for want of anything better."""
    assert parse_condition("dry", "cloudy") == (3, "overcast")


@given(st.sampled_from(CONDITIONS), st.sampled_from(ICONS), st.none() | st.floats(0, 100), st.none() | st.floats(0, 99))
def test_there_are_always_words(condition: Any, icon: Any, cover: Any, fall: Any) -> None:
    """A sky is clear only where the clouds were measured, and never while something falls."""
    code, words = parse_condition(condition, icon, cover, fall)
    assert words
    assert code != 0 or (cover is not None and cover < 11 and condition in ("dry", None))
