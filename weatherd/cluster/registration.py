"""The row of this node in the database, and the file that remembers it.

A start deletes the row of the last start with the same state folder, whose process must have ended, because only one at
a time locks the folder. So the cities of a node that crashed and was restarted need not wait until its lease is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from weatherd.cluster.tables import JOIN, LEAVE

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.cluster.database import ClusterConnection


_FILE = "node"


class NodeStart(NamedTuple):
    """A node's id, and the time at which it joined: in another database the id alone could be that of another node."""

    id: int
    joined: datetime


def read_start(folder: Path) -> NodeStart | None:
    """Return the last start of the node with this state folder; None if it left the cluster, or never joined."""
    try:
        node, joined = (folder / _FILE).read_text().split()
        return NodeStart(int(node), datetime.fromisoformat(joined))
    except (OSError, ValueError):
        return None


class Registration:
    """The row of this node. *folder* is the state folder, in which the file ``node`` has the last start."""

    def __init__(self, name: str, url: str | None, folder: Path) -> None:
        self.name, self.url = name, url
        self.start: NodeStart | None = None  # None: there is no row
        self._path = folder / _FILE
        self._last = read_start(folder)

    @property
    def id(self) -> int | None:
        """The id of this node; None without a row."""
        return self.start.id if self.start else None

    async def join(self, connection: ClusterConnection, list_digest: str) -> NodeStart:
        """Create the row, and delete that of the last start."""
        if self._last:
            await connection.fetch(LEAVE, *self._last)
            self._last = None
        (row,) = await connection.fetch(JOIN, self.name, self.url, list_digest)
        self.start = NodeStart(row["id"], row["joined"])
        await asyncio.to_thread(self._write, self.start)
        return self.start

    async def leave(self, connection: ClusterConnection) -> None:
        """Delete the row."""
        if self.start:
            await connection.fetch(LEAVE, *self.start)
            self.forget()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Note that the row does not exist any more."""
        self.start = None

    def _write(self, start: NodeStart) -> None:
        with contextlib.suppress(OSError):  # without the file, the next start waits for the end of this one's lease
            self._path.write_text(f"{start.id} {start.joined.isoformat()}\n")
