"""The whole list in columns, for views that sort, filter, search and count it."""

from __future__ import annotations

import asyncio
import functools
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weatherd.daemon.status import CityState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.observation import Observation

_SMALL_LIST = 2000  # cities that are indexed at once, in about 10 ms; a longer list is indexed in a thread
_REUSE = 10  # a snapshot is used for this multiple of the time that it took to make,
_MIN_AGE = 5.0  # and at least for these seconds if the list is long: the stream tells each page what changes meanwhile
STATE_ORDER = (CityState.DOWN, CityState.STALE, CityState.WAITING, CityState.FRESH)


def fold_search(text: str) -> str:
    """Return the form of a name that a search compares: without accents and case, so that munchen finds München."""
    if text.isascii():
        return text.casefold()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_VALUES: Mapping[str, Callable[[Observation], Any]] = {
    "temperature": lambda last: last.temperature,
    "feels": lambda last: last.apparent_temperature,
    "weather": lambda last: last.description.casefold(),
    "wind": lambda last: last.wind_speed,
    "humidity": lambda last: last.relative_humidity,
    "precipitation": lambda last: last.precipitation,
    "age": lambda last: -last.observed_at.timestamp(),
}
SORT_KEYS = ("id", "name", "state", *_VALUES)


@dataclass(frozen=True)
class ListSnapshot:
    """The list with the state and the latest observation of each city, at one time."""

    cities: tuple[City, ...]  # sorted by id
    names: Sequence[str]  # as fold_search() returns them
    by_name: Sequence[int]  # indexes of the cities, sorted by name
    states: Sequence[CityState]
    latest: Sequence[Observation | None]
    at: float  # seconds of the monotonic clock
    cost: float  # seconds that it took

    @functools.cached_property
    def counts(self) -> dict[CityState, int]:
        """The number of cities in each state."""
        counted = Counter(self.states)
        return {state: counted[state] for state in CityState}

    @functools.cached_property
    def orders(self) -> dict[tuple[str, bool], list[int]]:
        """The orders that have been asked for, as indexes of cities."""
        return {}

    def order(self, key: str, *, descending: bool) -> list[int]:
        """Return the indexes of all cities in an order; those without a value come last in both directions."""
        if (key, descending) not in self.orders:
            self.orders[key, descending] = self._sort(key, descending=descending)
        return self.orders[key, descending]

    def _sort(self, key: str, *, descending: bool) -> list[int]:
        count = len(self.cities)
        if key == "id":
            return list(range(count))[:: -1 if descending else 1]
        named = self.by_name
        if key == "name":
            return list(named[::-1] if descending else named)
        values = [self._value(key, index) for index in range(count)]
        known = [index for index in named if values[index] is not None]
        known.sort(key=values.__getitem__, reverse=descending)  # stable, so that ties are sorted by name
        return known + [index for index in named if values[index] is None]

    def _value(self, key: str, index: int) -> Any:
        if key == "state":
            return STATE_ORDER.index(self.states[index])
        last = self.latest[index]
        return None if last is None else _VALUES[key](last)


class CityIndex:
    """The current snapshot of the list. A long list is scanned at most a tenth of the time, in a thread."""

    def __init__(self, status: DaemonStatus) -> None:
        self._status = status
        self._snapshot: ListSnapshot | None = None
        self._names: tuple[tuple[City, ...], Sequence[str], Sequence[int]] = (
            (),
            (),
            (),
        )  # of the list at its first use
        self._lock = asyncio.Lock()
        self.edition = 0  # how many lists there have been since the start

    async def read(self) -> ListSnapshot:
        """Return a snapshot that is as new as its cost permits."""
        async with self._lock:
            current = self._snapshot
            if current is None or current.cities is not self._status.cities or self._is_old(current):
                self._snapshot = current = await self.run(self._take)
            return current

    async def run(self, call: Callable[[], Any]) -> Any:
        """Return the result of a scan of the list, in a thread if the list is long."""
        return call() if len(self._status.cities) <= _SMALL_LIST else await asyncio.to_thread(call)

    @staticmethod
    def _is_old(snapshot: ListSnapshot) -> bool:
        least = _MIN_AGE if len(snapshot.cities) > _SMALL_LIST else 0.0
        return time.monotonic() - snapshot.at > max(_REUSE * snapshot.cost, least)

    def _take(self) -> ListSnapshot:
        began, status, cities = time.monotonic(), self._status, self._status.cities
        if self._names[0] is not cities:
            self.edition += 1
            names = [fold_search(city.name) for city in cities]
            self._names = cities, names, sorted(range(len(cities)), key=names.__getitem__)  # among equals by id
        now = status.now().timestamp()
        states = [status.state_at(now, city.id) for city in cities]
        latest = [status.latest.get(city.id) for city in cities]
        ended = time.monotonic()
        return ListSnapshot(*self._names, states, latest, ended, ended - began)
