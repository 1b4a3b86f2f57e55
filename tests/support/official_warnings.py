"""Official warnings for tests."""

from __future__ import annotations

from datetime import timedelta

from tests.support.virtual_time import EPOCH
from weatherd.official_warning import Certainty, OfficialWarning, Severity, Urgency


def storm(event_key: str = "storm.1", **values: object) -> OfficialWarning:
    """Return a warning of a storm during the first virtual day, but for *values*."""
    given: dict[str, object] = {
        "provider": "fake",
        "message_id": "1",
        "event": "Storm Warning",
        "severity": Severity.SEVERE,
        "urgency": Urgency.EXPECTED,
        "certainty": Certainty.LIKELY,
        "sent": EPOCH,
        "onset": EPOCH + timedelta(hours=3),
        "ends": EPOCH + timedelta(hours=24),
        "headline": "Storm from 3:00",
        "description": "Gusts of 30 m/s.",
        "instruction": "Stay inside.",
        "area": "Kiel",
        "language": "en",
    }
    return OfficialWarning(event_key=event_key, **given | values)  # type: ignore[arg-type]
