"""Supervision of the producer tasks, one per city."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.polling.poll_history import CityPolls, PollHistory


class Supervisor:
    """Owner of the producer tasks. If any value of a city changes, its task is replaced.

    One task in the group *tasks* represents the producers: it ends with the last of them after :meth:`stop`, and raises
    the error of one that has a bug. As members of the group they would take 180 bytes more for each city.

    The producers are not in ``asyncio.all_tasks()``, whose weak references take 150 bytes for each city up to Python
    3.13; from 3.14 on there are none, and nothing is saved. Of weatherd and asyncio, only the end of the event loop
    uses that set, to cancel tasks; the supervisor has cancelled these by then. The function that removes a task is
    documented for one about to end: https://docs.python.org/3/library/asyncio-extending.html#task-lifetime-support
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        history: PollHistory,
        produce: Callable[[CityPolls], Coroutine[Any, Any, None]],
    ) -> None:
        self._history = history
        self._produce = produce
        self._loop = asyncio.get_running_loop()
        self._running = 0  # tasks, including those that were cancelled and have not ended
        self._ended = asyncio.Event()
        self._ended.set()
        self._stop: asyncio.Future[None] = self._loop.create_future()
        self._callback, self._context = self._task_ended, contextvars.Context()  # shared, to save memory
        tasks.create_task(self._guard(), name="producers")

    def start(self, cities: Iterable[City]) -> None:
        """Start a task for each city."""
        self._ended.clear()
        for city in cities:
            polls = self._history.begin(city)
            polls.task = self._loop.create_task(self._produce(polls), name=city.id, context=self._context)
            polls.task.add_done_callback(self._callback, context=self._context)
            asyncio._unregister_task(polls.task)  # noqa: SLF001 - documented, see the class
            self._running += 1
        self._check_end()

    def apply_diff(self, diff: CityListDiff) -> None:
        """Cancel the tasks of removed and changed cities, and start those of added and changed ones."""
        for city_id in diff.removed_or_changed:
            self._history.get(city_id).task.cancel()
        for city_id in diff.removed:
            self._history.end(city_id)
        self.start(diff.added_or_changed.values())

    def remove(self, city_ids: Iterable[str]) -> list[asyncio.Task[None]]:
        """Cancel the tasks of cities and drop their records; return the tasks, which may need a moment to end."""
        tasks = []
        for city_id in city_ids:
            task = self._history.get(city_id).task
            task.cancel()
            self._history.end(city_id)
            tasks.append(task)
        return tasks

    def stop(self) -> None:
        """Cancel all tasks; the task group waits for them."""
        if not self._stop.done():
            self._stop.set_result(None)

    async def _guard(self) -> None:
        try:
            await self._stop
        finally:
            for polls in self._history:
                polls.task.cancel()
            await self._ended.wait()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._running -= 1
        self._check_end()
        if not task.cancelled() and (error := task.exception()) and not self._stop.done():
            self._stop.set_exception(error)

    def _check_end(self) -> None:
        if not self._running:
            self._ended.set()
