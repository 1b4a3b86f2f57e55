"""Present weather and its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd import wmo
from weatherd.providers.openweathermap.codes import WMO_CODES

OPEN_METEO = {
    0: "clear sky",
    1: "mainly clear",
    2: "partly cloudy",
    3: "overcast",
    45: "fog",
    48: "depositing rime fog",
    51: "light drizzle",
    53: "moderate drizzle",
    55: "dense drizzle",
    56: "light freezing drizzle",
    57: "dense freezing drizzle",
    61: "slight rain",
    63: "moderate rain",
    65: "heavy rain",
    66: "light freezing rain",
    67: "heavy freezing rain",
    71: "slight snow fall",
    73: "moderate snow fall",
    75: "heavy snow fall",
    77: "snow grains",
    80: "slight rain showers",
    81: "moderate rain showers",
    82: "violent rain showers",
    85: "slight snow showers",
    86: "heavy snow showers",
    95: "thunderstorm",
    96: "thunderstorm with slight hail",
    99: "thunderstorm with heavy hail",
}
OPENWEATHERMAP = (
    *(200, 201, 202, 210, 211, 212, 221, 230, 231, 232),
    *(300, 301, 302, 310, 311, 312, 313, 314, 321),
    *(500, 501, 502, 503, 504, 511, 520, 521, 522, 531),
    *(600, 601, 602, 611, 612, 613, 615, 616, 620, 621, 622),
    *(701, 711, 721, 731, 741, 751, 761, 762, 771, 781),
    *(800, 801, 802, 803, 804),
)
GROUPS = {2: {95}, 3: {51, 53, 55, 80, 82}, 5: {61, 63, 65, 66, 80, 81, 82}}


@pytest.mark.parametrize(("code", "words"), OPEN_METEO.items())
def test_says_every_code_that_open_meteo_documents(code: int, words: str) -> None:
    """Each of the 28 documented codes has the documented words."""
    assert wmo.describe_code(code) == words


@given(st.integers())
def test_says_any_number(code: int) -> None:
    """Whatever the number, the words are one printable lower-case line, and an unknown number is kept in them."""
    words = wmo.describe_code(code)
    assert words
    assert words.isprintable()
    assert words == words.lower() == words.strip()
    assert code in wmo.DESCRIPTIONS or words == f"unknown ({code})"


def test_translates_every_condition_of_openweathermap() -> None:
    """Every documented condition, and none besides, becomes a code that has words."""
    assert set(WMO_CODES) == set(OPENWEATHERMAP)
    assert set(WMO_CODES.values()) <= set(wmo.DESCRIPTIONS)


@pytest.mark.parametrize(("group", "codes"), GROUPS.items())
def test_keeps_the_kind_of_weather(group: int, codes: set[int]) -> None:
    """A thunderstorm stays one, drizzle and rain stay wet without snow."""
    assert {WMO_CODES[condition] for condition in OPENWEATHERMAP if condition // 100 == group} <= codes


@pytest.mark.parametrize("words", [(500, 501, 502), (600, 601, 602), (520, 521, 522), (300, 301, 302), (800, 801, 802)])
def test_heavier_weather_has_a_higher_code(words: tuple[int, ...]) -> None:
    """Within a kind, the order of strength survives the translation."""
    assert sorted(WMO_CODES[condition] for condition in words) == [WMO_CODES[condition] for condition in words]
    assert len({WMO_CODES[condition] for condition in words}) == len(words)
