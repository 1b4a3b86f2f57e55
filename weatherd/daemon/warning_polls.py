"""Polls of official warnings, from when a city of the list wants them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from weatherd.config.diff import diff
from weatherd.errors import StateError
from weatherd.pipeline.forwarders.group import build_warning_deliveries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from weatherd.config.diff import CityListDiff
    from weatherd.daemon.parts import Parts
    from weatherd.daemon.status import DaemonStatus
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.warnings.desk import WarningDesk

log = structlog.get_logger()

_RETRY_AFTER = 60.0  # seconds


async def poll_warnings(parts: Parts, status: DaemonStatus) -> None:
    """Poll the official warnings for ever. While no city of the list wants them, wait for a reload."""
    desk = parts.warnings
    if desk is None:
        await _wait_until_wanted(parts.registry)
        status.warnings = desk = await _open_desk(parts.open_warnings)
        desk.apply_diff(diff((), parts.registry.cities))
        parts.registry.subscribe(desk.apply_diff)
        status.deliveries.add(
            build_warning_deliveries(parts.forwarders, parts.journal, parts.random, parts.guard_warnings)
        )
    await desk.run()


async def _wait_until_wanted(registry: CityRegistry) -> None:
    wanted = asyncio.Event()

    def notice(change: CityListDiff) -> None:
        if any(city.warnings != "off" for city in change.added_or_changed.values()):
            wanted.set()

    registry.subscribe(notice)
    await wanted.wait()


async def _open_desk(open_warnings: Callable[[], Awaitable[WarningDesk]]) -> WarningDesk:
    while True:
        try:
            return await open_warnings()
        except StateError as error:
            log.error("warnings.not_opened", reason=str(error))
            await asyncio.sleep(_RETRY_AFTER)
