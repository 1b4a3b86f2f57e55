"""Events of alerts and official warnings on the MQTT broker: not retained, each at least once. No I/O."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.formatting import format_rfc3339
from weatherd.pipeline.forwarders.broker.publication import Publication
from weatherd.pipeline.forwarders.home_assistant.notice_components import ALERT_EVENTS, WARNING_EVENTS
from weatherd.pipeline.forwarders.notices.official_warnings import serialize_official_warning

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from weatherd.journal.tables.alert_table import AlertEntry
    from weatherd.journal.tables.warning_table import WarningEntry
    from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

_EXISTING = "existing"  # a warning that is no news


class NoticeEvents:
    """The messages about changes. ``seq`` is the same if an event is published again."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    def of_alerts(self, batch: Sequence[AlertEntry], cities: Collection[str]) -> list[Publication]:
        """Return a message for each change of an alert of the cities, which are listed."""
        return [
            self._build(entry.city, ALERT_EVENTS, _describe_alert(entry)) for entry in batch if entry.city in cities
        ]

    def of_warnings(self, batch: Sequence[WarningEntry], cities: Collection[str]) -> list[Publication]:
        """Return a message for each change of a warning of the cities, which are listed."""
        return [
            self._build(entry.change.city, WARNING_EVENTS, _describe_warning(entry))
            for entry in batch
            if entry.change.city in cities and entry.change.kind != _EXISTING
        ]

    def _build(self, city_id: str, name: str, document: dict[str, Any]) -> Publication:
        payload = json.dumps(document, ensure_ascii=False).encode(errors="replace")
        return Publication(self._topics.notice(city_id, name), payload, retain=False)


def _describe_alert(entry: AlertEntry) -> dict[str, Any]:
    return {
        "event_type": entry.event,
        "seq": entry.seq,
        "rule": entry.rule,
        "severity": entry.severity,
        "message": entry.message,
        "since": _format_time(entry.since),
        "time": _format_time(entry.at),
    }


def _describe_warning(entry: WarningEntry) -> dict[str, Any]:
    change = entry.change
    head = {"event_type": change.kind, "seq": entry.seq, "reason": change.reason or None}
    return head | {"time": format_rfc3339(change.at)} | serialize_official_warning(change.warning)


def _format_time(time: float) -> str:
    return format_rfc3339(datetime.fromtimestamp(time, UTC))
