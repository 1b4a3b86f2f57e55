"""How it is done without weatherd: ``python -m benchmarks.speed.peers WAY URL CITIES``, for ever.

A line is printed for each observation, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import requests

_DEADLINE = 60.0


def _print(city: int, answer: dict[str, dict[str, float]]) -> None:
    print(f"City {city}: {answer['main']['temp']:.0f} :: {answer['weather'][0]['description']}")  # type: ignore[index]


async def _own_session(city: int, url: str) -> None:
    while True:
        async with aiohttp.ClientSession() as session, session.get(url, params={"q": city}) as response:
            _print(city, await response.json())


async def _shared_session(city: int, url: str, session: aiohttp.ClientSession) -> None:
    while True:
        async with session.get(url, params={"q": city}) as response:
            _print(city, await response.json())


async def sessions(url: str, cities: int) -> None:
    """Run a loop for each city, with a new session for each request: the way of the talk."""
    await asyncio.gather(*(_own_session(city, url) for city in range(cities)))


async def session(url: str, cities: int) -> None:
    """Run a loop for each city, all on one session."""
    async with aiohttp.ClientSession() as shared:
        await asyncio.gather(*(_shared_session(city, url, shared) for city in range(cities)))


async def sequential(url: str, cities: int) -> None:
    """Ask for one city after the other."""
    city = 0
    while True:
        city = (city + 1) % cities
        _print(city, requests.get(url, params={"q": city}, timeout=_DEADLINE).json())  # noqa: ASYNC210 - that is the point


WAYS = {way.__name__: way for way in (sessions, session, sequential)}

if __name__ == "__main__":
    asyncio.run(WAYS[sys.argv[1]](sys.argv[2], int(sys.argv[3])))
