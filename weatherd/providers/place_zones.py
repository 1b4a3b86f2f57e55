"""Zones of places, which only the service knows: each place is looked up once, and its zones are stored."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from weatherd.city import City
    from weatherd.providers import Resources

_KEPT_FOR = timedelta(days=30)  # because services change their zones now and then
_CONCURRENCY = 2  # requests; the rate limiter determines the pace, and the weather needs places too


@dataclass(slots=True)
class ZoneDirectory:
    """The zones of places by coordinates, in the key-value store of the service's warnings."""

    resources: Resources
    request_zones: Callable[[City], Awaitable[frozenset[str]]]
    """Requests the zones of a place. Raises ProviderError; with REJECTED, the service does not cover the place."""
    _failures: Counter[str] = field(default_factory=Counter)  # requests that failed, by coordinates
    _parsed: dict[str, frozenset[str]] = field(default_factory=dict)  # by stored text, because many places share zones

    def find(self, city: City) -> frozenset[str] | None:
        """Return the zones of a place: an empty set if the service does not cover it, None if they are unknown."""
        text = self.resources.key_values.get(_format_key(city))
        if text is None:
            return None
        if text not in self._parsed:
            try:
                zones = json.loads(text)
            except (ValueError, RecursionError):
                return None
            if not isinstance(zones, list) or not all(isinstance(zone, str) for zone in zones):
                return None
            self._parsed[text] = frozenset(zones)
        return self._parsed[text]

    async def complete(self, cities: Iterable[City], seconds: float) -> None:
        """Look up the zones that are unknown, for some seconds: those that have failed least often first.

        So a place for which the service has an error delays no other. Ends early while the service is paused.
        """
        unknown = [city for city in cities if self.find(city) is None]
        unknown.sort(key=lambda city: self._failures[_format_key(city)])
        waiting, end = iter(unknown), asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(_CONCURRENCY, len(unknown))):
                tasks.create_task(self._look_up(waiting, end))

    async def _look_up(self, waiting: Iterator[City], end: float) -> None:
        clock = asyncio.get_running_loop().time
        for city in waiting:
            if clock() >= end:
                return
            try:
                zones = await self.request_zones(city)
            except ProviderError as error:
                if error.failure is Failure.PAUSED:
                    return
                if error.failure is not Failure.REJECTED:
                    self._failures[_format_key(city)] += 1
                    continue
                zones = frozenset()
            text = json.dumps(sorted(zones))
            self.resources.key_values.put(_format_key(city), text, self.resources.now() + _KEPT_FOR)


def _format_key(city: City) -> str:
    return f"{city.lat:.4f},{city.lon:.4f}"
