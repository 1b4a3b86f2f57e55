"""Until when cities were polled before this node took them, so that it does not look for gaps before that."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weatherd.cluster.lease import shard_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.observation import LastObservation


class PolledPast:
    """The end of the polls before the last move of each shard: one time for all its cities, except for new ones."""

    def __init__(self) -> None:
        self._ends: dict[int, float] = {}  # POSIX times, by shard; minus infinity if all its cities are new
        self._new: set[str] = set()  # ids in the other shards

    def record(self, shards: Iterable[int], city_ids: Iterable[str], lasts: Iterable[LastObservation]) -> None:
        """Record the last observations of the cities of shards that are taken now. A city without one is new."""
        polled_at = {last.observation.city: last.observation.fetched_at.timestamp() for last in lasts}
        self._ends |= dict.fromkeys(shards, min(polled_at.values(), default=-math.inf))
        for city_id in city_ids:
            if polled_at and city_id not in polled_at:
                self._new.add(city_id)
            else:
                self._new.discard(city_id)

    def add_new(self, city_ids: Iterable[str]) -> None:
        """Record cities that were added to the list, or moved."""
        self._new.update(city_ids)

    def polled_until(self, city_id: str, shards: int) -> float:
        """Return the POSIX time until which a city was polled before; minus infinity if it was not."""
        return -math.inf if city_id in self._new else self._ends.get(shard_of(city_id, shards), -math.inf)
