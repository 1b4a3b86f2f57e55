"""Alerts and official warnings beside the cities: of one city, and of all in groups."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.city import City
from weatherd.journal.tables.alert_table import SavedAlert
from weatherd.official_warning import Severity
from weatherd.providers.warning_service import WarningAnswer
from weatherd.warnings.current import CurrentWarnings
from weatherd.web.notices.serializers import find_notices, summarize_notices

CITIES = {name: City(name=name.upper(), id=name, lat=1, lon=1) for name in "abcde"}
ALERTS = [
    ("a", "frost", "pending", "critical"),
    ("a", "gale", "firing", "info"),
    ("a", "heat", "firing", "error"),
    *((city, "gale", "firing", "info") for city in "bcde"),
]


def make_status(*, is_silenced: bool = False, **warnings: list[Any]) -> Any:
    """Return the status of a daemon with the alerts, of which a may be silenced, and with these warnings by city."""
    active: dict[str, dict[str, SavedAlert]] = {}
    for city, rule, phase, severity in ALERTS:
        since = EPOCH.timestamp() - ord(city)  # the later a letter, the older
        saved = SavedAlert(rule, city, phase, since, since, "text", severity, f"{rule} in {city}", ())
        active.setdefault(city, {})[rule] = saved
    scan = lambda: (saved for states in active.values() for saved in states.values())  # noqa: E731
    silenced = {("heat", "A")} if is_silenced else set()
    silences = SimpleNamespace(find=lambda rule, city: city and (rule, city.name) in silenced)
    current = CurrentWarnings()
    for city, found in warnings.items():
        current.update(city, "fake", WarningAnswer(tuple(found), ()), EPOCH)
    return SimpleNamespace(
        alerts=SimpleNamespace(active=active, scan=scan, silences=silences, cities=CITIES),
        daemon_alerts=SimpleNamespace(scan=lambda: iter(())),
        warnings=SimpleNamespace(current=current),
        registry=CITIES,
        now=lambda: EPOCH + timedelta(hours=1),
    )


def test_a_city_has_alerts_before_warnings_and_the_most_serious_first() -> None:
    """A pending alert is no notice, nor is a warning whose end has passed."""
    past = storm("past", ends=EPOCH + timedelta(minutes=1))
    status = make_status(a=[storm("1", severity=Severity.MINOR), past, storm("2", event="Flood")])
    notices = [(notice.kind, notice.title, notice.severity) for notice in find_notices("a", status)]
    assert notices == [
        ("alert", "heat", "error"),
        ("alert", "gale", "info"),
        ("warning", "Flood", "severe"),
        ("warning", "Storm Warning", "minor"),
    ]
    assert find_notices("unknown", status) == []


def test_a_cause_of_many_cities_is_one_group() -> None:
    """It names three of them, and counts a city with two warnings of a kind once; the counts are of all notices."""
    status = make_status(b=[storm("1"), storm("2")], a=[storm("1", severity=Severity.EXTREME)], c=[storm("1")])
    summary = summarize_notices(status)
    assert (summary.alerts, summary.warnings) == (6, 4)
    assert [(group.title, group.severity, group.count, group.names) for group in summary.groups] == [
        ("heat", "error", 1, ["A"]),
        ("gale", "info", 5, ["A", "B", "C"]),
        ("Storm Warning", "extreme", 1, ["A"]),
        ("Storm Warning", "severe", 2, ["B", "C"]),
    ]
    newest, warning = summary.groups[1], summary.groups[3]
    assert (newest.text, newest.since, newest.ends) == ("gale in a", "2025-12-31T23:58:23Z", None)
    assert (warning.text, warning.ends) == ("Storm from 3:00", "2026-01-02T00:00:00Z")


def test_a_silenced_alert_is_no_notice() -> None:
    """Neither of its city nor in a group; others of the city are."""
    status = make_status(is_silenced=True)
    assert [notice.title for notice in find_notices("a", status)] == ["gale"]
    assert [group.title for group in summarize_notices(status).groups] == ["gale"]
    assert summarize_notices(status).alerts == 5


def test_without_rules_and_warnings_there_are_no_notices() -> None:
    """Neither of a city, nor of all."""
    status: Any = SimpleNamespace(alerts=None, warnings=None, daemon_alerts=SimpleNamespace(scan=lambda: iter(())))
    assert find_notices("a", status) == []
    assert summarize_notices(status).model_dump() == {"alerts": 0, "warnings": 0, "groups": []}


def test_an_alert_about_the_daemon() -> None:
    """An alert about the daemon itself is a group that names its subject, and no city, even one with that id."""
    status = make_status()
    paused = SavedAlert("daemon.provider-paused", "a", "firing", 2e9, 2e9, "", "critical", "no requests", ())
    status.daemon_alerts = SimpleNamespace(scan=lambda: iter([paused]))
    group = next(group for group in summarize_notices(status).groups if group.title == paused.rule)
    assert (group.count, group.cities, group.names, group.text) == (1, [], ["a"], "no requests")
