"""Alerts in the API, the metrics and ``weatherd status``: pages by city, filters, and counts."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.fakes import FakeJournal
from weatherd.alerts.rules_file import parse_rules
from weatherd.alerts.silences import Silence
from weatherd.city import City
from weatherd.journal.tables.alert_table import SavedAlert
from weatherd.pipeline.alerting.silencing import Silencing
from weatherd.web.alerts.serializers import (
    collect_alert_counts,
    collect_firing,
    collect_silenced,
    serialize_alert_status,
    serialize_alerts_page,
)
from weatherd.web.query_models import AlertsQuery

NOW = datetime(2026, 1, 31, tzinfo=UTC)
CITIES = [
    City(name=name, lat=1, lon=1, tags=(("region", region),)) for name, region in (("a", "x"), ("b", "y"), ("c", "x"))
]
RULES = parse_rules("alerts: {frost: {when: temperature < 0}, gale: {when: wind_speed > 20}}", "alerts.yaml")


def make_status() -> Any:
    """Return the status of a daemon with some alerts."""
    active: dict[str, dict[str, SavedAlert]] = {}
    for city, rule, phase, severity in (
        ("a", "frost", "pending", "error"),
        ("a", "gale", "firing", "warning"),
        ("b", "gale", "firing", "critical"),
        ("c", "frost", "firing", "info"),
    ):
        saved = SavedAlert(rule, city, phase, 1e9, 1e9 + 60, "text", severity, f"{rule} in {city}", ())
        active.setdefault(city, {})[rule] = saved
    desk = SimpleNamespace(
        active=active,
        rules=RULES,
        silences=Silencing(FakeJournal(), lambda: NOW),
        cities={city.id: city for city in CITIES},
        scan=lambda: (saved for states in active.values() for saved in states.values()),
    )
    return SimpleNamespace(alerts=desk)


@pytest.mark.parametrize(
    ("query", "found", "following"),
    [
        ({}, ["a gale", "a frost", "b gale", "c frost"], None),
        ({"limit": 1}, ["a gale", "a frost"], "a"),
        ({"after": "a"}, ["b gale", "c frost"], None),
        ({"state": "firing"}, ["a gale", "b gale", "c frost"], None),
        ({"city": "a", "state": "pending"}, ["a frost"], None),
        ({"tag": "region=y"}, ["b gale"], None),
        ({"city": "unknown"}, [], None),
    ],
)
def test_pages(query: dict[str, Any], found: list[str], following: str | None) -> None:
    """A page has the alerts of the matching cities, the firing ones of a city first, and never a part of a city."""
    page = serialize_alerts_page(AlertsQuery(**query), make_status())
    assert [f"{alert.city} {alert.rule}" for alert in page.alerts] == found
    assert page.next == following


def test_without_rules_there_are_no_alerts() -> None:
    """Without the setting `alerts`, the page is empty."""
    status: Any = SimpleNamespace(alerts=None)
    assert serialize_alerts_page(AlertsQuery(), status).alerts == []


def test_status_has_the_most_serious_alerts_first() -> None:
    """The status counts alerts by state, and has the firing ones by severity, with times in UTC."""
    found = serialize_alert_status(make_status().alerts)
    assert (found.rules, found.firing, found.pending) == (2, 3, 1)
    assert [alert.severity for alert in found.worst] == ["critical", "warning", "info"]
    assert (found.worst[0].since, found.worst[0].notified_at) == ("2001-09-09T01:46:40Z", "2001-09-09T01:47:40Z")


def test_metrics() -> None:
    """Each rule has its number of alerts by state, also 0, and each firing alert a series."""
    desk = make_status().alerts
    counts = {tuple(sample.labels.values()): sample.value for sample in collect_alert_counts(desk).samples}
    assert counts == {
        ("frost", "pending"): 1, ("frost", "firing"): 1, ("gale", "pending"): 0, ("gale", "firing"): 2,
    }  # fmt: skip
    series = [(sample.labels, sample.value) for sample in collect_firing(desk.scan()).samples]
    assert series == [
        ({"rule": "frost", "city": "c"}, 1), ({"rule": "gale", "city": "a"}, 1), ({"rule": "gale", "city": "b"}, 1),
    ]  # fmt: skip


def test_silenced_alerts() -> None:
    """A silenced alert is marked, counted, and not among the most serious ones."""
    status, ends = make_status(), NOW.timestamp() + 3600
    status.alerts.silences.known = (Silence(1, "gale", "b", (), 0.0, ends), Silence(2, "frost", "a", (), 0.0, ends))
    found = serialize_alert_status(status.alerts)
    assert (found.firing, found.silenced, [alert.city for alert in found.worst]) == (3, 1, ["a", "c"])
    page = serialize_alerts_page(AlertsQuery(), status)
    assert [(alert.city, alert.rule) for alert in page.alerts if alert.silenced_until] == [
        ("a", "frost"),
        ("b", "gale"),
    ]
    assert [(s.labels["rule"], s.value) for s in collect_silenced(status.alerts).samples] == [("frost", 0), ("gale", 1)]
