"""WMO 4677 codes of OpenWeatherMap's conditions. https://openweathermap.org/weather-conditions."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from weatherd import wmo
from weatherd.providers.values import clean_text

WMO_CODES = MappingProxyType(
    {
        **dict.fromkeys((200, 201, 202, 210, 211, 212, 221, 230, 231, 232), 95),
        **dict.fromkeys((300, 310), 51),
        **dict.fromkeys((301, 311, 321), 53),
        **dict.fromkeys((302, 312), 55),
        500: 61,
        501: 63,
        **dict.fromkeys((502, 503, 504), 65),
        511: 66,
        **dict.fromkeys((313, 520), 80),
        **dict.fromkeys((521, 531), 81),
        **dict.fromkeys((314, 522), 82),
        600: 71,
        601: 73,
        602: 75,
        **dict.fromkeys((611, 615), 68),
        616: 69,
        612: 83,
        613: 84,
        620: 85,
        **dict.fromkeys((621, 622), 86),
        701: 10,
        **dict.fromkeys((711, 762), 4),
        721: 5,
        731: 8,
        741: 45,
        751: 7,
        761: 6,
        771: 18,
        781: 19,
        800: 0,
        801: 1,
        802: 2,
        **dict.fromkeys((803, 804), 3),
    }
)


def describe_condition(condition_id: int, description: Any, group: Any) -> tuple[int | None, str]:
    """Return the WMO code, or None if there is none for the condition, and its description, or else its group."""
    code = WMO_CODES.get(condition_id)
    text = clean_text(description) or clean_text(group).lower()
    return code, text or wmo.describe_code(code)
