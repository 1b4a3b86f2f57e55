"""Ordinary weather has no suspect values: a year of the simulator's, and what services have really sent."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import KIEL
from weatherd.city import City
from weatherd.config.sections.quality import QualitySection
from weatherd.errors import ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.pipeline.quality.control import QualityControl
from weatherd.providers.bright_sky.client import parse_bright_sky
from weatherd.providers.open_meteo.client import parse_open_meteo
from weatherd.providers.openweathermap.client import parse_openweathermap
from weatherd.simulator.history import simulate_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 10, 4, 12, tzinfo=UTC)
PLACES = {
    "Kiel": (54.3, 10.1),
    "Singapore": (1.35, 103.8),
    "Yakutsk": (62.0, 129.7),
    "Phoenix": (33.4, -112.1),
    "Ushuaia": (-54.8, -68.3),
    "Vostok": (-78.5, 106.8),
}
DOCTORED = {"owmphp_current_lisbon_doctored_rain_and_snow.json": "suspect: wind_gust consistency"}


@pytest.mark.once
@pytest.mark.parametrize("name", PLACES)
def test_a_year_of_simulated_weather(name: str) -> None:
    """Nothing is suspect from the equator to the coldest place, every 20 minutes for a year."""
    lat, lon = PLACES[name]
    city, control = City(name=name, lat=lat, lon=lon, providers=("open-meteo",)), QualityControl(QualitySection())
    previous: Observation | None = None
    for fetched in simulate_history([city], NOW, 365):
        quality = control.judge(fetched.observation, previous)
        assert quality == "ok", fetched.observation
        previous = fetched.observation
    assert not control.counts
    assert previous
    assert previous.observed_at > NOW - timedelta(hours=1)


@pytest.mark.once
@pytest.mark.parametrize("name", PLACES)
def test_a_year_beside_other_services(name: str) -> None:
    """Nor beside two models whose hour-old values have the errors of models: of height, inversion, reduction, gusts."""
    lat, lon = PLACES[name]
    city, control = City(name=name, lat=lat, lon=lon, providers=("open-meteo",)), QualityControl(QualitySection())
    previous: Observation | None = None
    for index, fetched in enumerate(simulate_history([city], NOW, 365)):
        observation = fetched.observation
        assert control.judge(observation, previous) == "ok", observation
        previous = observation
        if index % 3 == 0:  # once an hour
            control.others.add(_shift(observation, "smooth", 10.0, -12.0, 0.4))
            control.others.add(_shift(observation, "rough", 4.0, -20.0, 0.6))
    assert {*control.others.by_city[city.id]} == {"smooth", "rough"}


def _shift(observation: Observation, provider: str, warmer: float, higher: float, wind: float) -> Observation:
    pressure, speed, gust = observation.pressure_msl, observation.wind_speed, observation.wind_gust
    assert None not in {pressure, speed, gust}
    return observation._replace(
        provider=provider,
        temperature=observation.temperature + warmer,
        pressure_msl=pressure and pressure + higher,
        wind_speed=speed and speed * wind,
        wind_gust=gust and gust * wind,
    )


def _parse_all(recorded: Path) -> Iterator[tuple[str, Observation]]:
    """Yield the observation of each recorded response with current weather, with the name of the file."""
    for folder in ("open-meteo", "openweathermap", "brightsky"):
        for file in sorted((recorded / folder).glob("*.json")):
            response = Response(200, file.read_bytes())
            with contextlib.suppress(ProviderError):
                match folder:
                    case "open-meteo":
                        (found,) = parse_open_meteo([KIEL], response, NOW)
                    case "openweathermap":
                        found = parse_openweathermap(KIEL, response, NOW)
                    case _:
                        found = parse_bright_sky(KIEL, response, NOW)
                if isinstance(found, Observation):
                    yield file.name, found


def test_recorded_responses(recorded: Path) -> None:
    """Nothing in the responses of services is suspect, but a gust that the author of a file made up."""
    control, count = QualityControl(QualitySection()), 0
    for name, observation in _parse_all(recorded):
        assert control.judge(observation, None) == DOCTORED.get(name, "ok"), name
        count += 1
    assert count >= 20
