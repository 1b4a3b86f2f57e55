"""The cities of each shard, as positions in the list: the objects of other nodes' cities would fill the memory."""

from __future__ import annotations

import bisect
import hashlib
import operator
from array import array
from typing import TYPE_CHECKING

from weatherd.cluster.lease import shard_of
from weatherd.config.lists.packed_cities import PackedCities

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff


class ShardIndex:
    """A list of cities, sorted by id, that is divided into shards. It takes 6 bytes a city."""

    def __init__(self, cities: Sequence[City], of_position: array[int], shards: int, digest: int) -> None:
        self.cities = cities
        self.digest = digest  # equal for equal lists, see digest_city()
        self._of_position = of_position  # the shard of each city
        self._positions = [array("I") for _ in range(shards)]  # of the cities of each shard
        for position, shard in enumerate(of_position):
            self._positions[shard].append(position)

    @property
    def shards(self) -> int:
        """The number of all shards."""
        return len(self._positions)

    def cities_of(self, shards: Iterable[int]) -> list[City]:
        """Return the cities of shards; those of a packed list are built."""
        return [self.cities[position] for shard in shards for position in self._positions[shard]]

    def count_cities(self, shards: Iterable[int]) -> int:
        """Return the number of cities of shards."""
        return sum(len(self._positions[shard]) for shard in shards)

    def apply_diff(self, diff: CityListDiff) -> ShardIndex:
        """Return the index of the edited list, without a look at each unchanged city."""
        digest = self.digest
        for city in (*diff.removed_or_changed.values(), *diff.added_or_changed.values()):
            digest ^= digest_city(city)
        kept = _remove(self._of_position, _find_positions(self.cities, diff.removed))
        of_position = array("H")
        taken = 0
        for position in _find_positions(diff.cities, diff.added):
            count = position - len(of_position)
            of_position += kept[taken : taken + count]
            of_position.append(shard_of(diff.cities[position].id, self.shards))
            taken += count
        return ShardIndex(diff.cities, of_position + kept[taken:], self.shards, digest)


def divide_list(cities: Sequence[City], shards: int) -> ShardIndex:
    """Divide a list, sorted by id, into shards: 4 us a city."""
    of_position = array("H")
    digest = 0
    for city in cities:
        of_position.append(shard_of(city.id, shards))
        digest ^= digest_city(city)
    return ShardIndex(cities, of_position, shards, digest)


def digest_city(city: City) -> int:
    """Return a digest of what has to be equal on all nodes; the digest of a list is the XOR of those of its cities."""
    polled = f"{city.id} {city.lat} {city.lon} {city.interval} {city.providers}".encode()
    return int.from_bytes(hashlib.blake2b(polled, digest_size=8, person=b"list").digest())


def _find_positions(cities: Sequence[City], ids: Collection[str]) -> list[int]:
    """Return the positions of cities, which are in the list, in ascending order."""
    if isinstance(cities, PackedCities):
        return [cities.find(city_id) for city_id in sorted(ids)]
    return [bisect.bisect_left(cities, city_id, key=operator.attrgetter("id")) for city_id in sorted(ids)]


def _remove(values: array[int], positions: Iterable[int]) -> array[int]:
    kept = array("H")
    start = 0
    for position in positions:
        kept += values[start:position]
        start = position + 1
    return kept + values[start:]
