"""Pages of the list from parts: each node finds its own cities around a cursor, and one node merges them. Pure."""

from __future__ import annotations

import bisect
import json
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from weatherd.web.cluster.city_order import SortedCity, make_sort_key
from weatherd.web.page.city_search import filter_ranks
from weatherd.web.query_models import CitiesQuery
from weatherd.web.schemas import CitiesPage, CityModel, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.web.page.city_index import ListSnapshot

_CURSOR = TypeAdapter(SortedCity)


def parse_cursor(text: str) -> SortedCity:
    """Return the city in the cursor of a :class:`PartQuery`. Raises ValueError."""
    try:
        return _CURSOR.validate_json(text)
    except ValidationError:
        raise ValueError("should be a JSON list of id, name and value") from None


def format_cursor(city: SortedCity) -> str:
    """Return the form of a city that :func:`parse_cursor` parses."""
    return json.dumps(list(city), ensure_ascii=False)


def _check_cursor(text: str) -> str:
    parse_cursor(text)
    return text


class PartQuery(CitiesQuery):
    """Filters for one node's part of a page of cities."""

    cursor: Annotated[
        str | None,
        AfterValidator(_check_cursor),
        Field(
            max_length=2000,
            description="Only cities after this one, which may be another node's: JSON of its id, name and value",
        ),
    ] = None


class PagePart(Model):
    """One node's part of a page of cities: its cities after the cursor, and the place of the cursor among its own."""

    cities: Annotated[list[CityModel], Field(description="The first ones after the cursor, at most `limit`")]
    keys: Annotated[list[SortedCity], Field(description="What the order compares of them")]
    before: Annotated[list[SortedCity], Field(description="The last ones up to the cursor, at most `limit` + 1")]
    first: Annotated[int, Field(ge=0, description="Number of its cities up to the cursor")]
    total: Annotated[int, Field(ge=0, description="Number of its cities that match")]


class FoundPart(NamedTuple):
    """A part of a page, with the cities as indexes of the snapshot."""

    indexes: list[int]
    keys: list[SortedCity]
    before: list[SortedCity]
    first: int
    total: int

    def build(self, serialize: Callable[[int], CityModel]) -> PagePart:
        """Return the part with the cities."""
        return PagePart(
            cities=[serialize(index) for index in self.indexes],
            keys=self.keys,
            before=self.before,
            first=self.first,
            total=self.total,
        )


def find_page_part(snapshot: ListSnapshot, query: CitiesQuery, cursor: SortedCity | None) -> FoundPart:
    """Return the cities of a snapshot after *cursor*, which need not be in it; from the first one without a cursor."""
    sort = query.sort or "id"
    order, make_key = snapshot.order(sort, descending=query.descending), make_sort_key(query)
    ranks = filter_ranks(snapshot, order, query)

    def describe(rank: int) -> SortedCity:
        index = order[rank]
        return SortedCity(snapshot.cities[index].id, snapshot.names[index], snapshot.find_value(sort, index))

    if query.search:
        ranks.sort(key=lambda rank: make_key(describe(rank)))
    first = bisect.bisect_right(ranks, make_key(cursor), key=lambda rank: make_key(describe(rank))) if cursor else 0
    page = ranks[first : first + query.limit]
    return FoundPart(
        indexes=[order[rank] for rank in page],
        keys=[describe(rank) for rank in page],
        before=[describe(rank) for rank in ranks[max(0, first - query.limit - 1) : first]],
        first=first,
        total=len(ranks),
    )


def merge_parts(parts: Sequence[PagePart], query: CitiesQuery) -> CitiesPage:
    """Return the page of the whole list. A city that two nodes have, because it moves between them, counts once."""
    make_key = make_sort_key(query)
    entries = [(key, city) for part in parts for key, city in zip(part.keys, part.cities, strict=True)]
    entries.sort(key=lambda entry: make_key(entry[0]))
    cities = list({city.id: city for _, city in entries}.values())
    page = cities[: query.limit]
    first, total = sum(part.first for part in parts), sum(part.total for part in parts)
    has_more = len(cities) > len(page) or any(part.total - part.first > len(part.cities) for part in parts)
    before = sorted((key for part in parts for key in part.before), key=make_key)
    return CitiesPage(
        cities=page,
        next=page[-1].id if page and has_more else None,
        previous=_find_previous(before, query.limit) if first else None,
        total=total,
        first=first,
    )


def _find_previous(before: Sequence[SortedCity], limit: int) -> str:
    """Return the cursor of the previous page, or "" for the first one; *before* are the cities before a page."""
    return before[-limit - 1].id if len(before) > limit else ""


def select_cities(part: PagePart, accepts: Callable[[str], bool]) -> PagePart:
    """Return the part without the cities that *accepts* does not, because another node polls them."""
    chosen = [(key, city) for key, city in zip(part.keys, part.cities, strict=True) if accepts(city.id)]
    keys, cities = [key for key, _ in chosen], [city for _, city in chosen]
    total = part.total - len(part.cities) + len(cities)
    return part.model_copy(update={"keys": keys, "cities": cities, "total": total})
