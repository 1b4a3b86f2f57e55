"""The groups of a METAR's text, for what the service's JSON lacks. Each is read by itself, and nothing is derived.

Sources: WMO-No. 306, Volume I.1, FM 15, and for the remarks (RMK) Federal Meteorological Handbook No. 1.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.providers.kit.numbers import BASE, BOUNDS, KILOMETERS_PER_HOUR, KNOTS, MILES
from weatherd.providers.metar.conditions import CLOUD_AMOUNTS, parse_group
from weatherd.providers.values import ROUNDED, parse_number

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_LENGTH = 1000  # characters
_SPEEDS = MappingProxyType({"KT": KNOTS, "MPS": BASE, "KMH": KILOMETERS_PER_HOUR})
_INCH_OF_MERCURY = 33.86389  # hPa
_TEN_KILOMETERS = 10_000.0  # 9999 and CAVOK: that or more
_MAX_LEAD, _MAX_AGE = timedelta(hours=1), timedelta(days=20)
_FORECASTS = ("NOSIG", "BECMG", "TEMPO")  # what follows is not observed, until the remarks
_REMARKS = "RMK"
_time = re.compile(r"(?:^|\s)(\d{2})(\d{2})(\d{2})Z(?:\s|$)", re.ASCII).search
_wind = re.compile(r"(\d{3}|VRB|///)P?(\d{2,3}|//)(?:GP?(\d{2,3}|//))?(KT|MPS|KMH)", re.ASCII).fullmatch
_meters = re.compile(r"\d{4}", re.ASCII).fullmatch
_miles = re.compile(r"[MP]?(?:(\d)_)?(\d{1,2})(?:/(\d{1,2}))?SM", re.ASCII).fullmatch
_cloud = re.compile(rf"({'|'.join(CLOUD_AMOUNTS)})(?:\d{{3}}|///)?(?:CB|TCU|///)?", re.ASCII).fullmatch
_temperatures = re.compile(r"(M?\d{2}|//)/(M?\d{2}|//)?", re.ASCII).fullmatch
_altimeter = re.compile(r"([QA])(\d{4})", re.ASCII).fullmatch
_tenths = re.compile(r"T([01]\d{3})([01]\d{3})?", re.ASCII).fullmatch
_sea_level = re.compile(r"SLP(\d{3})", re.ASCII).fullmatch


def parse_report(text: str) -> dict[str, Any]:
    """Return what a report has: numbers by the fields of an observation, ``dew_point``, ``weather`` and ``cover``.

    A group that is unknown or has slashes costs no other one. A bound such as P99KT or M1/4SM counts as the value.
    """
    time = _time(text[:_MAX_LENGTH])
    groups = _join_miles(text[time.end() - 1 if time else 0 : _MAX_LENGTH])
    body, _, remarks = f" {groups} ".partition(f" {_REMARKS} ")
    observed = list(itertools.takewhile(lambda group: group not in _FORECASTS, body.split()))
    found: dict[str, Any] = {}
    for group in observed:
        values = next(filter(None, (parse(group) for parse in _GROUPS)), ())
        found |= {name: value for name, value in values if found.get(name) is None}
    for group in remarks.split():
        found |= _parse_remark(group, found.get("pressure_msl"))
    found |= {name: parse_number(found.get(name), bounds) for name, bounds in BOUNDS.items()}
    covers = [match[1] for group in observed if (match := _cloud(group))]
    weather = " ".join(group for group in observed if parse_group(group))
    return found | {"weather": weather, "cover": max(covers, key=CLOUD_AMOUNTS.index, default="")}


def find_report_time(text: str, now: datetime) -> datetime | None:
    """Return the time of a report, which has only the day of the month: the latest one, at most an hour after *now*.

    It is None for a day that the month does not have.
    """
    match = _time(text[:_MAX_LENGTH])
    if not match:
        return None
    day, hour, minute = map(int, match.groups())
    latest = now + _MAX_LEAD
    for month in (latest, latest.replace(day=1) - timedelta(days=1)):
        with contextlib.suppress(ValueError):
            time = datetime(month.year, month.month, day, hour, minute, tzinfo=UTC)
            if now - _MAX_AGE <= time <= latest:
                return time
    return None


def _join_miles(text: str) -> str:
    """Return groups with each as one word: ``1_1/2SM`` for ``1 1/2SM``."""
    return re.sub(r"\b(\d) (?=\d/\d{1,2}SM\b)", r"\1_", " ".join(text.split()), flags=re.ASCII)


_Values = tuple[tuple[str, Any], ...]


def _parse_wind(group: str) -> _Values:
    if not (match := _wind(group)):
        return ()
    direction, speed, gust, unit = match.groups()
    factor = _SPEEDS[unit].factor
    calm = direction == "000"  # north is 360
    angle = float(direction) if direction.isdecimal() and not calm else None
    speeds = [ROUNDED[float(text) * factor] if (text or "/").isdecimal() else None for text in (speed, gust)]
    return ("wind_direction", angle), ("wind_speed", speeds[0]), ("wind_gust", speeds[1])


def _parse_visibility(group: str) -> _Values:
    group = group.removesuffix("NDV")  # no variation by direction
    if group in {"CAVOK", "9999"}:
        return (("visibility", _TEN_KILOMETERS),)
    if _meters(group):
        return (("visibility", float(group)),)
    if match := _miles(group):
        whole, number, divisor = match.groups()
        miles = int(whole or 0) + int(number) / (int(divisor or 1) or 1)
        return (("visibility", ROUNDED[miles * MILES.factor]),)
    return ()


def _parse_temperatures(group: str) -> _Values:
    if not (match := _temperatures(group)):
        return ()
    celsius = [_parse_degrees(text) for text in match.groups()]
    return ("temperature", celsius[0]), ("dew_point", celsius[1])


def _parse_degrees(text: str | None) -> float | None:
    """Return 5.0 for 05, -5.0 for M05, and 0.0 for M00, which is a little below."""
    if not text or not text.lstrip("M").isdecimal():
        return None
    return float(text.replace("M", "-")) + 0.0


def _parse_altimeter(group: str) -> _Values:
    if not (match := _altimeter(group)):
        return ()
    return (("pressure_msl", float(match[2]) if match[1] == "Q" else round(int(match[2]) / 100 * _INCH_OF_MERCURY, 1)),)


def _parse_remark(group: str, altimeter: float | None) -> dict[str, float]:
    """Return the tenths of the temperatures, or the pressure at sea level, which has no hundreds."""
    if match := _tenths(group):
        names = zip(("temperature", "dew_point"), match.groups(), strict=True)
        return {name: int(text[1:]) / (-10 if text[0] == "1" else 10) + 0.0 for name, text in names if text}
    if match := _sea_level(group):
        tens = int(match[1]) / 10
        return {"pressure_msl": min((900 + tens, 1000 + tens), key=lambda hpa: abs(hpa - (altimeter or 1000.0)))}
    return {}


_GROUPS: tuple[Callable[[str], _Values], ...] = (
    _parse_wind,
    _parse_visibility,
    _parse_temperatures,
    _parse_altimeter,
)
