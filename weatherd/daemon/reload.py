"""The list and the settings, read again while the daemon runs."""

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
from weatherd.daemon import gc_tuning, systemd
from weatherd.daemon.status import ReloadResult
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.config.loader import Configuration
    from weatherd.daemon.status import DaemonStatus
    from weatherd.polling.supervisor import Supervisor

log = structlog.get_logger()

LIVE = frozenset({"interval", "providers", "cities"})  # the settings that take effect without a restart
_NICE = 10


def _stand_back() -> None:
    """Let this thread have what the loop leaves of a core, or they would share it evenly and the polls be late.

    On Linux every thread has a nice value of its own: https://man7.org/linux/man-pages/man2/setpriority.2.html
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may not allow it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class Reloader:
    """Keeps the supervisor in step with the configuration; ``current`` is the one that is in force."""

    def __init__(
        self,
        first: Configuration,
        load: Callable[[Sequence[City]], Configuration],
        supervisor: Supervisor,
        view: DaemonStatus,
        tell: Callable[[str], None],
    ) -> None:
        self.current = first
        self._first = first
        self._load = load
        self._supervisor = supervisor
        self._view = view
        self._tell = tell
        self._apply(first, diff((), first.cities))

    async def follow(self, reload: asyncio.Event) -> None:
        """Whenever *reload* is set, load everything anew and only then apply it; else say why it was rejected."""
        while True:
            await reload.wait()
            reload.clear()
            self._tell(systemd.reloading_message())
            try:
                configuration, difference = await self._load_anew()
            except ConfigError as error:
                self._view.last_reload = replace(self._view.last_reload, successful=False)
                log.error("cities.rejected", problems=[str(problem) for problem in error.problems])
            except Exception as error:
                self._view.last_reload = replace(self._view.last_reload, successful=False)
                log.error("cities.rejected", problems=[repr(error)], exc_info=error)
            else:
                before = self._view.planner.calls_per_day()
                self._view.latest.apply(difference)
                self._view.history.forget(difference.added | difference.removed)
                self._apply(configuration, difference)
                self._report(difference, before)
                self._view.last_reload = ReloadResult(successful=True, at=self._view.now().timestamp())
            self._tell(systemd.READY)

    async def _load_anew(self) -> tuple[Configuration, CityListDiff]:
        """Load everything beside the loop: a list of 200,000 takes seconds."""
        thread = ThreadPoolExecutor(1, "reload", initializer=_stand_back)
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, self._load_reusing)
        finally:
            thread.shutdown(wait=False)

    def _load_reusing(self) -> tuple[Configuration, CityListDiff]:
        with gc_tuning.gc_paused():
            loaded = self._load(self.current.cities)
            return loaded, diff(self.current.cities, loaded.cities)

    def _apply(self, configuration: Configuration, difference: CityListDiff) -> None:
        self.current = configuration
        gc_tuning.set_threshold(len(configuration.cities))
        for problems in configuration.quarantined:
            log.warning("city.quarantined", problems=[str(problem) for problem in problems])
        self._view.quarantined = len(configuration.quarantined)
        self._view.planner.update(configuration.cities)
        self._supervisor.apply_diff(difference)

    def _report(self, difference: CityListDiff, before: dict[str, int]) -> None:
        log.info(
            "cities.reloaded",
            added=sorted(difference.added),
            removed=sorted(difference.removed),
            changed=sorted(difference.changed),
            unchanged=difference.unchanged,
            quarantined=len(self.current.quarantined),
            calls_a_day=self._view.planner.calls_per_day(),
            calls_a_day_before=before,
        )
        old, new = self._first.settings, self.current.settings
        fixed = [
            name for name in Settings.model_fields if name not in LIVE and getattr(old, name) != getattr(new, name)
        ]
        if fixed:
            log.warning("settings.need_restart", settings=fixed)
