"""The text of changes of alerts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.fakes import KIEL
from weatherd.alerts.city_alerts import AlertChange
from weatherd.alerts.states import INACTIVE, AlertEvent, AlertPhase, AlertState
from weatherd.pipeline.alerting.changes import make_entry


@pytest.mark.parametrize(("seconds", "text"), [(12, "12s"), (34, "34s"), (600, "10m")])
def test_a_short_alert_has_its_length_in_seconds(seconds: int, text: str) -> None:
    """The message about its end does not round it to a minute or to nothing."""
    rule: Any = SimpleNamespace(name="frost", severity="warning", notify=())
    change = AlertChange(rule, AlertState(AlertPhase.FIRING, 1000.0, 1000.0), INACTIVE, AlertEvent.RESOLVED)
    assert make_entry(KIEL, change, 1000.0 + seconds, None).message == f"Kiel: frost resolved after {text}"
