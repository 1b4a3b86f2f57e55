"""Supervision of the producer tasks, one per city."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff


class Supervisor:
    """Owner of the producer tasks. If any value of a city changes, its task is replaced."""

    def __init__(self, tasks: asyncio.TaskGroup, produce: Callable[[City], Coroutine[Any, Any, None]]) -> None:
        self._tasks = tasks
        self._produce = produce
        self._running: dict[str, asyncio.Task[None]] = {}  # by city id

    def start(self, cities: Iterable[City]) -> None:
        """Start a task for each city."""
        for city in cities:
            self._running[city.id] = self._tasks.create_task(self._produce(city), name=city.id)

    def apply_diff(self, diff: CityListDiff) -> None:
        """Cancel the tasks of removed and changed cities, and start those of added and changed ones."""
        for city_id in diff.removed_or_changed:
            self._running.pop(city_id).cancel()
        self.start(diff.added_or_changed.values())

    def stop(self) -> None:
        """Cancel all tasks; the task group waits for them."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()
