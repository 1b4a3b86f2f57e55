"""A key-value store for each provider and forwarder that survives a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime


class KeyValueEntry(NamedTuple):
    """A saved entry. A restart after the POSIX time ``until`` deletes it."""

    namespace: str
    key: str
    text: str
    until: float


@dataclass(slots=True)
class KeyValueStore:
    """The texts that one provider or forwarder keeps across restarts: held in memory, saved a moment later."""

    namespace: str
    on_change: Callable[[], None]  # called when there is something to save
    _entries: dict[str, KeyValueEntry] = field(default_factory=dict)
    _unsaved: dict[str, KeyValueEntry] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Return the text of *key*, or None. It may be expired, and after a restart it may be damaged: validate it."""
        entry = self._entries.get(key)
        return entry.text if entry else None

    def as_dict(self) -> dict[str, str]:
        """Return all texts by key."""
        return {key: entry.text for key, entry in self._entries.items()}

    def put(self, key: str, text: str, until: datetime) -> None:
        """Set the text of *key*, and keep it at least until the given time (timezone-aware)."""
        text = text.encode(errors="replace").decode()  # because SQLite cannot store a lone surrogate such as "\ud800"
        self._entries[key] = self._unsaved[key] = KeyValueEntry(self.namespace, key, text, until.timestamp())
        self.on_change()

    def restore(self, entry: KeyValueEntry) -> None:
        """Restore an entry that an earlier run saved."""
        self._entries[entry.key] = entry

    def take_unsaved(self) -> list[KeyValueEntry]:
        """Return and clear the entries that were put since the last call."""
        entries, self._unsaved = list(self._unsaved.values()), {}
        return entries

    def mark_unsaved(self) -> None:
        """Mark all entries as unsaved, because the file was lost."""
        self._unsaved = dict(self._entries)

    def restore_unsaved(self, entries: Iterable[KeyValueEntry]) -> None:
        """Mark entries from ``take_unsaved`` as unsaved again, unless a newer text was put meanwhile."""
        self._unsaved = {entry.key: entry for entry in entries} | self._unsaved
