"""The table of the official warnings in force, which the nodes share, and its statements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weatherd.journal.tables.warning_table import SavedPlace, dump_known, parse_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WARNING_TABLES = {
    "weatherd_warning_place": """
CREATE TABLE IF NOT EXISTS weatherd_warning_place (  -- what a service said last of a city, as it was delivered
  city text, provider text, shard smallint NOT NULL, known text NOT NULL, PRIMARY KEY (city, provider)
);
CREATE INDEX IF NOT EXISTS weatherd_warning_place_shard ON weatherd_warning_place (shard)
"""
}
# The lock makes an expulsion of the owner wait until the places are committed
PUSH_PLACES = """
WITH owned AS MATERIALIZED (
  SELECT id FROM weatherd_shard WHERE owner = $1 AND id = ANY ($4::smallint[]) ORDER BY id FOR SHARE
), given AS MATERIALIZED (
  SELECT city, provider, shard, known FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[])
    AS batch (city, provider, shard, known) JOIN owned ON owned.id = shard
), kept AS (
  INSERT INTO weatherd_warning_place (city, provider, shard, known)
  SELECT city, provider, shard, known FROM given WHERE known IS NOT NULL ORDER BY city, provider
  ON CONFLICT (city, provider) DO UPDATE SET shard = excluded.shard, known = excluded.known
)
DELETE FROM weatherd_warning_place AS place USING given
WHERE given.known IS NULL AND place.city = given.city AND place.provider = given.provider
"""
LOAD_PLACES = "SELECT city, provider, known FROM weatherd_warning_place WHERE shard = ANY ($1::smallint[])"


def dump_place(place: SavedPlace | None) -> str | None:
    """Return a place as text; None for one that nothing is known of any more."""
    return json.dumps({"lat": place.lat, "lon": place.lon, "warnings": dump_known(place.warnings)}) if place else None


def parse_place_rows(rows: Iterable[Mapping[str, Any]]) -> list[SavedPlace]:
    """Return the places in rows."""
    places: list[SavedPlace] = []
    for row in rows:
        fields = json.loads(row["known"])
        places.append(
            SavedPlace(row["city"], row["provider"], fields["lat"], fields["lon"], parse_known(fields["warnings"]))
        )
    return places
