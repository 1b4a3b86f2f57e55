"""The National Weather Service's present weather, clouds and icons, as words and as WMO codes."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from weatherd.providers.values import as_mapping, clean_text

_CLOUDS = MappingProxyType(
    {
        "CLR": (0, "clear"),
        "SKC": (0, "clear"),
        "FEW": (1, "few clouds"),
        "SCT": (2, "scattered clouds"),
        "BKN": (3, "broken clouds"),
        "OVC": (3, "overcast"),
    }
)
_COVERS = tuple(_CLOUDS)  # the more, the later
# light, moderate, heavy; with "showers" and "freezing" each has other codes
_FALLING = MappingProxyType(
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
_LIFTED = (("snow", "blowing"), ("snow", "low_drifting"))  # from the ground: none of these falls
_OTHERS = MappingProxyType(
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
_FOG = 1000.0  # m of sight; further it is mist, see WMO-No. 306, table 4677


def parse_description(properties: dict[str, Any]) -> str:
    """Return the service's words; where it has none, the weather it names, the clouds, or the name of the icon."""
    named = [_named(each) for each in _present(properties)]
    return (
        clean_text(properties.get("textDescription"))
        or ", ".join(filter(None, named))[:200]
        or _CLOUDS.get(_cover(properties), (0, ""))[1]
        or _of_icon(properties.get("icon"))
        or "unknown"
    )


def parse_weather_code(properties: dict[str, Any], sight: float | None) -> int | None:
    """Return the WMO code of the weather named first, a thunderstorm before all, and of the clouds where there is none.

    What is in the vicinity is not the weather of the station. Weather that has no code among ours, as hail, is None.
    """
    present = [each for each in _present(properties) if each.get("weather") and not each.get("inVicinity")]
    if any(each["weather"] == "thunderstorms" for each in present):
        return _OTHERS["thunderstorms"]
    codes = (_code(each, sight) for each in present)
    clouds = None if present else _CLOUDS.get(_cover(properties), (None, ""))[0]
    return next((code for code in codes if code is not None), clouds)


def _code(each: dict[str, Any], sight: float | None) -> int | None:
    weather, modifier = str(each.get("weather")), str(each.get("modifier"))
    if weather == "fog_mist":
        return 45 if sight is not None and sight < _FOG else 10
    if (weather, modifier) in _LIFTED:
        return None
    falling = _FALLING.get((weather, modifier)) or _FALLING.get((weather, ""))
    if falling:
        return falling[{"light": 0, "heavy": 2}.get(str(each.get("intensity")), 1)]
    return _OTHERS.get(weather)


def _named(each: dict[str, Any]) -> str:
    name = clean_text(each.get("weather")).replace("_", " ")
    return f"{name} in the vicinity" if name and each.get("inVicinity") else name


def _present(properties: dict[str, Any]) -> list[dict[str, Any]]:
    present = properties.get("presentWeather")
    return [as_mapping(each) for each in present] if isinstance(present, list) else []


def _cover(properties: dict[str, Any]) -> str:
    """Return the amount of the layer that covers most."""
    layers = properties.get("cloudLayers")
    amounts = [str(as_mapping(layer).get("amount")) for layer in (layers if isinstance(layers, list) else [])]
    return max((amount for amount in amounts if amount in _CLOUDS), key=_COVERS.index, default="")


def _of_icon(icon: Any) -> str:
    """Return the words in an icon's name: ``…/land/night/rain_showers,40?size=medium`` is ``rain showers``."""
    found = re.search(r"/(?:day|night)/([a-z_]{2,40})", icon) if isinstance(icon, str) else None
    name: str = found[1].strip("_") if found else ""
    return _CLOUDS.get(name.upper(), (0, name.replace("_", " ")))[1]
