"""The forwarders' cursors: how far each of them has delivered the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from weatherd.journal.database import Database


@dataclass(frozen=True, slots=True)
class Idle:
    """Everything up to entry number *delivered* was delivered or skipped, and no delivery has begun since."""

    delivered: int = 0


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The delivery of the entries *first* to *last* has begun, so the destination may already have them.

    They are delivered again with the same *key*, so that the destination can recognise the batch. The key is random
    and not derived from the numbers, because the numbers of entries lost in a power cut are used again.
    """

    first: int
    last: int
    key: str

    @property
    def delivered(self) -> int:
        """The number up to which everything was delivered or skipped."""
        return self.first - 1


Cursor: TypeAlias = Idle | InDoubt


class CursorTable:
    """The table of cursors in the journal file."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self, forwarder: str) -> Cursor:
        """Return the cursor of a forwarder; a new forwarder begins with the first entry."""
        rows = self._db.query(
            "SELECT delivered, in_doubt_last, in_doubt_key FROM cursor WHERE forwarder = ?", [forwarder]
        )
        if not rows:
            return Idle()
        delivered, last, key = rows[0]
        return Idle(delivered) if last is None else InDoubt(delivered + 1, last, key)

    def has(self, forwarder: str) -> bool:
        """Return whether a cursor of a forwarder was ever saved."""
        return bool(self._db.query("SELECT 1 FROM cursor WHERE forwarder = ?", [forwarder]))

    def list_names(self, prefix: str) -> list[str]:
        """Return the names of all forwarders with a cursor that begin with *prefix*."""
        found = self._db.query("SELECT forwarder FROM cursor WHERE instr(forwarder, ?) = 1", [prefix])
        return [name for (name,) in found]

    def save(self, forwarder: str, cursor: Cursor) -> None:
        """Save the cursor of a forwarder."""
        in_doubt = (cursor.last, cursor.key) if isinstance(cursor, InDoubt) else (None, None)
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?, ?)", [forwarder, cursor.delivered, *in_doubt])

    def delete(self, forwarder: str) -> None:
        """Delete the cursor of a forwarder, which begins anew if it is used again."""
        self._db.execute("DELETE FROM cursor WHERE forwarder = ?", [forwarder])
