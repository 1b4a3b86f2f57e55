"""Handler of the days of a city."""

from __future__ import annotations

from datetime import date, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd.journal.days.calendar import name_zone
from weatherd.journal.days.periods import find_calendar_part, split_days
from weatherd.journal.days.records import find_records
from weatherd.text.local_zone import load_zone
from weatherd.web.days.models import DaysModel
from weatherd.web.days.query import DaysQuery
from weatherd.web.days.serializers import serialize_period, serialize_record
from weatherd.web.middleware import ProblemError, json_response, parse_query

if TYPE_CHECKING:
    from aiohttp import web

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import AsyncReader
    from weatherd.web.days.today import TodayCache

_DEFAULT_LENGTH = timedelta(days=30)
_BEGIN = date(1900, 1, 1)


class DayEndpoint:
    """The handler; *reader* is not that of the event stream, which must not wait for years of days."""

    def __init__(self, status: DaemonStatus, reader: AsyncReader) -> None:
        self._status = status
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
        query, city_id = parse_query(request, DaysQuery), request.match_info["id"]
        city = self._status.registry.get(city_id)
        if city is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no city in the list has the id {city_id!r}")
        return json_response(await self.read_days(city, query))

    async def read_days(self, city: City, query: DaysQuery) -> DaysModel:
        """Return a city's parts of the calendar, and the records of its last day."""
        zone = load_zone(city.timezone)
        tomorrow = self._status.now().astimezone(zone).date() + timedelta(days=1)
        until = max(_BEGIN, min(query.until or tomorrow, tomorrow))
        since = query.since or until - _DEFAULT_LENGTH
        since = find_calendar_part(max(_BEGIN, min(since, tomorrow)), query.by)[0]
        days = await self._reader.read_days(city.id, zone, _BEGIN, tomorrow)
        if days:
            since = max(since, find_calendar_part(days[0].date, query.by)[0])
        return DaysModel(
            city=city.id,
            timezone=name_zone(zone),
            by=query.by,
            parts=[serialize_period(period, zone) for period in split_days(days, query.by, since, until)],
            records=[serialize_record(record) for record in find_records(days)],
        )
