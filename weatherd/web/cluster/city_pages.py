"""Pages of the list of cities, from this node's part and those of the others."""

from __future__ import annotations

import asyncio
import bisect
import operator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from weatherd.cluster.lease import shard_of
from weatherd.daemon.status import CityState
from weatherd.web.cluster.city_order import SortedCity
from weatherd.web.cluster.nodes import encode_query
from weatherd.web.cluster.parts import PagePart, find_page_part, format_cursor, merge_parts, select_cities
from weatherd.web.cluster.silent_cities import SilentCities, explain_silence, serialize_silent
from weatherd.web.page.city_index import STATE_ORDER, fold_search
from weatherd.web.query_models import MAX_IDS, CitiesQuery
from weatherd.web.schemas import CitiesPage
from weatherd.web.serializers import serialize_city

if TYPE_CHECKING:
    from weatherd.cluster.member import ClusterMember
    from weatherd.daemon.status import DaemonStatus
    from weatherd.web.cluster.nodes import Answers, OtherNodes
    from weatherd.web.page.city_index import CityIndex, ListSnapshot

PART_PATH = "/-/cluster/cities"
_CITY_ID = operator.attrgetter("id")


class CityPages:
    """Pages of the list. No node is asked for more than a page."""

    def __init__(self, status: DaemonStatus, member: ClusterMember, nodes: OtherNodes, index: CityIndex) -> None:
        self._status = status
        self._member = member
        self._nodes = nodes
        self._index = index
        self._silent = SilentCities(member)

    async def find_own_part(self, query: CitiesQuery, cursor: SortedCity | None) -> PagePart:
        """Return this node's part of a page."""
        snapshot = await self._index.read()
        found = await self._index.run(lambda: find_page_part(snapshot, query, cursor))
        return found.build(lambda index: serialize_city(snapshot.cities[index], self._status))

    async def find_cities(self, query: CitiesQuery) -> CitiesPage:
        """Return a page of the whole list; the cities of nodes that do not answer are waiting."""
        if query.name is not None:
            query = await self._choose_named(query)
            if not query.id:
                return CitiesPage(cities=[], next=None, total=0, first=0)
        cursor = await self._find_cursor(query)
        own, answers = await asyncio.gather(
            self.find_own_part(query, cursor), self._nodes.ask(_make_path(query, cursor), PagePart)
        )
        parts = [own, *_select_answered(answers)]
        if silent := await self.read_silent(answers):
            parts.append(await _find_silent_part(silent, answers, query, cursor))
        return merge_parts(parts, query)

    async def read_silent(self, answers: Answers[Any]) -> ListSnapshot | None:
        """Return the cities about which nobody has answered; None if there are none."""
        missing = answers.find_missing() if answers.view.shard_count else None  # None: all, before it has joined
        return None if missing == frozenset() else await self._silent.read(missing, self._status.cities)

    async def _choose_named(self, query: CitiesQuery) -> CitiesQuery:
        """Return the query with the ids of the cities that have its name, because every node has all names."""
        await self._status.registry.index_names()
        ids = [city.id for city in self._status.registry.find_by_name(query.name or "")]
        wanted = set(query.id.split(",")) if query.id else set(ids)
        chosen = [city_id for city_id in ids if city_id in wanted][:MAX_IDS]
        return query.model_copy(update={"name": None, "id": ",".join(chosen)})

    async def _find_cursor(self, query: CitiesQuery) -> SortedCity | None:
        """Return the city after which a page begins; its value in an order by values is asked from its node.

        A city that was removed has the place of the one before it in the list.
        """
        cities = self._status.cities
        place = bisect.bisect_right(cities, query.after, key=_CITY_ID) - 1 if query.after else -1
        if place < 0:
            return None
        city = cities[place]
        key = SortedCity(city.id, fold_search(city.name), None)
        return key if query.sort in {None, "id", "name"} else await self._find_value(key, query)

    async def _find_value(self, key: SortedCity, query: CitiesQuery) -> SortedCity:
        lookup = CitiesQuery(id=key.id, sort=query.sort, limit=1)
        owner = self._member.view().owner_of(key.id)
        answers = await self._nodes.ask(_make_path(lookup, None), PagePart, [owner.id] if owner else [])
        parts = [await self.find_own_part(lookup, None), *answers.models]
        waiting = STATE_ORDER.index(CityState.WAITING) if query.sort == "state" else None
        return next((part.keys[0] for part in parts if part.keys), key._replace(value=waiting))


async def _find_silent_part(
    snapshot: ListSnapshot, answers: Answers[PagePart], query: CitiesQuery, cursor: SortedCity | None
) -> PagePart:
    found = await asyncio.to_thread(find_page_part, snapshot, query, cursor)
    cities = [snapshot.cities[index] for index in found.indexes]
    reasons = {city.id: explain_silence(city.id, answers.view, answers.problems) for city in cities}
    return found.build(lambda index: serialize_silent(snapshot.cities[index], reasons[snapshot.cities[index].id]))


def _select_answered(answers: Answers[PagePart]) -> list[PagePart]:
    """Return the parts with only those cities that their nodes poll."""
    count = answers.view.shard_count
    return [
        select_cities(answer.model, lambda city_id, shards=answer.shards: shard_of(city_id, count) in shards)  # type: ignore[misc]
        for answer in answers.given
    ]


def _make_path(query: CitiesQuery, cursor: SortedCity | None) -> str:
    place = f"&{urlencode({'cursor': format_cursor(cursor)})}" if cursor else ""
    return f"{PART_PATH}?{encode_query(query.model_copy(update={'after': None, 'name': None}))}{place}"
