"""Metrics of official warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.warnings.current import CityWarning
    from weatherd.warnings.desk import WarningDesk


def collect_warning_metrics(desk: WarningDesk) -> Iterator[Metric]:
    """Yield whether each service answers, and when it did last: nothing before its first request."""
    up = GaugeMetricFamily(
        "weatherd_warnings_up", "Whether the requests for a service's warnings succeed.", labels=["provider"]
    )
    success = GaugeMetricFamily(
        "weatherd_warnings_last_success_timestamp_seconds",
        "Time of the last good answer about warnings.",
        labels=["provider"],
    )
    for poller in desk.pollers:
        health = poller.health
        if health.failure or health.last_success:
            up.add_metric([poller.name], health.failure is None)
        if health.last_success:
            success.add_metric([poller.name], health.last_success.timestamp())
    yield from (up, success)


def collect_severities(in_force: Iterable[CityWarning]) -> Metric:
    """Return the highest severity of each kind of event in each city."""
    worst: dict[tuple[str, str], int] = {}
    for found in in_force:
        labels = found.city, found.warning.event
        worst[labels] = max(found.warning.severity, worst.get(labels, 0))
    text = "Severity of an official warning in force: 0 unknown, 1 minor, 2 moderate, 3 severe, 4 extreme."
    family = GaugeMetricFamily("weatherd_warning_severity", text, labels=["city", "event"])
    for labels, severity in sorted(worst.items()):
        family.add_metric(labels, severity)
    return family
