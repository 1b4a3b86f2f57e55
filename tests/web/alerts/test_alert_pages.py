"""Alerts in the API, the metrics and ``weatherd status``: pages by city, filters, and counts."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.daemon import make_registry
from tests.support.fakes import FakeJournal, VirtualJournal
from weatherd.alerts.rules_file import parse_rules
from weatherd.alerts.silences import Silence
from weatherd.city import City
from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
from weatherd.pipeline.alerting.sent_times import SentTimes
from weatherd.pipeline.alerting.silencing import Silencing
from weatherd.web.alerts.metrics import collect_alert_counts, collect_firing, collect_silenced
from weatherd.web.alerts.serializers import serialize_alert_status, serialize_alerts_page
from weatherd.web.query_models import AlertsQuery

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 31, tzinfo=UTC)
CITIES = [
    City(name=name, lat=1, lon=1, tags=(("region", region),)) for name, region in (("a", "x"), ("b", "y"), ("c", "x"))
]
RULES = parse_rules("alerts: {frost: {when: temperature < 0}, gale: {when: wind_speed > 20}}", "alerts.yaml")


PAUSED = SavedAlert("daemon.provider-paused", "nws", "firing", 2e9, 2e9, "", "warning", "no requests are sent", ())


def make_status(*about_daemon: SavedAlert) -> Any:
    """Return the status of a daemon with some alerts, and those *about_daemon* itself."""
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
        read_values=lambda _city, rule: {"temperature": -1.0} if rule == "frost" else {},
        scan=lambda: (saved for states in active.values() for saved in states.values()),
    )
    sent = SentTimes(FakeJournal())
    about = SimpleNamespace(
        rules=(SimpleNamespace(name=PAUSED.rule),),
        scan=lambda: iter(about_daemon),
        values={(PAUSED.rule, "nws"): {"share": 0.8}},
        recorder=SimpleNamespace(sent=sent),
    )
    return SimpleNamespace(alerts=desk, daemon_alerts=about, registry=make_registry(CITIES))


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


def test_alerts_about_the_daemon() -> None:
    """They are the first of the first page unless cities are selected, without a city, also without a rules file."""
    status = make_status(PAUSED)
    first, city = serialize_alerts_page(AlertsQuery(limit=1, state="firing"), status).alerts
    assert (first.city, first.name, first.rule, city.city) == ("", "nws", "daemon.provider-paused", "a")
    for query in ({"city": "nws"}, {"after": "c"}, {"tag": "region=z"}, {"limit": 1, "after": "a", "tag": "region=z"}):
        assert serialize_alerts_page(AlertsQuery.model_validate(query), status).alerts == []
    assert serialize_alert_status(status).firing == 4
    status.alerts = None
    assert serialize_alerts_page(AlertsQuery(), status).alerts == [first]
    found = serialize_alert_status(status)
    assert (found.rules, found.firing, found.worst) == (0, 1, [first])


def test_no_alerts() -> None:
    """Without the setting `alerts` and without faults, the page is empty."""
    status = make_status()
    status.alerts = None
    assert serialize_alerts_page(AlertsQuery(), status).alerts == []


def test_status_has_the_most_serious_alerts_first() -> None:
    """The status counts alerts by state, and has the firing ones by severity, with times in UTC."""
    found = serialize_alert_status(make_status())
    assert (found.rules, found.firing, found.pending) == (2, 3, 1)
    assert [alert.severity for alert in found.worst] == ["critical", "warning", "info"]
    assert (found.worst[0].since, found.worst[0].notified_at) == ("2001-09-09T01:46:40Z", None)


async def test_values_and_the_last_message(tmp_path: Path) -> None:
    """An alert has its present values, and when a message that it fires was delivered: not when it began to fire."""
    status = make_status(PAUSED)
    (alert,) = status.alerts.active["c"].values()
    entry = AlertEntry(1, 1e9, "c", "frost", "inactive", "firing", "firing", alert.since, "info", "frost", ("phone",))
    with contextlib.closing(VirtualJournal(tmp_path / "weatherd.sqlite")) as journal:
        status.daemon_alerts.recorder.sent = sent = SentTimes(journal)
        await sent.record([entry], 1e9 + 3600)
    found = serialize_alerts_page(AlertsQuery(), status).alerts
    assert [(each.city, each.value, each.notified_at) for each in found] == [
        ("", {"share": 0.8}, None),
        ("a", {}, None),
        ("a", {"temperature": -1.0}, None),
        ("b", {}, None),
        ("c", {"temperature": -1.0}, "2001-09-09T02:46:40Z"),
    ]


def test_metrics() -> None:
    """Each rule has its number of alerts by state, also 0, and each firing alert a series."""
    status = make_status(PAUSED)
    counts = {tuple(sample.labels.values()): sample.value for sample in collect_alert_counts(status).samples}
    assert counts == {
        ("daemon.provider-paused", "pending"): 0, ("daemon.provider-paused", "firing"): 1,
        ("frost", "pending"): 1, ("frost", "firing"): 1, ("gale", "pending"): 0, ("gale", "firing"): 2,
    }  # fmt: skip
    series = [(sample.labels, sample.value) for sample in collect_firing(status.alerts.scan()).samples]
    assert series == [
        ({"rule": "frost", "city": "c"}, 1), ({"rule": "gale", "city": "a"}, 1), ({"rule": "gale", "city": "b"}, 1),
    ]  # fmt: skip


def test_silenced_alerts() -> None:
    """A silenced alert is marked, counted, and not among the most serious ones."""
    status, ends = make_status(), NOW.timestamp() + 3600
    status.alerts.silences.known = (Silence(1, "gale", "b", (), 0.0, ends), Silence(2, "frost", "a", (), 0.0, ends))
    found = serialize_alert_status(status)
    assert (found.firing, found.silenced, [alert.city for alert in found.worst]) == (3, 1, ["a", "c"])
    page = serialize_alerts_page(AlertsQuery(), status)
    assert [(alert.city, alert.rule) for alert in page.alerts if alert.silenced_until] == [
        ("a", "frost"),
        ("b", "gale"),
    ]
    samples = [(sample.labels["rule"], sample.value) for sample in collect_silenced(status).samples]
    assert samples == [("daemon.provider-paused", 0), ("frost", 0), ("gale", 1)]


def test_a_silenced_alert_about_the_daemon() -> None:
    """A silence of a built-in rule is shown at its alerts, whose subject may have the name of a city."""
    status, ends = make_status(PAUSED._replace(city="a")), NOW.timestamp() + 3600
    status.alerts.silences.known = (Silence(1, PAUSED.rule, None, (), 0.0, ends), Silence(2, None, "a", (), 0.0, ends))
    found = serialize_alert_status(status)
    assert (found.firing, found.silenced, [alert.city for alert in found.worst]) == (4, 2, ["b", "c"])
    assert serialize_alerts_page(AlertsQuery(), status).alerts[0].silenced_until
