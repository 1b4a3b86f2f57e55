"""Silences on all nodes: each has those of the others in its own journal.

A silence is known by all that does not change: what it is for, when it begins, and its comment. Only its end can, and
only to an earlier time; so it does not matter in which order the nodes learn of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weatherd.alerts.silences import Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from weatherd.cluster.database import ClusterConnection
    from weatherd.journal.journal import Journal
    from weatherd.journal.store import Store

SILENCE_TABLES = {
    "weatherd_silence": "CREATE TABLE IF NOT EXISTS weatherd_silence (key text PRIMARY KEY, ends bigint NOT NULL)"
}
PUSH_SILENCES = """
INSERT INTO weatherd_silence AS known (key, ends)
SELECT key, ends FROM unnest($1::text[], $2::bigint[]) AS given (key, ends) ORDER BY key
ON CONFLICT (key) DO UPDATE SET ends = excluded.ends WHERE excluded.ends < known.ends
"""
LOAD_SILENCES = "SELECT key, ends FROM weatherd_silence"
DELETE_SILENCES = "DELETE FROM weatherd_silence WHERE ends < $1"
_PERIOD = 5.0  # seconds between two looks
_KEPT = 86400.0  # seconds for which the end of a silence is kept, for nodes that cannot reach the database
_MICROS = 1e6  # in a second


class SharedSilences:
    """The exchange of silences between the journal of this node and the table that the nodes share."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal = journal
        self._now = now
        self._seen: dict[str, int] = {}  # end of each silence that this node had at the last look, in µs
        self._looked_at = 0.0

    async def exchange(self, connection: ClusterConnection) -> None:
        """Exchange silences every few seconds. Raises StateError if the journal cannot be used."""
        now = self._now().timestamp()
        if abs(now - self._looked_at) < _PERIOD:
            return
        moment = round(now * _MICROS)
        own = await self._journal.call(_load_ends)
        ended = {key: moment for key, ends in self._seen.items() if key not in own and ends > moment}
        shared = {row["key"]: row["ends"] for row in await connection.fetch(LOAD_SILENCES)}
        news = {key: ends for key, ends in (own | ended).items() if ends < shared.get(key, ends + 1)}
        if news:
            await connection.fetch(PUSH_SILENCES, list(news), list(news.values()))
        if any(ends < moment - _KEPT * _MICROS for ends in shared.values()):
            await connection.fetch(DELETE_SILENCES, round((now - _KEPT) * _MICROS))
        await self._journal.call(lambda store: _take(store, shared | news, moment))
        self._seen, self._looked_at = await self._journal.call(_load_ends), now


def _load_ends(store: Store) -> dict[str, int]:
    return {_make_key(silence): round(silence.ends * _MICROS) for silence in store.silences.load()}


def _take(store: Store, shared: Mapping[str, int], now: int) -> None:
    """Add the silences in force that this node does not have, and end earlier what others have ended."""
    own = {_make_key(silence): silence for silence in store.silences.load()}
    for key, ends in shared.items():
        known = own.get(key)
        if known is None and ends > now:
            store.silences.add(_parse_key(key, ends))
        elif known and ends < round(known.ends * _MICROS):
            store.silences.end(known.id, ends / _MICROS)


def _make_key(silence: Silence) -> str:
    return json.dumps([silence.rule, silence.city, silence.tags, round(silence.begins * _MICROS), silence.comment])


def _parse_key(key: str, ends: int) -> Silence:
    parts: list[Any] = json.loads(key)
    rule, city, tags, begins, comment = parts
    pairs = tuple((str(name), str(text)) for name, text in tags)
    return Silence(0, rule, city, pairs, begins / _MICROS, ends / _MICROS, comment)
