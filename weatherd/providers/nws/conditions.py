"""Descriptions and WMO codes for the National Weather Service's present weather, clouds and icons."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from weatherd.providers.values import as_mapping, clean_text

_CLOUDS = MappingProxyType(  # by the amount of a layer, in ascending order
    {
        "CLR": (0, "clear"),
        "SKC": (0, "clear"),
        "FEW": (1, "few clouds"),
        "SCT": (2, "scattered clouds"),
        "BKN": (3, "broken clouds"),
        "OVC": (3, "overcast"),
    }
)
_AMOUNTS = tuple(_CLOUDS)
_PRECIPITATION_CODES = MappingProxyType(  # light, moderate, heavy; by the weather and its modifier
    {
        ("rain", ""): (61, 63, 65),
        ("rain", "showers"): (80, 81, 82),
        ("rain", "freezing"): (66, 67, 67),
        ("drizzle", ""): (51, 53, 55),
        ("drizzle", "freezing"): (56, 57, 57),
        ("snow", ""): (71, 73, 75),
        ("snow", "showers"): (85, 86, 86),
    }
)
_BLOWN_FROM_THE_GROUND = (("snow", "blowing"), ("snow", "low_drifting"))  # not precipitation
_OTHER_CODES = MappingProxyType(
    {
        "thunderstorms": 95,
        "funnel_cloud": 19,
        "squalls": 18,
        "ice_pellets": 68,
        "snow_grains": 77,
        "fog": 45,
        "dust_whirls": 8,
        "sand_storm": 7,
        "dust_storm": 7,
        "sand": 7,
        "dust": 6,
        "haze": 5,
        "smoke": 4,
        "volcanic_ash": 4,
    }
)
_FOG_VISIBILITY = 1000.0  # m; above it is mist, see WMO-No. 306, table 4677


def parse_description(properties: dict[str, Any]) -> str:
    """Return the service's text; else a description of the present weather, the clouds or the icon."""
    weather = [_describe_weather(entry) for entry in _present_weather(properties)]
    return (
        clean_text(properties.get("textDescription"))
        or ", ".join(filter(None, weather))[:200]
        or _CLOUDS.get(_largest_amount(properties), (0, ""))[1]
        or _describe_icon(properties.get("icon"))
        or "unknown"
    )


def parse_weather_code(properties: dict[str, Any], visibility: float | None) -> int | None:
    """Return the WMO code of the present weather, or of the clouds if there is none; *visibility* is in m.

    A thunderstorm comes first, then the weather that is named first. Weather in the vicinity is not at the station.
    Weather without a code, such as hail, is None.
    """
    present = [entry for entry in _present_weather(properties) if entry.get("weather") and not entry.get("inVicinity")]
    if any(entry["weather"] == "thunderstorms" for entry in present):
        return _OTHER_CODES["thunderstorms"]
    codes = (_weather_code(entry, visibility) for entry in present)
    clouds = None if present else _CLOUDS.get(_largest_amount(properties), (None, ""))[0]
    return next((code for code in codes if code is not None), clouds)


def _weather_code(entry: dict[str, Any], visibility: float | None) -> int | None:
    weather, modifier = str(entry.get("weather")), str(entry.get("modifier"))
    if weather == "fog_mist":
        return 45 if visibility is not None and visibility < _FOG_VISIBILITY else 10
    if (weather, modifier) in _BLOWN_FROM_THE_GROUND:
        return None
    if codes := _PRECIPITATION_CODES.get((weather, modifier)) or _PRECIPITATION_CODES.get((weather, "")):
        return codes[{"light": 0, "heavy": 2}.get(str(entry.get("intensity")), 1)]
    return _OTHER_CODES.get(weather)


def _describe_weather(entry: dict[str, Any]) -> str:
    name = clean_text(entry.get("weather")).replace("_", " ")
    return f"{name} in the vicinity" if name and entry.get("inVicinity") else name


def _present_weather(properties: dict[str, Any]) -> list[dict[str, Any]]:
    present = properties.get("presentWeather")
    return [as_mapping(entry) for entry in present] if isinstance(present, list) else []


def _largest_amount(properties: dict[str, Any]) -> str:
    """Return the amount of the layer that covers most of the sky, or "" if there is none."""
    layers = properties.get("cloudLayers")
    amounts = [str(as_mapping(layer).get("amount")) for layer in (layers if isinstance(layers, list) else [])]
    return max((amount for amount in amounts if amount in _CLOUDS), key=_AMOUNTS.index, default="")


def _describe_icon(icon: Any) -> str:
    """Return the words in an icon's name: ``.../night/rain_showers,40?size=medium`` gives ``rain showers``."""
    match = re.search(r"/(?:day|night)/([a-z_]{2,40})", icon) if isinstance(icon, str) else None
    name: str = match[1].strip("_") if match else ""
    return _CLOUDS.get(name.upper(), (0, name.replace("_", " ")))[1]
