"""One producer task per city, brought into line with the list by difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable, Mapping

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
        self._cities: dict[str, City] = {}  # by id: a hash of all that a city is takes ten times as long
        self._running: dict[str, asyncio.Task[None]] = {}

    def become(self, cities: Iterable[City]) -> Change:
        """Watch exactly these cities: stop what is gone, begin what is new, leave the rest alone.

        It costs the least when those that stay are the same objects as before.
        """
        before, wanted = self._cities, {city.id: city for city in cities}
        gone, new = _unlike(wanted, before), _unlike(before, wanted)
        for name in gone:
            self._running.pop(name).cancel()
        for name, city in new.items():
            self._running[name] = self._tasks.create_task(self._produce(city), name=name)
        self._cities = wanted
        stopped, begun = frozenset(gone), frozenset(new)
        return Change(begun - stopped, stopped - begun, stopped & begun, len(before) - len(gone))


def _unlike(others: Mapping[str, City], cities: Mapping[str, City]) -> dict[str, City]:
    """Return those of the cities that the others have not, or not with the same values."""
    return {name: city for name, city in cities.items() if (other := others.get(name)) is not city and other != city}
