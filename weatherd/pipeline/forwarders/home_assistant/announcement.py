"""What was announced of a city to Home Assistant, as it is saved for the next run. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping


class Announcement(NamedTuple):
    """A city's last announcement, as saved in the key-value store."""

    topics: Topics  # without a node, because another one may withdraw the city
    payload: str  # the discovery payload, without former components; "" if discovery was off
    removed: bool = False  # the city has left the list
    retained: tuple[str, ...] = ()  # retained topics of alerts and warnings
    former: str = "{}"  # JSON of the components that the device has no more, by key

    def dump(self) -> str:
        """Return the announcement as JSON."""
        fields = {"payload": self.payload, "removed": self.removed}
        notices = {"retained": self.retained, "former": self.former} if self.retained or self.former != "{}" else {}
        prefixes = {"prefix": self.topics.prefix, "discovery_prefix": self.topics.discovery_prefix}
        return json.dumps(prefixes | fields | notices)

    @classmethod
    def load(cls, text: str) -> Announcement | None:
        """Parse a saved announcement; return None for a damaged one.

        Earlier versions saved a list ``[prefix, discovery_prefix, payload]``, and a fourth item ``"gone"`` if removed.
        """
        try:
            match loaded := json.loads(text):
                case {"prefix": prefix, "discovery_prefix": discovery, "payload": payload, "removed": removed}:
                    retained, former = tuple(loaded.get("retained", ())), loaded.get("former", "{}")
                    return cls(Topics(prefix, discovery), payload, removed, retained, former)
                case [prefix, discovery, payload, *rest]:
                    return cls(Topics(prefix, discovery), payload, bool(rest))
        except ValueError:
            pass
        return None

    def payload_without_former(self) -> bytes:
        """Return the payload to publish: a former component has its platform only, which removes it."""
        gone = {key: {"p": component["p"]} for key, component in json.loads(self.former).items()}
        return self._payload_with(gone)

    def payload_with_former(self) -> bytes:
        """Return the payload as it was before components were removed."""
        return self._payload_with(json.loads(self.former))

    def list_alert_components(self) -> dict[str, Any]:
        """Return the components of alerts by key."""
        components = json.loads(self.payload)["cmps"] if self.payload else {}
        return {key: component for key, component in components.items() if key.startswith("alert")}

    def list_alert_topics(self, city_id: str) -> tuple[str, ...]:
        """Return the retained topics of alerts."""
        return tuple(topic for topic in self.retained if topic.startswith(self.topics.alert(city_id, "")))

    def _payload_with(self, components: Mapping[str, Any]) -> bytes:
        if not components:
            return self.payload.encode()
        document = json.loads(self.payload)
        document["cmps"] |= components
        return json.dumps(document, ensure_ascii=False).encode()


def find_former_components(previous: Announcement | None, payload: str) -> str:
    """Return the JSON of the components that a device had, and that *payload* does not have."""
    if not payload or not previous:
        return "{}"
    before = json.loads(previous.former) | (json.loads(previous.payload).get("cmps", {}) if previous.payload else {})
    gone = {key: before[key] for key in before.keys() - json.loads(payload)["cmps"].keys()}
    return json.dumps(gone, ensure_ascii=False, sort_keys=True)
