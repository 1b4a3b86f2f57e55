"""Handlers of the page, and of the parts of the API that it needs beside the list and the stream."""

from __future__ import annotations

import bisect
import contextlib
import csv
import io
import json
import operator
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from weatherd import __version__
from weatherd.text.condition_words import load_words
from weatherd.web import serializers
from weatherd.web.days.models import DaysModel
from weatherd.web.days.plain_record import render_links, render_record
from weatherd.web.days.query import DaysQuery
from weatherd.web.middleware import ProblemError, json_response, parse_query, require_city
from weatherd.web.notices.cache import NoticeCache
from weatherd.web.notices.serializers import find_notices
from weatherd.web.page import plain_views
from weatherd.web.page.assets import load_assets
from weatherd.web.page.city_index import CityIndex
from weatherd.web.page.city_search import search_cities
from weatherd.web.page.document import HEADERS, render_document
from weatherd.web.page.history import read_chart, read_curves
from weatherd.web.page.map_points import make_map
from weatherd.web.page.models import WordsModel
from weatherd.web.page.overview import make_overview
from weatherd.web.page.page_query import list_query, parse_page_query
from weatherd.web.page.plain_notices import find_city_notices, render_city_notices
from weatherd.web.page.service import describe_service
from weatherd.web.query_models import ChartQuery, CurvesQuery, MapQuery, NoQuery, ScopeQuery, WordsQuery
from weatherd.web.schemas import CitiesPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.web.cluster.whole_list import WholeList
    from weatherd.web.days.endpoint import DayEndpoint
    from weatherd.web.page.city_index import ListSnapshot
    from weatherd.web.page.models import ChartModel, CurvesModel, OverviewModel, ServiceModel
    from weatherd.web.page.page_query import PageQuery
    from weatherd.web.query_models import CitiesQuery
    from weatherd.web.schemas import CityDetail, CityModel


class _View(NamedTuple):
    """A view as HTML, and the data that its scripts begin with, as JSON."""

    name: str
    title: str
    main: str
    data: str
    status: int = HTTPStatus.OK


class PageEndpoints:
    """Handlers of the views. *reader* is not that of the event stream, which must not wait for a year of history."""

    def __init__(
        self,
        status: DaemonStatus,
        reader: AsyncReader,
        days: DayEndpoint,
        is_signed_in: Callable[[web.Request], bool],
    ) -> None:
        self._status = status
        self._reader = reader
        self._days = days
        self._index = CityIndex(status, lambda snapshot, edition: make_overview(status, snapshot, edition))
        self.cluster = _open_whole_list(status, self._index)
        self._notices = NoticeCache(status)
        self._is_signed_in = is_signed_in

    async def page(self, request: web.Request) -> web.Response:
        """Return a view as HTML, with the data that its scripts begin with."""
        view = await self._find_view(request)
        text = render_document(
            view.name,
            view.title,
            view.main,
            view.data,
            display=self._status.display,
            is_signed_in=self._is_signed_in(request),
        )
        return web.Response(text=text, content_type="text/html", headers=HEADERS, status=view.status)

    async def _find_view(self, request: web.Request) -> _View:
        query = parse_page_query(request.query)
        if query.city is not None:
            return await self._city_view(query.city, query)
        if query.view == "service":
            return await self._service_view()
        name = "wall" if query.wall is not None else query.view or "overview"
        overview = await self._read_overview()
        page = await self.find_cities(list_query(query))
        curves = await self._read_curves([city.id for city in page.cities])
        main = plain_views.render_overview(overview, page, query, self._status.display)
        models = {"overview": overview, "cities": page, "curves": curves}
        data = ",".join(f'"{key}":{model.model_dump_json()}' for key, model in models.items())
        return _View(name, "weatherd", main, f"{{{data}}}")

    async def _city_view(self, city_id: str, query: PageQuery) -> _View:
        city = self._status.registry.get(city_id)
        if city is None:
            main = f'<h1>weatherd</h1>\n<p>There is no city “{city_id}” in the list. <a href="./">Overview</a></p>\n'
            return _View("missing", "weatherd", main, "null", status=HTTPStatus.NOT_FOUND)
        detail = await self.read_city(city)
        chart = await self._read_chart(city, query.span)
        days = await self._read_days(city, DaysQuery(by=query.by)) if query.by else None
        cities = self._status.cities
        place = bisect.bisect_left(cities, city.id, key=operator.attrgetter("id"))
        neighbours = [
            {"id": other.id, "name": other.name} for other in (cities[place - 1], cities[(place + 1) % len(cities)])
        ]
        if self.cluster and self.cluster.owners.is_elsewhere(city.id):
            alerts, warnings = await self.cluster.owners.read_notices(city.id)
        else:
            alerts, warnings = find_city_notices(city.id, self._status)
        parts = {"city": detail, "chart": chart, "days": days}  # as models, which are encoded faster
        data = ",".join(f'"{key}":{model.model_dump_json()}' for key, model in parts.items() if model)
        lists = {
            "neighbours": neighbours,
            "alerts": [alert.model_dump() for alert in alerts],
            "warnings": [warning.model_dump() for warning in warnings],
            "seq": self._status.journal.last_seq,
        }
        notices = render_city_notices(alerts, warnings, city.timezone)
        record = (render_record(days, self._status.display) if days else "") + render_links(city.id, query.span)
        main = plain_views.render_city(detail, chart, self._status.display, notices, record)
        return _View("city", f"{city.name} – weatherd", main, f"{{{data},{json.dumps(lists)[1:]}")

    async def read_city(self, city: City) -> CityDetail:
        """Return the details of a city, from the node that polls it."""
        if self.cluster:
            return await self.cluster.owners.read_city(city)
        return serializers.serialize_city_detail(city, self._status)

    async def _read_days(self, city: City, query: DaysQuery) -> DaysModel:
        if self.cluster and self.cluster.owners.is_elsewhere(city.id):
            with contextlib.suppress(ProblemError):
                return await self.cluster.owners.read(city.id, "days", query, DaysModel)
        return await self._days.read_days(city, query)

    async def _service_view(self) -> _View:
        snapshot = await self._index.read()
        service = await self._describe_service(snapshot)
        main = plain_views.render_service(service.status, self._status.describe(snapshot.counts))
        return _View("service", "Service – weatherd", main, service.model_dump_json())

    async def service(self, request: web.Request) -> web.Response:
        """Return the state of the daemon and its last warnings."""
        parse_query(request, NoQuery)
        return json_response(await self._describe_service(await self._index.read()))

    async def _describe_service(self, snapshot: ListSnapshot) -> ServiceModel:
        """Return the state of this daemon, and the nodes of its cluster."""
        service = describe_service(self._status, snapshot)
        if self.cluster is None:
            return service
        status = service.status.model_copy(update={"cluster": await self.cluster.describe()})
        return service.model_copy(update={"status": status})

    async def find_cities(self, query: CitiesQuery) -> CitiesPage:
        """Return a page of the list in any order, and with any filter."""
        if self.cluster and query.scope == "all":
            return await self.cluster.pages.find_cities(query)
        snapshot = await self._index.read()
        if query.is_selective:
            found = await self._index.run(lambda: search_cities(snapshot, query))
        else:
            found = search_cities(snapshot, query)
        return CitiesPage(
            cities=[serializers.serialize_city(snapshot.cities[index], self._status) for index in found.indexes],
            next=found.next,
            previous=found.previous,
            total=found.total,
            first=found.first,
        )

    async def overview(self, request: web.Request) -> web.Response:
        """Return all cities at a glance."""
        query = parse_query(request, ScopeQuery)
        return json_response(await (self._read_own_overview() if query.scope == "own" else self._read_overview()))

    async def _read_overview(self) -> OverviewModel:
        """Return the overview of all nodes."""
        own = await self._read_own_overview()
        return await self.cluster.merge_overview(own) if self.cluster else own

    async def _read_own_overview(self) -> OverviewModel:
        """Return the overview of the current snapshot, which readers share, as of now.

        A page that reads the cities after it misses nothing if its stream begins after ``seq``: what the journal has
        by now is among the latest observations.
        """
        overview, now = await self._index.read_overview(), self._status.now().timestamp()
        current = {
            "now": serializers.format_timestamp(now),
            "seq": self._status.journal.last_seq,
            "notices": self._notices.read(),
        }
        return overview.model_copy(update=current)

    async def make_digest(self, cities: frozenset[str], sent: dict[str, str]) -> bytes:
        """Return an event of the stream: counts, and the states of *cities* that are not fresh, and their notices.

        In a cluster, it follows the new observations of those cities that other nodes poll; *sent* is a stream's memory
        of them.
        """
        now = self._status.now().timestamp()
        states = {city: self._status.state_at(now, city) for city in cities}
        notices = {city: find_notices(city, self._status) for city in cities}
        data, problems = b"", list[str]()
        if self.cluster:
            for city in await self.cluster.find_foreign_cities(cities):
                states[city.id], notices[city.id] = city.state, city.notices
                data += format_foreign_event(city, sent)
            overview = await self._read_overview()
            counts, total, summary, problems = overview.counts, overview.total, overview.notices, [*overview.cluster]
        else:
            snapshot, summary = await self._index.read(), self._notices.read()
            counts, total = {str(state): count for state, count in snapshot.counts.items()}, len(snapshot.cities)
        digest = {
            "now": serializers.format_timestamp(now),
            "version": __version__,
            "files": load_assets().version,
            "edition": self._index.edition,
            "total": total,
            "counts": counts,
            "states": {city: state for city, state in states.items() if state != "fresh"},
            "notices": {city: [notice.model_dump() for notice in found] for city, found in notices.items() if found},
            "alerts": summary.alerts,
            "warnings": summary.warnings,
            "cluster": problems,
        }
        return data + f"event: digest\ndata: {json.dumps(digest, separators=(',', ':'))}\n\n".encode()

    async def curves(self, request: web.Request) -> web.Response:
        """Return the last 24 hours of several cities."""
        query = parse_query(request, CurvesQuery)
        ids = query.city.split(",")
        return json_response(await (self._read_own_curves(ids) if query.scope == "own" else self._read_curves(ids)))

    async def _read_curves(self, ids: list[str]) -> CurvesModel:
        own = await self._read_own_curves(ids)
        return await self.cluster.merge_curves(ids, own) if self.cluster and ids else own

    async def _read_own_curves(self, ids: list[str]) -> CurvesModel:
        if self.cluster:
            elsewhere = set(self.cluster.owners.select_elsewhere(ids))
            ids = [city_id for city_id in ids if city_id not in elsewhere]
        return await read_curves(self._reader, ids, self._status.now(), self._interval)

    def _interval(self, city_id: str) -> float:
        city = self._status.registry.get(city_id)
        return self._status.planner.interval(city) if city else 0.0

    async def chart(self, request: web.Request) -> web.Response:
        """Return the history of a city for a chart; 404 if it is not in the list."""
        query, city = parse_query(request, ChartQuery), require_city(request, self._status)
        if self.cluster and query.scope == "all" and self.cluster.owners.is_elsewhere(city.id):
            chart = await self.cluster.owners.read_chart(city.id, query.span)
        else:
            chart = await self._read_own_chart(city, query.span)
        return _csv(chart) if query.format == "csv" else json_response(chart)

    async def _read_chart(self, city: City, span: str) -> ChartModel:
        """Return the chart of the node that polls a city, or of this node if that does not answer."""
        if self.cluster and self.cluster.owners.is_elsewhere(city.id):
            with contextlib.suppress(ProblemError):
                return await self.cluster.owners.read_chart(city.id, span)
        return await self._read_own_chart(city, span)

    async def _read_own_chart(self, city: City, span: str) -> ChartModel:
        interval = self._status.planner.interval(city)
        return await read_chart(self._reader, city, span, self._status.now(), interval)

    async def words(self, request: web.Request) -> web.Response:
        """Return the words of a language for the weather."""
        language = parse_query(request, WordsQuery).language
        return json_response(WordsModel.model_validate({"language": language, "words": load_words(language)}))

    async def map(self, request: web.Request) -> web.Response:
        """Return the cities on a part of the earth."""
        query, snapshot = parse_query(request, MapQuery), await self._index.read()
        points = await self._index.run(lambda: make_map(snapshot, query))
        if self.cluster and query.scope == "all":
            points = await self.cluster.merge_map(query, points)
        return json_response(points)


def format_foreign_event(city: CityModel, sent: dict[str, str]) -> bytes:
    """Return the latest observation of another node's city as an event of the stream, unless it was *sent*.

    It has no number, because a stream is resumed after an event of this node.
    """
    last = city.observation
    if last is None or sent.get(city.id) == last.fetched_at:
        return b""
    sent[city.id] = last.fetched_at
    return f"event: observation\ndata: {last.model_dump_json()}\n\n".encode()


def _open_whole_list(status: DaemonStatus, index: CityIndex) -> WholeList | None:
    if status.cluster is None:
        return None
    from weatherd.web.cluster.whole_list import WholeList  # noqa: PLC0415 - only in a cluster

    return WholeList(status, status.cluster, index)


def _csv(chart: ChartModel) -> web.Response:
    """Return what a chart shows as CSV, with times in UTC."""
    columns = chart.slots.model_dump()
    for name in ("begin", "end"):
        columns[name] = [serializers.format_timestamp(at) for at in columns[name]]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    name = f"{chart.city}-{chart.span}.csv"
    return web.Response(
        text=text.getvalue(),
        content_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
