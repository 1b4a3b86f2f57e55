"""The list and the settings, read again while the daemon runs: on a signal, or when a file was edited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
import watchfiles

from weatherd.errors import ConfigError
from weatherd.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.configuration import Configuration
    from weatherd.sinks.board import Board
    from weatherd.supervisor import Change, Supervisor

log = structlog.get_logger()

LIVE = frozenset({"interval", "providers", "cities"})  # the settings that take effect without a restart


class Follower:
    """Keeps the supervisor in step with the configuration; ``current`` is the one that is in force."""

    def __init__(
        self, first: Configuration, load: Callable[[], Configuration], supervisor: Supervisor, board: Board
    ) -> None:
        self.current = first
        self._first = first
        self._load = load
        self._supervisor = supervisor
        self._board = board
        self._apply(first)

    async def follow(self, reload: asyncio.Event) -> None:
        """Whenever *reload* is set, load everything anew and only then apply it; else say why it was rejected."""
        while True:
            await reload.wait()
            reload.clear()
            try:
                configuration = await asyncio.to_thread(self._load)  # a list of 200,000 takes seconds
            except ConfigError as error:
                log.error("cities.rejected", problems=[str(problem) for problem in error.problems])
            else:
                self._report(self._apply(configuration))

    def _apply(self, configuration: Configuration) -> Change:
        self.current = configuration
        for problems in configuration.quarantined:
            log.warning("city.quarantined", problems=[str(problem) for problem in problems])
        self._board.retain(city.id for city in configuration.cities)
        return self._supervisor.become(configuration.cities)

    def _report(self, change: Change) -> None:
        log.info(
            "cities.reloaded",
            added=sorted(change.added),
            removed=sorted(change.removed),
            changed=sorted(change.changed),
            unchanged=change.unchanged,
            quarantined=len(self.current.quarantined),
        )
        old, new = self._first.settings, self.current.settings
        fixed = [
            name for name in Settings.model_fields if name not in LIVE and getattr(old, name) != getattr(new, name)
        ]
        if fixed:
            log.warning("settings.need_restart", settings=fixed)


async def watch(configuration: Callable[[], Configuration], reload: asyncio.Event) -> None:
    """Set *reload* whenever one of the files may have changed, by whatever way an editor saves.

    The folders are watched, not the files: many editors, and Kubernetes, put another file in the place of the old.
    """
    while True:
        now = configuration()
        folders = {now.file.parent, now.list_path if now.list_path.is_dir() else now.list_path.parent}
        try:
            async for changes in watchfiles.awatch(*folders, recursive=False, step=100, debounce=1000):
                if any(_concerns(path, now) for _, path in changes):
                    reload.set()
                if configuration().list_path != now.list_path:
                    break
        except (OSError, RuntimeError) as error:
            log.warning("watch.failed", reason=str(error), action="edits are seen on SIGHUP only")
            return


def _concerns(path: str, configuration: Configuration) -> bool:
    name = path.rsplit("/", 1)[-1]
    names = {
        configuration.file.name,
        configuration.list_path.name,
        "..data",
    }  # ..data: a Kubernetes ConfigMap
    in_list = configuration.list_path.is_dir() and name.endswith((".yaml", ".yml"))
    return name in names or (in_list and not name.startswith("."))
