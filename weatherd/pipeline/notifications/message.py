"""A message about one or several alerts, as the senders get it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from weatherd.formatting import format_rfc3339

if TYPE_CHECKING:
    from weatherd.alerts.rule import AlertSeverity
    from weatherd.journal.tables.alert_table import AlertEntry

NoticeEvent = Literal["firing", "repeated", "resolved", "test"]
MessageEvent = NoticeEvent | Literal["digest"]  # a digest is about several rules or events


@dataclass(frozen=True, slots=True)
class AlertNotice:
    """An alert in a message. Times are RFC 3339."""

    city: str  # its id; "" if the alert is about the daemon itself
    name: str
    rule: str
    event: NoticeEvent
    severity: AlertSeverity
    text: str
    began: str  # when the condition began to hold
    time: str


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """A message. The same message has the same key when it is sent again."""

    key: str
    title: str
    text: str
    event: MessageEvent
    rule: str  # several names in a digest, separated by commas
    severity: AlertSeverity
    alerts: tuple[AlertNotice, ...]
    entries: tuple[AlertEntry, ...] = ()  # the changes that it is about, which are not sent

    def to_json(self) -> dict[str, Any]:
        """Return the message as it is in JSON and in templates."""
        document = asdict(replace(self, entries=()))
        del document["entries"]
        return document


def create_test_message(target: str) -> AlertMessage:
    """Return the message of ``weatherd alerts send``."""
    now = datetime.now(UTC)
    time = format_rfc3339(now)
    text = "A test message: weatherd can send alerts here."
    notice = AlertNotice("test", "Test", "test", "test", "info", text, time, time)
    key = f"test-{target}-{now:%Y%m%dT%H%M%S%f}"
    return AlertMessage(key, "weatherd: test", text, "test", "test", "info", (notice,))
