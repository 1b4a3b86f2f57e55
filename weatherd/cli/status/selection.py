"""The cities that a reader asks for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.cli.lookup import find_watched_city
from weatherd.cli.options import format_tags, require_tagged
from weatherd.daemon.status import CityState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.cli.client import Client
    from weatherd.web.schemas import CityModel

_USUAL_LIMIT = 50  # rows, about what a person reads


@dataclass(frozen=True, slots=True)
class CitySelection:
    """Cities by name or id, or by tag and state. *limit* is the one that the reader asked for."""

    names: Sequence[str]
    tags: Mapping[str, str]
    state: str | None
    limit: int | None

    @property
    def tags_text(self) -> str:
        """The tags as a text: ``region=north and tier=1``."""
        return format_tags(self.tags)

    @property
    def is_narrowed(self) -> bool:
        """Whether these are not all cities of the list."""
        return bool(self.names or self.tags or self.state)

    @property
    def row_limit(self) -> int | None:
        """The maximum number of rows of a table; None for all: whoever selects cities wants to see them."""
        return self.limit or (None if self.is_narrowed else _USUAL_LIMIT)

    async def fetch(self, client: Client, limit: int | None) -> list[CityModel]:
        """Return at most *limit* cities, those with problems first. Raises ArgumentError for an unknown name or tag."""
        found: list[CityModel]
        if self.names:
            named = [await find_watched_city(client, name) for name in self.names]
            found = [city for city in named if self._matches(city)]
        else:
            listed = client.list_cities(self.tags, state=self.state, sort="state", limit=limit)
            found = [city async for city in listed]
        if self.state is None:
            require_tagged(found, self.tags)
        return found[:limit]

    async def count(self, client: Client, cities: Sequence[CityModel]) -> Counter[str]:
        """Return the number of selected cities by state; *cities* are those that :meth:`fetch` has returned."""
        if self.names or self.limit is None or len(cities) < self.limit:
            return Counter(str(city.state) for city in cities)
        states = [self.state] if self.state else list(CityState)
        return Counter({str(state): await client.count_cities(self.tags, state) for state in states})

    def _matches(self, city: CityModel) -> bool:
        return self.state in (None, city.state) and self.tags.items() <= city.tags.items()
