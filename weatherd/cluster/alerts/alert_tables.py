"""The tables of alerts that the nodes share, and their statements.

Times are µs since 1970. States and changes are JSON in a column of text, so that a later release may add fields.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert, identify_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.city import City

ALERT_TABLES = {
    "weatherd_alert": """
CREATE TABLE IF NOT EXISTS weatherd_alert (  -- what is pending or firing
  city text, rule text, shard smallint NOT NULL, state text NOT NULL, PRIMARY KEY (city, rule)
);
CREATE INDEX IF NOT EXISTS weatherd_alert_shard ON weatherd_alert (shard)
""",
    "weatherd_alert_change": """
CREATE TABLE IF NOT EXISTS weatherd_alert_change (  -- what has to be delivered: a row for each target, until it is
  city text, rule text, at bigint, event text, target text, shard smallint NOT NULL, change text NOT NULL,
  PRIMARY KEY (city, rule, at, event, target)
);
CREATE INDEX IF NOT EXISTS weatherd_alert_change_shard ON weatherd_alert_change (shard)
""",
}
# One statement, so that states and changes are written, or not, by the owner of the shard. The lock makes an expulsion
# of the owner wait until they are committed; then the next owner reads them.
PUSH_ALERTS = """
WITH owned AS MATERIALIZED (
  SELECT id FROM weatherd_shard WHERE owner = $1 AND id = ANY ($2::smallint[]) ORDER BY id FOR SHARE
), given AS MATERIALIZED (
  SELECT city, rule, shard, state FROM unnest($3::text[], $4::text[], $5::smallint[], $6::text[])
    AS batch (city, rule, shard, state) JOIN owned ON owned.id = shard
), kept AS (
  INSERT INTO weatherd_alert (city, rule, shard, state)
  SELECT city, rule, shard, state FROM given WHERE state IS NOT NULL ORDER BY city, rule
  ON CONFLICT (city, rule) DO UPDATE SET shard = excluded.shard, state = excluded.state
), ended AS (
  DELETE FROM weatherd_alert USING given
  WHERE given.state IS NULL AND weatherd_alert.city = given.city AND weatherd_alert.rule = given.rule
), added AS (
  INSERT INTO weatherd_alert_change (city, rule, at, event, target, shard, change)
  SELECT city, rule, at, event, target, shard, change
  FROM unnest($7::text[], $8::text[], $9::bigint[], $10::text[], $11::text[], $12::smallint[], $13::text[])
    AS batch (city, rule, at, event, target, shard, change) JOIN owned ON owned.id = shard
  ON CONFLICT DO NOTHING
)
SELECT id FROM owned
"""
LOAD_ALERTS = "SELECT city, rule, state FROM weatherd_alert WHERE shard = ANY ($1::smallint[])"
LOAD_ALERT_CHANGES = """
SELECT target, change FROM weatherd_alert_change WHERE shard = ANY ($1::smallint[])
ORDER BY at, city, rule, event, target
"""
DELETE_DELIVERED = """
DELETE FROM weatherd_alert_change AS known
USING unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) AS gone (city, rule, at, event, target)
WHERE (known.city, known.rule, known.at, known.event, known.target)
  = (gone.city, gone.rule, gone.at, gone.event, gone.target)
"""
DELETE_OLD_CHANGES = "DELETE FROM weatherd_alert_change WHERE shard = ANY ($1::smallint[]) AND at < $2"


class ChangeKey(NamedTuple):
    """What identifies a change of an alert that people are notified of, on all nodes."""

    city: str
    rule: str
    at: int  # µs
    event: str


class QueuedChange(NamedTuple):
    """A change, and the state after it; None is inactive."""

    shard: int
    entry: AlertEntry
    state: SavedAlert | None
    city: City | None = None  # where it is now, if there is a state
    is_stored: bool = False  # in the journal, because no node could take the shard when it happened


def find_key(entry: AlertEntry) -> ChangeKey:
    """Return the key of a change."""
    return ChangeKey(*identify_change(entry))


def build_push(node: int, queue: Sequence[QueuedChange], targets: Sequence[tuple[QueuedChange, str]]) -> list[Any]:
    """Return the parameters of the statement that writes changes: the last state of each alert, and what to deliver."""
    last = {(queued.entry.city, queued.entry.rule): queued for queued in queue}
    states = [(*key, queued.shard, _dump_state(queued)) for key, queued in last.items()]
    changes = [
        (*find_key(queued.entry), target, queued.shard, json.dumps(queued.entry._asdict()))
        for queued, target in targets
    ]
    shards = sorted({queued.shard for queued in queue})
    return [node, shards, *_to_columns(states, 4), *_to_columns(changes, 7)]


def build_deletion(delivered: Iterable[tuple[ChangeKey, str]]) -> list[Any]:
    """Return the parameters of the statement that deletes what was delivered to targets."""
    return _to_columns([(*key, target) for key, target in delivered], 5)


def _to_columns(rows: Sequence[Sequence[Any]], width: int) -> list[Any]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _dump_state(queued: QueuedChange) -> str | None:
    if not queued.state or not queued.city:
        return None
    return json.dumps(queued.state._asdict() | {"lat": queued.city.lat, "lon": queued.city.lon})


def parse_state_row(text: str, city: City | None) -> tuple[SavedAlert, bool]:
    """Return a state, and whether it is that of the city where it is listed now."""
    fields: Mapping[str, Any] = json.loads(text)
    is_there = city is not None and (fields["lat"], fields["lon"]) == (city.lat, city.lon)
    known = {name: fields[name] for name in SavedAlert._fields if name in fields}
    return SavedAlert(**known | {"notify": tuple(fields["notify"])}), is_there


def parse_change_rows(rows: Iterable[Mapping[str, str]]) -> list[AlertEntry]:
    """Return the changes that have to be delivered, each with the targets that have not got it."""
    found: dict[ChangeKey, AlertEntry] = {}
    for row in rows:
        fields = json.loads(row["change"])
        entry = AlertEntry(**{name: fields[name] for name in AlertEntry._fields if name in fields} | {"notify": ()})
        known = found.setdefault(find_key(entry), entry)
        found[find_key(entry)] = known._replace(notify=(*known.notify, row["target"]))
    return list(found.values())
