"""Reports in the JSON of the Aviation Weather Center's ``/api/data/metar``. https://aviationweather.gov/data/api/."""

from __future__ import annotations

import functools
import math
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Raw
from msgspec.json import Decoder, decode

from weatherd.errors import Failure, ProviderError
from weatherd.http.response import parse_json
from weatherd.observation import Observation
from weatherd.providers.kit.numbers import BOUNDS, INCHES, KNOTS, MILES, Number, NumberTable
from weatherd.providers.kit.typed_numbers import (
    HUMIDITY_SLOT,
    PRESSURE_SLOT,
    TEMPERATURE_SLOT,
    VISIBILITY_SLOT,
    WIND_DIRECTION_SLOT,
    WIND_SPEED_SLOT,
    TypedNumbers,
)
from weatherd.providers.metar.conditions import CLOUD_AMOUNTS, describe_report
from weatherd.providers.metar.report import find_report_time, parse_report
from weatherd.providers.typed_values import PosixTime, decode_usual
from weatherd.providers.values import (
    TEMPERATURE,
    as_mapping,
    clean_text,
    parse_number,
    parse_posix_time,
    parse_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from weatherd.city import City

_NAME = "metar"


def _read_number(value: Any, bounds: tuple[float, float], factor: float, offset: float) -> float | None:
    """Return a number, or None; "10+" is the largest visibility that a station reports."""
    if isinstance(value, str) and value.endswith("+") and value[:-1].isdecimal():
        value = float(value[:-1])
    return parse_number(value, bounds, factor, offset)


_NUMBERS = NumberTable(
    Number("temperature", "temp"),
    Number("pressure_msl", "slp"),
    Number("pressure_msl", "altim"),  # QNH
    Number("wind_speed", "wspd", KNOTS),  # also where the report has m/s
    Number("wind_gust", "wgst", KNOTS),
    Number("wind_direction", "wdir"),  # or "VRB"
    Number("visibility", "visib", MILES),
    Number("precipitation", "precip", INCHES),  # since the last hourly report, as at the NWS
    read=_read_number,
    needs_temperature=False,  # the text of the report may have it
)
_NUMBER_OR_TEXT, _TEXT = (float | str | None, None), (str | None, None)
_TYPED = TypedNumbers(
    _NUMBERS,
    dict.fromkeys(("receiptTime", "rawOb", "wxString", "cover"), _TEXT)
    | dict.fromkeys(("wdir", "visib"), _NUMBER_OR_TEXT)
    | {"icaoId": str, "obsTime": PosixTime, "dewp": (float | None, None), "clouds": (Raw, Raw(b"[]"))},
)
_DECODER: Decoder[list[Any]] = Decoder(list.__class_getitem__(_TYPED.type))
_EXPECTED = ("temperature", "pressure_msl", "wind_speed", "visibility")  # else the text of the report is read
_find_expected = itemgetter(TEMPERATURE_SLOT, PRESSURE_SLOT, WIND_SPEED_SLOT, VISIBILITY_SLOT)


class StationReport(NamedTuple):
    """A report of a station, which may be that of several cities."""

    station: str
    observed_at: datetime
    received: str  # ISO 8601
    values: Sequence[Any]  # those of an observation of any city

    def observe(self, city: City, fetched_at: datetime) -> Observation:
        """Return the report as the observation of a city."""
        return Observation._make((city.id, _NAME, self.observed_at, fetched_at, *self.values[TEMPERATURE_SLOT:]))


def parse_metars(body: bytes, fetched_at: datetime) -> dict[str, StationReport | ProviderError]:
    """Return the latest report of each station in a response, or why it is unusable, by the station's id.

    Of two reports of the same time, the one that was received later is a correction. Raises ProviderError for anything
    but a list of reports.
    """
    usual = decode_usual(_DECODER, body)
    if usual is not None:
        reports = [_build_usual(record, fetched_at) for record in usual]
    else:
        records = parse_json(body)
        if not isinstance(records, list):
            raise ProviderError("the response is not a list of reports", Failure.MALFORMED)
        reports = [_parse_record(as_mapping(record), fetched_at) for record in records]
    latest: dict[str, StationReport | ProviderError] = {}
    for station, report in reports:
        if not station.isalnum():  # no station's id
            continue
        known = latest.get(station)
        if not isinstance(known, StationReport) or (isinstance(report, StationReport) and report[1:3] > known[1:3]):
            latest[station] = report
    return latest


_Outcome = tuple[str, "StationReport | ProviderError"]


def _build_usual(record: Any, fetched_at: datetime) -> _Outcome:
    cover = record.cover or _find_largest_cover(decode(record.clouds))
    code, description = _describe_usual(record.wxString, cover)
    observed_at, station = parse_posix_time(record.obsTime), record.icaoId
    values = _TYPED.convert(record, "", _NAME, observed_at, fetched_at, description, code, station)
    if None in _find_expected(values):
        document = {name: getattr(record, name) for name in record.__struct_fields__}
        return _parse_record(document | {"clouds": decode(record.clouds)}, fetched_at)
    values[WIND_DIRECTION_SLOT] = values[WIND_DIRECTION_SLOT] or None  # 0 is calm, north is 360
    values[HUMIDITY_SLOT] = compute_humidity(values[TEMPERATURE_SLOT], record.dewp)
    return station, StationReport(station, observed_at, record.receiptTime or "", values)


@functools.lru_cache(maxsize=1024)
def _describe_usual(weather: str | None, cover: str) -> tuple[int | None, str]:
    return describe_report(clean_text(weather), clean_text(cover))


def _parse_record(record: Mapping[str, Any], fetched_at: datetime) -> _Outcome:
    station = record.get("icaoId")
    station = station if isinstance(station, str) else ""
    try:
        return station, _parse_tolerantly(station, record, fetched_at)
    except ProviderError as error:
        return station, error


def _parse_tolerantly(station: str, record: Mapping[str, Any], fetched_at: datetime) -> StationReport:
    """Return any report; if an expected value is missing, all that is missing is read from its text.

    Raises ProviderError without a time or a temperature.
    """
    text, received = ((value if isinstance(value, str) else "") for value in map(record.get, ("rawOb", "receiptTime")))
    time = find_report_time(text, fetched_at) if record.get("obsTime") is None else None
    observed_at = time or parse_posix_time(record.get("obsTime"))
    numbers: dict[str, Any] = dict.fromkeys(BOUNDS) | _NUMBERS.parse(record)
    groups: dict[str, Any] = {}
    if any(numbers[field] is None for field in _EXPECTED):
        groups = parse_report(text)
        numbers |= {field: groups.get(field) for field, number in numbers.items() if number is None}
    temperature = parse_temperature(record.get("temp") if numbers["temperature"] is None else numbers["temperature"])
    dew_point = parse_number(record.get("dewp"), TEMPERATURE)
    dew_point = groups.get("dew_point") if dew_point is None else dew_point
    numbers |= {"temperature": temperature, "relative_humidity": compute_humidity(temperature, dew_point)}
    numbers["wind_direction"] = numbers["wind_direction"] or None
    weather = clean_text(record.get("wxString")) or groups.get("weather", "")
    cover = record.get("cover")
    if not cover or not isinstance(cover, str):
        cover = _find_largest_cover(record.get("clouds")) or groups.get("cover", "")
    code, description = describe_report(weather, clean_text(cover))
    values = Observation(
        "", _NAME, observed_at, fetched_at, description=description, code=code, station=station, **numbers
    )
    return StationReport(station, observed_at, received, values)


def _find_largest_cover(layers: Any) -> str:
    """Return the cover of the layer that covers most of the sky, or "" without clouds."""
    covers = [clean_text(as_mapping(layer).get("cover")) for layer in (layers if isinstance(layers, list) else [])]
    known = [cover for cover in covers if cover in CLOUD_AMOUNTS]
    return max(known, key=CLOUD_AMOUNTS.index, default="")


@functools.lru_cache(maxsize=4096)
def compute_humidity(temperature: float, dew_point: float | None) -> float | None:
    """Return the relative humidity in % by the Magnus formula, to one decimal; 100 in fog, where both may be equal.

    The coefficients are those of Alduchov and Eskridge (1996).
    """
    if dew_point is None or not TEMPERATURE[0] <= dew_point <= TEMPERATURE[1]:
        return None
    exponents = [17.625 * celsius / (243.04 + celsius) for celsius in (dew_point, temperature)]
    return min(100.0, round(100 * math.exp(exponents[0] - exponents[1]), 1))
