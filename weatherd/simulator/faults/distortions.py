"""Wrong values in correct responses: a spike, a frozen sensor, and a gust below the wind."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SPIKE = 25.0  # degrees
_FROZEN = 11.1  # degrees
_TEMPERATURES = {"temperature_2m", "temp", "temperature", "air_temperature"}
_GUSTS = {"wind_gusts_10m", "gust", "wind_gust_speed_10", "windGust", "wind_speed_of_gust"}
# The keys of a kind of fault in the services' responses, and the value that replaces a number there
_DISTORTIONS: Mapping[str, tuple[set[str], Callable[[float], float]]] = MappingProxyType(
    {
        "spike": (_TEMPERATURES, lambda value: round(value + _SPIKE, 2)),
        "frozen": (_TEMPERATURES, lambda _: _FROZEN),
        "gust": (_GUSTS, lambda _: 0.0),
    }
)
DISTORTION_KINDS = tuple(_DISTORTIONS)


def distort(body: Any, kind: str) -> Any:
    """Return the body of a response with the wrong values of a kind of fault."""
    keys, replace = _DISTORTIONS[kind]
    return _replace_numbers(body, keys, replace, is_named=False)


def _replace_numbers(body: Any, keys: set[str], replace: Callable[[float], float], *, is_named: bool) -> Any:
    """Replace the numbers below *keys*, also in lists and in the objects of quantities that NWS has."""
    match body:
        case dict():
            return {
                key: _replace_numbers(value, keys, replace, is_named=is_named or key in keys)
                for key, value in body.items()
            }
        case list():
            return [_replace_numbers(value, keys, replace, is_named=is_named) for value in body]
        case float() | int() if is_named and not isinstance(body, bool):
            return replace(body)
    return body
