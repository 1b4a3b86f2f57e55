"""Reports of the simulated airports, in the JSON of the service."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weatherd.simulator.cadence import metar_reports
from weatherd.simulator.sky.weather import Weather, ground_elevation, weather_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.simulator.metar.airports import SimulatedAirport
    from weatherd.simulator.sky.clock import WeatherClock

_KNOT, _MILE, _INCH = 1852 / 3600, 1609.344, 25.4  # m/s, m, mm
_INCH_OF_MERCURY = 33.86389  # hPa
_PRESENT_WEATHER = MappingProxyType(  # by WMO code
    {
        45: "FG",
        48: "FZFG",
        51: "-DZ",
        53: "DZ",
        55: "+DZ",
        56: "-FZDZ",
        57: "FZDZ",
        61: "-RA",
        63: "RA",
        65: "+RA",
        66: "-FZRA",
        67: "FZRA",
        71: "-SN",
        73: "SN",
        75: "+SN",
        77: "SG",
        80: "-SHRA",
        81: "SHRA",
        82: "+SHRA",
        85: "-SHSN",
        86: "SHSN",
        95: "TSRA",
        96: "TSGR",
        99: "+TSGR",
    }
)


def find_report_times(station: SimulatedAirport, now: float, since: float | None) -> Iterator[float]:
    """Yield the time of the latest report that the service has, or with *since* all times from then on."""
    times = metar_reports(station.id, now, is_hourly=station.is_american)
    if since is None:
        yield next(times)
    else:
        yield from itertools.takewhile(lambda time: time >= since, times)


def describe_airport_report(station: SimulatedAirport, time: float, now: float, clock: WeatherClock) -> dict[str, Any]:
    """Return a report with the keys of the service: one without a value is absent."""
    period = 3600 if station.is_american else 1800
    weather = weather_at(station.lat, station.lon, clock.report_time(time, now, period))
    moment = datetime.fromtimestamp(time, UTC)
    speed, gust = round(weather.wind_speed / _KNOT), round(weather.wind_gust / _KNOT)
    group, cover = _PRESENT_WEATHER.get(weather.code), _choose_cover(weather.cloud_cover)
    is_gusty = gust >= speed + 10
    digits = 1 if station.is_american else 0
    own = _describe_american(weather) if station.is_american else _describe_other(weather)
    record: dict[str, Any] = {
        "icaoId": station.id,
        "receiptTime": f"{datetime.fromtimestamp(time + 120, UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "obsTime": int(time),
        "reportTime": f"{datetime.fromtimestamp(-(-time // 3600) * 3600, UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "temp": round(weather.temperature, digits) + 0.0,
        "dewp": round(weather.dew_point, digits) + 0.0,
        "wdir": (int(round(weather.wind_direction, -1)) or 360) if speed else 0,
        "wspd": speed,
        **({"wgst": gust} if is_gusty else {}),
        **own,
        "qcField": 0,
        **({"wxString": group} if group else {}),
        "metarType": "METAR",
        "lat": station.lat,
        "lon": station.lon,
        "elev": round(ground_elevation(station.lat, station.lon)),
        "name": f"Simulated {station.id}, SI",
        "cover": cover,
        "clouds": [] if cover == "CLR" else [{"cover": cover, "base": 3000}],
    }
    return record | {"rawOb": _format_report(record, moment)}


def _describe_american(weather: Weather) -> dict[str, Any]:
    rain = round(weather.precipitation.total / _INCH, 2)
    altimeter = round(round(weather.pressure_msl / _INCH_OF_MERCURY, 2) * _INCH_OF_MERCURY, 1)
    visibility = {"visib": "10+" if weather.visibility >= 10 * _MILE else round(weather.visibility / _MILE, 2)}
    pressure = {"altim": altimeter, "slp": round(weather.pressure_msl, 1)}
    return visibility | pressure | ({"precip": rain} if rain else {})


def _describe_other(weather: Weather) -> dict[str, Any]:
    return {
        "visib": "6+" if weather.visibility >= 9999 else round(weather.visibility / _MILE, 2),
        "altim": int(weather.pressure_msl),  # rounded down
    }


def _format_report(record: dict[str, Any], moment: datetime) -> str:
    gust = f"G{record['wgst']:02}" if "wgst" in record else ""
    celsius = "/".join(f"{'M' if record[name] < 0 else ''}{abs(round(record[name])):02}" for name in ("temp", "dewp"))
    is_american = "slp" in record
    inches = record["altim"] / _INCH_OF_MERCURY * 100
    groups = [
        f"METAR {record['icaoId']} {moment:%d%H%M}Z {record['wdir']:03}{record['wspd']:02}{gust}KT",
        "10SM" if record["visib"] == "10+" else "9999" if record["visib"] == "6+" else "",
        record.get("wxString", ""),
        record["cover"] if record["cover"] == "CLR" else f"{record['cover']}030",
        celsius,
        f"A{inches:04.0f}" if is_american else f"Q{record['altim']:04}",
    ]
    return " ".join(filter(None, groups))


def _choose_cover(percent: float) -> str:
    return next((name for limit, name in ((6, "CLR"), (25, "FEW"), (50, "SCT"), (87, "BKN")) if percent < limit), "OVC")
