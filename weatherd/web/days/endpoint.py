"""Handler of the days of a city."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from weatherd.text.local_zone import load_zone
from weatherd.web.days.models import DaysModel
from weatherd.web.days.query import DaysQuery
from weatherd.web.days.serializers import BEGIN, serialize_days
from weatherd.web.middleware import json_response, parse_query, require_city

if TYPE_CHECKING:
    from aiohttp import web

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.web.cluster.owner import CityOwners
    from weatherd.web.days.today import TodayCache


class DayEndpoint:
    """The handler; *reader* is not that of the event stream, which must not wait for years of days."""

    def __init__(self, status: DaemonStatus, reader: AsyncReader, owners: CityOwners | None = None) -> None:
        self._status = status
        self._owners = owners  # None: this daemon polls all cities
        self._reader = reader
        self._today: TodayCache | None = None

    @property
    def today(self) -> TodayCache:
        """The days so far of all cities."""
        if self._today is None:
            from weatherd.web.days.today import TodayCache  # noqa: PLC0415 - only if metrics are read

            self._today = TodayCache(self._status, self._reader)
        return self._today

    async def handle(self, request: web.Request) -> web.Response:
        """Return a city's days, weeks, months or years; 404 if it is not in the list."""
        query, city = parse_query(request, DaysQuery), require_city(request, self._status)
        if self._owners and query.scope == "all" and self._owners.is_elsewhere(city.id):
            return json_response(await self._owners.read(city.id, "days", query, DaysModel))
        return json_response(await self.read_days(city, query))

    async def read_days(self, city: City, query: DaysQuery) -> DaysModel:
        """Return a city's parts of the calendar, and its records, computed in a thread: there may be decades."""
        zone = load_zone(city.timezone)
        tomorrow = self._status.now().astimezone(zone).date() + timedelta(days=1)
        days = await self._reader.read_days(city.id, zone, BEGIN, tomorrow)
        return await asyncio.to_thread(lambda: serialize_days(city.id, zone, days, query, tomorrow))
