"""A minimal weather service on loopback, with Open-Meteo's protocol."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import TestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Service:
    """A service that reports the same temperature and slight rain everywhere."""

    url: str = ""
    requests: int = 0
    polls: list[tuple[float, str, str]] = field(default_factory=list)  # time, part of the path for the caller, latitude
    temperature: float = 6.2  # °C

    async def forecast(self, request: web.Request) -> web.Response:
        """Respond to ``/v1/forecast``, also with the name of the caller before it."""
        self.requests += 1
        latitudes = request.query["latitude"].split(",")
        self.polls += [(time.monotonic(), request.match_info.get("caller", ""), latitude) for latitude in latitudes]
        count = len(latitudes)
        current = {"time": int(time.time()), "interval": 900, "temperature_2m": self.temperature, "weather_code": 61}
        places = [{"latitude": 54.3, "longitude": 10.1, "current": current}] * count
        return web.json_response(places[0] if count == 1 else places)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    """Run the service."""
    service = Service()
    app = web.Application()
    app.router.add_get("/v1/forecast", service.forecast)
    app.router.add_get("/{caller}/v1/forecast", service.forecast)
    async with TestServer(app, host="127.0.0.1") as server:
        service.url = str(server.make_url("")).rstrip("/")
        yield service
