"""Notices that a file was edited by looking at it: that works on every file system, however an editor saves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.config.city_list import list_files
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from weatherd.config.loader import Configuration

    State = tuple[Path, int, int, int]  # of a file: which one it is, how long, and when it was changed

_PERIOD = 0.5  # seconds between two looks


async def watch_files(current: Callable[[], Configuration], reload: asyncio.Event) -> None:
    """Set *reload* when one of the current configuration's files has been edited, replaced, or taken away.

    Two looks have to agree, so that no file is read in the middle of being written.
    """
    known = before = await _look(current())
    while True:
        await asyncio.sleep(_PERIOD)
        now = await _look(current())
        if now == before != known:
            known = now
            reload.set()
        before = now


async def _look(configuration: Configuration) -> list[State]:
    """Look at the files in a thread: a server that is away may block it."""
    return await asyncio.to_thread(lambda: [*_states(configuration.file), *_states(configuration.list_path)])


def _states(path: Path) -> list[State]:
    """Return the state of a file, or of each that belongs to a folder; nothing when they cannot be looked at.

    The time of the last change, not of the last writing: making a file readable is one, too.
    """
    try:
        return [(file, (is_now := file.stat()).st_ino, is_now.st_size, is_now.st_ctime_ns) for file in list_files(path)]
    except (OSError, ConfigError):
        return []
