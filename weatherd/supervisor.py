"""One producer task per city, brought into line with the list by difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable

    from weatherd.city import City


@dataclass(frozen=True, slots=True)
class Change:
    """What a new list changed, as ids of cities."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]
    unchanged: int


class Supervisor:
    """Holds the producers' tasks. A city that differs in any value is another city: it is stopped and begun anew."""

    def __init__(self, tasks: asyncio.TaskGroup, produce: Callable[[City], Coroutine[Any, Any, None]]) -> None:
        self._tasks = tasks
        self._produce = produce
        self._running: dict[City, asyncio.Task[None]] = {}

    def become(self, cities: Iterable[City]) -> Change:
        """Watch exactly these cities: stop what is gone, begin what is new, leave the rest alone."""
        wanted = dict.fromkeys(cities)
        gone = [city for city in self._running if city not in wanted]
        new = [city for city in wanted if city not in self._running]
        unchanged = len(self._running) - len(gone)
        for city in gone:
            self._running.pop(city).cancel()
        for city in new:
            self._running[city] = self._tasks.create_task(self._produce(city), name=f"produce {city.id}")
        before, after = frozenset(city.id for city in gone), frozenset(city.id for city in new)
        return Change(after - before, before - after, before & after, unchanged)
