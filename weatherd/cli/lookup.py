"""Moments as people give them on a command line: how long ago, a date, or a date and a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from weatherd import duration

if TYPE_CHECKING:
    from datetime import tzinfo


def moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment, aware and in UTC; what has no time zone is of *zone*.

    ``24h`` is a day before *now*; ``2026-01-31`` is the midnight that begins it. ValueError for anything else.
    """
    try:
        return now - timedelta(seconds=duration.parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"should be how long ago (24h, 7d) or a date (2026-01-31, 2026-01-31T12:00), not {text!r}"
        ) from None
