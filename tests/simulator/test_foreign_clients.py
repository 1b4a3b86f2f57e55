"""Third-party client libraries work with the simulator."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

pytestmark = pytest.mark.once


@pytest.fixture
async def url(now: datetime) -> AsyncIterator[str]:
    """Serve a simulator without faults."""
    async with serve_app("127.0.0.1", 0, create_app(now=lambda: now)) as base:
        yield base


@pytest.fixture
async def open_meteo_client(url: str) -> AsyncIterator[Any]:
    """Return the client of the package open-meteo, whose requests are redirected to the simulator."""
    open_meteo = pytest.importorskip("open_meteo", reason="open-meteo is not installed")
    async with aiohttp.ClientSession() as direct:

        async def redirect(request: ClientRequest, _: ClientHandlerType) -> ClientResponse:
            return await direct.get(url + request.url.raw_path_qs)

        async with aiohttp.ClientSession(middlewares=[redirect]) as session:
            yield open_meteo.OpenMeteo(session=session)


async def test_open_meteo(open_meteo_client: Any, now: datetime) -> None:
    """open-meteo parses each section of a forecast, finds places, and handles an empty result and an error.

    One test, because the import of the package takes 4 s.
    """
    forecast = await open_meteo_client.forecast(
        latitude=54.32,
        longitude=10.13,
        timezone="Europe/Berlin",
        current=["temperature_2m", "weather_code"],
        minutely_15=["precipitation"],
        hourly=["temperature_2m", "is_day"],
        daily=["sunrise", "temperature_2m_max"],
    )
    assert forecast.utc_offset_seconds == 7200
    assert forecast.current.temperature_2m is not None
    assert forecast.current.time.hour == now.hour + 2
    assert len(forecast.hourly.temperature_2m) == len(forecast.hourly.is_day) == 7 * 24
    assert len(forecast.minutely_15.precipitation) == 7 * 96
    assert forecast.daily.sunrise[0].hour in {5, 6}
    found = await open_meteo_client.geocoding(name="Frankfurt", country_code="DE")
    assert [place.name for place in found.results] == ["Frankfurt am Main", "Frankfurt (Oder)"]
    assert (await open_meteo_client.geocoding(name="Atlantis")).results is None
    assert (await open_meteo_client.geocoding_by_id(location_id=2891122)).name == "Kiel"
    exceptions = pytest.importorskip("open_meteo.exceptions")
    with pytest.raises(exceptions.OpenMeteoResponseError, match="Latitude must be in range"):
        await open_meteo_client.forecast(latitude=100, longitude=0)


@pytest.fixture
def pyowm_config(url: str) -> dict[str, Any]:
    """Return a configuration of pyowm that uses the simulator as proxy."""
    pytest.importorskip("pyowm", reason="pyowm is not installed")
    config: dict[str, Any] = copy.deepcopy(pytest.importorskip("pyowm.utils.config").get_default_config())
    config["connection"] |= {"use_ssl": False, "use_proxy": True}
    config["proxies"] = {"http": url}
    return config


@pytest.mark.real_time
async def test_pyowm(pyowm_config: dict[str, Any], now: datetime) -> None:
    """Pyowm parses the current weather by coordinates, by name and by id."""
    manager = pytest.importorskip("pyowm").OWM("key", pyowm_config).weather_manager()
    seen = await asyncio.to_thread(manager.weather_at_coords, 54.32, 10.13)
    assert (seen.location.name, seen.location.country) == ("Kiel", "DE")
    assert -40 < seen.weather.temperature("celsius")["temp"] < 45
    assert set(seen.weather.wind()) == {"speed", "deg", "gust"}
    assert seen.weather.detailed_status
    assert now.timestamp() - 600 < seen.weather.reference_time() <= now.timestamp()
    assert seen.weather.sunrise_time() < seen.weather.sunset_time()
    named = await asyncio.to_thread(manager.weather_at_place, "London,CA")
    numbered = await asyncio.to_thread(manager.weather_at_id, 6058560)
    assert named.location.id == numbered.location.id == 6058560


@pytest.mark.real_time
async def test_pyowm_errors(pyowm_config: dict[str, Any]) -> None:
    """Pyowm distinguishes a rejected key from an unknown city."""
    exceptions, pyowm = pytest.importorskip("pyowm.commons.exceptions"), pytest.importorskip("pyowm")
    rejected = pyowm.OWM("invalid", pyowm_config).weather_manager()
    with pytest.raises(exceptions.UnauthorizedError):
        await asyncio.to_thread(rejected.weather_at_coords, 54.32, 10.13)
    manager = pyowm.OWM("key", pyowm_config).weather_manager()
    with pytest.raises(exceptions.NotFoundError):
        await asyncio.to_thread(manager.weather_at_place, "Atlantis")
