"""Metrics of alerts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from weatherd.web.alerts.serializers import find_silenced_alerts, list_rule_names, scan_alerts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.tables.alert_table import SavedAlert

_FIRING, _PENDING = "firing", "pending"


def collect_alert_counts(status: DaemonStatus) -> Metric:
    """Return the number of alerts of each rule that are pending or firing."""
    counts = Counter((found.rule, found.phase) for found in scan_alerts(status))
    family = GaugeMetricFamily("weatherd_alerts", "Alerts of a rule by state.", labels=["rule", "state"])
    for name in list_rule_names(status):
        for phase in (_PENDING, _FIRING):
            family.add_metric([name, phase], counts[name, phase])
    return family


def collect_silenced(status: DaemonStatus) -> Metric:
    """Return the number of firing alerts of each rule that are silenced."""
    counts = Counter(rule for rule, _ in find_silenced_alerts(status))
    text = "Firing alerts of a rule that nobody is notified of."
    family = GaugeMetricFamily("weatherd_alerts_silenced", text, labels=["rule"])
    for name in list_rule_names(status):
        family.add_metric([name], counts[name])
    return family


def collect_firing(alerts: Iterable[SavedAlert]) -> Metric:
    """Return a series for each alert that is firing; it ends with the alert."""
    text = "Whether an alert is firing: 1, or no series."
    family = GaugeMetricFamily("weatherd_alert_firing", text, labels=["rule", "city"])
    for found in sorted(alerts):
        if found.phase == _FIRING:
            family.add_metric([found.rule, found.city], 1)
    return family
