"""One producer task per city, brought into line with the list by difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff


class Supervisor:
    """Holds the producers' tasks. A city that differs in any value is another city: it is stopped and begun anew."""

    def __init__(self, tasks: asyncio.TaskGroup, produce: Callable[[City], Coroutine[Any, Any, None]]) -> None:
        self._tasks = tasks
        self._produce = produce
        self._running: dict[str, asyncio.Task[None]] = {}

    def become(self, change: CityListDiff) -> None:
        """Stop what is gone, begin what is new, leave the rest alone."""
        for name in change.gone:
            self._running.pop(name).cancel()
        for name, city in change.new.items():
            self._running[name] = self._tasks.create_task(self._produce(city), name=name)

    def stop(self) -> None:
        """Stop all of them."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()
