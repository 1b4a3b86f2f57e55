"""Weather services. An entry point of ``weatherd.providers`` names a function that opens a provider.

The function takes the settings and the :class:`Resources` that are its own; it returns an asynchronous context manager
of the provider, and raises ConfigError when something that it needs is not set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.city import City
    from weatherd.http.session import Session
    from weatherd.journal.key_value import KeyValueStore
    from weatherd.observation import Observation
    from weatherd.quota.limiter import RateLimiter


@dataclass(frozen=True, slots=True)
class Resources:
    """What a provider works with."""

    session: Session  # shared by all providers; ``weatherd.http.get`` asks over it
    limiter: RateLimiter  # the provider's own; every request passes its ``run``, with all that understands the answer
    key_values: KeyValueStore  # the provider's own; keeps texts over restarts
    now: Callable[[], datetime]  # the time, aware and in UTC


class Provider(Protocol):
    """Fetches the current weather of a city.

    Many tasks call ``fetch`` at once, one for each city. A call ends by itself: whatever it waits for has a deadline,
    but for the gate, where it waits for its turn. It may be cancelled at any moment.
    """

    async def fetch(self, city: City) -> Observation:
        """Return an observation, or raise ProviderError with a reason that a person understands."""
        ...
