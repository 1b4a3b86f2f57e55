"""Handler of the comparison of a city's services."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from weatherd.journal.comparison.city import compare_city, list_compared_columns
from weatherd.web.comparison.models import ComparisonModel, ComparisonQuery
from weatherd.web.comparison.serializers import serialize_comparison
from weatherd.web.middleware import json_response, parse_query, require_city

if TYPE_CHECKING:
    from aiohttp import web

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.web.cluster.owner import CityOwners


class ComparisonEndpoint:
    """The handler; *reader* is not that of the event stream, which must not wait for months of observations."""

    def __init__(self, status: DaemonStatus, reader: AsyncReader, owners: CityOwners | None = None) -> None:
        self._status = status
        self._owners = owners  # None: this daemon polls all cities
        self._reader = reader
        self._comparing = asyncio.Lock()  # because several at once would take all of the CPU from the polls

    async def handle(self, request: web.Request) -> web.Response:
        """Return the comparison of a city's services; 404 if it is not in the list."""
        query, city = parse_query(request, ComparisonQuery), require_city(request, self._status)
        if self._owners and query.scope == "all" and self._owners.is_elsewhere(city.id):
            return json_response(await self._owners.read(city.id, "comparison", query, ComparisonModel))
        return json_response(await self._compare(city, query))

    async def _compare(self, city: City, query: ComparisonQuery) -> ComparisonModel:
        """Read the observations and compare the services, in threads."""
        until = self._status.now().astimezone(UTC)
        since = until - timedelta(days=query.days)
        async with self._comparing:
            observed = await self._reader.read_columns([city.id], list_compared_columns(query.field), since, until)
            polled = await self._reader.read_compared(city.id, query.field, since, until)
            compared = await asyncio.to_thread(lambda: compare_city(observed, polled, query.field, city))
        return serialize_comparison(city.id, (since, until), query.field, compared)
