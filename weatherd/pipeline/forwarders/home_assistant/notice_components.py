"""The components of a city's device in Home Assistant for alerts and official warnings. Pure.

https://www.home-assistant.io/integrations/binary_sensor.mqtt/, https://www.home-assistant.io/integrations/event.mqtt/

The components of official warnings, and of rules that depend on the time, stay available while the latest observation
is stale: an alert about a silent city fires just then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

ALERT_EVENTS, WARNING_EVENTS = "alert_event", "warning_event"  # topics
_ALERT_TYPES = ["firing", "repeated", "resolved", "ended"]
_WARNING_TYPES = ["new", "updated", "ended"]


def build_alert_components(city_id: str, topics: Topics, rules: Sequence[Rule]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield key and component of each rule's binary sensor, and of the entity for the events of all rules."""
    for rule in rules:
        sensor = _build_binary_sensor(topics.alert(city_id, rule.name), f"Alert {rule.name}")
        if rule.severity != "info":
            sensor["device_class"] = "problem"
        if any(expression.depends_on_time for expression in rule.expressions):
            sensor |= _always_available(topics)
        yield f"alert_{rule.name}", _identify(f"alert_{rule.name}", city_id, topics, sensor)
    if rules:
        event = _build_event(topics.notice(city_id, ALERT_EVENTS), "Alert events", _ALERT_TYPES)
        yield "alerts", _identify("alerts", city_id, topics, event | _always_available(topics))


def build_warning_components(city_id: str, topics: Topics) -> dict[str, dict[str, Any]]:
    """Return the binary sensor of a city's official warnings and the entity for their events, by key."""
    sensor = _build_binary_sensor(topics.notice(city_id, "warning"), "Official warning") | {"device_class": "safety"}
    event = _build_event(topics.notice(city_id, WARNING_EVENTS), "Official warning events", _WARNING_TYPES)
    return {
        "warning": _identify("warning", city_id, topics, sensor | _always_available(topics)),
        "warnings": _identify("warnings", city_id, topics, event | _always_available(topics)),
    }


def _build_binary_sensor(topic: str, name: str) -> dict[str, Any]:
    """Return a binary sensor; ``null`` in the message is rendered as ``None``, which stands for unknown."""
    return {
        "p": "binary_sensor",
        "name": name,
        "state_topic": topic,
        "value_template": "{{ value_json.state }}",
        "json_attributes_topic": topic,
    }


def _build_event(topic: str, name: str, types: list[str]) -> dict[str, Any]:
    return {"p": "event", "name": name, "state_topic": topic, "event_types": types}


def _identify(key: str, city_id: str, topics: Topics, component: dict[str, Any]) -> dict[str, Any]:
    return {**component, "unique_id": f"{topics.device(city_id)}_{key}", "qos": 1}


def _always_available(topics: Topics) -> dict[str, Any]:
    return {"availability": [{"topic": topics.status}]}
