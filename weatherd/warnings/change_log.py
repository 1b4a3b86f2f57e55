"""Log lines of changes: one for each event, also if it concerns many cities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from weatherd.formatting import format_rfc3339
from weatherd.warnings.difference import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from weatherd.warnings.current import CityChange
    from weatherd.warnings.difference import WarningChange

log = structlog.get_logger()

_LOGGED_IDS = 10  # cities in a line


def log_changes(changes: Iterable[CityChange]) -> None:
    """Log new, updated and ended warnings at level info; others, of which nobody is notified, at level debug."""
    cities: dict[WarningChange, list[str]] = {}
    for city, change in changes:
        cities.setdefault(change, []).append(city)
    for change, ids in cities.items():
        _log_change(change.kind, _describe_change(change) | _describe_cities(ids))


def _log_change(kind: ChangeKind, details: Mapping[str, Any]) -> None:
    match kind:
        case ChangeKind.NEW:
            log.info("warning.new", **details)
        case ChangeKind.UPDATED:
            log.info("warning.updated", **details)
        case ChangeKind.ENDED:
            log.info("warning.ended", **details)
        case ChangeKind.RENEWED:
            log.debug("warning.renewed", **details)
        case ChangeKind.EXISTING:
            log.debug("warning.existing", **details)


def _describe_change(change: WarningChange) -> dict[str, Any]:
    warning = change.warning
    details = {
        "provider": warning.provider,
        "kind": warning.event,
        "severity": warning.severity.name.lower(),
        "onset": _format_time(warning.onset),
        "ends": _format_time(warning.ends),
        "headline": warning.headline,
        "key": warning.event_key,
        "reason": change.reason,
    }
    return {name: value for name, value in details.items() if value}


def _describe_cities(ids: list[str]) -> dict[str, Any]:
    return {"city": ids[0]} if len(ids) == 1 else {"cities": sorted(ids)[:_LOGGED_IDS], "count": len(ids)}


def _format_time(time: datetime | None) -> str | None:
    return format_rfc3339(time) if time else None
