"""The tables, and how a file of an older weatherd gets them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weatherd.errors import StateError
from weatherd.journal.rows import COLUMNS, to_row
from weatherd.observation import FIELDS, Observation

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.journal.database import Database

VERSION = 3
_FIRST = """
CREATE TABLE last (city TEXT PRIMARY KEY, lat REAL, lon REAL, fetched REAL, observation TEXT) WITHOUT ROWID;
CREATE TABLE quota (provider TEXT, window TEXT, started REAL, used REAL, PRIMARY KEY (provider, window)) WITHOUT ROWID;
CREATE TABLE note (provider TEXT, key TEXT, text TEXT, until REAL, PRIMARY KEY (provider, key)) WITHOUT ROWID;
"""
# What an observation is has been the same since the second version.
_OBSERVATION = """
CREATE TABLE observation (
  seq INTEGER PRIMARY KEY,
  city TEXT NOT NULL, provider TEXT NOT NULL, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,
  temperature REAL NOT NULL, description TEXT NOT NULL, code INTEGER, station TEXT NOT NULL,
  apparent_temperature REAL, relative_humidity REAL, pressure_msl REAL, wind_speed REAL, wind_direction REAL,
  wind_gust REAL, precipitation REAL, cloud_cover REAL, visibility REAL"""
_JOURNAL = f"""
ALTER TABLE last RENAME TO last_1;
{_OBSERVATION}, UNIQUE (city, observed_at, provider, station));
CREATE TABLE last (
  city TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL, provider TEXT NOT NULL, station TEXT NOT NULL,
  observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE cursor (
  forwarder TEXT PRIMARY KEY, seq INTEGER NOT NULL, ahead INTEGER NOT NULL, key TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE aside (
  forwarder TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (forwarder, seq)
) WITHOUT ROWID;
"""
# The index begins with the moment: what is new then stands together, and a transaction changes a few of its pages, not
# one for each of its rows. Each city's last is only noted where the journal itself does not tell it, see lasts.py.
_BY_TIME = f"""
ALTER TABLE observation RENAME TO observation_2;
ALTER TABLE last RENAME TO last_2;
{_OBSERVATION}, UNIQUE (observed_at, city, provider, station));
CREATE TABLE last (
  city TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL, provider TEXT NOT NULL, station TEXT NOT NULL,
  observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL, seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE gathered (seq INTEGER NOT NULL);
INSERT INTO gathered SELECT coalesce(max(seq), 0) FROM observation_2;
INSERT INTO last
SELECT l.city, l.lat, l.lon, o.provider, o.station, o.observed_at,
  iif(o.observed_at > l.observed_at, o.fetched_at, l.fetched_at), g.seq
FROM gathered AS g CROSS JOIN last_2 AS l JOIN observation_2 AS o ON o.seq = coalesce(
  (SELECT n.seq FROM observation_2 AS n
   WHERE n.city = l.city AND n.observed_at > l.observed_at AND n.fetched_at > l.fetched_at
   ORDER BY n.observed_at DESC LIMIT 1),
  (SELECT p.seq FROM observation_2 AS p
   WHERE p.city = l.city AND p.observed_at = l.observed_at AND p.provider = l.provider AND p.station = l.station));
INSERT INTO observation SELECT * FROM observation_2 ORDER BY seq;
DROP TABLE observation_2;
DROP TABLE last_2;
"""


def migrate(db: Database, file: Path) -> None:
    """Bring the tables up to this version, whole or not at all. Raises StateError for a file of a newer one.

    Something is written even when there is nothing to do, so that a full disk shows now and not later.
    """
    with db.transaction():
        version = db.query_value("PRAGMA user_version")
        if version > VERSION:
            raise StateError(f"{file} was written by a newer weatherd: use that, or another 'state' folder")
        if version < 1:
            _execute(db, _FIRST)
        if version < 2:  # noqa: PLR2004 - the number of that version
            _execute(db, _JOURNAL)
            _carry_over(db)
        if version < VERSION:
            _execute(db, _BY_TIME)
        db.execute(f"PRAGMA user_version = {VERSION}")


def _execute(db: Database, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        db.execute(statement)


def _carry_over(db: Database) -> None:
    """Take the last observations, which were text, into the journal."""
    marks = ", ".join("?" * (len(FIELDS) + 1))
    for seq, (lat, lon, text) in enumerate(db.query("SELECT lat, lon, observation FROM last_1"), 1):
        if last := _observation(text):
            row = to_row(last)
            db.execute(f"INSERT INTO observation (seq, {COLUMNS}) VALUES ({marks})", [seq, *row])
            values = dict(zip(FIELDS, row, strict=True))
            place = [values["city"], lat, lon, values["provider"], values["station"]]
            db.execute(
                "INSERT INTO last VALUES (?, ?, ?, ?, ?, ?, ?)", [*place, values["observed_at"], values["fetched_at"]]
            )
    db.execute("DROP TABLE last_1")


def _observation(text: str) -> Observation | None:
    """Read an observation of the first version; None for one that is damaged, which is as if it were not there."""
    try:
        values: dict[str, Any] = {name: value for name, value in json.loads(text).items() if name in FIELDS}
        times = {name: datetime.fromisoformat(values[name]) for name in ("observed_at", "fetched_at")}
        observation = Observation(**values | times)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return observation if observation.is_sound() else None
