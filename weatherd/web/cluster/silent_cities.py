"""The cities of nodes that do not answer: what the list has of them, as waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.daemon.status import CityState
from weatherd.web.page.city_index import make_snapshot
from weatherd.web.schemas import CityModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.cluster.member import ClusterMember
    from weatherd.cluster.view import ClusterView
    from weatherd.web.page.city_index import ListSnapshot

_NOBODY = "no node polls it at the moment"
_NOT_JOINED = "this node has not joined the cluster yet, and does not know which node polls it"


class SilentCities:
    """Snapshots of the cities of shards that no node has answered for, of which the last one is kept."""

    def __init__(self, member: ClusterMember) -> None:
        self._member = member
        self._known: tuple[frozenset[int] | None, Sequence[City], ListSnapshot] | None = None
        self._lock = asyncio.Lock()

    async def read(self, shards: frozenset[int] | None, cities: Sequence[City]) -> ListSnapshot:
        """Return the cities of these shards, or all with None; *cities* is the current list. Collected in a thread."""
        async with self._lock:
            if self._known is None or self._known[0] != shards or self._known[1] is not cities:
                self._known = shards, cities, await asyncio.to_thread(self._collect, shards, cities)
            return self._known[2]

    def _collect(self, shards: frozenset[int] | None, listed: Sequence[City]) -> ListSnapshot:
        chosen = listed if shards is None else self._member.cities_of(shards)
        cities = tuple(sorted(chosen, key=lambda city: city.id))
        return make_snapshot(cities, [CityState.WAITING] * len(cities), [None] * len(cities))


def explain_silence(city_id: str, view: ClusterView, problems: Mapping[int, str]) -> str:
    """Return why nothing is known of a city; *problems* are those of the nodes that have not answered."""
    if not view.shard_count:
        return _NOT_JOINED
    owner = view.owner_of(city_id)
    if owner is None or owner.id not in problems:
        return _NOBODY
    return f"node {owner.name}, which polls it, does not answer: {problems[owner.id]}"


def serialize_silent(city: City, reason: str) -> CityModel:
    """Return what the list has of a city."""
    return CityModel(
        id=city.id,
        name=city.name,
        lat=city.lat,
        lon=city.lon,
        state=CityState.WAITING,
        observation=None,
        next=None,
        timezone=city.timezone,
        altitude=city.altitude,
        tags=dict(city.tags),
        failure=reason,
    )
