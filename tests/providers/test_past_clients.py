"""The past of the services over HTTP: real requests to the simulator, and the traits of a past."""

from __future__ import annotations

import asyncio
import math
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from tests.support import virtual_time
from tests.support.weatherd_process import ENVIRONMENT
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers, utc_now
from weatherd.errors import Failure, ProviderError
from weatherd.providers.past import PASTS, PastTraits
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from weatherd.providers import BatchPastProvider, PastProvider

# Fetches the past of a day from the three services at an address, and prints how many observations each has
WITHOUT_AIOHTTP = """
import asyncio, sys
from datetime import timedelta
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers, utc_now

async def main(base, places):
    settings = Settings(open_meteo=base, bright_sky=base, nws=base)
    async with open_providers(settings) as providers:
        for name, (lat, lon) in places.items():
            city = City(name="Place", lat=lat, lon=lon, providers=(name,))
            found = await providers.usable[name].fetch_past(city, utc_now() - timedelta(days=1), utc_now())
            print(len(found), end=" ")
    assert not {"aiohttp", "yarl"} & sys.modules.keys()
"""
PLACES = {"open-meteo": (-33.9, 151.2), "bright-sky": (54.3, 10.1), "nws": (42.4, -71.1)}


@pytest.mark.parametrize(("name", "lat", "lon"), [(name, *place) for name, place in PLACES.items()])
async def test_the_past_of_a_day(name: str, lat: float, lon: float) -> None:
    """The past holds the observation that a poll gets, and hundreds of others of that day, in one request."""
    app, city = create_app(now=virtual_time.now), City(name="Place", lat=lat, lon=lon, providers=(name,))
    async with serve_app("127.0.0.1", 0, app) as url:
        base = {"base_url": url}
        settings = Settings(open_meteo=base | {"api_key": "secret"}, bright_sky=base, nws=base)
        async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
            provider = cast("PastProvider", providers.usable[name])
            live = await provider.fetch(city)
            until = live.observed_at + timedelta(minutes=1)
            before = app[STATS][name].requests
            found = await provider.fetch_past(city, until - timedelta(days=1), until)
            assert app[STATS][name].requests == before + 1
            assert providers.pasts[name] is PASTS[name]
    assert len(found) >= 23
    assert {(row.city, row.provider) for row in found} == {(city.id, name)}
    same = [row._replace(station=live.station) for row in found if row.observed_at == live.observed_at]
    assert same == [live] or name == "bright-sky"  # whose stations report every half hour


async def test_the_past_of_many_cities_in_one_request() -> None:
    """Each city gets its own past, which is that of a request for it alone; each counts as a call."""
    app = create_app(now=virtual_time.now)
    cities = [City(name=f"Place {n}", lat=1.5 * n, lon=2.5 * n, providers=("open-meteo",)) for n in range(40)]
    since, until = virtual_time.now() - timedelta(hours=9), virtual_time.now()
    async with serve_app("127.0.0.1", 0, app) as url:
        settings = Settings(open_meteo={"base_url": url})
        async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
            provider = cast("BatchPastProvider", providers.usable["open-meteo"])
            found = await provider.fetch_past_batch(cities, since, until)
            assert app[STATS]["open-meteo"].requests == 1
            assert providers.limiters["open-meteo"].usage()["day"][0] == 40
            assert await provider.fetch_past_batch(cities, until, until - timedelta(minutes=1)) == [()] * 40
            for city, rows in zip(cities[::13], found[::13], strict=True):
                assert rows == await provider.fetch_past(city, since, until)
                assert len(rows) == 37


async def test_one_city_that_is_rejected_does_not_fail_the_others() -> None:
    """The service rejects a list with an invalid place as a whole: it is found by halving."""
    cities = [City(name=f"Place {n}", lat=n, lon=n, providers=("open-meteo",)) for n in range(9)]
    object.__setattr__(cities[5], "lat", 95.0)
    async with serve_app("127.0.0.1", 0, create_app(now=virtual_time.now)) as url:
        settings = Settings(open_meteo={"base_url": url})
        async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
            provider = cast("BatchPastProvider", providers.usable["open-meteo"])
            found = await provider.fetch_past_batch(cities, virtual_time.now() - timedelta(hours=2), virtual_time.now())
    assert [isinstance(outcome, ProviderError) or len(outcome) for outcome in found] == [9] * 5 + [True] + [9] * 3


async def test_a_rejected_request_for_the_past_is_an_error_without_secrets() -> None:
    """What the service says about a request is the reason; a key in it is hidden."""
    city = City(name="Place", lat=1.0, lon=1.0, providers=("open-meteo",))
    async with serve_app("127.0.0.1", 0, create_app(now=virtual_time.now)) as url:
        settings = Settings(open_meteo={"base_url": url, "api_key": "minutely_15"})
        async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
            provider = cast("PastProvider", providers.usable["open-meteo"])
            object.__setattr__(city, "lat", 95.0)
            with pytest.raises(ProviderError, match="Latitude must be in range") as caught:
                await provider.fetch_past(city, virtual_time.now() - timedelta(days=1), virtual_time.now())
    assert caught.value.failure is Failure.REJECTED


@pytest.mark.parametrize("values", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, math.inf), (math.nan, 1.0, 1.0)])
def test_traits_out_of_range_are_rejected(values: tuple[float, float, float]) -> None:
    """Plug-ins create them, so that a mistake is reported where it is made."""
    with pytest.raises(ValueError, match="has to be a finite number of seconds above 0"):
        PastTraits(*values)


@pytest.mark.real_time
@pytest.mark.processes
async def test_the_past_needs_no_aiohttp() -> None:
    """Each daemon asks for the past; aiohttp would take 11 MB of its memory."""
    async with serve_app("127.0.0.1", 0, create_app(now=utc_now)) as url:
        call = f"asyncio.run(main({{'base_url': {url!r}}}, {PLACES}))"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WITHOUT_AIOHTTP + call), env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert [int(count) >= 23 for count in out.split()] == [True] * 3
