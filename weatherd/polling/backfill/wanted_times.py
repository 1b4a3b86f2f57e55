"""The times of cities in which gaps are to be filled, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from weatherd.city import City
    from weatherd.polling.backfill.gaps import Gap

_GROUP = 100  # cities, as many as a request may have


class WantedTime(NamedTuple):
    """The time ``[since, until)``, POSIX, in which a city shall have no gaps."""

    city: City
    since: float
    until: float


def group_by_providers(cities: Iterable[City]) -> Iterator[Sequence[City]]:
    """Yield groups of cities that have the same providers, to fill their gaps together."""
    alike: defaultdict[Sequence[str], list[City]] = defaultdict(list)
    for city in cities:
        alike[city.providers].append(city)
    for found in alike.values():
        yield from (found[index : index + _GROUP] for index in range(0, len(found), _GROUP))


@dataclass(frozen=True, slots=True)
class FillReport:
    """What became of a city's gaps."""

    found: int  # gaps
    added: Mapping[str, int]  # observations by provider
    left: Sequence[Gap]
    reasons: Mapping[str, str]  # why a provider could not fill them
