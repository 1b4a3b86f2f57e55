"""HTTP application of the daemon: the routes and their handlers."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import operator
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aiohttp import hdrs, web

from weatherd.web import middleware, serializers
from weatherd.web.access.control import AccessControl
from weatherd.web.access.duration_limit import limit_duration
from weatherd.web.alerts.silence_endpoints import SilenceEndpoints
from weatherd.web.bad_requests import BadRequests
from weatherd.web.comparison.endpoint import ComparisonEndpoint
from weatherd.web.connections import IDLE_TIMEOUT
from weatherd.web.days.endpoint import DayEndpoint
from weatherd.web.middleware import ProblemError, json_response, parse_query
from weatherd.web.openapi import build_openapi
from weatherd.web.page.assets import serve_asset
from weatherd.web.page.endpoints import PageEndpoints
from weatherd.web.query_models import (
    AlertsQuery,
    CitiesQuery,
    NoQuery,
    ObservationsQuery,
    ScopeQuery,
    WarningsQuery,
    split_tags,
)
from weatherd.web.schemas import CitiesPage, HealthModel, ObservationsPage
from weatherd.web.stream import EventStreams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from weatherd.city import City
    from weatherd.config.http_section import HttpSection
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.web.cluster.owner import CityOwners
    from weatherd.web.connections import ClientConnections

_SHUTDOWN_TIMEOUT = 0.5  # seconds that open requests may take when the daemon stops
_MAX_BODY = 1024  # bytes; no endpoint reads a request body
_LINGERING_TIME = 5.0  # seconds that the rest of it is read and discarded
_SCAN_BATCH = 1000  # cities to search before yielding to the event loop, in about 3 ms


class Endpoints:
    """Handlers of all endpoints."""

    def __init__(
        self,
        status: DaemonStatus,
        reader: AsyncReader,
        history_reader: AsyncReader,
        http: HttpSection,
        connections: ClientConnections,
    ) -> None:
        self._status = status
        self._reader = reader
        self._connections = connections
        self.bad_requests = BadRequests()
        self._scraping = asyncio.Lock()
        self._token = http.token.get_secret_value() if http.token else None
        hosts = {*middleware.local_host_names(), *http.allowed_hosts, http.host.lower()}
        self._access = AccessControl(self._token, http.public, hosts, status.now)
        self._per_city_metrics = http.city_metrics
        owners = _open_owners(status)
        self._days = DayEndpoint(status, history_reader, owners)
        self._comparison = ComparisonEndpoint(status, history_reader, owners)
        self._page = PageEndpoints(status, history_reader, self._days, self._access.is_signed_in)
        self._streams = EventStreams(status, reader, connections.limit, self._page.make_digest)

    def create_app(self) -> web.Application:
        """Create the aiohttp application with its routes and middlewares."""
        app = web.Application(
            middlewares=[
                limit_duration,
                middleware.handle_errors,
                self._access.middleware,
                middleware.cache_and_compress,
            ],
            client_max_size=_MAX_BODY,
        )
        app.cleanup_ctx.append(self._streams.run)
        app.on_shutdown.append(self._streams.close)
        if whole := self._page.cluster:
            from weatherd.web.cluster.endpoints import NodeEndpoints, add_shards  # noqa: PLC0415 - only in a cluster

            nodes = NodeEndpoints(whole)
            app.middlewares.append(add_shards(whole))
            app.router.add_get("/-/cluster", nodes.state)
            app.router.add_get("/-/cluster/cities", nodes.cities)
        for path, handler in {
            "/": self._page.page,
            "/static/{version}/{path:.+}": serve_asset,
            "/-/healthy": self.healthy,
            "/-/ready": self.ready,
            "/metrics": self.metrics,
            "/api/v1/openapi.json": self.openapi,
            "/api/v1/status": self.status,
            "/api/v1/cities": self.cities,
            "/api/v1/cities/{id}": self.city,
            "/api/v1/cities/{id}/chart": self._page.chart,
            "/api/v1/cities/{id}/days": self._days.handle,
            "/api/v1/cities/{id}/comparison": self._comparison.handle,
            "/api/v1/curves": self._page.curves,
            "/api/v1/overview": self._page.overview,
            "/api/v1/map": self._page.map,
            "/api/v1/words": self._page.words,
            "/api/v1/service": self._page.service,
            "/api/v1/observations": self.observations,
            "/api/v1/alerts": self.alerts,
            "/api/v1/warnings": self.warnings,
            "/api/v1/stream": self._streams.handle,
        }.items():
            app.router.add_get(path, handler)
        app.router.add_post("/-/reload", self.reload)
        silences = SilenceEndpoints(self._status, has_token=self._token is not None)
        app.router.add_get("/api/v1/silences", silences.list_silences)
        app.router.add_post("/api/v1/silences", silences.add_silence)
        app.router.add_post("/api/v1/silences/{id}/end", silences.end_silence)
        app.router.add_get("/sign-in", self._access.sign_in)
        app.router.add_post("/sign-in", self._access.sign_in)
        app.router.add_post("/sign-out", self._access.sign_out)
        return app

    async def healthy(self, request: web.Request) -> web.Response:
        """Report whether the daemon makes progress. An unavailable weather service does not make it unhealthy."""
        parse_query(request, NoQuery)
        faults = list(self._status.find_faults())
        return json_response(HealthModel(ok=not faults, faults=faults), 503 if faults else 200)

    async def ready(self, request: web.Request) -> web.Response:
        """Report whether the daemon has started and is not stopping."""
        parse_query(request, NoQuery)
        faults = [] if self._status.is_ready else ["the daemon is starting or stopping"]
        return json_response(HealthModel(ok=not faults, faults=faults), 503 if faults else 200)

    async def reload(self, request: web.Request) -> web.Response:
        """Request a reload of the configuration; 403 if no token is configured."""
        parse_query(request, NoQuery)
        if self._token is None:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "reloading over HTTP is disabled; set http.token in weatherd's settings to enable it",
            )
        self._status.request_reload()
        return json_response(HealthModel(ok=True, faults=[]), 202)

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the metrics for Prometheus."""
        from weatherd.web.metrics import HttpTraffic, render_metrics  # noqa: PLC0415 - slow to import and rarely used

        accept, closed_early = request.headers.get(hdrs.ACCEPT, ""), self._connections.closed_early
        traffic = HttpTraffic(len(self._connections), self._streams.count, closed_early, self.bad_requests.count)
        async with self._scraping:
            render = render_metrics(self._status, traffic, accept, self._days.today, per_city=self._per_city_metrics)
            body, content_type = await render
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def openapi(self, request: web.Request) -> web.Response:
        """Return the OpenAPI document."""
        parse_query(request, NoQuery)
        return web.json_response(build_openapi(has_token=self._token is not None))

    async def status(self, request: web.Request) -> web.Response:
        """Return the status of the daemon."""
        query = parse_query(request, ScopeQuery)
        own = serializers.serialize_status(self._status, await self._status.count_states())
        if self._page.cluster and query.scope == "all":
            own = await self._page.cluster.merge_status(own)
        return json_response(own)

    async def cities(self, request: web.Request) -> web.Response:
        """Return a page of cities, sorted by id unless another order is requested."""
        query = parse_query(request, CitiesQuery)
        if query.needs_index or self._page.cluster:
            return json_response(await self._page.find_cities(query))
        found = await self._find_cities(query)
        page = found[: query.limit]
        next_id = page[-1].id if len(found) > len(page) else None
        return json_response(
            CitiesPage(cities=[serializers.serialize_city(city, self._status) for city in page], next=next_id)
        )

    async def _find_cities(self, query: CitiesQuery) -> list[City]:
        """Return the cities of a page, and one more if there is a next page.

        Only a search for a rare state scans the whole list; it yields to the event loop every few milliseconds.
        """
        registry = self._status.registry
        if query.name is not None:
            await registry.index_names()
        found: list[City] = []
        cities = registry.cities if query.name is None else registry.find_by_name(query.name)
        start = 0 if query.after is None else bisect.bisect_right(cities, query.after, key=operator.attrgetter("id"))
        for begin in range(start, len(cities), _SCAN_BATCH):
            for city in cities[begin : begin + _SCAN_BATCH]:
                if query.state is None or query.state == self._status.state_of(city):
                    found.append(city)
                if len(found) > query.limit:
                    return found
            await asyncio.sleep(0)
        return found

    async def city(self, request: web.Request) -> web.Response:
        """Return the details of a city; 404 if it is not in the list."""
        query, city = parse_query(request, ScopeQuery), middleware.require_city(request, self._status)
        if query.scope == "all":
            return json_response(await self._page.read_city(city))
        return json_response(serializers.serialize_city_detail(city, self._status))

    async def alerts(self, request: web.Request) -> web.Response:
        """Return a page of the alerts that are pending or firing, by city."""
        from weatherd.web.alerts.serializers import serialize_alerts_page  # noqa: PLC0415 - rarely used

        query = parse_query(request, AlertsQuery)
        page = serialize_alerts_page(query, self._status)
        if self._page.cluster and query.scope == "all":
            page = await self._page.cluster.merge_alerts(query, page)
        return json_response(page)

    async def warnings(self, request: web.Request) -> web.Response:
        """Return a page of the official warnings in force, by city."""
        from weatherd.web.warnings.serializers import serialize_warnings_page  # noqa: PLC0415 - rarely used

        query = parse_query(request, WarningsQuery)
        page = serialize_warnings_page(query, self._status)
        if self._page.cluster and query.scope == "all":
            page = await self._page.cluster.merge_warnings(query, page)
        return json_response(page)

    async def observations(self, request: web.Request) -> web.Response:
        """Return a page of observations from the journal, in order of arrival."""
        query = parse_query(request, ObservationsQuery)
        cities = [query.city] if query.city else []
        if query.tag:
            tagged = self._status.registry.find_tagged(split_tags(query.tag))
            cities = [city.id for city in tagged if query.city in (None, city.id)]
        entries = []
        if cities or not query.tag:
            entries = await self._reader.read_page(query.after, query.limit + 1, query.since, query.until, cities)
        page = entries[: query.limit]
        next_seq = page[-1].seq if entries[len(page) :] else None
        observations = [serializers.serialize_entry(entry, self._status.registry) for entry in page]
        return json_response(ObservationsPage(observations=observations, next=next_seq))


def _open_owners(status: DaemonStatus) -> CityOwners | None:
    if status.cluster is None:
        return None
    from weatherd.web.cluster.nodes import OtherNodes  # noqa: PLC0415 - only in a cluster
    from weatherd.web.cluster.owner import CityOwners  # noqa: PLC0415

    return CityOwners(status, status.cluster, OtherNodes(status.cluster))


@contextlib.asynccontextmanager
async def open_app(
    status: DaemonStatus,
    http: HttpSection,
    connections: ClientConnections,
    reader: AsyncReader,
    history_reader: AsyncReader,
) -> AsyncIterator[web.Server]:
    """Start the application and yield what creates the protocol of a connection."""
    endpoints = Endpoints(status, reader, history_reader, http, connections)
    runner = web.AppRunner(
        endpoints.create_app(),
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=IDLE_TIMEOUT,
        lingering_time=_LINGERING_TIME,
        logger=endpoints.bad_requests.logger,
        shutdown_timeout=_SHUTDOWN_TIMEOUT,
    )
    await runner.setup()
    try:
        yield cast("web.Server", runner.server)  # a value, once the runner is set up
    finally:
        await runner.cleanup()
