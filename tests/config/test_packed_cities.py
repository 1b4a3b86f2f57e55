"""The packed list: in every respect the same cities as objects, in less memory."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.config.lists.packed_cities import PackedCities, PackedCitiesById
from weatherd.text.auto_interval import parse_interval


def _city(number: int, shift: int, interval: float, tag: str) -> City:
    return City(
        name=f"Ort {number} – Ö",
        lat=number / 7 + shift,
        lon=-number / 3,
        id=f"id-{number}",
        interval=interval,
        providers=("open-meteo", "met-norway")[: shift + 1],
        altitude=12.5 if shift else None,
        tags=(("region", tag),) if tag else (),
        timezone="Europe/Berlin" if shift else None,
    )


def _send(packed: PackedCities) -> PackedCities:
    received: PackedCities = pickle.loads(pickle.dumps(packed))  # noqa: S301 - our own
    return received


_cities = st.builds(
    _city, st.integers(0, 30), st.integers(0, 1), st.sampled_from([60.0, 600.0]), st.sampled_from(["", "süd"])
)
_lists = st.lists(_cities, max_size=25, unique_by=lambda city: city.id)


@given(_lists)
def test_a_packed_list_has_the_same_cities(cities: list[City]) -> None:
    """Sorted by id; by position, slice, iteration, id, and after a journey to another process."""
    listed = sorted(cities, key=lambda city: city.id)
    for packed in (PackedCities(cities), _send(PackedCities(cities))):
        assert list(packed) == listed
        assert [packed[index] for index in range(len(packed))] == listed
        assert packed[1:-1] == listed[1:-1]
        assert list(packed.ids()) == [city.id for city in listed]
        by_id = PackedCitiesById(packed)
        assert dict(by_id) == {city.id: city for city in listed}
        assert list(by_id.values()) == listed
        assert packed.find("id-5x") == -1
        assert by_id.get("missing") is None


@given(_lists, _lists)
def test_the_diff_of_packed_lists_is_that_of_the_objects(before: list[City], after: list[City]) -> None:
    """Whether one or both are packed: the same cities, removed, changed and added."""
    expected = diff(before, after)
    for old, new in (
        (PackedCities(before), PackedCities(after)),
        (before, PackedCities(after)),
        (PackedCities(before), after),
    ):
        found = diff(old, new)
        assert list(found.cities) == list(expected.cities)
        assert dict(found.removed_or_changed) == dict(expected.removed_or_changed)
        assert dict(found.added_or_changed) == dict(expected.added_or_changed)
        assert (found.added, found.removed, found.moved) == (expected.added, expected.removed, expected.moved)
        assert (found.unchanged, found.is_edited) == (expected.unchanged, expected.is_edited)


def test_an_interval_stays_automatic() -> None:
    """``interval: auto`` is not a plain number after the journey."""
    interval = parse_interval("auto 5m..1h")
    cities = [City(name="Kiel", lat=54.3, lon=10.1, interval=float(interval))]
    cities.append(City(name="Ulm", lat=48.4, lon=10.0, interval=interval))
    assert [type(city.interval) for city in PackedCities(cities)] == [float, type(interval)]


def test_a_packed_city_takes_less_than_a_hundred_bytes() -> None:
    """Objects take 400."""
    tracemalloc.start()
    try:
        packed = PackedCities(
            City(name=f"Place number {n}", lat=n / 1e4 - 60.00001, lon=n / 1e3 - 170.0001) for n in range(20_000)
        )
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(packed) == 20_000
    assert kept / len(packed) < 100


def test_a_position_outside_the_list_is_an_error() -> None:
    """As with any sequence."""
    with pytest.raises(IndexError):
        PackedCities([])[0]
