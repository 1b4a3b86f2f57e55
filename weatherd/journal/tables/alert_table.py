"""Alerts in the journal file: every change of an alert's state, and the states that are not inactive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.alerts.builtin.daemon_rules import DAEMON_PREFIX
from weatherd.alerts.silences import DROPPED, HELD
from weatherd.journal.tables.silence_table import SilenceTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.journal.database import Database

CURSOR_PREFIX = "notify "  # of the names of cursors that are numbers of changes
_EVENT = "seq, at, city, rule, before, after, event, since, severity, message, notify, silenced"
_STATE = "rule, city, phase, since, notified_at, condition, severity, message, notify, told"
# The names of targets have neither quotes nor backslashes, so that JSON has each as it is, in quotes
_WANTED = """
seq > ? AND seq <= ? AND event IS NOT NULL AND silenced IS NULL AND instr(notify, ?)
AND (? IS NULL OR severity IN (SELECT value FROM json_each(?)))
"""
_LAST_SEQ = f"""
SELECT max(
  coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'alert_event'), 0),
  coalesce((SELECT max(coalesce(in_doubt_last, delivered)) FROM cursor WHERE forwarder LIKE '{CURSOR_PREFIX}%'), 0)
)
"""
_OF_CITY = f"instr(rule, '{DAEMON_PREFIX}') != 1"
_MIN_DELIVERED = f"""(
  SELECT min(delivered) FROM cursor WHERE forwarder LIKE '{CURSOR_PREFIX}%' OR forwarder = 'mqtt alerts'
)"""
_MICROS = 1e6  # in a second
_COLUMNS = _STATE.split(", ")
# Bare names in the last line are those of the row before
_SAVE_STATE = f"""
INSERT INTO alert_state ({_STATE}) VALUES ({", ".join("?" * len(_COLUMNS))}) ON CONFLICT (rule, city) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])},
sent_at = CASE WHEN since = excluded.since THEN sent_at END
"""
_SAVE_SENT = "UPDATE alert_state SET sent_at = ? WHERE rule = ? AND city = ? AND since = ?"


class AlertEntry(NamedTuple):
    """A change of the state of a rule for a city. Times are POSIX seconds."""

    seq: int  # 0: not stored yet
    at: float
    city: str
    rule: str
    before: str  # inactive, pending or firing
    after: str
    event: str | None  # firing, repeated, resolved or ended; None: nobody is notified
    since: float  # when the condition began to hold
    severity: str
    message: str
    notify: tuple[str, ...]  # as the rule had it at that time
    silenced: str | None = None  # held or dropped, see weatherd.alerts.silences; None: it is sent


def identify_change(entry: AlertEntry) -> tuple[str, str, int, str]:
    """Return what identifies a change in all journals: city, rule, time in µs, and event."""
    return entry.city, entry.rule, _to_micros(entry.at), entry.event or ""


class SavedAlert(NamedTuple):
    """The state of an alert that is pending or firing. Times are POSIX seconds."""

    rule: str
    city: str
    phase: str
    since: float
    notified_at: float
    condition: str  # text of the rule's `when`
    severity: str
    message: str  # of the last notification
    notify: tuple[str, ...]
    told: bool = True  # whether people were notified that it fires, unless it is pending


class AlertRows(NamedTuple):
    """Changes, and the states after them by rule and city; None is inactive."""

    entries: Sequence[AlertEntry]
    states: Mapping[tuple[str, str], SavedAlert | None]
    ended_silences: Sequence[int]  # numbers of silences that are deleted
    released: Sequence[int]  # numbers of held changes that are among *entries* again
    last_seq: int  # entries get higher numbers, also in a file that replaces a lost one


class WantedChanges(NamedTuple):
    """What a target is notified of: changes of alerts with numbers above *after*, and up to *until*.

    ``severities`` are the severities, all if empty.
    """

    target: str
    severities: tuple[str, ...]
    after: int
    until: int

    def parameters(self) -> list[Any]:
        """Return the parameters of the condition that selects them."""
        severities = json.dumps(self.severities) if self.severities else None
        return [self.after, self.until, json.dumps(self.target), severities, severities]


class AlertTable:
    """The tables of alerts. Raises StateError as Database does."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, rows: AlertRows) -> None:
        """Add changes and states, in the caller's transaction."""
        first = max(rows.last_seq, self.last_seq()) + 1
        marks = ", ".join("?" * len(AlertEntry._fields))
        values = [
            (
                seq,
                _to_micros(entry.at),
                *entry[2:7],
                _to_micros(entry.since),
                *entry[8:10],
                json.dumps(entry.notify),
                entry.silenced,
            )
            for seq, entry in enumerate(rows.entries, first)
        ]
        self._db.execute_many(f"INSERT INTO alert_event ({_EVENT}) VALUES ({marks})", values)
        ended = [key for key, state in rows.states.items() if not state]
        self._db.execute_many("DELETE FROM alert_state WHERE rule = ? AND city = ?", ended)
        saved = [
            (
                *state[:3],
                _to_micros(state.since),
                _to_micros(state.notified_at),
                *state[5:8],
                json.dumps(state.notify),
                state.told,
            )
            for state in rows.states.values()
            if state
        ]
        self._db.execute_many(_SAVE_STATE, saved)
        released = [[DROPPED, seq] for seq in rows.released]
        self._db.execute_many("UPDATE alert_event SET silenced = ? WHERE seq = ?", released)
        SilenceTable(self._db).delete(rows.ended_silences)

    def last_seq(self) -> int:
        """Return the highest number that a change ever had.

        A file that replaces a lost one may have cursors that are ahead of its first change.
        """
        return int(self._db.query_value(_LAST_SEQ))

    def load(self) -> list[SavedAlert]:
        """Return the states that are not inactive."""
        return [
            SavedAlert._make(
                (*row[:3], row[3] / _MICROS, row[4] / _MICROS, *row[5:8], _parse_names(row[8]), bool(row[9]))
            )
            for row in self._db.query(f"SELECT {_STATE} FROM alert_state ORDER BY rule, city")
        ]

    def save_sent(self, entries: Iterable[AlertEntry], at: float) -> None:
        """Save that messages about alerts were delivered at a POSIX time. One that has ended meanwhile is left out."""
        rows = [(_to_micros(at), entry.rule, entry.city, _to_micros(entry.since)) for entry in entries]
        self._db.execute_many(_SAVE_SENT, rows)

    def load_sent(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Return since when each alert holds, and when its last message was delivered, by rule and city."""
        statement = "SELECT rule, city, since, sent_at FROM alert_state WHERE sent_at IS NOT NULL"
        return {(rule, city): (since / _MICROS, at / _MICROS) for rule, city, since, at in self._db.query(statement)}

    def read_after(self, seq: int, limit: int) -> list[AlertEntry]:
        """Return up to *limit* changes with numbers above *seq*, in order."""
        rows = self._db.query(f"SELECT {_EVENT} FROM alert_event WHERE seq > ? ORDER BY seq LIMIT ?", [seq, limit])
        return [_parse_entry(row) for row in rows]

    def read_for(self, wanted: WantedChanges, limit: int) -> list[AlertEntry]:
        """Return up to *limit* of the wanted changes, in order."""
        statement = f"SELECT {_EVENT} FROM alert_event WHERE {_WANTED} ORDER BY seq LIMIT ?"
        return [_parse_entry(row) for row in self._db.query(statement, [*wanted.parameters(), limit])]

    def count_for(self, wanted: WantedChanges) -> int:
        """Return the number of the wanted changes that people are notified of."""
        statement = f"SELECT count(*) FROM alert_event WHERE {_WANTED} AND event != 'ended'"
        return int(self._db.query(statement, wanted.parameters())[0][0])

    def read_held(self) -> list[AlertEntry]:
        """Return the resolutions that are sent when a silence ends, in order."""
        statement = f"SELECT {_EVENT} FROM alert_event WHERE silenced = '{HELD}' ORDER BY seq"
        return [_parse_entry(row) for row in self._db.query(statement)]

    def delete(self, changes: Iterable[tuple[str, str, int, str]]) -> None:
        """Delete changes by city, rule, time in µs and event."""
        self._db.execute_many("DELETE FROM alert_event WHERE city = ? AND rule = ? AND at = ? AND event = ?", changes)

    def leave_cities(self) -> None:
        """Delete the states of cities, and their changes that were not delivered, because another node has both now.

        Those of the daemon itself stay.
        """
        self._db.execute(f"DELETE FROM alert_state WHERE {_OF_CITY}")
        self._db.execute(f"DELETE FROM alert_event WHERE {_OF_CITY} AND event IS NOT NULL AND seq > {_MIN_DELIVERED}")

    def prune(self, before: float) -> None:
        """Delete the changes before a POSIX time."""
        self._db.execute("DELETE FROM alert_event WHERE at < ?", [_to_micros(before)])


def _parse_entry(row: Sequence[Any]) -> AlertEntry:
    return AlertEntry._make(
        (row[0], row[1] / _MICROS, *row[2:7], row[7] / _MICROS, *row[8:10], _parse_names(row[10]), row[11])
    )


def _to_micros(time: float) -> int:
    return round(time * _MICROS)


def _parse_names(text: str) -> tuple[str, ...]:
    """Return the names in a JSON array; none in one that was edited by hand and is invalid."""
    try:
        names: Any = json.loads(text)
    except ValueError:
        return ()
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
