"""Official warnings in the journal file: those in force at each place, and every change."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.journal.rows import to_micros
from weatherd.official_warning import Certainty, OfficialWarning, Severity, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.journal.database import Database

_NAMES = tuple(field.name for field in fields(OfficialWarning) if field.name != "is_cancelled")
_TIMES = ("sent", "onset", "ends")
_COLUMNS = ", ".join(_NAMES)
_KEY = ("provider", "event_key", "message_id")
_ADD_WARNING = f"""
INSERT INTO warning ({_COLUMNS}) VALUES (?{", ?" * (len(_NAMES) - 1)})
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES)}
"""
_FIND = "SELECT id FROM warning WHERE provider = ? AND event_key = ? AND message_id = ?"
_SELECT = f"""
SELECT place.city, place.provider, place.lat, place.lon, warning, since, {", ".join(f"w.{name}" for name in _NAMES)}
FROM warning_place AS place
LEFT JOIN warning_in_force AS f ON f.city = place.city AND f.provider = place.provider
LEFT JOIN warning AS w ON w.id = f.warning
ORDER BY place.city, place.provider
"""
_READ_CHANGES = f"""
SELECT seq, at, city, kind, reason, {", ".join(f"w.{name}" for name in _NAMES)}
FROM warning_change AS change LEFT JOIN warning AS w ON w.id = change.warning
WHERE seq > ? ORDER BY seq LIMIT ?
"""
_DELETE_UNUSED = """
DELETE FROM warning WHERE id NOT IN (SELECT warning FROM warning_in_force UNION SELECT warning FROM warning_change)
"""


class SavedWarning(NamedTuple):
    """A warning in force, and since when it has been known."""

    warning: OfficialWarning
    since: datetime


class SavedPlace(NamedTuple):
    """A place that was looked up at a service, and all of its warnings that are in force."""

    city: str
    provider: str
    lat: float
    lon: float
    warnings: Sequence[SavedWarning]


class SavedChange(NamedTuple):
    """A change of a warning at a place. ``kind`` and ``reason`` are words."""

    at: datetime
    city: str
    kind: str
    reason: str
    warning: OfficialWarning


class WarningEntry(NamedTuple):
    """A change in the journal, with its number."""

    seq: int
    change: SavedChange


class WarningTable:
    """The tables of official warnings. Raises StateError as Database does."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self) -> list[SavedPlace]:
        """Return all places that were looked up, with their warnings in force; damaged warnings are omitted."""
        places: dict[tuple[str, str], SavedPlace] = {}
        shared: dict[int, OfficialWarning | None] = {}  # because many places have the same warning
        for city, provider, lat, lon, number, since, *values in self._db.query(_SELECT):
            place = places.setdefault((city, provider), SavedPlace(city, provider, lat, lon, []))
            if number is None:
                continue
            if number not in shared:
                shared[number] = _parse_warning(values)
            warning = shared[number]
            if warning and isinstance(place.warnings, list) and isinstance(since, int):
                place.warnings.append(SavedWarning(warning, _to_time(since)))
        return list(places.values())

    def has_places(self) -> bool:
        """Return whether any place was looked up whose warnings are still followed, or were at the last stop."""
        return bool(self._db.query("SELECT 1 FROM warning_place LIMIT 1"))

    def save(
        self,
        places: Iterable[SavedPlace],
        forgotten: Sequence[tuple[str, str]],
        changes: Sequence[SavedChange],
        last_seq: int = 0,
    ) -> int:
        """Save places and changes, and delete *forgotten* places (city and provider), in one transaction.

        Changes get numbers above *last_seq*, also in a file that replaces a lost one. Returns the highest number.
        """
        with self._db.transaction():
            self._db.execute_many("DELETE FROM warning_place WHERE city = ? AND provider = ?", forgotten)
            self._db.execute_many("DELETE FROM warning_in_force WHERE city = ? AND provider = ?", forgotten)
            ids: dict[OfficialWarning, int] = {}
            for place in places:
                self._replace_place(place, ids)
            last_seq = max(last_seq, self.last_seq())
            rows = [
                (seq, to_micros(change.at), *change[1:4], self._find_id(change.warning, ids))
                for seq, change in enumerate(changes, last_seq + 1)
            ]
            self._db.execute_many(
                "INSERT INTO warning_change (seq, at, city, kind, reason, warning) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
        return last_seq + len(rows)

    def leave(self, cities: Iterable[str], delivered: int) -> None:
        """Delete the warnings of cities, and their changes after number *delivered*: another node has both now."""
        ids = [(city,) for city in cities]
        with self._db.transaction():
            self._db.execute_many("DELETE FROM warning_place WHERE city = ?", ids)
            self._db.execute_many("DELETE FROM warning_in_force WHERE city = ?", ids)
            if self.last_seq() > delivered:
                rows = [(city, delivered) for (city,) in ids]
                self._db.execute_many("DELETE FROM warning_change WHERE city = ? AND seq > ?", rows)

    def leave_all(self, delivered: int) -> None:
        """Delete the warnings of all cities, and the changes after number *delivered*: another node has both now."""
        with self._db.transaction():
            self._db.execute("DELETE FROM warning_place")
            self._db.execute("DELETE FROM warning_in_force")
            self._db.execute("DELETE FROM warning_change WHERE seq > ?", [delivered])

    def last_seq(self) -> int:
        """Return the highest number that a change ever had."""
        found = self._db.query("SELECT seq FROM sqlite_sequence WHERE name = 'warning_change'")
        return int(found[0][0]) if found else 0

    def read_after(self, seq: int, limit: int) -> list[WarningEntry]:
        """Return up to *limit* changes with numbers above *seq*, in order; damaged ones are omitted."""
        found: list[WarningEntry] = []
        for number, at, city, kind, reason, *values in self._db.query(_READ_CHANGES, [seq, limit]):
            if warning := _parse_warning(values):
                found.append(WarningEntry(number, SavedChange(_to_time(at), city, kind, reason, warning)))
        return found

    def prune(self, before: datetime) -> None:
        """Delete the changes before a time, and the warnings that are neither in force nor in a change."""
        with self._db.transaction():
            self._db.execute("DELETE FROM warning_change WHERE at < ?", [to_micros(before)])
            self._db.execute(_DELETE_UNUSED)

    def _replace_place(self, place: SavedPlace, ids: dict[OfficialWarning, int]) -> None:
        key = (place.city, place.provider)
        self._db.execute("INSERT OR REPLACE INTO warning_place VALUES (?, ?, ?, ?)", [*key, place.lat, place.lon])
        self._db.execute("DELETE FROM warning_in_force WHERE city = ? AND provider = ?", key)
        rows = [(*key, self._find_id(saved.warning, ids), to_micros(saved.since)) for saved in place.warnings]
        self._db.execute_many("INSERT OR REPLACE INTO warning_in_force VALUES (?, ?, ?, ?)", rows)

    def _find_id(self, warning: OfficialWarning, ids: dict[OfficialWarning, int]) -> int:
        if warning not in ids:
            self._db.execute(_ADD_WARNING, [_to_column(getattr(warning, name)) for name in _NAMES])
            [(ids[warning],)] = self._db.query(_FIND, [getattr(warning, name) for name in _KEY])
        return ids[warning]


def dump_known(warnings: Iterable[SavedWarning]) -> list[dict[str, Any]]:
    """Return warnings as JSON has them, with times in µs."""
    return [
        {name: _to_column(getattr(saved.warning, name)) for name in _NAMES} | {"since": to_micros(saved.since)}
        for saved in warnings
    ]


def parse_known(rows: Iterable[Mapping[str, Any]]) -> list[SavedWarning]:
    """Return the warnings in JSON; invalid ones are omitted."""
    parsed = ((_parse_warning([row.get(name) for name in _NAMES]), row["since"]) for row in rows)
    return [SavedWarning(warning, _to_time(since)) for warning, since in parsed if warning]


def _to_column(value: Any) -> Any:
    return to_micros(value) if isinstance(value, datetime) else value


def _to_time(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


def _parse_warning(values: Sequence[Any]) -> OfficialWarning | None:
    """Return the warning in a row; None for one that was edited by hand and is invalid."""
    row = dict(zip(_NAMES, values, strict=True))
    try:
        row |= {name: None if row[name] is None else _to_time(row[name]) for name in _TIMES}
        words = {"severity": Severity(row["severity"]), "urgency": Urgency(row["urgency"])}
        return OfficialWarning(**row | words | {"certainty": Certainty(row["certainty"])})
    except (ValueError, TypeError, OverflowError, OSError):
        return None
