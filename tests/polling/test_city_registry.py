"""The registry of cities: one owner of a sorted list, whose changes reach all subscribers in one step."""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.daemon import make_registry
from tests.support.fakes import BERLIN, KIEL, MUNICH
from weatherd.city import City
from weatherd.config.diff import CityListDiff, diff
from weatherd.config.lists.packed_cities import PackedCities
from weatherd.errors import Problem
from weatherd.polling.city_registry import CityRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CITIES = [City(name=name, lat=float(lat), lon=10.0) for name in "abcdefgh" for lat in (1, 2)]
LISTS = st.lists(st.lists(st.sampled_from(CITIES), unique_by=lambda city: city.id), max_size=6)


@given(LISTS)
def test_diffs_reproduce_the_list(lists: list[list[City]]) -> None:
    """The diffs, starting from an empty list, reproduce every list in any sequence of lists, packed or not."""
    registry = CityRegistry()
    known: dict[str, City] = {}

    def follow(change: CityListDiff) -> None:
        for city_id, city in change.removed_or_changed.items():
            assert known.pop(city_id) == city
        known.update(change.added_or_changed)

    registry.subscribe(follow)
    for number, cities in enumerate(lists):
        registry.apply(diff(registry.cities, PackedCities(cities) if number % 3 else cities))
        assert sorted(known.values(), key=lambda city: city.id) == list(registry.cities)
        assert set(registry.cities) == set(cities)


@given(st.lists(st.sampled_from(CITIES), unique_by=lambda city: city.id), st.sampled_from([list, PackedCities]))
def test_the_cities_are_sorted_and_found_by_id(
    cities: list[City], pack: Callable[[Sequence[City]], Sequence[City]]
) -> None:
    """The list is sorted by id; each city of it is found by its id, and no other."""
    registry = make_registry(pack(cities))
    assert [city.id for city in registry.cities] == sorted(city.id for city in cities)
    for city_id in "abcdefgh":
        expected = next((city for city in cities if city.id == city_id), None)
        assert registry.get(city_id) == expected
        assert registry.find_name(city_id) == (expected.name if expected else city_id)


def test_subscribers_are_called_in_order() -> None:
    """The planner, which subscribed first, is updated before the supervisor; both see the new list."""
    registry, calls = CityRegistry(), list[tuple[str, int]]()
    registry.subscribe(lambda _: calls.append(("planner", len(registry.cities))))
    registry.subscribe(lambda _: calls.append(("supervisor", len(registry.cities))))
    registry.apply(diff((), [KIEL, BERLIN]))
    assert calls == [("planner", 2), ("supervisor", 2)]


def test_an_unchanged_list_stays_the_same_tuple_of_objects() -> None:
    """Cities that are equal are not replaced when the list is made of the same objects."""
    registry = make_registry([KIEL, BERLIN])
    registry.apply(diff(registry.cities, [BERLIN, KIEL]))
    assert [city for city in registry.cities if city is not KIEL and city is not BERLIN] == []


@pytest.mark.parametrize("pack", [list, PackedCities])
def test_a_city_is_found_by_name_or_id_in_any_case(pack: Callable[[Sequence[City]], Sequence[City]]) -> None:
    """Names may be shared; neither case nor the Unicode form matters."""
    other = replace(KIEL, id="kiel-2", name="KIEL")
    registry = make_registry(pack([MUNICH, other, KIEL]))
    assert registry.find_by_name("kIEl") == [KIEL, other]
    assert registry.find_by_name("münchen") == registry.find_by_name("munchen") == [MUNICH]
    assert registry.find_by_name("kiel-2") == registry.find_by_name("KIEL-2") == [other]
    decomposed = unicodedata.normalize("NFD", "München")
    assert registry.find_by_name(decomposed) == [MUNICH]
    listed = make_registry(pack([replace(MUNICH, name=decomposed)]))
    assert [city.id for city in listed.find_by_name("MÜNCHEN")] == ["munchen"]
    assert registry.find_by_name("paris") == []


async def test_names_are_sorted_in_a_thread() -> None:
    """Names that were sorted before a change of the list are sorted again."""
    registry = make_registry([KIEL, BERLIN])
    for cities in ([BERLIN], [KIEL, MUNICH]):
        await registry.index_names()
        assert registry.find_by_name("kiel") == ([KIEL] if KIEL in registry.cities else [])
        indexing = asyncio.create_task(registry.index_names())
        await asyncio.sleep(0)
        registry.apply(diff(registry.cities, cities))
        await indexing
        assert registry.find_by_name("berlin") == ([BERLIN] if BERLIN in cities else [])


def test_renamed_cities_are_found_by_the_new_name() -> None:
    """The old name is no longer found."""
    registry = make_registry([KIEL])
    assert registry.find_by_name("Kiel") == [KIEL]
    renamed = replace(KIEL, name="Kiel-Holtenau")
    registry.apply(diff(registry.cities, [renamed]))
    assert registry.find_by_name("Kiel-Holtenau") == registry.find_by_name("kiel") == [renamed]


def test_quarantined_rows_are_those_of_the_last_list() -> None:
    """A list without bad rows leaves none quarantined."""
    registry, problem = CityRegistry(), Problem("cities.yaml:4:9", "'lat' should be at most 90, not 99")
    registry.apply(diff((), [KIEL]), [[problem]])
    assert registry.quarantined == [[problem]]
    registry.apply(diff([KIEL], [KIEL]))
    assert not registry.quarantined
