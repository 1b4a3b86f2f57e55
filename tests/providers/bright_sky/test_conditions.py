"""The description and code that follow from Bright Sky's condition, icon, cloud cover and precipitation."""

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
INVALID: list[Any] = [..., "", "sunny", 5, True, [], {}, ["rain"]]


def parsed_condition(condition: Any, icon: Any, cover: Any = None, fall: Any = None) -> tuple[int | None, str]:
    """Return the code and the description of a response."""
    weather = {"condition": condition, "icon": icon, "cloud_cover": cover, "precipitation_60": fall}
    weather |= {"timestamp": "2026-01-01T00:00:00+00:00", "temperature": 1}
    body = json.dumps({"weather": {name: value for name, value in weather.items() if value is not ...}})
    found = parse_bright_sky(KIEL, Response(200, body.encode()), EPOCH)
    return found.code, found.description


@pytest.mark.parametrize(("kind", "codes"), [("rain", (61, 63, 65)), ("snow", (71, 73, 75)), ("sleet", (68, 69, 69))])
def test_intensity_follows_from_the_last_hour(kind: str, codes: tuple[int, ...]) -> None:
    """Moderate from 2.5 mm per hour on, heavy from 7.6 mm; slight if the amount is unknown."""
    falls = [None, 0, 2.4, 2.5, 7.5, 7.6, 80]
    expected = [codes[index] for index in (0, 0, 0, 1, 1, 2, 2)]
    assert [parsed_condition(kind, "cloudy", 100, fall) for fall in falls] == [(code, kind) for code in expected]


@pytest.mark.parametrize(("condition", "code"), [("fog", 45), ("thunderstorm", 95), ("hail", None)])
def test_other_weather_has_a_code_or_none(condition: str, code: int | None) -> None:
    """Neither clouds nor precipitation change the code; hail alone has none that we use."""
    assert {parsed_condition(condition, icon, 0, 9) for icon in ICONS} == {(code, condition)}


@pytest.mark.parametrize("condition", ["dry", None, *INVALID])
def test_dry_weather_is_described_by_the_clouds(condition: Any) -> None:
    """The limits are those of the service's icons, and 11 % for "mainly clear"."""
    covers = [0, 10, 11, 24, 25, 79, 80, 100]
    descriptions = ["clear sky"] * 2 + ["mainly clear"] * 2 + ["partly cloudy"] * 2 + ["overcast"] * 2
    expected = list(zip([0, 0, 1, 1, 2, 2, 3, 3], descriptions, strict=True))
    assert [parsed_condition(condition, "wind", cover) for cover in covers] == expected


@pytest.mark.parametrize("icon", ["clear-day", "clear-night", "wind", None, *INVALID])
def test_unknown_clouds_are_not_a_clear_sky(icon: Any) -> None:
    """The icon of a clear sky is ignored, because the service sends it for unknown clouds too."""
    assert parsed_condition("dry", icon) == (None, "dry")
    assert parsed_condition(None, icon) == (None, "unknown")


@pytest.mark.parametrize(("icon", "expected"), [("rain", (61, "rain")), ("fog", (45, "fog")), ("snow", (71, "snow"))])
@pytest.mark.parametrize("condition", [None, *INVALID])
def test_the_icon_replaces_a_missing_condition(condition: Any, icon: str, expected: tuple[int, str]) -> None:
    """The service derives the icon from measurements if no condition was observed."""
    assert parsed_condition(condition, icon, 0) == expected


@pytest.mark.parametrize("icon", ["rain", "snow", "fog", "thunderstorm"])
def test_a_dry_condition_takes_precedence_over_the_icon(icon: str) -> None:
    """The observed condition counts, not the derived icon."""
    assert parsed_condition("dry", icon, 0) == (0, "clear sky")
    assert parsed_condition("dry", icon) == (None, "dry")


def test_a_cloudy_icon_is_used() -> None:
    """A cloudy icon is used, because the service does not send it for unknown clouds."""
    assert parsed_condition("dry", "cloudy") == (3, "overcast")


@given(st.sampled_from(CONDITIONS), st.sampled_from(ICONS), st.none() | st.floats(0, 100), st.none() | st.floats(0, 99))
def test_there_is_always_a_description(condition: Any, icon: Any, cover: Any, fall: Any) -> None:
    """The sky is clear only if the cloud cover is known, and never during precipitation."""
    code, description = parsed_condition(condition, icon, cover, fall)
    assert description
    assert code != 0 or (cover is not None and cover < 11 and condition in ("dry", None))
