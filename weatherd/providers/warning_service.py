"""The contract of the clients that request official warnings. They serve cities; the polling calls them in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.official_warning import OfficialWarning


class WarningAnswer(NamedTuple):
    """A good answer about the warnings of one place."""

    warnings: Sequence[OfficialWarning]
    problems: Sequence[str] = ()  # parts that could not be read: what is missing may still be in force
    is_partial: bool = False  # the zones of the place are not known yet: warnings by zone are missing


class WarningService(Protocol):
    """A client of a service's official warnings."""

    @property
    def interval(self) -> float:
        """Seconds from an answer about a place to the next request."""

    def covers(self, city: City) -> bool:
        """Return whether the service may have warnings of the city. An answer may show later that it has none."""

    def group(self, cities: Sequence[City]) -> Sequence[Sequence[City]]:
        """Return *cities* in groups, each for one call of :meth:`fetch`."""

    async def fetch(self, cities: Sequence[City]) -> Mapping[str, WarningAnswer]:
        """Return the answers about a group by city id; one that has no answer yet is omitted.

        Raises ProviderError if the request failed: REJECTED about a single city means that it is not covered.
        """

    async def prepare(self, cities: Sequence[City], seconds: float) -> None:
        """Look up what the next answers about a group need, for at most some *seconds*."""
