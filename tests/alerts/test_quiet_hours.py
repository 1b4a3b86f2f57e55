"""Quiet hours: which alerts wait, and what is accepted in the rules file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from weatherd.alerts.quiet_hours import parse_quiet

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)  # 14:00 in Berlin, 21:00 in Tokyo


@pytest.mark.parametrize(
    ("row", "default_zone", "waits"),
    [
        ("21:00-22:00", "Asia/Tokyo", True),
        ("21:00-22:00", "Europe/Berlin", False),
        ({"hours": "21:00-22:00", "timezone": "Asia/Tokyo"}, "Europe/Berlin", True),
        ({"hours": "21:00-22:00", "timezone": "Europe/Berlin"}, "Asia/Tokyo", False),
        ({"hours": "21:00-22:00", "except": "critical"}, "Asia/Tokyo", True),
        ({"hours": "21:00-22:00", "except": "error"}, "Asia/Tokyo", False),
    ],
)
def test_an_alert_waits(row: Any, default_zone: str, *, waits: bool) -> None:
    """It waits in the hours of the target's own zone, or of the settings; one of the severities above it does not."""
    quiet = parse_quiet(row)
    assert quiet
    assert quiet.hold_back("error", NOON, default_zone) is waits


@pytest.mark.parametrize(
    ("utc", "is_quiet"),
    [("00:10", True), ("00:30", True), ("01:10", True), ("01:15", False), ("01:30", False), ("12:00", False)],
)
def test_hours_that_end_in_the_hour_that_comes_twice(utc: str, *, is_quiet: bool) -> None:
    """They end once, at the second of two equal times: 02:15 in Berlin is 00:15 and 01:15 UTC."""
    quiet = parse_quiet({"hours": "00:30-02:15", "timezone": "Europe/Berlin"})
    assert quiet
    assert quiet.hold_back("error", datetime.fromisoformat(f"2026-10-25T{utc}Z"), None) is is_quiet


@pytest.mark.parametrize(
    "row", [7, [], {}, {"hours": None}, {"hours": "22-7"}, {"hours": "22:00-07:00", "zone": "UTC"}]
)
def test_another_form_is_rejected(row: Any) -> None:
    """The message shows both forms."""
    with pytest.raises(ValueError, match=r'^should be hours such as "22:00-07:00", or \{hours: '):
        parse_quiet(row)


@pytest.mark.parametrize("zone", [7, "Mars/Base"])
def test_an_unknown_zone_is_rejected(zone: object) -> None:
    """The message names the key."""
    with pytest.raises(ValueError, match="should have under 'timezone'"):
        parse_quiet({"hours": "22:00-07:00", "timezone": zone})
