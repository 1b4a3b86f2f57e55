"""Conversion of alerts and official warnings into notices."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule, name_subject
from weatherd.formatting import format_rfc3339
from weatherd.web.alerts.serializers import find_alert_silence, rank_alert, scan_alerts
from weatherd.web.notices.models import NoticeGroup, NoticeModel, NoticeSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.tables.alert_table import SavedAlert
    from weatherd.warnings.current import CityWarning

_MAX_GROUPS = 50
_NAMED = 3  # cities that are named in a group
_MAX_TEXT = 200  # characters


def find_notices(city_id: str, status: DaemonStatus) -> list[NoticeModel]:
    """Return the notices of a city: the alerts, and then the warnings, the most serious first."""
    notices: list[NoticeModel] = []
    if status.alerts:
        alerts = _select_firing(status.alerts.active.get(city_id, {}).values(), status)
        notices += [
            NoticeModel(kind="alert", title=alert.rule, severity=alert.severity)
            for alert in sorted(alerts, key=rank_alert)
        ]
    if status.warnings:
        for _, warning, _ in status.warnings.current.of_city(city_id, status.now()):
            severity = warning.severity.name.lower()
            notices.append(NoticeModel(kind="warning", title=warning.event, severity=severity))
    return notices


def summarize_notices(status: DaemonStatus) -> NoticeSummary:
    """Return the counts of all notices, and the most serious ones. Scans all alerts and warnings."""
    alerts = list(_select_firing(scan_alerts(status), status))
    warnings = list(status.warnings.current.scan(status.now())) if status.warnings else []
    groups = [*_group_alerts(alerts, status), *_group_warnings(warnings, status)]
    return NoticeSummary(alerts=len(alerts), warnings=len(warnings), groups=groups[:_MAX_GROUPS])


def _select_firing(alerts: Iterable[SavedAlert], status: DaemonStatus) -> Iterator[SavedAlert]:
    """Yield those that are firing and not silenced."""
    for found in alerts:
        if found.phase == "firing" and not find_alert_silence(found, status):
            yield found


def _group_alerts(alerts: Iterable[SavedAlert], status: DaemonStatus) -> Iterator[NoticeGroup]:
    groups: defaultdict[str, list[SavedAlert]] = defaultdict(list)
    for found in sorted(alerts, key=rank_alert):
        groups[found.rule].append(found)
    for rule, group in groups.items():
        first, cities = group[0], list[str]()
        if is_daemon_rule(rule):
            names = [name_subject(found.city) for found in group[:_NAMED]]
        else:
            cities, names = _name_cities([found.city for found in group], status)
        yield NoticeGroup(
            kind="alert",
            title=rule,
            severity=first.severity,
            count=len(group),
            cities=cities,
            names=names,
            text=first.message[:_MAX_TEXT],
            since=format_rfc3339(datetime.fromtimestamp(first.since, UTC)),
            ends=None,
        )


def _group_warnings(warnings: Iterable[CityWarning], status: DaemonStatus) -> Iterator[NoticeGroup]:
    groups: defaultdict[tuple[int, str, str], list[CityWarning]] = defaultdict(list)
    for found in warnings:
        groups[-found.warning.severity, found.warning.event, found.warning.provider].append(found)
    for _, group in sorted(groups.items()):
        group.sort(key=lambda found: found.city)
        _, warning, since = group[0]
        ids = list(dict.fromkeys(found.city for found in group))
        cities, names = _name_cities(ids, status)
        yield NoticeGroup(
            kind="warning",
            title=warning.event,
            severity=warning.severity.name.lower(),
            count=len(ids),
            cities=cities,
            names=names,
            text=warning.headline[:_MAX_TEXT],
            since=format_rfc3339(since),
            ends=format_rfc3339(warning.ends) if warning.ends else None,
        )


def _name_cities(ids: list[str], status: DaemonStatus) -> tuple[list[str], list[str]]:
    """Return the ids and the names of the first listed cities."""
    listed = [city for city_id in ids[:_NAMED] if (city := status.registry.get(city_id))]
    return [city.id for city in listed], [city.name for city in listed]
