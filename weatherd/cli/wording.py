"""Times and weather as text, for tables and sentences."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weatherd.text.display import Display
    from weatherd.web.schemas import CityModel, RunningPollModel


def format_age(moment: str, now: datetime) -> str:
    """Format the age of an RFC 3339 time at *now*, such as ``5m``; at least ``0s``."""
    from weatherd.text.duration import format_duration

    return format_duration(max(0, int((now - datetime.fromisoformat(moment)).total_seconds())))


def format_due_time(moment: str, now: datetime) -> str:
    """Format an RFC 3339 time in the future, such as ``in 5m``; ``now`` if it is less than a second away or past."""
    from weatherd.text.duration import format_duration

    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {format_duration(int(seconds))}" if seconds >= 1 else "now"


def is_unpolled(city: CityModel) -> bool:
    """Return whether no poll of a city is known: its node has paused or does not answer, as ``failure`` says."""
    return bool(city.failure) and city.next is None and city.polling is None


def describe_running_poll(poll: RunningPollModel | None, now: datetime) -> str:
    """Return how long a poll has been in progress; None stands for a poll that has just begun or ended."""
    if poll is None:
        return "poll in progress"
    text = f"poll in progress for {format_age(poll.since, now)}"
    return f"{text}; it is stuck: a fetch() probably waits without a timeout" if poll.stuck else text


def format_local_time(moment: str, zone_name: str | None) -> str:
    """Format an RFC 3339 time as ``2026-11-27 17:05:00 CET``, in the zone with that name, or else in this machine's."""
    from weatherd.text.local_zone import load_zone

    return f"{datetime.fromisoformat(moment).astimezone(load_zone(zone_name)):%Y-%m-%d %H:%M:%S %Z}"


def describe_latest(city: CityModel, display: Display) -> str:
    """Describe a city's latest weather in the reader's language; a dash if there is none."""
    last = city.observation
    if last is None:
        return "–"
    at = datetime.fromisoformat(last.observed_at)
    return display.describe(last.description, last.code, city.lat, city.lon, at)
