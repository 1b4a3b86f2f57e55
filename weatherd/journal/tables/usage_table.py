"""The providers' usage in the journal file: the tables ``quota`` and ``provider_times``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.quota.usage import ProviderUsage, WindowUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.database import Database

# Calls are added, because another process may have saved some meanwhile.
_ADD_CALLS = """
INSERT INTO quota (provider, window, started, used) VALUES (?, ?, ?, ?)
ON CONFLICT (provider, window, started) DO UPDATE SET used = used + excluded.used
"""
# The windows that were added last are kept, not those with the latest start, because a wrong clock may have been ahead.
_DELETE_WINDOWS = """
DELETE FROM quota WHERE provider = ?1 AND window = ?2 AND id NOT IN (
  SELECT id FROM quota WHERE provider = ?1 AND window = ?2 ORDER BY id DESC LIMIT 3
)
"""
_EXTEND_TIMES = """
INSERT INTO provider_times VALUES (?, ?, ?) ON CONFLICT (provider) DO UPDATE SET
  bucket_full_at = max(bucket_full_at, excluded.bucket_full_at),
  closed_until = max(closed_until, excluded.closed_until)
"""
_TIMES = ("bucket_full_at", "closed_until")
_FAR_AHEAD = 2 * 86400.0  # seconds; a window or time further in the future was written by a wrong clock


class UsageTable:
    """The tables of the providers' usage. Raises StateError as Database does."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self, now: float) -> list[ProviderUsage]:
        """Return the usage of all providers; delete damaged values and those far after *now* (POSIX)."""
        # Text and blobs count as far ahead: SQLite orders them after all numbers
        self._db.execute("DELETE FROM quota WHERE started > ?", [now + _FAR_AHEAD])
        self._db.execute("DELETE FROM quota WHERE typeof(started) <> 'real' OR typeof(used) <> 'real'")
        for name in _TIMES:
            self._db.execute(
                f"UPDATE provider_times SET {name} = 0.0 WHERE typeof({name}) <> 'real' OR {name} > ?",
                [now + _FAR_AHEAD],
            )
        return self._select()

    def add(self, usages: Sequence[ProviderUsage]) -> list[ProviderUsage]:
        """Add new calls and extend the times, in the caller's transaction; return the sums for the same providers."""
        added = [(usage.provider, *calls) for usage in usages for calls in usage.windows]
        self._db.execute_many(_ADD_CALLS, added)
        self._db.execute_many(_DELETE_WINDOWS, sorted({(provider, window) for provider, window, *_ in added}))
        self._db.execute_many(
            _EXTEND_TIMES, [(usage.provider, usage.bucket_full_at, usage.closed_until) for usage in usages]
        )
        providers = {usage.provider for usage in usages}
        return [usage for usage in self._select() if usage.provider in providers]

    def _select(self) -> list[ProviderUsage]:
        windows: dict[str, list[WindowUsage]] = {}
        for provider, *calls in self._db.query("SELECT provider, window, started, used FROM quota"):
            windows.setdefault(provider, []).append(WindowUsage(*calls))
        times = {
            provider: found
            for provider, *found in self._db.query("SELECT provider, bucket_full_at, closed_until FROM provider_times")
        }
        return [
            ProviderUsage(provider, windows.get(provider, ()), *times.get(provider, (0.0, 0.0)))
            for provider in sorted({*windows, *times})
        ]
