"""Pages of what a city may have several of, merged from the pages of several nodes. Pure."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, TypeVar

from weatherd.web.alerts.models import AlertModel, AlertsPage
from weatherd.web.warnings.models import WarningModel, WarningsPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_E = TypeVar("_E", AlertModel, WarningModel)
_CITY = operator.attrgetter("city")


def merge_alert_pages(pages: Sequence[tuple[str, AlertsPage]], limit: int) -> AlertsPage:
    """Return one page; *pages* have the names of their nodes, which those alerts show that are about a node itself."""
    alerts = [
        alert if alert.city else alert.model_copy(update={"name": f"{alert.name} ({name})" if alert.name else name})
        for name, page in pages
        for alert in page.alerts
    ]
    found, cursor = _cut(alerts, limit, has_more=any(page.next for _, page in pages))
    return AlertsPage(alerts=found, next=cursor)


def merge_warning_pages(pages: Sequence[WarningsPage], limit: int) -> WarningsPage:
    """Return one page."""
    warnings = [warning for page in pages for warning in page.warnings]
    found, cursor = _cut(warnings, limit, has_more=any(page.next for page in pages))
    return WarningsPage(warnings=found, next=cursor)


def _cut(entries: Iterable[_E], limit: int, *, has_more: bool) -> tuple[list[_E], str | None]:
    """Return the first entries by city, without dividing those of a city, and the cursor of the next page.

    Entries that are not about a city come first, all on the first page.
    """
    ordered = sorted(entries, key=_CITY)
    end = min(limit, len(ordered))
    while 0 < end < len(ordered) and ordered[end - 1].city in {"", ordered[end].city}:
        end += 1
    is_last = end == len(ordered) and not has_more
    return ordered[:end], None if is_last or not end or not ordered[end - 1].city else ordered[end - 1].city
