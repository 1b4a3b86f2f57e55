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

from weatherd import notify
from weatherd.cities import reusing
from weatherd.errors import ConfigError
from weatherd.settings import Settings
from weatherd.view import Reload

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.configuration import Configuration
    from weatherd.supervisor import Change, Supervisor
    from weatherd.view import View

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
        load: Callable[[], Configuration],
        supervisor: Supervisor,
        view: View,
        tell: Callable[[str], None],
    ) -> None:
        self.current = first
        self._first = first
        self._load = load
        self._supervisor = supervisor
        self._view = view
        self._tell = tell
        self._apply(first)

    async def follow(self, reload: asyncio.Event) -> None:
        """Whenever *reload* is set, load everything anew and only then apply it; else say why it was rejected."""
        while True:
            await reload.wait()
            reload.clear()
            self._tell(notify.reloading())
            try:
                configuration = await self._load_anew()
            except ConfigError as error:
                self._view.reload = replace(self._view.reload, successful=False)
                log.error("cities.rejected", problems=[str(problem) for problem in error.problems])
            except Exception as error:
                self._view.reload = replace(self._view.reload, successful=False)
                log.error("cities.rejected", problems=[repr(error)], exc_info=error)
            else:
                before = self._view.planner.calls_a_day()
                self._report(self._apply(configuration), before)
                self._view.reload = Reload(successful=True, at=self._view.now().timestamp())
            self._tell(notify.READY)

    async def _load_anew(self) -> Configuration:
        """Load everything beside the loop: a list of 200,000 takes seconds."""
        thread = ThreadPoolExecutor(1, "reload", initializer=_stand_back)
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, self._load_reusing)
        finally:
            thread.shutdown(wait=False)

    def _load_reusing(self) -> Configuration:
        with reusing(self.current.cities):
            return self._load()

    def _apply(self, configuration: Configuration) -> Change:
        self.current = configuration
        for problems in configuration.quarantined:
            log.warning("city.quarantined", problems=[str(problem) for problem in problems])
        self._view.board.retain(configuration.cities)
        self._view.attempts.retain(configuration.cities)
        self._view.quarantined = len(configuration.quarantined)
        self._view.planner.plan(configuration.cities)
        return self._supervisor.become(configuration.cities)

    def _report(self, change: Change, before: dict[str, int]) -> None:
        log.info(
            "cities.reloaded",
            added=sorted(change.added),
            removed=sorted(change.removed),
            changed=sorted(change.changed),
            unchanged=change.unchanged,
            quarantined=len(self.current.quarantined),
            calls_a_day=self._view.planner.calls_a_day(),
            calls_a_day_before=before,
        )
        old, new = self._first.settings, self.current.settings
        fixed = [
            name for name in Settings.model_fields if name not in LIVE and getattr(old, name) != getattr(new, name)
        ]
        if fixed:
            log.warning("settings.need_restart", settings=fixed)
