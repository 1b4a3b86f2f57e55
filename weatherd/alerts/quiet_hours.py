"""Quiet hours of a target, in which messages wait, except for serious ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

from weatherd.alerts.hours import Hours, parse_hours
from weatherd.alerts.rule import AlertSeverity
from weatherd.city import is_zone
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from datetime import tzinfo

ALERT_SEVERITIES: tuple[str, ...] = get_args(AlertSeverity)
_FORM = 'should be hours such as "22:00-07:00", or {hours: "22:00-07:00", except: error}'
_HOURS_SCHEMA = {"type": "string", "pattern": r"^\d\d?:\d\d\s*[-–]\s*\d\d?:\d\d$"}
QUIET_SCHEMA = {
    "anyOf": [
        _HOURS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "hours": _HOURS_SCHEMA,
                "except": {
                    "enum": list(ALERT_SEVERITIES),
                    "description": "Alerts of this severity and above are sent at once",
                },
                "timezone": {"type": "string", "description": "Such as Europe/Berlin; default: the setting timezone"},
            },
            "required": ["hours"],
            "additionalProperties": False,
        },
    ]
}


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of each day in which no messages are sent but those about alerts of the severities *urgent*."""

    hours: Hours
    urgent: tuple[str, ...] = ()
    timezone: str | None = None  # None: that of the settings

    def include(self, moment: datetime, zone: tzinfo) -> bool:
        """Return whether a moment is in the hours, on the clock of *zone*.

        When the clock is set back, they begin at the first and end at the last of two equal times, without a gap.
        """
        if self.hours.include(moment, zone):
            return True
        local = moment.astimezone(zone)
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():  # the hour comes once
            return False
        night = timedelta(days=1) if self.hours.end < self.hours.start else timedelta()
        for first in (local.date() - timedelta(days=1), local.date()):
            begin = datetime.combine(first, self.hours.start, zone)
            end = datetime.combine(first + night, self.hours.end, zone).replace(fold=1)
            if begin.astimezone(UTC) <= moment < end.astimezone(UTC):
                return True
        return False

    def hold_back(self, severity: str, moment: datetime, default_zone: str | None) -> bool:
        """Return whether an alert of a severity has to wait at a moment; *default_zone* is that of the settings."""
        return severity not in self.urgent and self.include(moment, load_zone(self.timezone or default_zone))


def parse_quiet(value: Any) -> QuietHours | None:
    """Return quiet hours as they are written in the rules file; None for None. Raises ValueError."""
    if value is None or isinstance(value, QuietHours):
        return value
    row = {"hours": value} if isinstance(value, str) else value
    if not isinstance(row, dict) or "hours" not in row or row.keys() - {"hours", "except", "timezone"}:
        raise ValueError(_FORM)
    try:
        hours = parse_hours(row["hours"])
    except ValueError:
        raise ValueError(_FORM) from None
    bound, zone = row.get("except"), row.get("timezone")
    if hours is None:
        raise ValueError(_FORM)
    if bound is not None and bound not in ALERT_SEVERITIES:
        raise ValueError(f"should have under 'except' one of {', '.join(ALERT_SEVERITIES)}")
    if zone is not None and not (isinstance(zone, str) and is_zone(zone)):
        raise ValueError("should have under 'timezone' the name of a time zone such as Europe/Berlin")
    return QuietHours(hours, ALERT_SEVERITIES[ALERT_SEVERITIES.index(bound) :] if bound else (), zone)
