"""Times of the daemon's API, relative to now, for tables and sentences."""

from __future__ import annotations

from datetime import datetime


def format_age(moment: str, now: datetime) -> str:
    """Return how long before *now* an RFC 3339 time is, such as ``5m``; never less than ``0s``."""
    from weatherd.duration import format_duration

    return format_duration(max(0, int((now - datetime.fromisoformat(moment)).total_seconds())))


def format_due_time(moment: str, now: datetime) -> str:
    """Return how far after *now* an RFC 3339 time is, such as ``in 5m``, or ``now``."""
    from weatherd.duration import format_duration

    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {format_duration(int(seconds))}" if seconds >= 1 else "now"
