"""Pages of the list: filtered, searched and sorted."""

from __future__ import annotations

import bisect
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.web.page.city_index import fold_search
from weatherd.web.query_models import split_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from weatherd.web.page.city_index import ListSnapshot
    from weatherd.web.query_models import CitiesQuery

_city_id = operator.attrgetter("id")


@dataclass(frozen=True, slots=True)
class FoundCities:
    """A page of the list."""

    indexes: Sequence[int]  # of the cities on the page
    total: int  # cities on all pages
    first: int  # position of the first city among all, from 0
    previous: str | None  # cursor of the previous page: "" for the first page, None if this is the first
    next: str | None  # cursor of the next page


def search_cities(snapshot: ListSnapshot, query: CitiesQuery) -> FoundCities:
    """Return the page of a query."""
    order = snapshot.order(query.sort or "id", descending=query.descending)
    ranks = filter_ranks(snapshot, order, query)
    if query.search:
        ranks.sort(key=_make_relevance(snapshot, order, query.search))
        start = _find_after(snapshot, order, ranks, query.after)
    else:
        start = bisect.bisect_right(ranks, _find_rank(snapshot, order, query.after))
    page = ranks[start : start + query.limit]

    def cursor(position: int) -> str:
        return snapshot.cities[order[ranks[position]]].id if position >= 0 else ""

    end = start + len(page)
    return FoundCities(
        indexes=[order[rank] for rank in page],
        total=len(ranks),
        first=start,
        previous=cursor(start - query.limit - 1) if start else None,
        next=cursor(end - 1) if page and end < len(ranks) else None,
    )


def filter_ranks(snapshot: ListSnapshot, order: Sequence[int], query: CitiesQuery) -> list[int]:
    """Return the positions in *order* of the cities that a query selects. One loop a filter, because lists are long."""
    cities, names, latest = snapshot.cities, snapshot.names, snapshot.latest
    ranks = list(range(len(order)))
    if query.id:
        chosen = set(_find_indexes(snapshot, query.id.split(",")))
        ranks = [rank for rank, index in enumerate(order) if index in chosen]
    if query.state is not None:
        ranks = [rank for rank in ranks if snapshot.states[order[rank]] == query.state]
    if tags := split_tags(query.tag):
        ranks = [rank for rank in ranks if cities[order[rank]].has_tags(tags)]
    if query.search:
        text = fold_search(query.search)
        ranks = [rank for rank in ranks if text in names[order[rank]] or text in cities[order[rank]].id]
    if query.warmer is not None:
        ranks = [rank for rank in ranks if (last := latest[order[rank]]) and last.temperature >= query.warmer]
    if query.colder is not None:
        ranks = [rank for rank in ranks if (last := latest[order[rank]]) and last.temperature < query.colder]
    return ranks


def _find_indexes(snapshot: ListSnapshot, ids: Iterable[str]) -> Iterator[int]:
    """Yield the indexes of the cities that are in the list."""
    for city_id in ids:
        index = bisect.bisect_left(snapshot.cities, city_id, key=_city_id)
        if index < len(snapshot.cities) and snapshot.cities[index].id == city_id:
            yield index


def _make_relevance(snapshot: ListSnapshot, order: Sequence[int], search: str) -> Callable[[int], int]:
    """Return a sort key: the whole name, then the beginning of a name, then the beginning of a word, then the rest."""
    text = fold_search(search)

    def relevance(rank: int) -> int:
        return find_relevance(snapshot.names[order[rank]], text)

    return relevance


def find_relevance(name: str, text: str) -> int:
    """Return how well a name matches the text of a search, 0 for the best; both as fold_search() returns them."""
    if name == text:
        return 0
    return 1 if name.startswith(text) else 2 if f" {text}" in name else 3


def _find_rank(snapshot: ListSnapshot, order: Sequence[int], after: str | None) -> int:
    """Return the rank of a city, or -1. A city that was removed has the rank of the one before it in the list."""
    if not after:
        return -1
    index = bisect.bisect_right(snapshot.cities, after, key=_city_id) - 1
    return order.index(index) if index >= 0 else -1


def _find_after(snapshot: ListSnapshot, order: Sequence[int], ranks: Sequence[int], after: str | None) -> int:
    """Return the position behind a city among the results of a search, or 0."""
    positions = (place for place, rank in enumerate(ranks) if snapshot.cities[order[rank]].id == after)
    return next(positions, -1) + 1
