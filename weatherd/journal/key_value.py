"""Small texts that a provider finds again after a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime


def _nobody() -> None:
    """Stand in where nothing is saved."""


class KeyValueEntry(NamedTuple):
    """A text, and the POSIX time after which nobody needs it."""

    provider: str
    key: str
    text: str
    until: float


@dataclass(slots=True)
class KeyValueStore:
    """What one provider wants to be kept. Nothing here waits: a note is written to disk a moment later."""

    provider: str
    changed: Callable[[], None] = _nobody  # called when there is something to be saved
    _notes: dict[str, KeyValueEntry] = field(default_factory=dict)
    _unsaved: dict[str, KeyValueEntry] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Return the text under *key*, if there is one. It may be older than was asked for, or damaged."""
        note = self._notes.get(key)
        return note.text if note else None

    def as_dict(self) -> dict[str, str]:
        """Return every text by its key."""
        return {key: note.text for key, note in self._notes.items()}

    def put(self, key: str, text: str, until: datetime) -> None:
        """Keep a text under *key*, in the place of another one, at least until the moment given."""
        text = text.encode(errors="replace").decode()  # what is half a character cannot be saved
        self._notes[key] = self._unsaved[key] = KeyValueEntry(self.provider, key, text, until.timestamp())
        self.changed()

    def restore(self, note: KeyValueEntry) -> None:
        """Take over a note of an earlier run."""
        self._notes[note.key] = note

    def take_unsaved(self) -> list[KeyValueEntry]:
        """Return what was put since the last time."""
        notes, self._unsaved = list(self._unsaved.values()), {}
        return notes

    def restore_unsaved(self, notes: Iterable[KeyValueEntry]) -> None:
        """Count notes as new that could not be saved."""
        self._unsaved = {note.key: note for note in notes} | self._unsaved
