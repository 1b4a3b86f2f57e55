"""Weather services. An entry point of ``weatherd.providers`` names a function that opens a provider.

The function takes the settings, the shared HTTP session and ``now``, which tells the time in UTC; it returns an
asynchronous context manager of the provider, and raises ConfigError when something that it needs is not set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.observation import Observation


class Provider(Protocol):
    """Fetches the current weather of a city.

    Many tasks call ``fetch`` at once, one for each city; a provider keeps to its own concurrency limit. A call ends
    by itself: whatever it waits for has a deadline. It may be cancelled at any moment.
    """

    async def fetch(self, city: City) -> Observation:
        """Return an observation, or raise ProviderError with a reason that a person understands."""
        ...
