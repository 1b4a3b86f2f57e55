"""Migration of the observations of a version 1 file, which were JSON texts.

Frozen like the scripts: it does not use today's ``Observation``, which may get other fields.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weatherd.journal.database import Database

_REQUIRED = ("city", "provider", "observed_at", "fetched_at", "temperature", "description")
_NUMBERS = (
    *("temperature", "code", "apparent_temperature", "relative_humidity", "pressure_msl", "wind_speed"),
    *("wind_direction", "wind_gust", "precipitation", "cloud_cover", "visibility"),
)
_COLUMNS = (*_REQUIRED, "station", *_NUMBERS[1:])
_INSERT = f"INSERT INTO observation (seq, {', '.join(_COLUMNS)}) VALUES (?{', ?' * len(_COLUMNS)})"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def import_observations(db: Database) -> None:
    """Move each city's latest observation from ``last_1`` to the tables of version 2; drop those that are damaged."""
    for seq, (lat, lon, text) in enumerate(db.query("SELECT lat, lon, observation FROM last_1"), 1):
        if row := _parse_observation(text):
            db.execute(_INSERT, [seq, *(row[name] for name in _COLUMNS)])
            identity = row["provider"], row["station"], row["observed_at"], row["fetched_at"]
            db.execute("INSERT INTO last VALUES (?, ?, ?, ?, ?, ?, ?)", [row["city"], lat, lon, *identity])
    db.execute("DROP TABLE last_1")


def _parse_observation(text: str) -> dict[str, Any] | None:
    """Return the values of an observation's columns; None for a damaged text."""
    try:
        values = dict.fromkeys(_COLUMNS) | {"station": ""} | json.loads(text)
        times = {name: datetime.fromisoformat(values[name]) for name in ("observed_at", "fetched_at")}
        micros = {name: (time - _EPOCH) // timedelta(microseconds=1) for name, time in times.items()}
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    is_text = all(isinstance(values[name], str) for name in ("city", "provider", "description", "station"))
    is_number = all(_is_number(values[name]) for name in _NUMBERS)
    if not (is_text and is_number and values["description"] and values["temperature"] is not None):
        return None
    return values | micros if (values["description"] + values["station"]).isprintable() else None


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and isfinite(value))
