"""The watches of values that stay the same, as a text in the journal, so that a restart does not begin them anew."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.pipeline.quality.persistence import PERSISTENCE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.observation import Observation
    from weatherd.pipeline.quality.persistence import Watch

    SavedWatches = dict[str, Any]  # by city id: since when (POSIX) and the value, by field

KEPT = timedelta(days=7)  # as long as the latest observation of a city
_MIN_AGE = timedelta(hours=6)  # of a watch, because most end sooner


def format_watches(watches: Mapping[str, Watch], latest: Mapping[str, Observation], now: datetime) -> str:
    """Return the watches that have lasted for some hours at *now*, as JSON."""
    saved: SavedWatches = {}
    for city, watch in watches.items():
        fields = [
            (field, since)
            for field, since in zip(PERSISTENCE_FIELDS, watch, strict=False)
            if since and now - since >= _MIN_AGE
        ]
        if fields and city in latest:
            saved[city] = {field: [since.timestamp(), getattr(latest[city], field)] for field, since in fields}
    return json.dumps(saved)


def parse_watches(text: str | None) -> SavedWatches:
    """Return the watches in a text, unchecked; none if it is damaged."""
    try:
        saved = json.loads(text or "{}")
    except ValueError:
        return {}
    return saved if isinstance(saved, dict) else {}


def restore_watch(saved: Any, latest: Observation) -> Watch | None:
    """Return the saved watch of a city, of the fields that have the same value in *latest*; None if it is damaged."""
    try:
        known = {field: (datetime.fromtimestamp(since, UTC), value) for field, (since, value) in saved.items()}
    except (AttributeError, TypeError, ValueError, OverflowError, OSError):
        return None
    pairs = ((field, *known.get(field, (None, None))) for field in PERSISTENCE_FIELDS)
    return tuple(since if value == getattr(latest, field) else None for field, since, value in pairs)
