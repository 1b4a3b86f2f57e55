"""Polls of official warnings that a reload of the list begins."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.daemon import make_registry
from tests.support.fakes import KIEL, VirtualJournal
from weatherd.config.diff import diff
from weatherd.daemon.warning_polls import poll_warnings
from weatherd.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path


class Desk:
    """A desk that records the lists it was given."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []

    def apply_diff(self, change: Any) -> None:
        """Record the ids of the cities that were added or changed."""
        self.lists.append(sorted(change.added_or_changed))

    async def run(self) -> None:
        """Run for ever."""
        await asyncio.Event().wait()


async def test_a_reload_begins_the_polls_of_warnings(tmp_path: Path) -> None:
    """The desk is opened when a row wants warnings, and again a minute after the journal could not be read.

    Then the forwarders that take warnings get them.
    """
    registry, desk, opened = make_registry([KIEL]), Desk(), []

    async def open_warnings() -> Desk:
        opened.append(asyncio.get_running_loop().time())
        if len(opened) == 1:
            raise StateError("the disk is broken")
        return desk

    added: list[str] = []
    journal, spread = VirtualJournal(tmp_path / "weatherd.sqlite"), random.Random(0)
    forwarder: Any = SimpleNamespace(connect_warnings=contextlib.nullcontext)
    parts = SimpleNamespace(
        warnings=None,
        registry=registry,
        open_warnings=open_warnings,
        forwarders={"webhook": forwarder, "plain": SimpleNamespace()},
        journal=journal,
        random=spread,
        guard_warnings=None,
    )
    group = SimpleNamespace(add=lambda deliveries: added.extend(delivery.name for delivery in deliveries))
    status = SimpleNamespace(deliveries=group)
    ulm = replace(KIEL, id="ulm")
    with capture_logs() as lines:
        task = asyncio.create_task(poll_warnings(parts, status))  # type: ignore[arg-type]
        await asyncio.sleep(1000)
        registry.apply(diff(registry.cities, [KIEL, ulm]))
        await asyncio.sleep(1000)
        assert not opened
        registry.apply(diff(registry.cities, [replace(KIEL, warnings="auto"), ulm]))
        await asyncio.sleep(100)
        registry.apply(diff(registry.cities, [KIEL, replace(ulm, warnings=("nws",))]))
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in lines] == ["warnings.not_opened"]
    assert opened[1] - opened[0] == 60
    assert status.warnings is desk
    assert added == ["webhook warnings"]
    journal.close()
    assert desk.lists == [["kiel", "ulm"], ["kiel", "ulm"]]
