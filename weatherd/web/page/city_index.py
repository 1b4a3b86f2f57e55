"""The cities that this node polls in columns, for views that sort, filter, search and count it."""

from __future__ import annotations

import asyncio
import functools
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from weatherd.daemon.status import CityState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.observation import Observation
    from weatherd.web.page.models import OverviewModel

_T = TypeVar("_T")

_SMALL_LIST = 2000  # cities that are indexed at once, in about 10 ms; a longer list is indexed in a thread
_REUSE = 10  # a snapshot is used for this multiple of the time that it took to make,
_MIN_AGE = 5.0  # and at least for these seconds if the list is long: the stream tells each page what changes meanwhile
_MAX_AGE = 60.0  # seconds; a snapshot of a long list is used while a newer one is made, but not an older one than that
STATE_ORDER = (CityState.DOWN, CityState.STALE, CityState.WAITING, CityState.FRESH)


def fold_search(text: str) -> str:
    """Return the form of a name that a search compares: without accents and case, so that munchen finds München."""
    if text.isascii():
        return text.casefold()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


# What an order compares: a number, or the code and the text of a condition; None comes last in both directions
SortValue = float | tuple[int, str] | None
_VALUES: Mapping[str, Callable[[Observation], SortValue]] = {
    "temperature": lambda last: last.temperature,
    "feels": lambda last: last.apparent_temperature,
    # By the code, from a clear sky to thunderstorms, because readers have words in several languages
    "weather": lambda last: (100 if last.code is None else last.code, last.description.casefold()),
    "wind": lambda last: last.wind_speed,
    "humidity": lambda last: last.relative_humidity,
    "precipitation": lambda last: last.precipitation,
    "age": lambda last: -last.observed_at.timestamp(),
}
SORT_KEYS = ("id", "name", "state", *_VALUES)


@dataclass(frozen=True)
class ListSnapshot:
    """The list with the state and the latest observation of each city, at one time."""

    cities: Sequence[City]  # sorted by id
    names: Sequence[str]  # as fold_search() returns them
    by_name: Sequence[int]  # indexes of the cities, sorted by name
    states: Sequence[CityState]
    latest: Sequence[Observation | None]

    @functools.cached_property
    def counts(self) -> dict[CityState, int]:
        """The number of cities in each state."""
        counted = Counter(self.states)
        return {state: counted[state] for state in CityState}

    @functools.cached_property
    def providers(self) -> Counter[str]:
        """The number of cities that each provider serves."""
        return Counter(last.provider for last in self.latest if last)

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
        values: list[Any] = [self.find_value(key, index) for index in range(count)]
        known = [index for index in named if values[index] is not None]
        known.sort(key=values.__getitem__, reverse=descending)  # stable, so that ties are sorted by name
        return known + [index for index in named if values[index] is None]

    def find_value(self, key: str, index: int) -> SortValue:
        """Return what the order *key* compares of a city; None for the orders by id and by name."""
        if key == "state":
            return STATE_ORDER.index(self.states[index])
        last = self.latest[index]
        return _VALUES[key](last) if last and key in _VALUES else None


def make_snapshot(
    cities: tuple[City, ...], states: Sequence[CityState], latest: Sequence[Observation | None]
) -> ListSnapshot:
    """Return a snapshot of cities that are sorted by id."""
    names = [fold_search(city.name) for city in cities]
    return ListSnapshot(cities, names, _sort_names(names), states, latest)


def _sort_names(names: Sequence[str]) -> list[int]:
    return sorted(range(len(names)), key=names.__getitem__)  # among equals by id


class _Scan(NamedTuple):
    """What a scan of the list has found, when it ended (monotonic clock), and how many seconds it took."""

    snapshot: ListSnapshot
    overview: OverviewModel
    ended: float
    cost: float


class CityIndex:
    """The current snapshot of the list, and the overview of it. A long list is scanned at most a tenth of the time.

    That happens in a thread. *summarize* returns the overview of a snapshot and of the edition of its list.
    """

    def __init__(self, status: DaemonStatus, summarize: Callable[[ListSnapshot, int], OverviewModel]) -> None:
        self._status = status
        self._summarize = summarize
        self._scan: _Scan | None = None
        self._renewal: asyncio.Task[_Scan] | None = None
        # Of the list at its first use
        self._names: tuple[Sequence[City], Sequence[str], Sequence[int]] = ((), (), ())
        self._lock = asyncio.Lock()
        self._list: Sequence[City] = ()
        self.edition = 0  # how many lists there have been since the start

    async def read(self) -> ListSnapshot:
        """Return a snapshot that is as new as its cost permits; of a long list, one that is at most a minute old."""
        return (await self._find_scan()).snapshot

    async def read_overview(self) -> OverviewModel:
        """Return the overview of that snapshot."""
        return (await self._find_scan()).overview

    async def run(self, call: Callable[[], _T]) -> _T:
        """Return the result of a scan of the list, in a thread if the list is long."""
        return call() if len(self._status.own_cities) <= _SMALL_LIST else await asyncio.to_thread(call)

    async def _find_scan(self) -> _Scan:
        scan = self._scan
        if scan is None or not self._is_usable(scan):
            # A reader who gives up, as another node does after two seconds, must not stop a scan that takes longer
            scan = await asyncio.shield(self._start_renewal())
            return scan if self._is_current(scan) else await asyncio.shield(self._start_renewal())
        if self._is_old(scan):
            self._start_renewal()
        return scan

    def _start_renewal(self) -> asyncio.Task[_Scan]:
        """Return the running renewal, or start one."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="renew the snapshot of the list")
        return self._renewal

    async def _renew(self) -> _Scan:
        async with self._lock:
            scan = self._scan
            if scan is None or not self._is_current(scan) or self._is_old(scan):
                self._scan = scan = await self.run(self._take)
            return scan

    def _is_current(self, scan: _Scan) -> bool:
        return scan.snapshot.cities is self._status.own_cities

    def _is_usable(self, scan: _Scan) -> bool:
        """Return whether a scan may be used while a newer one is made; a short list is scanned at once."""
        is_long = len(scan.snapshot.cities) > _SMALL_LIST
        is_recent = time.monotonic() - scan.ended < _MAX_AGE if is_long else not self._is_old(scan)
        return is_recent and self._is_current(scan)

    @staticmethod
    def _is_old(scan: _Scan) -> bool:
        min_age = _MIN_AGE if len(scan.snapshot.cities) > _SMALL_LIST else 0.0
        return time.monotonic() - scan.ended > max(_REUSE * scan.cost, min_age)

    def _take(self) -> _Scan:
        began, status, cities = time.monotonic(), self._status, self._status.own_cities
        if self._list is not status.cities:
            self._list = status.cities
            self.edition += 1
        if self._names[0] is not cities:
            names = [fold_search(city.name) for city in cities]
            self._names = cities, names, _sort_names(names)
        now = status.now().timestamp()
        states = [status.state_at(now, city.id) for city in cities]
        latest = [status.latest.get(city.id) for city in cities]
        snapshot = ListSnapshot(*self._names, states, latest)
        overview = self._summarize(snapshot, self.edition)
        ended = time.monotonic()
        return _Scan(snapshot, overview, ended, ended - began)
