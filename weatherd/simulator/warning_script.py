"""A scripted day of official warnings, the same every day: what each simulated service sends in its own form.

Hours of the weather's day in UTC: 2:00 fog is issued until 10:00, and stays in the lists until 11:00. 6:00 a storm from
8:00 to 20:00 is issued; 9:00 it is updated to severe, until 22:00; 12:00 it is renewed without a change; 15:00 it is
missing for some seconds, as in a stale cache; 18:00 it is cancelled. A test message is there all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.simulator.sky.sun import DAY_SECONDS

if TYPE_CHECKING:
    from weatherd.simulator.sky.clock import WeatherClock

_HOUR = 3600.0
_FLICKER = (15.0, 45.0)  # hour, and real seconds: less than the time between two polls
CANCELLATION_SHOWN = 0.5  # hours that the NWS lists a cancelled alert
_FOG = (2.0, 10.0, 11.0)  # hours of issue, of the end, and of the removal from the lists


@dataclass(frozen=True, slots=True)
class ScriptedMessage:
    """A message of the script. Times are real ones, whatever the speed of the weather."""

    event: str  # "storm", "fog" or "test"
    number: int  # of the message, from 1
    day: int  # of the event, since 1970
    action: str  # of VTEC: NEW, EXT, CON or CAN
    severity: str  # "minor", "moderate" or "severe"
    sent: datetime
    onset: datetime
    ends: datetime
    is_local: bool = False  # concerns a part of the service's area

    @property
    def message_id(self) -> str:
        """The id of the message, which differs from those of all other messages."""
        return f"{self.event}.{self.day}.{self.number}"

    @property
    def is_cancelled(self) -> bool:
        """Whether the message cancels the event."""
        return self.action == "CAN"


# The messages of the storm: hour of issue, action, severity, hour of the end
_STORM = (
    (6.0, "NEW", "moderate", 20.0),
    (9.0, "EXT", "severe", 22.0),
    (12.0, "CON", "severe", 22.0),
    (18.0, "CAN", "minor", 22.0),
)


def scripted_messages(now: datetime, clock: WeatherClock) -> list[ScriptedMessage]:
    """Return the messages that a service lists at a time, a cancelled one for half an hour of the weather."""
    day, seconds = divmod(clock.weather_time(now.timestamp()), DAY_SECONDS)
    script = _Script(int(day), clock)
    messages = [script.make("test", 1, (0.0, "NEW", "severe", 24.0), 0.0)]
    if _FOG[0] <= seconds / _HOUR < _FOG[2]:
        messages.append(script.make("fog", 1, (_FOG[0], "NEW", "minor", _FOG[1]), _FOG[0]))
    if storm := script.find_storm(seconds, now.timestamp()):
        messages.append(storm)
    return messages


@dataclass(frozen=True, slots=True)
class _Script:
    day: int
    clock: WeatherClock

    def find_storm(self, seconds: float, now: float) -> ScriptedMessage | None:
        """Return the current message about the storm, or None if a service would not list it."""
        hour = seconds / _HOUR
        number = sum(begin <= hour for begin, *_ in _STORM)
        is_missing = 0 <= now - self.real_time(_FLICKER[0]) < _FLICKER[1]
        if not number or is_missing or hour >= _STORM[-1][0] + CANCELLATION_SHOWN:
            return None
        return self.make("storm", number, _STORM[number - 1], 8.0)

    def make(self, event: str, number: int, row: tuple[float, str, str, float], onset: float) -> ScriptedMessage:
        """Return a message from its row of the script and the hour at which the event begins."""
        sent, action, severity, ends = row
        issued, begins, finishes = (
            datetime.fromtimestamp(round(self.real_time(hour)), UTC) for hour in (sent, onset, ends)
        )
        is_local = event == "fog"
        return ScriptedMessage(event, number, self.day, action, severity, issued, begins, finishes, is_local)

    def real_time(self, hour: float) -> float:
        """Return the POSIX time of an hour of the day."""
        weather_time = self.day * DAY_SECONDS + hour * _HOUR
        return self.clock.epoch + (weather_time - self.clock.epoch) * self.clock.day_seconds / DAY_SECONDS
