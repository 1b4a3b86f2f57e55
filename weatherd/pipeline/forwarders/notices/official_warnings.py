"""Official warnings for destinations: which forwarders deliver them, and their values."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.formatting import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.journal.tables.warning_table import SavedChange
    from weatherd.official_warning import OfficialWarning
    from weatherd.pipeline.forwarders import Forwarder

    Connect = Callable[[], "AbstractAsyncContextManager[ChangeConnection]"]

_BATCH_SIZE = 50  # changes, of which one may have some 10 kB


class ChangeConnection(NamedTuple):
    """A connection that delivers changes, as that of a forwarder delivers observations."""

    deliver: Callable[[Sequence[Any], str], Awaitable[None]]  # entries of a feed, and an idempotency key


class ChangeForwarder(NamedTuple):
    """The part of a forwarder that delivers changes."""

    connect: Connect
    batch_size: int = _BATCH_SIZE


def find_change_forwarder(forwarder: Forwarder, method: str) -> ChangeForwarder | None:
    """Return the part of a forwarder that connects with *method*; None if it has no such method."""
    connect: Connect | None = getattr(forwarder, method, None)
    return ChangeForwarder(connect) if connect else None


def guard_deliveries(forwarder: ChangeForwarder, wait: Callable[[Sequence[Any]], Awaitable[None]]) -> ChangeForwarder:
    """Return the forwarder with *wait* before each delivery, which returns when the entries may be delivered."""

    @contextlib.asynccontextmanager
    async def connect() -> AsyncIterator[ChangeConnection]:
        async with forwarder.connect() as connection:

            async def deliver(entries: Sequence[Any], key: str) -> None:
                await wait(entries)
                await connection.deliver(entries, key)

            yield ChangeConnection(deliver)

    return ChangeForwarder(connect, forwarder.batch_size)


def serialize_official_warning(warning: OfficialWarning) -> dict[str, Any]:
    """Return the fields of a warning as in the API: words, and RFC 3339 texts in UTC."""
    return {
        "provider": warning.provider,
        "key": warning.event_key,
        "message": warning.message_id,
        "event": warning.event,
        "severity": warning.severity.name.lower(),
        "urgency": warning.urgency.value,
        "certainty": warning.certainty.value,
        "sent": _format_time(warning.sent),
        "onset": _format_time(warning.onset),
        "ends": _format_time(warning.ends),
        "headline": warning.headline,
        "description": warning.description,
        "instruction": warning.instruction,
        "area": warning.area,
        "url": warning.url,
        "language": warning.language,
    }


def serialize_warning_change(change: SavedChange, name: str | None) -> dict[str, Any]:
    """Return a change with the fields of its warning; *name* is that of the city, if it is listed now."""
    head = {"at": format_rfc3339(change.at), "kind": change.kind, "reason": change.reason or None}
    return head | {"city": change.city, "name": name} | serialize_official_warning(change.warning)


def _format_time(time: datetime | None) -> str | None:
    return format_rfc3339(time) if time else None
