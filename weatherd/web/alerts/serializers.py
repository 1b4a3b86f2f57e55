"""Conversion of alerts into the response models and metrics."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING, get_args

from prometheus_client.core import GaugeMetricFamily, Metric

from weatherd.alerts.rule import AlertSeverity
from weatherd.formatting import format_rfc3339
from weatherd.pipeline.alerting.changes import to_time
from weatherd.web.alerts.models import AlertModel, AlertsPage, AlertStatusModel
from weatherd.web.query_models import split_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.tables.alert_table import SavedAlert
    from weatherd.pipeline.alerting.desk import AlertDesk
    from weatherd.web.query_models import AlertsQuery

_WORST = 10  # alerts in the status
_FIRING, _PENDING = "firing", "pending"
_RANKS = {severity: rank for rank, severity in enumerate(reversed(get_args(AlertSeverity)))}


def serialize_alert(found: SavedAlert, desk: AlertDesk) -> AlertModel:
    """Return an alert that is pending or firing."""
    silence = desk.silences.find(found.rule, desk.cities[found.city])
    return AlertModel(
        city=found.city,
        name=desk.cities[found.city].name,
        rule=found.rule,
        state=_FIRING if found.phase == _FIRING else _PENDING,
        severity=found.severity,
        since=format_rfc3339(to_time(found.since)),
        message=found.message,
        notified_at=format_rfc3339(to_time(found.notified_at)) if found.phase == _FIRING and found.told else None,
        silenced_until=format_rfc3339(to_time(silence.ends)) if silence else None,
    )


def serialize_alerts_page(query: AlertsQuery, status: DaemonStatus) -> AlertsPage:
    """Return a page of alerts of the cities that match the query. A city's alerts are never divided."""
    desk, page = status.alerts, list[AlertModel]()
    if desk is None:
        return AlertsPage(alerts=[], next=None)
    for found in _select_alerts(query, desk):
        if len(page) >= query.limit and page[-1].city != found.city:
            return AlertsPage(alerts=page, next=page[-1].city)
        page.append(serialize_alert(found, desk))
    return AlertsPage(alerts=page, next=None)


def _select_alerts(query: AlertsQuery, desk: AlertDesk) -> Iterator[SavedAlert]:
    tags = split_tags(query.tag)
    for city_id in [query.city] if query.city else sorted(desk.active):
        if not desk.active.get(city_id) or (query.after is not None and city_id <= query.after):
            continue
        if desk.cities[city_id].has_tags(tags):
            alerts = [found for found in desk.active[city_id].values() if query.state in (None, found.phase)]
            yield from sorted(alerts, key=lambda found: (found.phase != _FIRING, found.rule))


def serialize_alert_status(desk: AlertDesk) -> AlertStatusModel:
    """Return the counts of alerts, and the most serious ones that are firing."""
    counts = Counter(found.phase for found in desk.scan())
    silenced = _find_silenced(desk)
    firing = (found for found in desk.scan() if found.phase == _FIRING and (found.rule, found.city) not in silenced)
    worst = heapq.nsmallest(_WORST, firing, key=lambda found: (_RANKS.get(found.severity, 0), -found.since, found.city))
    return AlertStatusModel(
        rules=len(desk.rules),
        firing=counts[_FIRING],
        pending=counts[_PENDING],
        silenced=len(silenced),
        worst=[serialize_alert(found, desk) for found in worst],
    )


def collect_alert_counts(desk: AlertDesk) -> Metric:
    """Return the number of alerts of each rule that are pending or firing."""
    counts = Counter((found.rule, found.phase) for found in desk.scan())
    family = GaugeMetricFamily("weatherd_alerts", "Alerts of a rule by state.", labels=["rule", "state"])
    for rule in desk.rules:
        for phase in (_PENDING, _FIRING):
            family.add_metric([rule.name, phase], counts[rule.name, phase])
    return family


def collect_silenced(desk: AlertDesk) -> Metric:
    """Return the number of firing alerts of each rule that are silenced."""
    counts = Counter(rule for rule, _ in _find_silenced(desk))
    text = "Firing alerts of a rule that nobody is notified of."
    family = GaugeMetricFamily("weatherd_alerts_silenced", text, labels=["rule"])
    for rule in desk.rules:
        family.add_metric([rule.name], counts[rule.name])
    return family


def _find_silenced(desk: AlertDesk) -> set[tuple[str, str]]:
    """Return rule and city of the firing alerts that are silenced."""
    if not desk.silences.known:
        return set()
    return {
        (found.rule, found.city)
        for found in desk.scan()
        if found.phase == _FIRING and desk.silences.find(found.rule, desk.cities[found.city])
    }


def collect_firing(alerts: Iterable[SavedAlert]) -> Metric:
    """Return a series for each alert that is firing; it ends with the alert."""
    text = "Whether an alert is firing: 1, or no series."
    family = GaugeMetricFamily("weatherd_alert_firing", text, labels=["rule", "city"])
    for found in sorted(alerts):
        if found.phase == _FIRING:
            family.add_metric([found.rule, found.city], 1)
    return family
