"""The built-in rules about the daemon itself: pure functions of a snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.alerts.builtin.daemon_rules import DAEMON_RULES, read_cities, read_rules
from weatherd.alerts.builtin.daemon_snapshot import BacklogAge, DaemonSnapshot, QuotaUse

if TYPE_CHECKING:
    from typing import Any

HEALTHY = DaemonSnapshot(
    cities=20_000,
    peak=20_000,
    pauses={"nws": None, "open-meteo": None},
    quotas={("open-meteo", "day"): QuotaUse(7999, 10_000), ("open-meteo", "minute"): QuotaUse(600, 600)},
    backlogs={"mqtt": BacklogAge(500, 60.0), "notify phone": BacklogAge(0, 0.0)},
)


def find_alerts(**changes: Any) -> dict[tuple[str, str], str]:
    """Return the messages of the rules that hold in a healthy daemon but for the changes, by rule and subject."""
    readings = read_rules(DAEMON_RULES, replace(HEALTHY, **changes))
    return {(rule.name, reading.subject): reading.message for rule, reading in readings if reading.holds}


def test_healthy() -> None:
    """Nothing holds in a healthy daemon, and nothing is unknown."""
    assert [reading.holds for _, reading in read_rules(DAEMON_RULES, HEALTHY)] == [False] * 10


@pytest.mark.parametrize(
    ("changes", "rule", "subject", "message"),
    [
        ({"unavailable": 19_999}, "cities-down", "", "19,999 of 20,000 cities have no fresh weather"),
        ({"unavailable": 2000}, "cities-down", "", "2,000 of 20,000 cities have no fresh weather"),
        ({"pauses": {"nws": "HTTP 429"}}, "provider-paused", "nws", "no requests are sent to nws: HTTP 429"),
        (
            {"quotas": {("nws", "day"): QuotaUse(8000, 10_000)}},
            "quota", "nws day", "nws: 80% of the API calls of this day are used (8,000 of 10,000)",
        ),
        ({"cities": 0}, "list-shrunk", "", "the list has no cities, and had 20,000 in the last day"),
        ({"cities": 0, "peak": 0}, "list-shrunk", "", "the list has no cities"),
        ({"cities": 10_000}, "list-shrunk", "", "the list has 10,000 cities, and had 20,000 in the last day"),
        (
            {"quarantined": 1},
            "rows-quarantined", "", "1 row of the list quarantined because of mistakes; weatherd check shows them",
        ),
        (
            {"is_reload_rejected": True},
            "reload-rejected", "",
            "the last edit of settings, list or alert rules has a mistake; weatherd check shows it",
        ),
        (
            {"backlogs": {"mqtt": BacklogAge(1, 900.0)}},
            "forwarder-behind", "mqtt", "mqtt is behind: 1 entry waits, the oldest for 15m",
        ),
        (
            {"backlogs": {"mqtt": BacklogAge(2, 959.0)}},
            "forwarder-behind", "mqtt", "mqtt is behind: 2 entries wait, the oldest for 15m",
        ),
        (
            {"journal_failure": "disk is full", "waiting": 7, "unavailable": 20_000},
            "journal-down", "", "the journal cannot be written, and 7 observations wait in memory: disk is full",
        ),
    ],
)  # fmt: skip
def test_each_rule(changes: dict[str, Any], rule: str, subject: str, message: str) -> None:
    """Each rule holds for its fault, with the facts of it, and no other rule does."""
    assert find_alerts(**changes) == {(f"daemon.{rule}", subject): message}


@pytest.mark.parametrize(
    "changes",
    [
        {"unavailable": 1999},
        {"cities": 10_001},
        {"quotas": {("nws", "minute"): QuotaUse(60, 60)}},
        {"backlogs": {"mqtt": BacklogAge(1, 899.0)}},
        {"backlogs": {"mqtt": BacklogAge(0, 900.0)}},
        {"unpolled": 20_000},
    ],
)
def test_below_the_thresholds(changes: dict[str, Any]) -> None:
    """No rule holds just below its threshold, or before the first polls."""
    assert find_alerts(**changes) == {}


def test_an_outage_is_one_alert() -> None:
    """While many cities are down, the pause of their provider is a part of that alert, and no other one."""
    found = find_alerts(unavailable=20_000, pauses={"open-meteo": "HTTP 429", "nws": None})
    reason = "20,000 of 20,000 cities have no fresh weather; open-meteo is paused: HTTP 429"
    assert found == {("daemon.cities-down", ""): reason}


def test_a_pause_that_ends_in_an_outage() -> None:
    """It is known to have ended; of one that lasts, it is unknown, so that its alert neither fires nor resolves."""
    readings = read_rules(DAEMON_RULES, replace(HEALTHY, unavailable=20_000, pauses={"open-meteo": "x", "nws": None}))
    assert {found.subject: found.holds for rule, found in readings if rule.name == "daemon.provider-paused"} == {
        "open-meteo": None, "nws": False,
    }  # fmt: skip


@given(st.integers(1, 2000), st.data(), st.sampled_from([0.01, 0.1, 0.3, 0.5, 1.0]))
def test_cities_without_a_poll(cities: int, data: st.DataObject, share: float) -> None:
    """The result is known exactly if it does not depend on the states of the cities that were not polled yet."""
    unpolled = data.draw(st.integers(0, cities))
    unavailable = data.draw(st.integers(0, cities - unpolled))
    possible = {100 * down >= round(100 * share) * cities for down in (unavailable, unavailable + unpolled)}
    snapshot = DaemonSnapshot(cities=cities, unavailable=unavailable, unpolled=unpolled)
    [reading] = read_cities(snapshot, share)
    assert reading.holds == (possible.pop() if len(possible) == 1 else None)


@pytest.mark.parametrize(("unavailable", "holds"), [(6, False), (7, True)])
def test_a_share_is_reached_exactly(unavailable: int, *, holds: bool) -> None:
    """Seven of 100 cities are 7%, although 0.07 * 100 is above 7 in floating point."""
    [reading] = read_cities(DaemonSnapshot(cities=100, unavailable=unavailable), 0.07)
    assert reading.holds is holds


def test_a_backlog_from_before_the_start() -> None:
    """The age of a backlog from before the start is unknown until it exceeds the threshold."""
    ages = {"a": BacklogAge(1, 60.0, is_minimum=True), "b": BacklogAge(1, 900.0, is_minimum=True)}
    readings = read_rules(DAEMON_RULES, replace(HEALTHY, backlogs=ages))
    assert {found.subject: found.holds for rule, found in readings if rule.name == "daemon.forwarder-behind"} == {
        "a": None, "b": True,
    }  # fmt: skip
