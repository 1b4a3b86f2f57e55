"""Detection of edits to the configuration files. The files are polled, which works on every file system."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from weatherd.config.lists.list_files import list_files
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class FileState(NamedTuple):
    """The metadata of a file that changes with every edit, whether the editor replaces the file or writes into it.

    It has the change time (ctime) instead of the modification time, because a file that becomes readable counts as
    edited.
    """

    path: Path
    inode: int
    size: int
    ctime_ns: int


Snapshot = tuple[FileState, ...]

_PERIOD = 0.5  # seconds


def take_snapshot(paths: Iterable[Path]) -> Snapshot:
    """Return the states of files, and of the lists in folders; unreadable files are omitted."""
    return tuple(state for path in paths for state in _read_states(path))


async def watch_files(paths: Callable[[], Iterable[Path]], snapshot: Snapshot, reload: asyncio.Event) -> None:
    """Set *reload* whenever a file in *paths* is edited, replaced or removed, starting from *snapshot*; run for ever.

    *paths* is called for each check. Two consecutive snapshots must be equal, so that a file is not read while it is
    being written.
    """
    known = previous = snapshot
    while True:
        # In a thread, because a network file system may block.
        current = await asyncio.to_thread(lambda: take_snapshot(paths()))
        if current == previous != known:
            known = current
            reload.set()
        previous = current
        await asyncio.sleep(_PERIOD)


def _read_states(path: Path) -> Iterable[FileState]:
    try:
        return [
            FileState(file, (status := file.stat()).st_ino, status.st_size, status.st_ctime_ns)
            for file in list_files([path])
        ]
    except (OSError, ConfigError):
        return []
