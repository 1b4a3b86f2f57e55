"""Alerts and official warnings on MQTT, with a real broker and a listener in the place of Home Assistant."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.forwarders.harness import DeliveryHarness, wait_until
from tests.pipeline.forwarders.test_mqtt import (
    KIEL_CONFIG,
    forwarder_settings,
    read_retained,
    run_broker,
    run_listener,
)
from tests.support.fakes import BERLIN, KIEL
from tests.support.official_warnings import storm
from weatherd.alerts.rules_file import parse_rules
from weatherd.errors import ConfigError
from weatherd.journal.tables.alert_table import AlertEntry, AlertRows, SavedAlert
from weatherd.official_warning import Severity
from weatherd.pipeline.forwarders.mqtt import open_forwarder
from weatherd.pipeline.forwarders.notices.notice_states import encode_warnings_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.pipeline.forwarders.test_mqtt import Listener
    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.official_warning import OfficialWarning

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]
RULES = """\
alerts:
  frost: {when: temperature < 0, cities: kiel, notify: [mqtt, ops]}
  silent: {when: age > 2h, cities: kiel, severity: info, notify: [mqtt]}
  private: {when: temperature > 9, notify: [ops]}
notify: {ops: {command: [cat]}}
"""
FROST, SILENT = "weatherd/kiel/alert/frost", "weatherd/kiel/alert/silent"
EVENTS, WARNING, WARNING_EVENTS = "weatherd/kiel/alert_event", "weatherd/kiel/warning", "weatherd/kiel/warning_event"


@dataclass
class Alerts:
    """The alerts of a daemon."""

    rules: tuple[Rule, ...] = field(default_factory=lambda: parse_rules(RULES, "alerts.yaml"))
    active: dict[str, dict[str, SavedAlert]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    sent: list[tuple[str, str]] = field(default_factory=list)
    is_waiting: bool = False

    def is_unknown(self, city_id: str, rule: Rule) -> bool:
        """Return whether the test has made a rule unknown."""
        return f"{city_id}/{rule.name}" in self.unknown

    def read_values(self, city_id: str, rule_name: str) -> dict[str, float]:
        """Return a value of any rule."""
        assert (city_id, rule_name) == ("kiel", "frost")
        return {"temperature": -1.5}

    def may_deliver(self, entries: Iterable[AlertEntry]) -> bool:
        """Return that this daemon is alone."""
        return bool(list(entries))

    async def record_sent(self, entries: Iterable[AlertEntry]) -> None:
        """Note the alerts that were delivered."""
        self.sent += [(entry.city, str(entry.event)) for entry in entries]

    async def record(self, harness: DeliveryHarness, event: str, rule: str = "frost", city: str = "kiel") -> None:
        """Store an event of an alert, and the state after it."""
        journal, began = harness.journal, harness.begin.timestamp()
        if event == "firing":
            saved = SavedAlert(rule, city, "firing", began, began, "", "warning", 'Kiel: -1 °C "<b>"', ("mqtt", "ops"))
            self.active.setdefault(city, {})[rule] = saved
        else:
            self.active[city].pop(rule)
        phases = ("inactive", "firing") if event == "firing" else ("firing", "inactive")
        notify = next((found.notify for found in self.rules if found.name == rule), ("mqtt",))
        entry = AlertEntry(0, began + 60, city, rule, *phases, event, began, "warning", "Kiel: -1 °C", notify)
        await journal.add((), AlertRows([entry], {}, (), (), journal.alert_seq))
        journal.alert_seq += 1


class Warnings:
    """The official warnings of a daemon, which has services for Kiel only."""

    def __init__(self) -> None:
        self.found: list[OfficialWarning] | None = None

    def covers(self, city: City) -> bool:
        """Return whether this is Kiel."""
        return city.id == "kiel"

    def find_in_force(self, city_id: str) -> Sequence[OfficialWarning] | None:
        """Return what the test has set."""
        assert city_id == "kiel"
        return self.found


def add_alerts(harness: DeliveryHarness) -> Alerts:
    """Give the forwarders of a harness alerts."""
    alerts = Alerts()
    harness.resources = replace(harness.resources, alerts=lambda: alerts)
    harness.has_alerts = True
    return alerts


def add_warnings(harness: DeliveryHarness) -> Warnings:
    """Give the forwarders of a harness official warnings."""
    warnings = Warnings()
    harness.resources = replace(harness.resources, warnings=lambda: warnings)
    harness.has_warnings = True
    return warnings


def read_json(payload: bytes) -> dict[str, Any]:
    """Return the document of a message."""
    document: dict[str, Any] = json.loads(payload)
    return document


def list_events(listener: Listener, topic: str = EVENTS) -> list[str]:
    """Return the kinds of the events on a topic."""
    return [read_json(payload)["event_type"] for payload in listener.payloads_on(topic)]


async def has_events(listener: Listener, *kinds: str, topic: str = EVENTS) -> bool:
    """Return whether the events on a topic are of these kinds."""
    return list_events(listener, topic) == list(kinds)


async def has_state(listener: Listener, topic: str, state: str | None) -> bool:
    """Return whether the last message on a topic has a state."""
    payloads = listener.payloads_on(topic)
    return bool(payloads) and bool(payloads[-1]) and read_json(payloads[-1])["state"] == state


async def test_an_alert_is_a_binary_sensor(tmp_path: Path) -> None:
    """Only the rules with the target mqtt are announced; the state follows the alert, and each event comes once."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        alerts = add_alerts(harness)
        alerts.unknown.add("kiel/silent")
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            components = read_json(await listener.wait_for(KIEL_CONFIG))["cmps"]
            assert {key for key, one in components.items() if one["p"] != "sensor"} == {
                "alert_frost", "alert_silent", "alerts",
            }  # fmt: skip
            frost = components["alert_frost"]
            assert (frost["unique_id"], frost["device_class"]) == ("weatherd_kiel_alert_frost", "problem")
            assert frost["state_topic"] == frost["json_attributes_topic"] == FROST
            assert "availability" not in frost  # that of the city
            assert components["alert_silent"]["availability"] == [{"topic": "weatherd/status"}]
            assert "device_class" not in components["alert_silent"]
            await wait_until(lambda: has_state(listener, FROST, "OFF"))
            await wait_until(lambda: has_state(listener, SILENT, None))
            await alerts.record(harness, "firing")
            await wait_until(lambda: has_events(listener, "firing"))
            state = read_json(listener.payloads_on(FROST)[-1])
            assert state == {
                "state": "ON", "rule": "frost", "severity": "warning", "since": state["since"],
                "message": 'Kiel: -1 °C "<b>"', "value": {"temperature": -1.5},
            }  # fmt: skip
            kept = await read_retained(server)
            assert FROST in kept
            assert EVENTS not in kept  # an event is no state
            await alerts.record(harness, "resolved")
            await wait_until(lambda: has_events(listener, "firing", "resolved"))
            assert read_json(listener.payloads_on(FROST)[-1])["state"] == "OFF"
        assert alerts.sent == [("kiel", "firing"), ("kiel", "resolved")]
        events = [read_json(payload) for payload in listener.payloads_on(EVENTS)]
        assert [(event["seq"], event["rule"], event["message"]) for event in events] == [
            (1, "frost", "Kiel: -1 °C"), (2, "frost", "Kiel: -1 °C"),
        ]  # fmt: skip
        assert not listener.payloads_on("weatherd/kiel/alert/private")
        assert (
            "alerts" not in read_json(listener.payloads_on("homeassistant/device/weatherd_berlin/config")[-1])["cmps"]
        )


async def test_nothing_is_lost_in_an_outage(tmp_path: Path) -> None:
    """A broker that has lost its memory gets every state again, then each event of the outage once."""
    async with run_broker(tmp_path) as (harness, server):
        alerts = add_alerts(harness)
        settings = forwarder_settings(server)
        async with harness.run_forwarder(open_forwarder, **settings):
            await wait_until(lambda: _is_kept(server, FROST))
            server.dies()
            for file in server.folder.glob("mosquitto.db*"):
                file.unlink()
            await alerts.record(harness, "firing")
            await alerts.record(harness, "resolved")
            await alerts.record(harness, "firing")
            await server.starts()
            async with run_listener(server) as listener:
                await wait_until(lambda: has_events(listener, "firing", "resolved", "firing"))
                states = [read_json(payload)["state"] for payload in listener.payloads_on(FROST)]
                assert set(states) == {"ON"}  # never that of an earlier event
        await alerts.record(harness, "resolved")  # while weatherd is down
        async with run_listener(server) as listener, harness.run_forwarder(open_forwarder, **settings):
            await wait_until(lambda: has_events(listener, "resolved"))
            assert read_json(listener.payloads_on(FROST)[-1])["state"] == "OFF"


async def _is_kept(server: Any, topic: str) -> bool:
    return topic in await read_retained(server)


async def test_a_rule_that_is_removed_leaves_the_device(tmp_path: Path) -> None:
    """Home Assistant is told once by the platform alone; its topic is empty. If it was away, it is told again."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        alerts = add_alerts(harness)
        settings = forwarder_settings(server)
        async with harness.run_forwarder(open_forwarder, **settings):
            await wait_until(lambda: has_state(listener, FROST, "OFF"))
            await alerts.record(harness, "firing")
            await wait_until(lambda: has_state(listener, FROST, "ON"))
            alerts.rules = tuple(rule for rule in alerts.rules if rule.name != "frost")
            await listener.wait_for(FROST, b"")
            await alerts.record(harness, "ended")
            await wait_until(lambda: has_events(listener, "firing", "ended"))
        components = read_json(listener.payloads_on(KIEL_CONFIG)[-1])["cmps"]
        assert components["alert_frost"] == {"p": "binary_sensor"}
        assert components["alert_silent"]["name"] == "Alert silent"
        listener.received.clear()
        async with harness.run_forwarder(open_forwarder, **settings):
            await wait_until(lambda: has_state(listener, SILENT, "OFF"))
            listener.received.clear()
            await listener.client.publish("homeassistant/status", b"online", qos=1)

            async def is_repeated() -> bool:
                return len(listener.payloads_on(KIEL_CONFIG)) == 3

            await wait_until(is_repeated)
        _, once_more, removed = [read_json(payload)["cmps"] for payload in listener.payloads_on(KIEL_CONFIG)]
        assert once_more["alert_frost"]["name"] == "Alert frost"
        assert removed["alert_frost"] == {"p": "binary_sensor"}
        assert FROST not in await read_retained(server)


async def test_alerts_stay_while_their_rules_are_not_known(tmp_path: Path) -> None:
    """After a start with a mistake in the rules, Home Assistant keeps the entities, and the states that it has."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        alerts = add_alerts(harness)
        settings = forwarder_settings(server)
        async with harness.run_forwarder(open_forwarder, **settings):
            await alerts.record(harness, "firing")
            await wait_until(lambda: has_state(listener, FROST, "ON"))
        rules, alerts.rules, alerts.is_waiting = alerts.rules, (), True
        components = read_json(listener.payloads_on(KIEL_CONFIG)[-1])["cmps"]
        listener.received.clear()
        async with harness.run_forwarder(open_forwarder, **settings):
            await listener.wait_for("weatherd/status", b"online")

            async def is_announced() -> bool:
                return bool(listener.payloads_on(KIEL_CONFIG))

            await wait_until(is_announced)
            assert read_json(listener.payloads_on(KIEL_CONFIG)[-1])["cmps"] == components
            assert await _is_kept(server, FROST)
            alerts.rules, alerts.is_waiting = tuple(rule for rule in rules if rule.name != "frost"), False
            await listener.wait_for(FROST, b"")
        assert read_json(listener.payloads_on(KIEL_CONFIG)[-1])["cmps"]["alert_frost"] == {"p": "binary_sensor"}


async def test_a_city_that_is_removed_leaves_no_topic(tmp_path: Path) -> None:
    """The topics of its alerts and warnings are emptied, also if the city left while weatherd was down."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        add_alerts(harness)
        add_warnings(harness)
        settings = forwarder_settings(server)
        async with harness.run_forwarder(open_forwarder, **settings):
            await wait_until(lambda: has_state(listener, WARNING, None))
        harness.cities = (BERLIN,)
        async with harness.run_forwarder(open_forwarder, **settings):
            await listener.wait_for(WARNING, b"")
        assert not [topic for topic in await read_retained(server) if "kiel" in topic]


async def test_official_warnings_are_a_binary_sensor(tmp_path: Path) -> None:
    """On with the most severe warning in its attributes; events tell new, updated and ended apart, without old ones."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        warnings = add_warnings(harness)
        await harness.add_change("new", storm("yesterday"))  # before the forwarder was first there
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            component = read_json(await listener.wait_for(KIEL_CONFIG))["cmps"]["warning"]
            assert component["device_class"] == "safety"
            assert component["availability"] == [{"topic": "weatherd/status"}]
            await wait_until(lambda: has_state(listener, WARNING, None))
            warnings.found = [storm("a", severity=Severity.EXTREME, headline="<b>{x}</b>"), storm("b")]
            await harness.add_change("existing", storm("b"))
            await harness.add_change("new", storm("a"))
            await wait_until(lambda: has_events(listener, "new", topic=WARNING_EVENTS))
            state = read_json(listener.payloads_on(WARNING)[-1])
            assert (state["state"], state["count"], state["severity"]) == ("ON", 2, "extreme")
            assert (state["headline"], state["ends"]) == ("<b>{x}</b>", "2026-01-02T00:00:00Z")
            assert [one["severity"] for one in state["warnings"]] == ["extreme", "severe"]
            warnings.found = []
            await harness.add_change("ended", storm("a"), KIEL, "cancelled")
            await wait_until(lambda: has_events(listener, "new", "ended", topic=WARNING_EVENTS))
            assert read_json(listener.payloads_on(WARNING)[-1])["state"] == "OFF"
        event = read_json(listener.payloads_on(WARNING_EVENTS)[-1])
        assert (event["reason"], event["key"], event["description"]) == ("cancelled", "a", "Gusts of 30 m/s.")


@pytest.mark.parametrize("letter", ["x", "雨", "😀", '"', "\x01"])
def test_a_state_is_small_enough_for_home_assistant(letter: str) -> None:
    """Many warnings with long texts are shortened to the attributes that it records; times stay as they are."""
    text = letter * 20_000
    texts = dict.fromkeys(("event", "headline", "description", "instruction", "area", "url"), text)
    state = encode_warnings_state([storm(str(number), **texts) for number in range(40)])
    assert len(state) < 16_000
    document = read_json(state)
    assert (document["count"], document["ends"], len(document["warnings"])) == (40, "2026-01-02T00:00:00Z", 8)
    assert document["description"].endswith("…")


def test_the_name_of_the_target_is_reserved() -> None:
    """A rule may name it without an address; no target may have it as its own name."""
    text = RULES.replace("ops: {command", "mqtt: {command").replace("ops", "mqtt")
    with pytest.raises(ConfigError, match=r"alerts.yaml:5:10: .*'mqtt' stands for the broker"):
        parse_rules(text, "alerts.yaml")
