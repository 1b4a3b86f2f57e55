"""The table of official warnings in PostgreSQL: a row for each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.pipeline.forwarders.notices.official_warnings import serialize_official_warning
from weatherd.pipeline.forwarders.postgresql.creation import create_missing_table
from weatherd.pipeline.forwarders.postgresql.errors import translate_postgres_errors
from weatherd.pipeline.forwarders.postgresql.typed_arrays import build_rows_source, split_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City
    from weatherd.journal.tables.warning_table import WarningEntry

WARNING_TABLE = "weatherd_warning"
_TIMES = ("sent", "onset", "ends")
_COLUMNS = (
    "at", "kind", "reason", "city", "name", "provider", "key", "message", "event", "severity", "urgency", "certainty",
    *_TIMES, "headline", "description", "instruction", "area", "url", "language",
)  # fmt: skip
_IDENTITY = ("city", "provider", "key", "at", "kind")
_TYPES = {name: "timestamptz" if name in {"at", *_TIMES} else "text" for name in _COLUMNS}
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {WARNING_TABLE} ("
    f"{', '.join(f'{name} {kind}' for name, kind in _TYPES.items())}, PRIMARY KEY ({', '.join(_IDENTITY)}))"
)
# A change that is delivered again changes nothing
_INSERT = f"INSERT INTO {WARNING_TABLE} ({', '.join(_COLUMNS)}) {build_rows_source(_TYPES)} ON CONFLICT DO NOTHING"


class WarningTableWriter:
    """Writer of the table over a connection of asyncpg."""

    def __init__(self, connection: Any, find_city: Callable[[str], City | None]) -> None:
        self._connection = connection
        self._find_city = find_city

    async def prepare(self) -> None:
        """Create the table if it is missing. Raises DeliveryError."""
        with translate_postgres_errors():
            await create_missing_table(self._connection, WARNING_TABLE, _CREATE)

    async def deliver(self, batch: Sequence[WarningEntry], key: str) -> None:  # noqa: ARG002 - the statement is idempotent
        """Insert a batch of changes in one transaction. Raises RejectedError or DeliveryError."""
        with translate_postgres_errors():
            async with self._connection.transaction():
                await self._connection.execute(_INSERT, *split_columns([self._build_row(entry) for entry in batch]))

    def _build_row(self, entry: WarningEntry) -> list[Any]:
        change = entry.change
        city, warning = self._find_city(change.city), change.warning
        values = serialize_official_warning(warning) | {name: getattr(warning, name) for name in _TIMES}
        values |= {"at": change.at, "kind": change.kind, "reason": change.reason or None, "city": change.city}
        values["name"] = city.name if city else None
        return [values[name] for name in _COLUMNS]
