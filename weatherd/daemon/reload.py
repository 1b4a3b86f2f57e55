"""Reloading of the configuration while the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.config.configuration import GENERAL_KEYS
from weatherd.config.diff import diff
from weatherd.daemon import systemd
from weatherd.daemon.gc_tuning import gc_paused
from weatherd.daemon.status import ReloadResult
from weatherd.errors import ConfigError, LoadingError
from weatherd.log import set_level

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from weatherd.alerts.rules_file import ParsedFile
    from weatherd.alerts.targets import NamedTarget
    from weatherd.config.configuration import Configuration
    from weatherd.config.diff import CityListDiff
    from weatherd.config.sections.quality import QualitySection
    from weatherd.config.settings import Settings
    from weatherd.daemon.parts import Parts
    from weatherd.daemon.status import DaemonStatus
    from weatherd.pipeline.notifications.opening import OpenTarget

log = structlog.get_logger()

LIVE_SETTINGS = frozenset({*GENERAL_KEYS, "cities", "alerts", "quality"})  # they need no restart, as log.level does
_LOGGED_IDS = 10  # ids of each kind in the summary of a reload; the others are logged at level debug
_IDS_IN_LINE = 100
_NICE = 10


class _EditedAlerts(NamedTuple):
    """The rules file after an edit."""

    rules: ParsedFile | None  # None: they are unchanged
    targets: Mapping[str, OpenTarget]


class Reloader:
    """Reloads the configuration on request and applies its list of cities to the registry."""

    def __init__(self, parts: Parts, status: DaemonStatus) -> None:
        self._parts = parts
        self._status = status
        self._current = _watched_paths(parts.configuration)
        self._rows = parts.configuration.rows
        self._level = parts.configuration.settings.log.level

    def paths(self) -> tuple[Path, ...]:
        """Return the current settings file, the files and folders of the city list, and the rules file."""
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
                loop = asyncio.get_running_loop()
                configuration, change = await loop.run_in_executor(thread, self._load)
                edited = await loop.run_in_executor(thread, self._load_alerts, configuration)
        except ConfigError as error:
            self._reject([str(problem) for problem in error.problems])
        except LoadingError as error:
            self._reject([str(error)])
        except Exception as error:  # noqa: BLE001 - logged with its traceback
            self._reject([repr(error)], exc_info=error)
        else:
            is_unchanged = isinstance(edited, _EditedAlerts) and edited.rules is None
            self._apply(configuration, change, log_unchanged=is_unchanged)
            await self._apply_alerts(edited)

    def _reject(self, problems: list[str], **details: Exception) -> None:
        self._status.last_reload = replace(self._status.last_reload, successful=False)
        log.error("cities.rejected", problems=problems, **details)

    def _load(self) -> tuple[Configuration, CityListDiff]:
        loaded = self._parts.load(self._rows)
        return loaded, diff(self._parts.registry.cities, loaded.cities)

    def _load_alerts(self, configuration: Configuration) -> _EditedAlerts | ConfigError:
        """Return the edited rules and their targets, or their mistakes."""
        alerts, targets = self._parts.alerts, self._parts.targets
        if not alerts:
            return _EditedAlerts(None, {})
        try:
            prepared = targets.prepare(_load_targets(configuration)) if targets else {}
            try:
                return _EditedAlerts(alerts.load_edited(configuration), prepared)
            except BaseException:
                if targets:
                    targets.discard(prepared)
                raise
        except ConfigError as error:
            return error

    async def _apply_alerts(self, edited: _EditedAlerts | ConfigError) -> None:
        """Replace the rules of the alerts and their targets. If they have mistakes, all stay as they were."""
        if isinstance(edited, ConfigError):
            self._status.last_reload = replace(self._status.last_reload, successful=False)
            log.error("alerts.rejected", problems=[str(problem) for problem in edited.problems])
            return
        alerts, targets = self._parts.alerts, self._parts.targets
        if edited.rules is not None and alerts:
            alerts.replace_rules(edited.rules.rules)
            self._parts.daemon_alerts.replace_rules(edited.rules.daemon)
        changed = await targets.replace(edited.targets, self._status.deliveries) if targets else []
        if edited.rules is not None or changed:
            rules = alerts.rules if alerts else ()
            log.info("alerts.reloaded", rules=len(rules), **({"targets": changed} if changed else {}))

    def _apply(self, configuration: Configuration, change: CityListDiff, *, log_unchanged: bool) -> None:
        """Apply a configuration. An unchanged list is logged only if *log_unchanged*: nothing else answers a request.

        Edited rules have an event of their own.
        """
        registry, before = self._parts.registry, self._parts.planner.calls_per_day()
        is_edited = change.is_edited or configuration.quarantined != registry.quarantined
        self._current, self._rows = _watched_paths(configuration), configuration.rows
        registry.apply(change, configuration.quarantined)
        self._apply_log_level(configuration)
        self._apply_quality(configuration.settings.quality)
        if is_edited or log_unchanged:
            self._log_diff(configuration, change, before)
        if restart := self._find_restart_settings(configuration.settings):
            log.warning("settings.need_restart", settings=restart)
        self._status.last_reload = ReloadResult(successful=True, at=self._status.now().timestamp())

    def _log_diff(self, configuration: Configuration, change: CityListDiff, before: Mapping[str, int]) -> None:
        ids = {"added": change.added, "removed": change.removed, "changed": change.changed}
        log.info(
            "cities.reloaded",
            **{kind: heapq.nsmallest(_LOGGED_IDS, found) for kind, found in ids.items()},
            **{f"{kind}_count": len(found) for kind, found in ids.items()},
            unchanged=change.unchanged,
            quarantined=len(configuration.quarantined),
            calls_a_day=self._parts.planner.calls_per_day(),
            calls_a_day_before=before,
        )
        if self._level == "debug":
            _log_more_ids(ids)

    def _apply_log_level(self, configuration: Configuration) -> None:
        level = configuration.settings.log.level
        if level != self._level:
            self._level = level
            set_level(level)

    def _apply_quality(self, limits: QualitySection) -> None:
        """Judge new observations by the limits of the edited settings."""
        parts = self._parts
        if limits != parts.quality.limits:
            parts.quality.replace_limits(limits)
            parts.latest.quality = parts.quality if limits.enabled else None
        if parts.alerts:
            parts.alerts.show_suspect(sees_suspect=limits.alert_on_suspect)

    def _find_restart_settings(self, new: Settings) -> list[str]:
        """Return the settings that differ from those at the start and take effect after a restart."""
        old = self._parts.configuration.settings
        old = old.model_copy(update={"log": old.log.model_copy(update={"level": new.log.level})})
        names = [name for name, value in old if value != getattr(new, name)]
        is_without_alerts = self._parts.alerts is None  # whose file is then not read
        return [name for name in names if name not in LIVE_SETTINGS or (name == "alerts" and is_without_alerts)]


def _log_more_ids(ids: Mapping[str, Collection[str]]) -> None:
    """Log the ids that are not in the summary, in lines that are not cut, as many programs do at 8 or 16 KiB."""
    for kind, found in ids.items():
        more = sorted(found)[_LOGGED_IDS:]
        for begin in range(0, len(more), _IDS_IN_LINE):
            log.debug("cities.reloaded_more", kind=kind, ids=more[begin : begin + _IDS_IN_LINE])


def _load_targets(configuration: Configuration) -> Sequence[NamedTarget]:
    """Load the targets of the rules file. Raises ConfigError with every mistake in the file."""
    from weatherd.alerts.rules_file import load_targets  # noqa: PLC0415 - only with alert rules

    path = configuration.alerts_path
    return load_targets(path, configuration.settings.display) if path else ()


def _watched_paths(configuration: Configuration) -> tuple[Path, ...]:
    rules = (configuration.alerts_path,) if configuration.alerts_path else ()
    return configuration.file, *configuration.list_paths, *rules


def _lower_priority() -> None:
    """Lower this thread's priority below the event loop's: with equal priority, a long reload would delay polls.

    On Linux, each thread has its own nice value: https://man7.org/linux/man-pages/man2/setpriority.2.html
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
