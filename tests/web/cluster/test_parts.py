"""Pages that are merged from the parts of several nodes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.daemon.status import CityState
from weatherd.observation import Observation
from weatherd.web.cluster.city_order import SortedCity
from weatherd.web.cluster.parts import PagePart, find_page_part, format_cursor, merge_parts, parse_cursor, select_cities
from weatherd.web.page.city_index import SORT_KEYS, make_snapshot
from weatherd.web.page.city_search import search_cities
from weatherd.web.query_models import CitiesQuery
from weatherd.web.schemas import CityModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.web.page.city_index import ListSnapshot

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NAMES = st.sampled_from(["Aa", "aa", "Äa", "b aa", "Bab", "c"])
_OBSERVATIONS = st.none() | st.builds(
    lambda temperature, code, minutes: (temperature, code, minutes),
    st.sampled_from([-1.5, 0.0, 2.25]),
    st.none() | st.sampled_from([0, 61]),
    st.integers(0, 2),
)
_ROWS = st.lists(st.tuples(_NAMES, _OBSERVATIONS, st.sampled_from(CityState), st.integers(0, 3)), max_size=14)
_QUERIES = st.builds(
    CitiesQuery,
    sort=st.none() | st.sampled_from(SORT_KEYS),
    descending=st.booleans(),
    search=st.none() | st.sampled_from(["a", "aa", "x"]),
    state=st.none() | st.sampled_from(CityState),
    warmer=st.none() | st.just(0.0),
    limit=st.integers(1, 4),
)


def _observe(city: str, values: tuple[float, int | None, int]) -> Observation:
    temperature, code, minutes = values
    at = _NOW - timedelta(minutes=minutes)
    return Observation(city, "fake", at, at, temperature, "text", code, wind_speed=abs(temperature))


def _select(snapshot: ListSnapshot, indexes: Sequence[int]) -> ListSnapshot:
    cities = tuple(snapshot.cities[index] for index in indexes)
    return make_snapshot(
        cities, [snapshot.states[index] for index in indexes], [snapshot.latest[index] for index in indexes]
    )


def _find_part_of(snapshot: ListSnapshot, query: CitiesQuery, cursor: SortedCity | None) -> PagePart:
    def serialize(index: int) -> CityModel:
        city = snapshot.cities[index]
        return CityModel(
            id=city.id,
            name=city.name,
            lat=0.0,
            lon=0.0,
            state=snapshot.states[index],
            observation=None,
            next=None,
        )

    part = find_page_part(snapshot, query, cursor).build(serialize)
    assert len(part.cities) <= query.limit
    return PagePart.model_validate_json(part.model_dump_json())  # as another node gets it


@given(_ROWS, _QUERIES)
def test_merged_pages_are_those_of_one_node(
    rows: list[tuple[str, tuple[float, int | None, int] | None, CityState, int]], query: CitiesQuery
) -> None:
    """However a list is divided, each page, its cursors, its place and the total are those of the undivided list."""
    cities = tuple(City(id=f"c{index:02}", name=row[0], lat=0.0, lon=0.0) for index, row in enumerate(rows))
    latest = [row[1] and _observe(city.id, row[1]) for city, row in zip(cities, rows, strict=True)]
    whole = make_snapshot(cities, [row[2] for row in rows], latest)
    nodes = [_select(whole, [index for index, row in enumerate(rows) if row[3] == node]) for node in range(4)]
    for _ in range(len(rows) + 1):
        cursor = None
        if query.after:
            index = int(query.after[1:])
            value = whole.find_value(query.sort or "id", index)
            cursor = parse_cursor(format_cursor(SortedCity(query.after, whole.names[index], value)))
        merged = merge_parts([_find_part_of(node, query, cursor) for node in nodes], query)
        expected = search_cities(whole, query)
        assert [city.id for city in merged.cities] == [cities[index].id for index in expected.indexes]
        assert (merged.next, merged.previous) == (expected.next, expected.previous)
        assert (merged.total, merged.first) == (expected.total, expected.first)
        if merged.next is None:
            return
        query = query.model_copy(update={"after": merged.next})


def test_a_city_that_moves_between_two_nodes_is_shown_once() -> None:
    """For a moment both may have it."""
    city = City(id="kiel", name="Kiel", lat=0.0, lon=0.0)
    snapshot, query = make_snapshot((city,), [CityState.FRESH], [None]), CitiesQuery()
    part = _find_part_of(snapshot, query, None)
    assert [found.id for found in merge_parts([part, part], query).cities] == ["kiel"]
    assert merge_parts([select_cities(part, lambda _: False), part], query).total == 1


@pytest.mark.parametrize("text", ["", "[]", '["a"]', '{"id": 1}', '["a", "b", "c"]', '["a", "b", [1]]', "null"])
def test_a_cursor_of_another_form_is_rejected(text: str) -> None:
    """A cursor has an id, a name and a number, a pair or nothing."""
    with pytest.raises(ValueError, match="JSON list"):
        parse_cursor(text)
