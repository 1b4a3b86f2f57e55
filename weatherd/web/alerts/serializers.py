"""Conversion of alerts into the response models."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING, get_args

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule, name_subject
from weatherd.alerts.rule import AlertSeverity
from weatherd.formatting import format_rfc3339
from weatherd.pipeline.alerting.changes import to_time
from weatherd.web.alerts.models import AlertModel, AlertsPage, AlertStatusModel
from weatherd.web.query_models import split_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.alerts.compared_values import ComparedValue
    from weatherd.alerts.silences import Silence
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.tables.alert_table import SavedAlert
    from weatherd.pipeline.alerting.desk import AlertDesk
    from weatherd.web.query_models import AlertsQuery

_WORST = 10  # alerts in the status
_FIRING, _PENDING = "firing", "pending"
_RANKS: dict[str, int] = {severity: rank for rank, severity in enumerate(get_args(AlertSeverity))}


def serialize_alert(found: SavedAlert, status: DaemonStatus) -> AlertModel:
    """Return an alert that is pending or firing."""
    silence = find_alert_silence(found, status)
    is_built_in, sent = is_daemon_rule(found.rule), status.daemon_alerts.recorder.sent.find(found)
    return AlertModel(
        city="" if is_built_in else found.city,
        name=name_subject(found.city) if is_built_in else status.registry.find_name(found.city),
        rule=found.rule,
        state=_FIRING if found.phase == _FIRING else _PENDING,
        severity=found.severity,
        since=format_rfc3339(to_time(found.since)),
        message=found.message,
        value=_read_values(found, status),
        notified_at=format_rfc3339(to_time(sent)) if sent is not None else None,
        silenced_until=format_rfc3339(to_time(silence.ends)) if silence else None,
    )


def _read_values(found: SavedAlert, status: DaemonStatus) -> dict[str, ComparedValue]:
    if is_daemon_rule(found.rule):
        return dict(status.daemon_alerts.values.get((found.rule, found.city), {}))
    return status.alerts.read_values(found.city, found.rule) if status.alerts else {}


def scan_alerts(status: DaemonStatus) -> Iterator[SavedAlert]:
    """Yield all alerts that are pending or firing, in no order."""
    yield from status.daemon_alerts.scan()
    if status.alerts:
        yield from status.alerts.scan()


def serialize_alerts_page(query: AlertsQuery, status: DaemonStatus) -> AlertsPage:
    """Return a page of alerts of the cities that match the query. A city's alerts are never divided."""
    page = list[AlertModel]()
    if not (query.city or query.tag or query.after is not None):
        page += [serialize_alert(found, status) for found in _sort(status.daemon_alerts.scan(), query)]
    if status.alerts is None:
        return AlertsPage(alerts=page, next=None)
    for found in _select_alerts(query, status.alerts):
        if len(page) >= query.limit and page[-1].city not in {"", found.city}:
            return AlertsPage(alerts=page, next=page[-1].city)
        page.append(serialize_alert(found, status))
    return AlertsPage(alerts=page, next=None)


def _select_alerts(query: AlertsQuery, desk: AlertDesk) -> Iterator[SavedAlert]:
    tags = split_tags(query.tag)
    for city_id in [query.city] if query.city else sorted(desk.active):
        if not desk.active.get(city_id) or (query.after is not None and city_id <= query.after):
            continue
        if desk.cities[city_id].has_tags(tags):
            yield from _sort(desk.active[city_id].values(), query)


def _sort(alerts: Iterable[SavedAlert], query: AlertsQuery) -> list[SavedAlert]:
    """Return the alerts in the state of the query, the firing ones first."""
    found = [alert for alert in alerts if query.state in (None, alert.phase)]
    return sorted(found, key=lambda alert: (alert.phase != _FIRING, alert.rule, alert.city))


def rank_alert(found: SavedAlert) -> tuple[int, float, str]:
    """Return the sort key of an alert: the most serious first, then the newest."""
    return -_RANKS.get(found.severity, 0), -found.since, found.city


def serialize_alert_status(status: DaemonStatus) -> AlertStatusModel:
    """Return the counts of alerts, and the most serious ones that are firing."""
    counts = Counter(found.phase for found in scan_alerts(status))
    silenced = find_silenced_alerts(status)
    firing = (
        found for found in scan_alerts(status) if found.phase == _FIRING and (found.rule, found.city) not in silenced
    )
    worst = heapq.nsmallest(_WORST, firing, key=rank_alert)
    return AlertStatusModel(
        rules=len(status.alerts.rules) if status.alerts else 0,
        firing=counts[_FIRING],
        pending=counts[_PENDING],
        silenced=len(silenced),
        worst=[serialize_alert(found, status) for found in worst],
    )


def list_rule_names(status: DaemonStatus) -> list[str]:
    """Return the names of the built-in rules that are on, and of those in the rules file."""
    rules = status.alerts.rules if status.alerts else ()
    return [*(rule.name for rule in status.daemon_alerts.rules), *(rule.name for rule in rules)]


def find_alert_silence(found: SavedAlert, status: DaemonStatus) -> Silence | None:
    """Return the silence of an alert that ends last; None if there is none."""
    if not status.alerts:
        return None
    city = None if is_daemon_rule(found.rule) else status.registry.get(found.city)
    return status.alerts.silences.find(found.rule, city)


def find_silenced_alerts(status: DaemonStatus) -> set[tuple[str, str]]:
    """Return rule and city of the firing alerts that are silenced."""
    if not status.alerts or not status.alerts.silences.known:
        return set()
    return {
        (found.rule, found.city)
        for found in scan_alerts(status)
        if found.phase == _FIRING and find_alert_silence(found, status)
    }
