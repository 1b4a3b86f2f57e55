"""The simulator as an aiohttp application, and an HTTP server for it."""

from __future__ import annotations

import email.utils
import functools
import random
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from weatherd.simulator.endpoints import ENDPOINTS, Endpoint, describe_endpoints, not_found_response
from weatherd.simulator.faults import Fault, check_rates, choose_fault
from weatherd.simulator.query import (
    Query,
    RejectedRequestError,
    ServiceRequest,
    ServiceResponse,
    StatusAndBody,
    read_query,
)
from weatherd.simulator.quotas import open_meteo_call_weight
from weatherd.simulator.responses import REDIRECT_LOOP, make_response, redirect_to_self, send_response
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.stats import RequestStats
from weatherd.text.addresses import format_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from weatherd.simulator.quotas import Quota

_MAX_BODY = 4 * 2**20  # bytes, enough for 1,000 locations as JSON
_MAX_URL = 64 * 2**10  # bytes, the limit of the real Open-Meteo
_SHUTDOWN_TIMEOUT = 0.05  # seconds for open requests to finish; short, because hanging ones never do

_UNLIMITED: Mapping[str, Quota] = MappingProxyType({})
STATS = web.AppKey("stats", dict[str, RequestStats])

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Simulation:
    now: Callable[[], datetime]
    clock: WeatherClock
    faults: Sequence[Fault]
    random: random.Random
    quotas: Mapping[str, Quota]
    stats: defaultdict[str, RequestStats]


def create_app(
    *,
    now: Callable[[], datetime],
    day_seconds: float | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    quotas: Mapping[str, Quota] = _UNLIMITED,
) -> web.Application:
    """Create the application. ``app[STATS]`` holds the request statistics by service.

    *now* returns the current time, aware and in UTC. *day_seconds* is how many seconds a day of weather takes; None
    means real time. Each fault affects its share of the requests, the same ones for the same seed; a request that a
    quota rejects gets no fault. Raise ValueError if the rates add up to more than 1.
    """
    check_rates(faults)
    clock = REAL_TIME if day_seconds is None else WeatherClock(now().timestamp(), day_seconds)
    simulation = _Simulation(now, clock, tuple(faults), random.Random(seed), quotas, defaultdict(RequestStats))
    app = web.Application(client_max_size=_MAX_BODY)
    app.on_response_prepare.append(functools.partial(_mark_as_simulated, simulation))
    app.router.add_get("/", _describe)
    app[STATS] = simulation.stats
    app.router.add_get(REDIRECT_LOOP, redirect_to_self)
    app.router.add_get("/_stats", _show_stats)
    for endpoint in ENDPOINTS:
        for method in ["GET", "POST"] if endpoint.accepts_post else ["GET"]:
            app.router.add_route(method, endpoint.path, _handler(endpoint, simulation))
    app.router.add_route("*", "/{path:.*}", _not_found)
    return app


@asynccontextmanager
async def serve_app(host: str, port: int, app: web.Application) -> AsyncIterator[str]:
    """Serve an application inside the ``async with``, which yields the base URL. Port 0 picks a free port.

    Raise OSError if the address cannot be bound. At the end, open requests are cut off after 50 ms.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
        max_line_size=_MAX_URL,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address, number = runner.addresses[0][:2]
        yield format_url(address, number)
    finally:
        await runner.cleanup()


def _handler(endpoint: Endpoint, simulation: _Simulation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        stats, url = simulation.stats[endpoint.service], request.path_qs
        stats.record_request(simulation.now().timestamp(), url)
        stats.in_flight += 1
        try:
            response = await _respond(request, endpoint, simulation)
        finally:
            stats.in_flight -= 1
        stats.record_response(response.status, url, response.headers.get("Expires"))
        return response

    return handle


async def _respond(request: web.Request, endpoint: Endpoint, simulation: _Simulation) -> web.StreamResponse:
    try:
        query = await read_query(request)
    except RejectedRequestError as error:
        return make_response(400, {"error": True, "reason": str(error)})
    if rejection := _charge_quota(endpoint, query, simulation):
        return make_response(*rejection)
    fault = choose_fault(simulation.faults, simulation.random.random())
    if fault:
        _log.debug("simulator.fault", kind=fault, path=endpoint.path)
    service_request = ServiceRequest(query, request.match_info, request.headers, str(request.url.origin()))

    def response_at(at: datetime) -> StatusAndBody | ServiceResponse:
        return endpoint.handle(service_request, at, simulation.clock)

    response = await send_response(request, endpoint, fault, response_at=response_at, now=simulation.now)
    if 400 <= response.status < 500:
        _refund_quota(endpoint, query, simulation)
    return response


def _charge_quota(endpoint: Endpoint, query: Query, simulation: _Simulation) -> tuple[int, Any] | None:
    """Charge the calls of a request, or return the rejection if the service's quota is used up."""
    stats, quota = simulation.stats[endpoint.service], simulation.quotas.get(endpoint.service)
    now = simulation.now().timestamp()
    if quota and (rejection := quota.check(now, stats.in_flight - 1)):
        stats.quota_429 += 1
        return rejection
    calls = _call_weight(endpoint, query)
    stats.record_calls(now, calls)
    if quota:
        quota.charge(now, calls)
    return None


def _refund_quota(endpoint: Endpoint, query: Query, simulation: _Simulation) -> None:
    """Give back all but one call, because the services charge an invalid request only once."""
    if (excess := _call_weight(endpoint, query) - 1) and (quota := simulation.quotas.get(endpoint.service)):
        quota.charge(simulation.now().timestamp(), -excess)


def _call_weight(endpoint: Endpoint, query: Query) -> float:
    return open_meteo_call_weight(query) if endpoint.service == "open-meteo" else 1.0


async def _show_stats(request: web.Request) -> web.Response:
    return web.json_response({name: stats.to_json() for name, stats in sorted(request.app[STATS].items())})


async def _describe(_: web.Request) -> web.Response:
    return web.Response(text=describe_endpoints())


async def _not_found(request: web.Request) -> web.Response:
    return make_response(*not_found_response(request.path))


async def _mark_as_simulated(simulation: _Simulation, _: web.Request, response: web.StreamResponse) -> None:
    """Mark each response as simulated in its headers, and give it the date of the simulation."""
    response.headers["Server"] = "weatherd-simulator"
    response.headers["X-Simulated"] = "true"
    response.headers["Date"] = _format_date(int(simulation.now().timestamp()))


@functools.lru_cache(maxsize=4)
def _format_date(posix: int) -> str:
    return email.utils.formatdate(posix, usegmt=True)
