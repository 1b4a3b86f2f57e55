"""Pages of the list: filters, search, order and cursors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.daemon.status import CityState
from weatherd.observation import Observation
from weatherd.web.page.city_index import SORT_KEYS, ListSnapshot, fold_search
from weatherd.web.page.city_search import search_cities
from weatherd.web.query_models import CitiesQuery

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


_TAGS = {
    "München": (("land", "bayern"),),
    "Kiel": (("land", "sh"), ("sea", "baltic")),
    "Bad Kielen": (("land", "sh"),),
}


def _snapshot(*rows: tuple[str, float | None, CityState]) -> ListSnapshot:
    listed = [
        (City(name=name, lat=0.0, lon=0.0, tags=_TAGS.get(name, ())), value, state) for name, value, state in rows
    ]
    ordered = sorted(listed, key=lambda row: row[0].id)
    sorted_cities = tuple(city for city, _, _ in ordered)
    latest = [
        Observation(city.id, "fake", _NOW, _NOW, value, "rain", wind_speed=value) if value is not None else None
        for city, value, _ in ordered
    ]
    names = [fold_search(city.name) for city in sorted_cities]
    by_name = sorted(range(len(names)), key=names.__getitem__)
    return ListSnapshot(sorted_cities, names, by_name, [row[2] for row in ordered], latest)


def _find(snapshot: ListSnapshot, **query: Any) -> list[str]:
    found = search_cities(snapshot, CitiesQuery(**query))
    return [snapshot.cities[index].name for index in found.indexes]


_LIST = (("München", -1.0, CityState.FRESH), ("Kiel", 6.0, CityState.STALE), ("Bad Kielen", None, CityState.DOWN))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"search": "munchen"}, ["München"]),
        ({"search": "MÜNCHEN"}, ["München"]),
        ({"search": "kiel"}, ["Kiel", "Bad Kielen"]),  # a whole name comes first
        ({"search": "paris"}, []),
        ({"state": CityState.DOWN}, ["Bad Kielen"]),
        ({"id": "kiel,munchen"}, ["Kiel", "München"]),
        ({"tag": "land=bayern"}, ["München"]),
        ({"tag": "land=sh,sea=baltic"}, ["Kiel"]),
        ({"tag": "land=sh"}, ["Bad Kielen", "Kiel"]),
        ({"tag": "land=hessen"}, []),
        ({"warmer": -2.0, "colder": 6.0}, ["München"]),
        ({"sort": "name"}, ["Bad Kielen", "Kiel", "München"]),
        ({"sort": "temperature"}, ["München", "Kiel", "Bad Kielen"]),
        ({"sort": "temperature", "descending": True}, ["Kiel", "München", "Bad Kielen"]),  # no value: last again
        ({"sort": "state"}, ["Bad Kielen", "Kiel", "München"]),  # the worst first
    ],
)
def test_filters_and_orders(query: dict[str, Any], names: list[str]) -> None:
    """A page has the cities that a query selects, in its order."""
    assert _find(_snapshot(*_LIST), **query) == names


_ROWS = st.lists(
    st.tuples(
        st.text("abcäß", min_size=1, max_size=3),
        st.none() | st.sampled_from([-5.0, 0.0, 5.0]),
        st.sampled_from(list(CityState)),
    ),
    unique_by=lambda row: City(name=row[0], lat=0.0, lon=0.0).id,
    max_size=12,
)


def test_weather_is_sorted_by_its_code() -> None:
    """From a clear sky to thunderstorms, whatever words the services have; weather without a code is last."""
    snapshot = _snapshot(*((name, 1.0, CityState.FRESH) for name in "abcd"))
    weather = [("thunderstorm", 95), ("odd", None), ("slight rain", 61), ("sky is clear", 0)]
    latest = [
        last._replace(description=description, code=code)
        for last, (description, code) in zip(snapshot.latest, weather, strict=True)
        if last
    ]
    assert _find(replace(snapshot, latest=latest), sort="weather") == ["d", "c", "a", "b"]


@given(rows=_ROWS, key=st.sampled_from(SORT_KEYS), descending=st.booleans(), limit=st.integers(1, 5))
def test_pages_are_the_whole_list(*, rows: list[Any], key: str, descending: bool, limit: int) -> None:
    """The pages that cursors lead to have each city once, forwards and backwards, in every order."""
    snapshot = _snapshot(*rows)
    everything = _find(snapshot, sort=key, descending=descending, limit=1000)
    pages: list[list[int]] = []
    cursors: list[str | None] = [None]
    while len(pages) < len(cursors):
        found = search_cities(snapshot, CitiesQuery(sort=key, descending=descending, limit=limit, after=cursors[-1]))
        assert found.total == len(rows)
        assert found.first == sum(map(len, pages))
        if pages:
            assert (found.previous or None) == cursors[len(pages) - 1]
        pages.append(list(found.indexes))
        if found.next is not None:
            cursors.append(found.next)
    assert [snapshot.cities[index].name for page in pages for index in page] == everything
    assert len(everything) == len(rows)
