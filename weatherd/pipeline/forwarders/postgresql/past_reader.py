"""The past of cities in the table of observations, which may be that of several nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.observation import FIELDS, Observation
from weatherd.pipeline.forwarders.postgresql.errors import translate_postgres_errors
from weatherd.pipeline.forwarders.postgresql.observations import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# All columns, because a table of your own may lack some
_READ = f"SELECT * FROM {TABLE} WHERE city = ANY ($1::text[]) AND observed_at >= $2"  # noqa: S608 - a constant


class PastReader:
    """Reader of observations over a connection of asyncpg."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def read(self, cities: Sequence[str], since: datetime) -> list[Observation]:
        """Return the observations of cities since a time, in no order. Raises DeliveryError."""
        with translate_postgres_errors():
            async with self._connection.transaction():
                rows = await self._connection.fetch(_READ, cities, since)
        return [_parse_row(row) for row in rows]


def _parse_row(row: Mapping[str, Any]) -> Observation:
    values = {name: row[name] for name in FIELDS if name in row.keys()}  # noqa: SIM118 - of a record of asyncpg
    numbers = {name: float(value) for name, value in values.items() if name != "code" and _is_number(value)}
    times = {name: value.astimezone(UTC) for name, value in values.items() if isinstance(value, datetime)}
    return Observation(**values | numbers | times)


def _is_number(value: object) -> bool:
    return value is not None and not isinstance(value, str | datetime)
