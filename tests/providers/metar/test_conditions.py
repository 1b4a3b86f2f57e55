"""WMO codes and descriptions of a METAR's present weather."""

from __future__ import annotations

import itertools
import re

import pytest

from weatherd import wmo
from weatherd.providers.metar.conditions import CLOUD_AMOUNTS, describe_report, parse_group

INTENSITIES = ("", "-", "+", "VC")
DESCRIPTORS = ("", "MI", "BC", "PR", "DR", "BL", "SH", "TS", "FZ")
PHENOMENA = re.findall("..", "DZRASNSGICPLGRGSUPBRFGFUVADUSAHZPYPOSQFCSSDS")
WEATHER = {
    "-RA": (61, "light rain"),
    "RA": (63, "rain"),
    "+RA": (65, "heavy rain"),
    "-SHRA": (80, "light rain showers"),
    "SHRA": (81, "rain showers"),
    "+SHRA": (81, "heavy rain showers"),
    "FZFG": (48, "freezing fog"),
    "-FZDZ": (56, "light freezing drizzle"),
    "+FZRA": (67, "heavy freezing rain"),
    "TSRA": (95, "thunderstorm with rain"),
    "-TSRA": (95, "thunderstorm with light rain"),
    "+TSRA": (97, "thunderstorm with heavy rain"),
    "TSGR": (96, "thunderstorm with hail"),
    "+TSRAGR": (99, "thunderstorm with heavy rain and hail"),
    "TS": (17, "thunderstorm"),
    "VCTS": (17, "thunderstorm in the vicinity"),
    "BLSN": (38, "blowing snow"),
    "+BLSN": (38, "heavy blowing snow"),
    "DRSN": (None, "low drifting snow"),
    "BCFG": (41, "patches of fog"),
    "MIFG": (41, "shallow fog"),
    "FG": (45, "fog"),
    "BR": (10, "mist"),
    "HZ": (5, "haze"),
    "FU": (4, "smoke"),
    "BLDU": (7, "blowing dust"),
    "PO": (8, "dust whirls"),
    "SQ": (18, "squalls"),
    "FC": (19, "funnel cloud"),
    "+FC": (19, "tornado"),
    "SG": (77, "snow grains"),
    "PL": (79, "ice pellets"),
    "-RASN": (68, "light rain and snow"),
    "SNRA": (69, "snow and rain"),
    "SHSNRA": (84, "snow and rain showers"),
    "DZRA": (63, "drizzle and rain"),
    "GR": (89, "hail"),
    "UP": (None, "precipitation"),
    "IC": (None, "ice crystals"),
}
SEVERAL = {
    "-RA BR": (61, "light rain, mist"),
    "-DZ FG": (51, "light drizzle, fog"),
    "-RA VCTS": (61, "light rain, thunderstorm in the vicinity"),
    "VCTS FG": (17, "thunderstorm in the vicinity, fog"),
    "TS -RA": (95, "thunderstorm, light rain"),
    "-SN BLSN": (71, "light snow, blowing snow"),
    "BR HZ": (10, "mist, haze"),
    "RETS -RA //": (61, "light rain"),
}
SKIES = {
    "": (None, "unknown"),
    "CLR": (0, "clear"),
    "SKC": (0, "clear"),
    "NCD": (0, "clear"),
    "CAVOK": (1, "no significant clouds"),
    "NSC": (1, "no significant clouds"),
    "FEW": (1, "few clouds"),
    "SCT": (2, "scattered clouds"),
    "BKN": (3, "broken clouds"),
    "OVC": (3, "overcast"),
    "OVX": (3, "sky obscured"),
    "XYZ": (None, "unknown"),
}


@pytest.mark.parametrize(("weather", "expected"), [*WEATHER.items(), *SEVERAL.items()])
def test_present_weather(weather: str, expected: tuple[int | None, str]) -> None:
    """The highest code counts, but a thunderstorm before fog; the description has everything."""
    assert describe_report(weather, "OVC") == expected


@pytest.mark.parametrize(("cover", "expected"), SKIES.items())
def test_the_sky_without_weather(cover: str, expected: tuple[int | None, str]) -> None:
    """Unknown clouds are None, and not a clear sky."""
    assert describe_report("", cover) == expected


@pytest.mark.parametrize("weather", ["//", "RERA", "RETS", "XX", "+", "VC", "RA1"])
def test_what_is_no_present_weather(weather: str) -> None:
    """Recent weather, slashes and unknown groups are ignored: the sky counts."""
    assert parse_group(weather) is None
    assert describe_report(weather, "FEW") == (1, "few clouds")
    assert describe_report(weather, "") == (None, "unknown")


@pytest.mark.parametrize(("weather", "text"), [("VCSH", "showers in the vicinity"), ("VCFG", "fog in the vicinity")])
def test_weather_in_the_vicinity_is_not_at_the_station(weather: str, text: str) -> None:
    """It is described, and the code is that of the sky."""
    assert describe_report(weather, "SCT") == (2, text)


def test_every_combination_has_a_known_code_and_words() -> None:
    """The code is None or one with a description; the description is one line of lower-case words."""
    pairs = ["", *PHENOMENA, *map("".join, itertools.permutations(PHENOMENA, 2))]
    for intensity, descriptor, phenomena in itertools.product(INTENSITIES, DESCRIPTORS, pairs):
        for cover in (CLOUD_AMOUNTS[0], ""):
            code, text = describe_report(intensity + descriptor + phenomena, cover)
            assert code is None or code in wmo.DESCRIPTIONS
            assert text == " ".join(text.split()).lower()


def test_every_phenomenon_is_known() -> None:
    """Each is parsed, also with each descriptor."""
    for descriptor, phenomenon in itertools.product(DESCRIPTORS, PHENOMENA):
        assert parse_group(descriptor + phenomenon) is not None
