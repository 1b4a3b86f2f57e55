"""The choice of the services whose official warnings are requested: in the settings, and in a row of the list."""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

WARNING_SERVICES = ("nws", "bright-sky", "met-norway", "pirate-weather")
_WarningService = Literal["nws", "bright-sky", "met-norway", "pirate-weather"]
WarningsSetting = Literal["auto", "off"] | tuple[_WarningService, ...]

WARNINGS_SCHEMA: Mapping[str, Any] = MappingProxyType(
    {
        "anyOf": [
            {"enum": ["auto", "off"]},
            {"type": "array", "items": {"enum": list(WARNING_SERVICES)}, "minItems": 1, "uniqueItems": True},
        ]
    }
)


def parse_warnings(value: object) -> object:
    """Parse the services whose warnings are wanted: words, or a list of them. Raises ValueError for other values."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if isinstance(words, list | tuple) and len(words) == 1 and words[0] in {"auto", "off"}:
        return words[0]
    if not isinstance(words, list | tuple) or not words or not set(map(str, words)) <= set(WARNING_SERVICES):
        raise ValueError(f"should be auto, off, or a list of {', '.join(WARNING_SERVICES)}")
    if len(set(words)) < len(words):
        raise ValueError("should name each service once")
    return tuple(words)


@functools.lru_cache(maxsize=100)
def intern_choice(choice: WarningsSetting) -> WarningsSetting:
    """Return the same object for equal choices, which many cities of a long list share."""
    return choice


def wants_warnings(setting: WarningsSetting, service: str) -> bool:
    """Return whether a city with this setting gets the warnings of a service that covers it."""
    return setting == "auto" or (setting != "off" and service in setting)
