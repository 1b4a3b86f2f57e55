"""Messages about alerts and official warnings for the MQTT broker, without a broker."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.support.fakes import BERLIN, KIEL, VirtualJournal
from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.alerts.rules_file import parse_rules
from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
from weatherd.journal.tables.warning_table import SavedChange, WarningEntry
from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics
from weatherd.pipeline.forwarders.notices.alert_feed import AlertFeed
from weatherd.pipeline.forwarders.notices.notice_events import NoticeEvents
from weatherd.pipeline.forwarders.notices.notice_states import NoticeStates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from weatherd.pipeline.forwarders.broker.publication import Publication

TOPICS = Topics("weatherd", "homeassistant")
WARNING = "weatherd/kiel/warning"


def alert_entry(city: str) -> AlertEntry:
    """Return the change of an alert that fires in a city."""
    return AlertEntry(7, 60.0, city, "frost", "inactive", "firing", "firing", 0.0, "warning", "frost", ("mqtt",))


def warning_entry(city: str, reason: str = "") -> WarningEntry:
    """Return the change of a warning that is new for a city."""
    return WarningEntry(7, SavedChange(EPOCH, city, "new", reason, storm()))


def read_document(publication: Publication) -> dict[str, Any]:
    """Return the document of a message."""
    document: dict[str, Any] = json.loads(publication.payload)
    return document


def list_topics(steps: Iterable[list[Publication]]) -> list[str]:
    """Return the topics of messages."""
    return [publication.topic for step in steps for publication in step]


def test_events_are_of_listed_cities() -> None:
    """A city that has left the list has no topic any more; no reason is null."""
    events = NoticeEvents(TOPICS)
    [alert] = events.of_alerts([alert_entry("kiel"), alert_entry("gone")], {"kiel"})
    [warning] = events.of_warnings([warning_entry("gone"), warning_entry("kiel")], {"kiel"})
    assert (alert.topic, warning.topic) == ("weatherd/kiel/alert_event", "weatherd/kiel/warning_event")
    assert (read_document(alert)["rule"], read_document(warning)["reason"]) == ("frost", None)


def test_a_state_is_published_when_it_changes() -> None:
    """Unless everything is published again, or the city has left the list in between."""
    found: list[Any] = []
    warnings = SimpleNamespace(covers=lambda city: city == KIEL, find_in_force=lambda _: found)
    resources: Any = SimpleNamespace(alerts=lambda: None, warnings=lambda: warnings)
    states = NoticeStates(TOPICS, resources)
    cities = [KIEL, BERLIN]
    assert list_topics(states.refresh(cities)) == [WARNING]
    assert list_topics(states.refresh(cities)) == []
    found.append(storm())
    assert list_topics(states.refresh(cities)) == [WARNING]
    assert list_topics(states.repeat(cities)) == [WARNING]
    states.forget("kiel")
    assert list_topics(states.refresh(cities)) == [WARNING]


def test_a_pending_alert_is_off() -> None:
    """It is on only while it fires."""
    (rule,) = parse_rules("alerts: {frost: {when: temperature < 0, for: 1h, notify: [mqtt]}}", "alerts.yaml")
    saved = SavedAlert("frost", "kiel", "pending", 0.0, 0.0, "", "warning", "frost", ("mqtt",))
    alerts = SimpleNamespace(rules=(rule,), active={"kiel": {"frost": saved}}, is_unknown=lambda *_: False)
    resources: Any = SimpleNamespace(alerts=lambda: alerts, warnings=lambda: None)
    [message] = NoticeStates(TOPICS, resources).update(KIEL)
    assert (message.topic, read_document(message)["state"]) == ("weatherd/kiel/alert/frost", "OFF")


def test_a_firing_alert_has_its_values() -> None:
    """They are the present ones, and there are none while it does not fire."""
    (rule,) = parse_rules("alerts: {frost: {when: temperature < 0, notify: [mqtt]}}", "alerts.yaml")
    saved, values = (
        SavedAlert("frost", "kiel", "firing", 0.0, 0.0, "", "warning", "frost", ("mqtt",)),
        {"temperature": -2},
    )
    alerts = SimpleNamespace(
        rules=(rule,),
        active={"kiel": {"frost": saved}},
        is_unknown=lambda *_: False,
        read_values=lambda city, name: {("kiel", "frost"): values}[city, name],
    )
    resources: Any = SimpleNamespace(alerts=lambda: alerts, warnings=lambda: None)
    states = NoticeStates(TOPICS, resources)
    assert [read_document(message)["value"] for message in states.update(KIEL)] == [{"temperature": -2}]
    values["temperature"] = -3
    assert [read_document(message)["value"] for message in states.update(KIEL)] == [{"temperature": -3}]
    alerts.active.clear()
    assert [read_document(message)["value"] for message in states.update(KIEL)] == [None]


def test_a_skipped_alert_is_described_by_city_and_rule(tmp_path: Path) -> None:
    """The log names them when the broker has rejected the event for good."""
    journal = VirtualJournal(tmp_path / "weatherd.sqlite")
    assert AlertFeed(journal, replays=False).describe(alert_entry("kiel")) == {"city": "kiel", "rule": "frost"}
    journal.close()
