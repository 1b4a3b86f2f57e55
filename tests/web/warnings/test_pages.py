"""Warnings in the API and the metrics: pages by city, filters, and one series for each kind of event in a city."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.daemon import make_registry
from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.city import City
from weatherd.official_warning import Severity
from weatherd.providers.warning_service import WarningAnswer
from weatherd.warnings.current import CurrentWarnings
from weatherd.warnings.polling import ServiceHealth
from weatherd.web.query_models import WarningsQuery
from weatherd.web.warnings.metrics import collect_severities, collect_warning_metrics
from weatherd.web.warnings.serializers import serialize_warnings_page

if TYPE_CHECKING:
    from weatherd.official_warning import OfficialWarning

CITIES = [
    City(name=name, lat=1, lon=1, tags=(("region", region),)) for name, region in (("a", "x"), ("b", "y"), ("c", "x"))
]
WARNINGS = {
    "a": [storm("1", severity=Severity.MINOR), storm("2", severity=Severity.EXTREME), storm("3", event="Fog")],
    "b": [storm("4", ends=EPOCH)],  # has ended, which no answer has shown yet
    "c": [storm("5")],
}


def make_status(known: dict[str, list[OfficialWarning]]) -> Any:
    """Return the status of a daemon that knows these warnings."""
    current = CurrentWarnings()
    for city, warnings in known.items():
        current.update(city, "fake", WarningAnswer(warnings), EPOCH.replace(year=2025))
    registry = make_registry(CITIES)
    return SimpleNamespace(warnings=SimpleNamespace(current=current), registry=registry, now=lambda: EPOCH)


def find_keys(status: Any, **query: Any) -> tuple[list[tuple[str, str]], str | None]:
    """Return city and key of the warnings on a page, and where the next one begins."""
    page = serialize_warnings_page(WarningsQuery(**query), status)
    return [(warning.city, warning.key) for warning in page.warnings], page.next


@pytest.mark.parametrize(
    ("query", "keys", "following"),
    [
        ({}, ["a2", "a1", "a3", "c5"], None),
        ({"limit": 1}, ["a2", "a1", "a3"], "a"),
        ({"after": "a"}, ["c5"], None),
        ({"city": "a", "severity": "severe"}, ["a2", "a3"], None),
        ({"tag": "region=y"}, [], None),
        ({"tag": "region=x", "severity": "extreme"}, ["a2"], None),
        ({"city": "b"}, [], None),
        ({"city": "unknown"}, [], None),
    ],
)
def test_pages(query: dict[str, Any], keys: list[str], following: str | None) -> None:
    """By city, the most severe first; the warnings of a city are never divided; ended ones are not there."""
    found, next_city = find_keys(make_status(WARNINGS), **query)
    assert sorted(f"{city}{key}" for city, key in found) == sorted(keys)
    assert [city for city, _ in found] == sorted(city for city, _ in found)
    assert next_city == following
    if "a2" in keys:
        assert found[0] == ("a", "2")


def test_no_warnings_are_wanted() -> None:
    """With the setting off, the page is empty."""
    assert find_keys(SimpleNamespace(warnings=None)) == ([], None)


def test_one_series_for_each_kind_of_event() -> None:
    """Two storms in a city have one, with the higher severity."""
    in_force = make_status(WARNINGS).warnings.current.in_force(EPOCH)
    samples = {(each.labels["city"], each.labels["event"]): each.value for each in collect_severities(in_force).samples}
    assert samples == {("a", "Storm Warning"): 4, ("a", "Fog"): 3, ("c", "Storm Warning"): 3}


def test_the_health_of_the_services() -> None:
    """A service that was never asked, because it covers no city, has no series."""
    healths = {
        "good": ServiceHealth(last_success=EPOCH),
        "lost": ServiceHealth(last_success=EPOCH, failure="timeout"),
        "down": ServiceHealth(failure="timeout"),
        "unasked": ServiceHealth(),
    }
    desk: Any = SimpleNamespace(pollers=[SimpleNamespace(name=name, health=healths[name]) for name in healths])
    up, success = [
        {each.labels["provider"]: each.value for each in metric.samples} for metric in collect_warning_metrics(desk)
    ]
    assert up == {"good": 1, "lost": 0, "down": 0}
    assert success == dict.fromkeys(("good", "lost"), EPOCH.timestamp())
