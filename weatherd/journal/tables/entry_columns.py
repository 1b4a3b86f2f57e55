"""How the table ``entry`` stores the fields of an observation: the SQL that reads them."""

from __future__ import annotations

from weatherd.observation import BACKFILL, FIELDS, IMPORT, LIVE

# In ``entry.origin``; NULL is what this journal's daemon polled itself, and LIVE what another one did
ORIGIN_CODES = {BACKFILL: 1, IMPORT: 2, LIVE: 3}
# Each field as an expression over ``entry``, ``series`` and ``description``, as in the view ``observation``
ENTRY_COLUMNS = {name: name for name in FIELDS} | {
    "origin": "CASE entry.origin WHEN 1 THEN 'backfill' WHEN 2 THEN 'import' ELSE 'live' END",
    "quality": "coalesce((SELECT text FROM quality WHERE id = quality_id), 'ok')",
}
ENTRY_VALUES = ", ".join(ENTRY_COLUMNS.values())
WITH_DESCRIPTION = "CROSS JOIN description ON description.id = description_id"
