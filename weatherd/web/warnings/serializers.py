"""Conversion of the warnings in force into the response models."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from weatherd.formatting import format_rfc3339
from weatherd.official_warning import Severity
from weatherd.web.query_models import split_tags
from weatherd.web.warnings.models import WarningModel, WarningServiceModel, WarningsPage, WarningStatusModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from weatherd.daemon.status import DaemonStatus
    from weatherd.warnings.current import CityWarning
    from weatherd.warnings.desk import WarningDesk
    from weatherd.web.query_models import WarningsQuery

_WORST = 10  # warnings in the status
_LONG_TEXTS = ("description", "instruction")


def serialize_warning(found: CityWarning, name: str) -> WarningModel:
    """Return a warning in force, with the name of its city."""
    city, warning, since = found
    return WarningModel(
        city=city,
        provider=warning.provider,
        key=warning.event_key,
        message=warning.message_id,
        event=warning.event,
        severity=warning.severity.name.lower(),
        urgency=warning.urgency,
        certainty=warning.certainty,
        sent=_format_time(warning.sent),
        onset=_format_time(warning.onset),
        ends=_format_time(warning.ends),
        headline=warning.headline,
        description=warning.description,
        instruction=warning.instruction,
        area=warning.area,
        url=warning.url,
        language=warning.language,
        since=format_rfc3339(since),
        name=name,
    )


def serialize_warnings_page(query: WarningsQuery, status: DaemonStatus) -> WarningsPage:
    """Return a page of warnings of the cities that match the query. A city's warnings are never divided."""
    page: list[WarningModel] = []
    for found in _select_cities(query, status):
        if len(page) >= query.limit and page[-1].city != found.city:
            return WarningsPage(warnings=page, next=page[-1].city)
        page.append(serialize_warning(found, status.registry.find_name(found.city)))
    return WarningsPage(warnings=page, next=None)


def _select_cities(query: WarningsQuery, status: DaemonStatus) -> Iterator[CityWarning]:
    if status.warnings is None:
        return
    current, now = status.warnings.current, status.now()
    lowest = Severity[query.severity.upper()] if query.severity else Severity.UNKNOWN
    tags = split_tags(query.tag)
    for found in current.of_city(query.city, now) if query.city else current.in_force(now):
        city = status.registry.get(found.city)
        is_after = query.after is None or found.city > query.after
        if city and is_after and found.warning.severity >= lowest and city.has_tags(tags):
            yield found


def serialize_warning_status(desk: WarningDesk, status: DaemonStatus) -> WarningStatusModel:
    """Return the counts of warnings, the most severe ones, and the services."""
    in_force = list(desk.current.scan(status.now()))
    worst = heapq.nsmallest(_WORST, in_force, key=lambda found: (-found.warning.severity, found.city))
    short = dict.fromkeys(_LONG_TEXTS, "")
    return WarningStatusModel(
        in_force=len(in_force),
        cities=len({found.city for found in in_force}),
        worst=[
            serialize_warning(found, status.registry.find_name(found.city)).model_copy(update=short) for found in worst
        ],
        services=[
            WarningServiceModel(
                provider=poller.name,
                cities=poller.health.covered,
                last_success=_format_time(poller.health.last_success),
                failure=poller.health.failure,
            )
            for poller in desk.pollers
        ],
    )


def _format_time(time: datetime | None) -> str | None:
    return format_rfc3339(time) if time else None
