"""The tables that the nodes share, and the statements on them.

Each statement is a transaction of its own, so that a node whose connection breaks holds no lock. All of them need READ
COMMITTED, PostgreSQL's default: a statement that had to wait for another looks at the row again.
"""

from __future__ import annotations

from weatherd.cluster.alerts.alert_tables import ALERT_TABLES
from weatherd.cluster.alerts.shared_silences import SILENCE_TABLES
from weatherd.cluster.warnings.warning_tables import WARNING_TABLES
from weatherd.observation import FIELDS

SHARDS = 1024  # when the table is created; afterwards its number of rows counts
TABLE_LOCK = 8317  # an advisory lock held while tables are created

# All columns that are changed have no index, and each page has room for later versions of its rows: so the updates are
# heap-only (HOT), and an hour of beats leaves a table of 24 kB.
# https://www.postgresql.org/docs/current/storage-hot.html
_NODE = """
CREATE TABLE IF NOT EXISTS weatherd_node (  -- a row for each start of a daemon; an id is never used again
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  url text,
  list text,
  beat bigint NOT NULL DEFAULT 0,
  joined timestamptz NOT NULL DEFAULT now(),
  seen timestamptz NOT NULL DEFAULT now()  -- for people: no decision depends on it
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 100000)
"""
_SHARD = """
CREATE TABLE IF NOT EXISTS weatherd_shard (
  id smallint PRIMARY KEY,
  owner integer REFERENCES weatherd_node ON DELETE SET NULL
) WITH (fillfactor = 50)
"""
_FILL_SHARDS = f"""
INSERT INTO weatherd_shard (id) SELECT generate_series(0, {SHARDS - 1})
WHERE NOT EXISTS (SELECT FROM weatherd_shard)
"""  # noqa: S608 - a constant
_QUOTA = """
CREATE TABLE IF NOT EXISTS weatherd_quota (  -- the calls allotted to nodes in each window of a provider's plan
  provider text,
  win text,
  started double precision,
  most double precision NOT NULL,  -- the limit of the plan
  allotted double precision NOT NULL,  -- to all nodes
  granted double precision NOT NULL,  -- to the node that asked last: its statement returns this
  PRIMARY KEY (provider, win, started)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000)
"""
LAST_FIELDS = tuple(name for name in FIELDS if name not in ("city", "origin"))  # of an observation
_LAST_COLUMNS = ("city", "shard", "lat", "lon", *LAST_FIELDS)
_TYPES = dict.fromkeys(("city", "provider", "description", "station", "quality"), "text") | {
    "shard": "smallint",
    "observed_at": "timestamptz",
    "fetched_at": "timestamptz",
    "code": "integer",
}
_REQUIRED = ("shard", "lat", "lon", "provider", "observed_at", "fetched_at", "temperature", "description")


def _column_type(name: str) -> str:
    return _TYPES.get(name, "double precision")


_LAST = f"""
CREATE TABLE IF NOT EXISTS weatherd_last (  -- the last observation of each city, also one that repeats another
  {", ".join(f"{name} {_column_type(name)}{' NOT NULL' if name in _REQUIRED else ''}" for name in _LAST_COLUMNS)},
  PRIMARY KEY (city)
) WITH (fillfactor = 70)
"""
TABLES = (
    {
        "weatherd_node": _NODE,
        "weatherd_shard": f"{_SHARD}; {_FILL_SHARDS}",
        "weatherd_quota": _QUOTA,
        "weatherd_last": f"{_LAST}; CREATE INDEX IF NOT EXISTS weatherd_last_shard ON weatherd_last (shard)",
    }
    | ALERT_TABLES
    | SILENCE_TABLES
    | WARNING_TABLES
)

ARE_TABLES_MISSING = "SELECT bool_or(to_regclass(name) IS NULL) AS missing FROM unnest($1::text[]) AS name"
JOIN = "INSERT INTO weatherd_node (name, url, list) VALUES ($1, $2, $3) RETURNING id, joined"
LEAVE = "DELETE FROM weatherd_node WHERE id = $1 AND joined = $2"
COUNT_SHARDS = "SELECT count(*) AS shards FROM weatherd_shard"

# Returns no rows if the node was expelled. A shard that has an owner is changed only by its owner, or by the deletion
# of its owner's row: so the shards are right even if the statement had to wait.
BEAT = """
WITH own AS (UPDATE weatherd_node SET beat = beat + 1, list = $2, seen = now() WHERE id = $1 RETURNING beat)
SELECT node.id, node.name, node.url, node.list, pg_postmaster_start_time() AS server,
  CASE WHEN node.id = $1 THEN (SELECT own.beat FROM own) ELSE node.beat END AS beat,
  ARRAY(SELECT shard.id FROM weatherd_shard AS shard WHERE shard.owner = node.id ORDER BY shard.id) AS shards
FROM weatherd_node AS node WHERE EXISTS (SELECT FROM own) ORDER BY node.id
"""
# MATERIALIZED, because PostgreSQL may run a subquery of IN more than once, and so lock more than its LIMIT. The foreign
# key rejects the claim of a node that was expelled.
CLAIM = """
WITH free AS MATERIALIZED (
  SELECT id FROM weatherd_shard WHERE owner IS NULL ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE weatherd_shard AS shard SET owner = $1 FROM free WHERE shard.id = free.id RETURNING shard.id
"""
# Does nothing if the node has beaten since: so one that arrives late, after the client gave it up and connected again,
# cannot release shards that are polled again.
RELEASE = """
UPDATE weatherd_shard SET owner = NULL WHERE owner = $1 AND id = ANY ($3::smallint[])
AND EXISTS (SELECT FROM weatherd_node WHERE id = $1 AND beat = $2)
"""
# Does nothing if the node has beaten since it was last seen.
EXPEL = "DELETE FROM weatherd_node WHERE id = $1 AND beat = $2 RETURNING id"
NOTE = f"""
INSERT INTO weatherd_last AS last ({", ".join(_LAST_COLUMNS)})
SELECT {", ".join(_LAST_COLUMNS)} FROM unnest(
  {", ".join(f"${number}::{_column_type(name)}[]" for number, name in enumerate(_LAST_COLUMNS, 1))}
) AS noted ({", ".join(_LAST_COLUMNS)})
ON CONFLICT (city) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _LAST_COLUMNS if name != "city")}
WHERE last.fetched_at < excluded.fetched_at
"""  # noqa: S608 - all names are constants
LASTS = f"SELECT {', '.join(_LAST_COLUMNS)} FROM weatherd_last WHERE shard = ANY ($1::smallint[])"  # noqa: S608 - the same
FORGET_LASTS = "DELETE FROM weatherd_last WHERE fetched_at < now() - interval '7 days'"
