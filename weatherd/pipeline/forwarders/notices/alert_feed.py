"""The events of alerts for the engine of forwarders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.alerts.rule import MQTT_TARGET
from weatherd.journal.tables.alert_table import WantedChanges
from weatherd.pipeline.forwarders.feeds import ChangeFeed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.journal.store import Store


class AlertFeed(ChangeFeed):
    """The events of alerts whose rules name the target ``mqtt``."""

    @property
    def last_seq(self) -> int:
        """The number of the newest change."""
        return self.journal.alert_seq

    def _read(self, store: Store, seq: int, limit: int) -> Sequence[Any]:
        return store.alerts.read_for(WantedChanges(MQTT_TARGET, (), seq, self.last_seq), limit)

    def describe(self, entry: Any) -> Mapping[str, str]:
        """Return city and rule of an alert."""
        return {"city": entry.city, "rule": entry.rule}
