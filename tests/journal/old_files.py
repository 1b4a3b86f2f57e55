"""Journal files as each older version of weatherd wrote them, made by SQL of the test's own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from weatherd.journal.schema import read_script

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_OBSERVATION = """
CREATE TABLE observation (
  seq INTEGER PRIMARY KEY,
  city TEXT NOT NULL, provider TEXT NOT NULL, observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL,
  temperature REAL NOT NULL, description TEXT NOT NULL, code INTEGER, station TEXT NOT NULL,
  apparent_temperature REAL, relative_humidity REAL, pressure_msl REAL, wind_speed REAL, wind_direction REAL,
  wind_gust REAL, precipitation REAL, cloud_cover REAL, visibility REAL, UNIQUE ({unique})
);
"""
_SHARED = """
CREATE TABLE quota (provider TEXT, window TEXT, started REAL, used REAL, PRIMARY KEY (provider, window)) WITHOUT ROWID;
CREATE TABLE note (provider TEXT, key TEXT, text TEXT, until REAL, PRIMARY KEY (provider, key)) WITHOUT ROWID;
"""
_FORWARDERS = """
CREATE TABLE cursor (
  forwarder TEXT PRIMARY KEY, seq INTEGER NOT NULL, ahead INTEGER NOT NULL, key TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE aside (
  forwarder TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (forwarder, seq)
) WITHOUT ROWID;
"""
_CURSORS = """
CREATE TABLE cursor (
  forwarder TEXT PRIMARY KEY, delivered INTEGER NOT NULL, in_doubt_last INTEGER, in_doubt_key TEXT,
  CHECK ((in_doubt_last IS NULL) = (in_doubt_key IS NULL))
) WITHOUT ROWID;
CREATE TABLE skipped (
  forwarder TEXT NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (forwarder, seq)
) WITHOUT ROWID;
"""
_LAST = """
CREATE TABLE last (
  city TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL, provider TEXT NOT NULL, station TEXT NOT NULL,
  observed_at INTEGER NOT NULL, fetched_at INTEGER NOT NULL{more}
) WITHOUT ROWID;
"""
TABLES = {
    1: f"""
CREATE TABLE last (city TEXT PRIMARY KEY, lat REAL, lon REAL, fetched REAL, observation TEXT) WITHOUT ROWID;
{_SHARED}
""",
    2: _SHARED
    + _FORWARDERS
    + _OBSERVATION.format(unique="city, observed_at, provider, station")
    + _LAST.format(more=""),
    3: _SHARED
    + _FORWARDERS
    + _OBSERVATION.format(unique="observed_at, city, provider, station")
    + _LAST.format(more=", seq INTEGER NOT NULL")
    + "CREATE TABLE gathered (seq INTEGER NOT NULL);",
    4: _SHARED
    + _CURSORS
    + _OBSERVATION.format(unique="observed_at, city, provider, station")
    + _LAST.format(more=", seq INTEGER NOT NULL")
    + "CREATE TABLE gathered (seq INTEGER NOT NULL);",
    5: _SHARED
    + _CURSORS
    + _OBSERVATION.format(unique="observed_at, city, provider, station")
    + _LAST.format(more=", seq INTEGER NOT NULL")
    + "CREATE TABLE gathered (seq INTEGER NOT NULL);"
    + """
CREATE TABLE provider_times (
  provider TEXT PRIMARY KEY, bucket_full_at REAL NOT NULL, closed_until REAL NOT NULL
) WITHOUT ROWID;
""",
}
TABLES[6] = f"""
{TABLES[5].partition(_SHARED)[2]}
CREATE TABLE quota (
  id INTEGER PRIMARY KEY, provider TEXT, window TEXT, started REAL, used REAL, UNIQUE (provider, window, started)
);
CREATE TABLE note (provider TEXT, key TEXT, text TEXT, until REAL, PRIMARY KEY (provider, key)) WITHOUT ROWID;
"""


def write_old_file(file: Path, version: int, **tables: Iterable[Sequence[Any]]) -> None:
    """Write a file of an old version with the rows of its tables."""
    with closing(sqlite3.connect(file)) as db, db:
        db.executescript(TABLES[version])
        for name, rows in tables.items():
            for row in rows:
                db.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        db.execute(f"PRAGMA user_version = {version}")


def write_version_10(file: Path, observations: Sequence[Sequence[Any]], gathered: int, **tables: Iterable[Any]) -> None:
    """Write a file of version 10 with rows as a file of version 6 has them; *gathered* is how far ``last`` goes.

    Cities have the place (1, 2).
    """
    with closing(sqlite3.connect(file)) as db, db:
        for number in range(1, 11):
            db.executescript(read_script(number))
        for statement in ("DROP TABLE last_1", "DROP VIEW observation", "DROP TABLE observation_6"):
            db.execute(statement)
        db.execute("CREATE VIEW observation AS SELECT * FROM compact")
        for seq, city, provider, observed_at, fetched_at, temperature, text, code, station, *numbers in observations:
            series = _intern(db, "series (city, provider, station)", (city, provider, station))
            description = _intern(db, "description (description)", (text,))
            values = [seq, series, observed_at, fetched_at, temperature, description, code, *numbers]
            db.execute(f"INSERT INTO entry VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
            place = [city, 1.0, 2.0, series, observed_at, fetched_at, seq]
            update = "REPLACE" if seq <= gathered else "IGNORE"
            db.execute(f"INSERT OR {update} INTO last VALUES (?, ?, ?, ?, ?, ?, ?)", place)  # noqa: S608
        db.execute("UPDATE gathered SET seq = ?", [gathered])
        for name, rows in tables.items():
            for row in rows:
                db.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        db.execute("PRAGMA user_version = 10")


def _intern(db: sqlite3.Connection, table: str, texts: tuple[str, ...]) -> int:
    """Return the number of texts in a table such as ``description (description)``, where they are added if missing."""
    name, columns = table.rstrip(")").split(" (")
    db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(texts))})", texts)  # noqa: S608
    found = db.execute(f"SELECT id FROM {name} WHERE ({columns}) = ({', '.join('?' * len(texts))})", texts)  # noqa: S608
    return int(found.fetchone()[0])


def observation_row(seq: int, city: str, observed_at: int, fetched_at: int, temperature: float) -> list[Any]:
    """Return a row of the observation table, which is the same in versions 2 to 6; times are POSIX microseconds."""
    return [seq, city, "fake", observed_at, fetched_at, temperature, "light rain", 61, "", *[None] * 9]


def first_version_text(**values: Any) -> str:
    """Return an observation as version 1 wrote it."""
    document: dict[str, Any] = {
        "city": "kiel",
        "provider": "fake",
        "observed_at": "2026-06-01T12:00:00+00:00",
        "fetched_at": "2026-06-01T12:00:01.000002+00:00",
        "temperature": 6.5,
        "description": "light rain",
        "code": 61,
        "station": "",
        "wind_gust": 12.5,
    }
    return json.dumps(document | values)
