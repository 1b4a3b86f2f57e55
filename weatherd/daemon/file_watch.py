"""Notice edits of the configuration's files by polling them, because that works on every file system."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.config import loader
from weatherd.config.city_list import list_files
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path


class FileState(NamedTuple):
    """What changes when a file is edited, however the editor saves it.

    The change time (ctime) and not the modification time, because a file that becomes readable counts as edited.
    """

    path: Path
    inode: int
    size: int
    ctime_ns: int


Snapshot = tuple[FileState, ...]

_PERIOD = 0.5  # seconds


def load_with_snapshot(
    file: Path, environ: Mapping[str, str], providers: Collection[str], **flags: Any
) -> tuple[loader.Configuration, Snapshot]:
    """Load the configuration, and return it with a snapshot of its files.

    Each file's state is taken before the file is read, because an edit in between would otherwise never be noticed.
    Raises ConfigError as :func:`weatherd.config.loader.load_configuration` does.
    """
    of_settings = take_snapshot([file])
    bare = loader.Configuration(file, loader.load_settings(file, environ, providers, **flags), (), ())
    of_list = take_snapshot([bare.list_path])
    return loader.with_city_list(bare, bare.list_path, providers), of_settings + of_list


def take_snapshot(paths: Iterable[Path]) -> Snapshot:
    """Return the states of the files, in folders those of each YAML file; unreadable ones are left out."""
    return tuple(state for path in paths for state in _read_states(path))


async def watch_files(paths: Callable[[], Iterable[Path]], snapshot: Snapshot, reload: asyncio.Event) -> None:
    """Set *reload* whenever one of the current *paths* was edited, replaced or removed since *snapshot*, for ever.

    Two snapshots in a row have to agree, so that no file is read while it is being written.
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
            for file in list_files(path)
        ]
    except (OSError, ConfigError):
        return []
