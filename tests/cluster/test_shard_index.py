"""The positions of the cities of each shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.cluster.lease import shard_of
from weatherd.cluster.shards.shard_index import divide_list
from weatherd.config.diff import diff
from weatherd.config.lists.packed_cities import PackedCities

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARDS = 5

_cities = st.builds(
    lambda number, lat: City(name=f"Ort {number}", lat=lat, lon=1.0), st.integers(0, 40), st.sampled_from([1.0, 2.0])
)
_lists = st.lists(_cities, max_size=30, unique_by=lambda city: city.id)


@given(_lists, _lists, st.booleans(), st.booleans())
def test_an_edited_list_has_the_index_of_a_new_one(
    before: Sequence[City],
    after: Sequence[City],
    was_packed: bool,  # noqa: FBT001 - drawn
    is_packed: bool,  # noqa: FBT001 - drawn
) -> None:
    """With any cities added, removed and changed, packed or not; the digest depends on the list alone."""
    old = diff((), PackedCities(before) if was_packed else before).cities
    change = diff(old, PackedCities(after) if is_packed else after)
    edited, new = divide_list(old, SHARDS).apply_diff(change), divide_list(change.cities, SHARDS)
    for shard in range(SHARDS):
        listed = [city for city in sorted(after, key=lambda city: city.id) if shard_of(city.id, SHARDS) == shard]
        assert edited.cities_of([shard]) == new.cities_of([shard]) == listed
        assert edited.count_cities([shard]) == len(listed)
    assert edited.count_cities(range(SHARDS)) == len(after)
    assert edited.digest == new.digest
    assert edited.shards == SHARDS


@pytest.mark.parametrize(
    "other", [City(name="Ulm", lat=48.5, lon=10.0), City(name="Ulm", lat=48.4, lon=10.0, interval=60.0)]
)
def test_another_place_or_interval_is_another_digest(other: City) -> None:
    """So that a node with another list is noticed."""
    assert divide_list([City(name="Ulm", lat=48.4, lon=10.0)], 1).digest != divide_list([other], 1).digest
