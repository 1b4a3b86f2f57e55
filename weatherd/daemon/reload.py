"""Reloading of the configuration while the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from weatherd.config.diff import diff
from weatherd.config.settings import Settings
from weatherd.daemon import systemd
from weatherd.daemon.gc_tuning import gc_paused
from weatherd.daemon.status import ReloadResult
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.config.diff import CityListDiff
    from weatherd.config.loader import Configuration
    from weatherd.daemon.parts import Parts
    from weatherd.daemon.status import DaemonStatus

log = structlog.get_logger()

LIVE_SETTINGS = frozenset({"interval", "providers", "cities"})  # they take effect without a restart
_NICE = 10


class Reloader:
    """Reloads the configuration on request and applies its list of cities to the registry."""

    def __init__(self, parts: Parts, status: DaemonStatus) -> None:
        self._parts = parts
        self._status = status
        self._current = _watched_paths(parts.configuration)

    def paths(self) -> tuple[Path, Path]:
        """Return the current settings file and the file or folder of the city list."""
        return self._current

    async def follow(self, reload: asyncio.Event) -> None:
        """Reload the configuration whenever *reload* is set, or log why it was rejected; run for ever."""
        thread = ThreadPoolExecutor(1, "reload", initializer=_lower_priority)
        try:
            while True:
                await reload.wait()
                reload.clear()
                self._parts.notify(systemd.reloading_message())
                await self._reload(thread)
                self._parts.notify(systemd.READY)
        finally:
            thread.shutdown(wait=False, cancel_futures=True)  # so that a stop does not wait for a reload

    async def _reload(self, thread: ThreadPoolExecutor) -> None:
        try:
            # In a thread, because loading 200,000 cities takes seconds
            with gc_paused():
                configuration, change = await asyncio.get_running_loop().run_in_executor(thread, self._load)
        except ConfigError as error:
            self._reject([str(problem) for problem in error.problems])
        except Exception as error:  # noqa: BLE001 - logged with its traceback
            self._reject([repr(error)], exc_info=error)
        else:
            self._apply(configuration, change)

    def _reject(self, problems: list[str], **details: Exception) -> None:
        self._status.last_reload = replace(self._status.last_reload, successful=False)
        log.error("cities.rejected", problems=problems, **details)

    def _load(self) -> tuple[Configuration, CityListDiff]:
        before = self._parts.registry.cities
        loaded = self._parts.load(before)
        return loaded, diff(before, loaded.cities)

    def _apply(self, configuration: Configuration, change: CityListDiff) -> None:
        before = self._parts.planner.calls_per_day()
        self._current = _watched_paths(configuration)
        self._parts.registry.apply(change, configuration.quarantined)
        log.info(
            "cities.reloaded",
            added=sorted(change.added),
            removed=sorted(change.removed),
            changed=sorted(change.changed),
            unchanged=change.unchanged,
            quarantined=len(configuration.quarantined),
            calls_a_day=self._parts.planner.calls_per_day(),
            calls_a_day_before=before,
        )
        old, new = self._parts.configuration.settings, configuration.settings
        names = [name for name in Settings.model_fields if getattr(old, name) != getattr(new, name)]
        if restart := [name for name in names if name not in LIVE_SETTINGS]:
            log.warning("settings.need_restart", settings=restart)
        self._status.last_reload = ReloadResult(successful=True, at=self._status.now().timestamp())


def _watched_paths(configuration: Configuration) -> tuple[Path, Path]:
    return configuration.file, configuration.list_path


def _lower_priority() -> None:
    """Lower this thread's priority below the event loop's: with equal priority, a long reload would delay polls.

    On Linux, each thread has its own nice value: https://man7.org/linux/man-pages/man2/setpriority.2.html
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
