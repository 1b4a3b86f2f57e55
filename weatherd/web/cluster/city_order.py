"""The order of a page of cities as sort keys, so that the parts of several nodes can be merged. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.web.page.city_index import SortValue, fold_search
from weatherd.web.page.city_search import find_relevance

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.web.query_models import CitiesQuery


class SortedCity(NamedTuple):
    """What the orders compare of a city."""

    id: str
    name: str  # as fold_search() returns it
    value: SortValue  # None in the orders by id and by name


class _Descending:
    """A sort key in reverse order."""

    __slots__ = ("_key",)

    def __init__(self, key: Any) -> None:
        self._key = key

    def __lt__(self, other: _Descending) -> bool:
        return bool(other._key < self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self._key == other._key)

    __hash__ = None  # type: ignore[assignment]


def make_sort_key(query: CitiesQuery) -> Callable[[SortedCity], tuple[Any, ...]]:
    """Return the sort key of the order in which :func:`weatherd.web.page.city_search.search_cities` returns cities.

    That is the relevance for a search, then the wanted order; cities with the same value are sorted by name, and those
    without one come last in both directions.
    """
    sort, reverse = query.sort or "id", _Descending if query.descending else _keep
    text = fold_search(query.search) if query.search else None

    def make_key(city: SortedCity) -> tuple[Any, ...]:
        relevance = 0 if text is None else find_relevance(city.name, text)
        if sort == "id":
            return relevance, reverse(city.id)
        if sort == "name":
            return relevance, reverse((city.name, city.id))
        if city.value is None:
            return relevance, True, city.name, city.id
        return relevance, False, reverse(city.value), city.name, city.id

    return make_key


def _keep(key: Any) -> Any:
    return key
