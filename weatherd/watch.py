"""Notices that a file was edited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
import watchfiles

from weatherd.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from weatherd.configuration import Configuration

log = structlog.get_logger()

_PATIENCE = 5.0  # seconds until the next try to watch


async def watch(current: Callable[[], Configuration], reload: asyncio.Event) -> None:
    """Set *reload* whenever one of the current configuration's files may have changed, however an editor saves it.

    The folders are watched, not the files: many editors, and Kubernetes, put another file in the place of the old. A
    file that is mounted by itself, as in a container, is watched too: its folder does not hear of an edit from outside.
    """
    is_lost = False
    while True:
        try:
            await _watch(_folders(current()), current, reload)
            is_lost = False
            reload.set()  # for an edit that fell between two watches
        except (OSError, RuntimeError) as error:
            if not is_lost:
                log.warning("watch.failed", reason=str(error), action="until it works again, send SIGHUP after an edit")
            is_lost = True
            await asyncio.sleep(_PATIENCE)


async def _watch(folders: dict[Path, int], current: Callable[[], Configuration], reload: asyncio.Event) -> None:
    """Watch until the configuration lies in other folders, or another folder has taken the place of one."""
    notices = watchfiles.watch(
        *folders, watch_filter=None, recursive=False, step=50, debounce=1000, rust_timeout=1000, yield_on_timeout=True
    )
    with Worker("watch") as worker:  # awatch() would bring anyio, and 1.3 MB, for the same
        while _folders(current()) == folders:
            changes = await worker.run(lambda: next(notices))
            if any(_concerns(path, current()) for _, path in changes):
                reload.set()


def _folders(configuration: Configuration) -> dict[Path, int]:
    """Return the folders to watch, and which ones they are, however they are called."""
    file, path = configuration.file, configuration.list_path
    folders = {
        file.parent,
        file.resolve().parent,
        *((path,) if path.is_dir() else (path.parent, path.resolve().parent)),
    }
    mounted = {each for each in (file, path) if each.stat().st_dev != each.parent.stat().st_dev}
    return {each: each.stat().st_ino for each in folders | mounted}


def _concerns(path: str, configuration: Configuration) -> bool:
    """Tell whether a change of *path* may be one of the settings or the list."""
    name = path.rpartition("/")[2]
    files = (configuration.file, configuration.list_path)
    named = {"..data", *(file.name for file in files), *(file.resolve().name for file in files)}  # as Kubernetes has it
    in_list = configuration.list_path.is_dir() and name.endswith((".yaml", ".yml")) and not name.startswith(".")
    return name in named or in_list
