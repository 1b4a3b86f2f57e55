"""Pollers to compare weatherd with: ``python -m benchmarks.speed.peers POLLER URL CITIES``. They run until killed.

They print a line for each observation, and store nothing.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import requests

_DEADLINE = 60.0


def _print(city: int, response: dict[str, dict[str, float]]) -> None:
    print(f"City {city}: {response['main']['temp']:.0f} :: {response['weather'][0]['description']}")  # type: ignore[index]


async def _own_session(city: int, url: str) -> None:
    while True:
        async with aiohttp.ClientSession() as session, session.get(url, params={"q": city}) as response:
            _print(city, await response.json())


async def _shared_session(city: int, url: str, session: aiohttp.ClientSession) -> None:
    while True:
        async with session.get(url, params={"q": city}) as response:
            _print(city, await response.json())


async def sessions(url: str, cities: int) -> None:
    """Poll each city in a loop, with a new aiohttp session for each request."""
    await asyncio.gather(*(_own_session(city, url) for city in range(cities)))


async def session(url: str, cities: int) -> None:
    """Poll each city in a loop, with one aiohttp session for all."""
    async with aiohttp.ClientSession() as shared:
        await asyncio.gather(*(_shared_session(city, url, shared) for city in range(cities)))


async def sequential(url: str, cities: int) -> None:
    """Poll one city after the other."""
    city = 0
    while True:
        city = (city + 1) % cities
        _print(city, requests.get(url, params={"q": city}, timeout=_DEADLINE).json())  # noqa: ASYNC210 - blocking is what is measured


POLLERS = {poller.__name__: poller for poller in (sessions, session, sequential)}

if __name__ == "__main__":
    asyncio.run(POLLERS[sys.argv[1]](sys.argv[2], int(sys.argv[3])))
