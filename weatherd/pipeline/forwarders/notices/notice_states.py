"""Alerts and official warnings of each city on the MQTT broker: which messages keep them up to date. No I/O."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.alerts.rule import MQTT_TARGET
from weatherd.formatting import format_rfc3339
from weatherd.pipeline.forwarders.broker.publication import Publication
from weatherd.pipeline.forwarders.notices.official_warnings import serialize_official_warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.journal.tables.alert_table import SavedAlert
    from weatherd.official_warning import OfficialWarning
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

_STEP = 100  # cities whose messages are made at once, in about a millisecond
_MAX_WARNINGS = 8  # in a message
_MAX_SIZE = 15_000  # bytes; Home Assistant does not record attributes above 16 kB
_TEXT_LIMITS = (2000, 1000, 500, 250, 100, 50)  # characters, of which the first is used that is short enough
_SHORT_FIELDS = ("event", "severity", "onset", "ends", "headline", "provider", "url")
_LONG_FIELDS = ("area", "description", "instruction")
_WARNING = "warning"


def current_rules(resources: ForwarderResources) -> tuple[Rule, ...]:
    """Return the alert rules in force; another object after an edit."""
    alerts = resources.alerts()
    return alerts.rules if alerts else ()


def find_mqtt_rules(resources: ForwarderResources, city: City) -> list[Rule]:
    """Return the alert rules for a city that name the target ``mqtt``."""
    return [rule for rule in current_rules(resources) if MQTT_TARGET in rule.notify and rule.cities.includes(city)]


def has_official_warnings(resources: ForwarderResources, city: City) -> bool:
    """Return whether a service of official warnings covers a city, and is wanted there."""
    warnings = resources.warnings()
    return warnings is not None and warnings.covers(city)


class NoticeStates:
    """What was last published of each city's alerts and official warnings. It outlives a connection.

    A message has the present state, which an event of the journal announces: at least once, and never an old one.
    """

    def __init__(self, topics: Topics, resources: ForwarderResources) -> None:
        self._topics = topics
        self._resources = resources
        self._published: dict[str, dict[str, bytes]] = {}  # payloads by city id and topic

    def forget(self, city_id: str) -> None:
        """Forget a city that has left the list."""
        self._published.pop(city_id, None)

    def update(self, city: City) -> list[Publication]:
        """Return the messages for what has changed in a city."""
        before, after = self._published.get(city.id, {}), dict(self._build(city))
        if after:
            self._published[city.id] = after
        else:
            self._published.pop(city.id, None)
        return [
            Publication(topic, payload, retain=True) for topic, payload in after.items() if before.get(topic) != payload
        ]

    def refresh(self, cities: Sequence[City]) -> Iterator[list[Publication]]:
        """Yield the messages for what has changed in cities, some cities at a time."""
        if self._resources.alerts() or self._resources.warnings():
            for begin in range(0, len(cities), _STEP):
                yield [message for city in cities[begin : begin + _STEP] for message in self.update(city)]

    def repeat(self, cities: Sequence[City]) -> Iterator[list[Publication]]:
        """Yield the messages that publish every state again."""
        self._published.clear()
        yield from self.refresh(cities)

    def _build(self, city: City) -> Iterator[tuple[str, bytes]]:
        if alerts := self._resources.alerts():
            active = alerts.active.get(city.id, {})
            for rule in find_mqtt_rules(self._resources, city):
                saved = active.get(rule.name)
                is_firing = saved is not None and saved.phase == "firing"
                state = "ON" if is_firing else None if alerts.is_unknown(city.id, rule) else "OFF"
                values = alerts.read_values(city.id, rule.name) if is_firing else None
                document = describe_alert_state(rule, saved if is_firing else None, state, values)
                yield self._topics.alert(city.id, rule.name), _encode(document)
        if (warnings := self._resources.warnings()) and warnings.covers(city):
            yield self._topics.notice(city.id, _WARNING), encode_warnings_state(warnings.find_in_force(city.id))


def list_notice_topics(topics: Topics, rules: Sequence[Rule], city: City, *, has_warnings: bool) -> list[str]:
    """Return the retained topics of a city's alerts and official warnings."""
    alerts = [topics.alert(city.id, rule.name) for rule in rules]
    return [*alerts, topics.notice(city.id, _WARNING)] if has_warnings else alerts


def describe_alert_state(
    rule: Rule, firing: SavedAlert | None, state: str | None, values: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the state of an alert: ``ON``, ``OFF``, or None if it is unknown.

    If it is on, *firing* is the alert, and *values* are those that its condition compares.
    """
    return {
        "state": state,
        "rule": rule.name,
        "severity": rule.severity,
        "since": format_rfc3339(datetime.fromtimestamp(firing.since, UTC)) if firing else None,
        "message": _shorten(firing.message, _TEXT_LIMITS[0]) if firing else None,
        "value": values,
    }


def encode_warnings_state(found: Sequence[OfficialWarning] | None) -> bytes:
    """Return the state of a city's official warnings as JSON; its texts are shortened if it is too large."""
    return next(
        (text for limit in _TEXT_LIMITS if len(text := _encode(describe_warnings_state(found, limit))) <= _MAX_SIZE),
        _encode(describe_warnings_state(found, 0)),
    )


def describe_warnings_state(found: Sequence[OfficialWarning] | None, limit: int) -> dict[str, Any]:
    """Return the state of a city's official warnings, the most severe first; None: no service has answered yet.

    *limit* is that of a text of the first warning, in characters; those of the others are shorter.
    """
    if not found:
        return {"state": None if found is None else "OFF", "count": 0, "severity": None, "warnings": []}
    plain = [serialize_official_warning(warning) for warning in found[:_MAX_WARNINGS]]
    first = {name: _shorten(plain[0][name], limit) for name in (*_SHORT_FIELDS, *_LONG_FIELDS)}
    short = [{name: _shorten(fields[name], max(30, limit // 8)) for name in _SHORT_FIELDS} for fields in plain]
    return {"state": "ON", "count": len(found), **first, "warnings": short}


def _shorten(text: str | None, limit: int) -> str | None:
    """Return a text of at most *limit* characters, but 20 at least, so that times stay as they are."""
    limit = max(limit, 20)
    return text if text is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode(errors="replace")
