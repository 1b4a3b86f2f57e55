"""The simulator as an aiohttp application, and a server for it on loopback."""

from __future__ import annotations

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
from weatherd.simulator.responses import REDIRECT_LOOP, make_response, redirect_to_self, respond
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.simulator.stats import RequestStats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from weatherd.simulator.quotas import Quota

_LONGEST_BODY = 4 * 2**20  # bytes: a thousand places as JSON, with room
_LONGEST_URL = 64 * 2**10  # as the real Open-Meteo
_PATIENCE = 0.05  # s that answers under way get when the server ends; hanging ones would take any time

_UNLIMITED: Mapping[str, Quota] = MappingProxyType({})
STATS = web.AppKey("stats", dict[str, RequestStats])

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Simulation:
    now: Callable[[], datetime]
    pace: WeatherClock
    faults: Sequence[Fault]
    draws: random.Random
    quotas: Mapping[str, Quota]
    stats: defaultdict[str, RequestStats]


def create_app(
    *,
    now: Callable[[], datetime],
    day: float | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    quotas: Mapping[str, Quota] = _UNLIMITED,
) -> web.Application:
    """Make the simulator. What it was asked is counted under ``app[STATS]``, by the names of the services.

    ``now`` tells the time, aware and in UTC. ``day`` is how many seconds a day of weather takes, None for
    real time. Each fault strikes its share of the requests, the same ones for the same seed; what a quota refuses
    is not struck. Raise ValueError if the shares add up to more than 1.
    """
    check_rates(faults)
    pace = REAL_TIME if day is None else WeatherClock(now().timestamp(), day)
    world = _Simulation(now, pace, tuple(faults), random.Random(seed), quotas, defaultdict(RequestStats))
    app = web.Application(client_max_size=_LONGEST_BODY)
    app.on_response_prepare.append(_sign)
    app.router.add_get("/", _about)
    app[STATS] = world.stats
    app.router.add_get(REDIRECT_LOOP, redirect_to_self)
    app.router.add_get("/_stats", _count)
    for service in ENDPOINTS:
        for method in ["GET", "POST"] if service.post else ["GET"]:
            app.router.add_route(method, service.path, _handler(service, world))
    app.router.add_route("*", "/{path:.*}", _not_found)
    return app


@asynccontextmanager
async def serve_app(host: str, port: int, app: web.Application) -> AsyncIterator[str]:
    """Serve an application inside the ``async with``, which gets the base URL. Port 0 takes a free port.

    A taken port raises OSError. The end is quick: clients that still wait are cut off.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_PATIENCE,
        max_line_size=_LONGEST_URL,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        name, number = runner.addresses[0][:2]
        yield f"http://[{name}]:{number}" if ":" in name else f"http://{name}:{number}"
    finally:
        await runner.cleanup()


def _handler(service: Endpoint, world: _Simulation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        stats, now = world.stats[service.name], world.now().timestamp()
        place = request.path_qs
        stats.asked(now, place)
        stats.under_way += 1
        try:
            response = await _respond(request, service, world)
        finally:
            stats.under_way -= 1
        stats.answered(response.status, place, response.headers.get("Expires"))
        return response

    return handle


async def _respond(request: web.Request, service: Endpoint, world: _Simulation) -> web.StreamResponse:
    try:
        query = await read_query(request)
    except RejectedRequestError as refusal:
        return make_response(400, {"error": True, "reason": str(refusal)})
    if refused := _charge(service, query, world):
        return make_response(*refused)
    kind = choose_fault(world.faults, world.draws.random())
    if kind:
        _log.debug("simulator.fault", kind=kind, path=service.path)
    question = ServiceRequest(query, request.match_info, request.headers, str(request.url.origin()))

    def answer(at: datetime) -> StatusAndBody | ServiceResponse:
        return service.answer(question, at, world.pace)

    response = await respond(request, service, kind, answer=answer, now=world.now)
    if 400 <= response.status < 500:
        _give_back(service, query, world)
    return response


def _charge(service: Endpoint, query: Query, world: _Simulation) -> tuple[int, Any] | None:
    """Return the refusal of a service whose quota is used up; else count the calls."""
    stats, quota, now = world.stats[service.name], world.quotas.get(service.name), world.now().timestamp()
    if quota and (refused := quota.refuse(now, stats.under_way - 1)):
        stats.quota_429 += 1
        return refused
    calls = _calls(service, query)
    stats.charged(now, calls)
    if quota:
        quota.count(now, calls)
    return None


def _give_back(service: Endpoint, query: Query, world: _Simulation) -> None:
    """Charge no more than one call for what was wrong with the question."""
    if (more := _calls(service, query) - 1) and (quota := world.quotas.get(service.name)):
        quota.count(world.now().timestamp(), -more)


def _calls(service: Endpoint, query: Query) -> float:
    return open_meteo_call_weight(query) if service.name == "open-meteo" else 1.0


async def _count(request: web.Request) -> web.Response:
    return web.json_response({name: stats.plain() for name, stats in sorted(request.app[STATS].items())})


async def _about(_: web.Request) -> web.Response:
    return web.Response(text=describe_endpoints())


async def _not_found(request: web.Request) -> web.Response:
    return make_response(*not_found_response(request.path))


async def _sign(_: web.Request, response: web.StreamResponse) -> None:
    """Say on every response that it is simulated."""
    response.headers["Server"] = "weatherd-simulator"
    response.headers["X-Simulated"] = "true"
