"""Present weather codes of WMO code table 4677 and their descriptions.

Codes 0 to 3 mean the sky cover, as in Open-Meteo's API; in the WMO table they mean the development of clouds.
See https://open-meteo.com/en/docs (weather codes) and WMO-No. 306, Manual on Codes, table 4677.
"""

from __future__ import annotations

from types import MappingProxyType

DESCRIPTIONS = MappingProxyType(
    {
        0: "clear sky",
        1: "mainly clear",
        2: "partly cloudy",
        3: "overcast",
        4: "smoke",
        5: "haze",
        6: "dust",
        7: "blowing dust or sand",
        8: "dust whirls",
        10: "mist",
        17: "thunderstorm without precipitation",
        18: "squalls",
        19: "tornado",
        38: "blowing snow",
        41: "patches of fog",
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
        68: "slight sleet",
        69: "heavy sleet",
        71: "slight snow fall",
        73: "moderate snow fall",
        75: "heavy snow fall",
        77: "snow grains",
        79: "ice pellets",
        80: "slight rain showers",
        81: "moderate rain showers",
        82: "violent rain showers",
        83: "slight sleet showers",
        84: "heavy sleet showers",
        85: "slight snow showers",
        86: "heavy snow showers",
        89: "hail",
        95: "thunderstorm",
        96: "thunderstorm with slight hail",
        97: "heavy thunderstorm",
        99: "thunderstorm with heavy hail",
    }
)


def describe_code(code: int | None) -> str:
    """Return the English description of a code in lower case.

    It is ``unknown`` without a code, and ``unknown (n)`` for a code that no service documents.
    """
    return "unknown" if code is None else DESCRIPTIONS.get(code) or f"unknown ({code})"
