"""The fields of an observation have one definition, whichever service it is from. The services are simulated."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.support.fakes import KIEL
from weatherd.city import City
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.bright_sky.client import build_bright_sky_query, parse_bright_sky
from weatherd.providers.met_norway.client import build_met_norway_query, parse_met_norway
from weatherd.providers.met_norway.forecast import observation_from_step
from weatherd.providers.metar.record import StationReport, parse_metars
from weatherd.providers.metar.stations import parse_airports
from weatherd.providers.nws.client import parse_nws
from weatherd.providers.open_meteo.client import COMMON_QUERY, build_open_meteo_query, parse_open_meteo
from weatherd.providers.openweathermap.client import parse_openweathermap
from weatherd.simulator import bright_sky
from weatherd.simulator.met_norway import forecast as met_norway
from weatherd.simulator.metar import endpoints as metar
from weatherd.simulator.nws import endpoints as nws
from weatherd.simulator.open_meteo import forecast as open_meteo
from weatherd.simulator.openweathermap import current as openweathermap
from weatherd.simulator.query import ServiceRequest, ServiceResponse
from weatherd.simulator.sky.clock import WeatherClock
from weatherd.simulator.sky.weather import weather_at
from weatherd.text.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOW = datetime(2026, 11, 8, 12, 53, tzinfo=UTC)
AGENT = {"User-Agent": "weatherd/1 me@example.org"}
DESCRIBED = [*UNITS["metric"], "code", "description"]
ROUNDING = {"precipitation": 0.06, "temperature": 0.06, "wind_speed": 0.06, "pressure_msl": 0.6, "wind_direction": 5.1}


def steady_weather(offset: int) -> WeatherClock:
    """Return a clock on which the weather does not change for years: that of a full hour, at which all have updates."""
    return WeatherClock((NOW.replace(minute=0, second=1) + timedelta(hours=offset)).timestamp(), 1e15)


def response(body: Any, status: int = 200) -> Response:
    """Return a simulated response as it arrives."""
    return Response(status, json.dumps(body.body if isinstance(body, ServiceResponse) else body).encode())


def query(parameters: Mapping[str, str]) -> dict[str, list[str]]:
    """Return parameters as the simulator's endpoints take them."""
    return {name: [value] for name, value in parameters.items()}


def observe(lat: float, lon: float, clock: WeatherClock) -> Iterator[Observation]:
    """Yield the observation of each service for a place."""
    city = City(name="x", lat=lat, lon=lon)
    parameters = query(COMMON_QUERY) | parse_qs(build_open_meteo_query([city]))
    _, body = open_meteo.handle_forecast(parameters, NOW, clock)
    (found,) = parse_open_meteo([city], response(body), NOW)
    assert isinstance(found, Observation)
    yield found
    coordinates = {"lat": str(lat), "lon": str(lon), "units": "metric", "appid": "key"}
    yield parse_openweathermap(city, response(openweathermap.handle_weather(query(coordinates), NOW, clock)[1]), NOW)
    known = None
    for time in (NOW - timedelta(hours=1), NOW):
        request = ServiceRequest(query(build_met_norway_query(city)), headers=AGENT)
        known = parse_met_norway(response(met_norway.handle_complete(request, time, clock)), known, time.timestamp())
    step = known.step_at(NOW.timestamp()) if known else None
    assert known
    assert step
    yield observation_from_step(city, "met-norway", step, known)
    if lon > 0:
        _, body = bright_sky.handle_current_weather(query(build_bright_sky_query(city)), NOW, clock)
        yield parse_bright_sky(city, response(body), NOW)
    else:
        station = {"station": f"S{round((lon + 180) * 4):04}{round((lat + 90) * 4):03}"}
        yield parse_nws(
            city, response(nws.handle_latest_observation(ServiceRequest({}, station, AGENT), NOW, clock)), NOW
        )


@pytest.mark.once
@pytest.mark.parametrize(("latitudes", "longitude"), [(range(47, 56), 10.0), (range(30, 49), -95.0)])
def test_services_agree_in_steady_weather(latitudes: range, longitude: float) -> None:
    """In rain that does not change for hours, a failover changes no value by more than the services' rounding.

    The precipitation is that of an hour, although the services send sums of 15 minutes, of the past hour or of the
    coming one.
    """
    wet = 0
    for offset in range(0, 24 * 60, 37):
        clock = steady_weather(offset)
        for lat in latitudes:
            rate = weather_at(lat, longitude, clock.epoch).precipitation.total
            if rate < 0.3:
                continue
            wet += 1
            found = list(observe(lat, longitude, clock))
            assert [observation.precipitation for observation in found] == pytest.approx([rate] * 4, abs=0.06)
            for field, rounding in ROUNDING.items():
                values = [getattr(observation, field) for observation in found]
                assert max(values) - min(values) <= 2 * rounding, (field, values)
    assert wet > 20


def test_a_report_of_an_airport_agrees_in_steady_weather() -> None:
    """Its values differ from the model's only by the rounding of a METAR: whole degrees, knots and tens of degrees."""
    roundings = {"temperature": 0.51, "wind_speed": 0.28, "pressure_msl": 1.01, "relative_humidity": 8.0}
    rain = 0
    for offset in range(0, 24 * 60, 37):
        clock = steady_weather(offset)
        for lat, lon in ((50, 10), (40, -95)):
            query = {"bbox": [f"{lat},{lon},{lat},{lon}"], "format": ["json"]}
            sites = metar.handle_stationinfo(ServiceRequest(query), NOW, clock).body
            station = parse_airports(json.dumps(sites).encode())[0].id
            reports = metar.handle_metar(ServiceRequest({"ids": [station], "format": ["json"]}), NOW, clock).body
            report = parse_metars(json.dumps(reports).encode(), NOW)[station]
            assert isinstance(report, StationReport)
            found, modelled = (report.observe(KIEL, NOW), next(observe(lat, lon, clock)))
            for field, rounding in roundings.items():
                assert abs(getattr(found, field) - getattr(modelled, field)) <= rounding, field
            turn = (found.wind_direction or 0.0) - (modelled.wind_direction or 0.0)
            assert abs((turn + 180) % 360 - 180) <= 5.6
            if found.precipitation:
                assert found.precipitation == pytest.approx(modelled.precipitation, abs=0.19)
                rain += 1
    assert rain > 3


def test_services_agree_when_it_is_dry() -> None:
    """Dry is 0 mm for each of them, and not unknown."""
    dry = 0
    for offset in range(0, 24 * 20, 37):
        clock = steady_weather(offset)
        if not weather_at(50, 10, clock.epoch).precipitation.total:
            dry += 1
            assert [observation.precipitation for observation in observe(50, 10, clock)] == [0, 0, 0, 0]
    assert dry > 3


def test_the_table_of_values_is_complete() -> None:
    """docs/services.md has a column for each service, and a row for each value, with its unit and no empty cell."""
    text = (Path(__file__).parents[2] / "docs" / "services.md").read_text(encoding="utf-8")
    table = text.partition("## What each value is")[2].partition("\n\n## ")[0]
    heading, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    services = {"open-meteo", "openweathermap", "met-norway", "bright-sky", "nws", "metar"}
    assert {name for cell in heading for name in re.findall("`([a-z-]+)`", cell)} == services
    assert all(word in " ".join(heading) for word in ("modelled", "observed", "analysis"))
    documented = [name for row in rows for name in re.findall("`([a-z_]+)`", row[0])]
    assert sorted(documented) == sorted({"observed_at", *DESCRIBED})
    for row in rows[1:]:
        assert len(row) == len(heading)
        assert all(row[1:]), row
    symbols = {name: unit.symbol for name, unit in UNITS["metric"].items()}
    definitions = {name: row[1] for row in rows for name in re.findall("`([a-z_]+)`", row[0])}
    for name, symbol in symbols.items():
        assert definitions[name].startswith("degrees" if symbol == "°" else symbol), name
