"""The endpoints ``/api/data/metar`` and ``/api/data/stationinfo``, with their errors and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.simulator.metar.airports import SimulatedAirport, find_airports, list_airports
from weatherd.simulator.metar.reports import describe_airport_report, find_report_times
from weatherd.simulator.query import ServiceRequest, ServiceResponse, last_value, split_values
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.sky.weather import ground_elevation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_MAX_ENTRIES = 400  # of a response
_METAR_PARAMETERS = {"ids", "bbox", "format", "hours", "date", "taf"}
_STATION_PARAMETERS = {"ids", "bbox", "format"}
_MAX_HOURS = 24.0


def handle_metar(request: ServiceRequest, now: datetime, clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/api/data/metar``: the latest report of each station, or with ``hours`` all of that time."""
    if rejection := _reject(request, _METAR_PARAMETERS):
        return rejection
    hours = last_value(request.query, "hours")
    try:
        since = now.timestamp() - 3600 * min(float(hours), _MAX_HOURS) if hours else None
        stations = list(_select(request))
    except ValueError:
        return _problem("Invalid parameter")
    records = [
        describe_airport_report(station, time, now.timestamp(), clock)
        for station in stations
        for time in find_report_times(station, now.timestamp(), since)
    ]
    return _respond(records)


def handle_stationinfo(request: ServiceRequest, _now: datetime, _clock: WeatherClock = REAL_TIME) -> ServiceResponse:
    """Handle ``/api/data/stationinfo``: in a box there is also a buoy, which never reports."""
    if rejection := _reject(request, _STATION_PARAMETERS):
        return rejection
    try:
        stations = list(_select(request))
    except ValueError:
        return _problem("Invalid parameter")
    sites = [_describe_station(station) for station in stations]
    if stations and last_value(request.query, "bbox"):
        sites.insert(0, _describe_station(stations[0]._replace(id="SIMB1")) | {"icaoId": None, "siteType": []})
    return _respond(sites)


def _reject(request: ServiceRequest, parameters: set[str]) -> ServiceResponse | None:
    if request.query.keys() - parameters:
        return _problem("Unexpected query parameter provided")
    if not (last_value(request.query, "ids") or last_value(request.query, "bbox")):
        return _problem("Must specify ids or bbox")
    if last_value(request.query, "format") != "json":
        return _problem("Only format=json is simulated")
    return None


def _problem(reason: str) -> ServiceResponse:
    return ServiceResponse(400, {"status": "error", "error": reason})


def _respond(entries: Sequence[Any]) -> ServiceResponse:
    return ServiceResponse(200, list(entries[:_MAX_ENTRIES])) if entries else ServiceResponse(204, None)


def _select(request: ServiceRequest) -> Iterator[SimulatedAirport]:
    """Return the stations of a request. Raises ValueError for an invalid box."""
    if names := split_values(request.query, "ids"):
        return find_airports(names)
    south, west, north, east = map(float, split_values(request.query, "bbox"))
    return list_airports(south, west, north, east)


def _describe_station(station: SimulatedAirport) -> dict[str, Any]:
    return {
        "id": station.id,
        "icaoId": station.id,
        "iataId": None,
        "faaId": None,
        "wmoId": None,
        "site": f"Simulated {station.id}",
        "lat": station.lat,
        "lon": station.lon,
        "elev": round(ground_elevation(station.lat, station.lon)),
        "state": "SI",
        "country": "SI",
        "priority": 5,
        "siteType": ["METAR", "TAF"],
    }
