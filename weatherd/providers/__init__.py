"""Weather services, and the contract for plug-ins that add one.

An entry point of the group ``weatherd.providers`` has the provider's name (``open-meteo``) and refers to a function::

    def open_provider(settings: Settings, resources: Resources) -> AbstractAsyncContextManager[Provider]: ...

It is called in the event loop, once at each start of the daemon and of each command that polls. If a required setting
is missing, it raises ConfigError: the rows of the list that name the provider are then quarantined, and the daemon does
not start if the setting ``providers`` names it. The context manager is exited when the daemon stops.

The function, or its module, may have these attributes: ``provider_traits`` (:class:`ProviderTraits`), and the models
``settings_model`` and ``city_model`` (:mod:`weatherd.config.plugin_models`).

All of these, :class:`Provider`, the fields of :class:`Resources`, the HTTP functions that docs/plugins.md names, and
:mod:`weatherd.providers.kit` are stable; new optional members may be added. Everything else in this package serves the
built-in providers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from weatherd.freshness import DEFAULT_AGE_BUDGET
from weatherd.quota.plans import UNLIMITED, check_count, check_trait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.errors import ProviderError
    from weatherd.http.session import Session
    from weatherd.journal.key_value import KeyValueStore
    from weatherd.observation import Observation
    from weatherd.providers.past import PastTraits
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.plans import Plan


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources that weatherd provides to a provider, in addition to the settings."""

    session: Session
    """The HTTP session, shared by all providers; pass it to :func:`weatherd.http.client.get`."""

    limiter: RateLimiter
    """The provider's own rate limiter. Send each request, and parse its response, inside ``limiter.run(send)``, which
    keeps within the quota, and pauses the provider depending on the ProviderErrors that *send* raises."""

    key_values: KeyValueStore
    """The provider's own store of texts that survive a restart. They may be outdated or damaged: validate them."""

    now: Callable[[], datetime]
    """Returns the current time, aware and in UTC."""


@dataclass(frozen=True, slots=True)
class ProviderTraits:
    """The properties of a weather service: its plan, concurrency, age budget, and what it has of the past.

    A plug-in states it as ``provider_traits``, an attribute of its opening function or of the module that defines it:
    a value of this class, or a function that takes the settings and returns one. Without it, the defaults apply.

    Raises ValueError for a value out of range.
    """

    plan: Plan = UNLIMITED  # for the rate limiter, the planner and ``weatherd check``
    concurrency: int = 10  # requests in flight
    max_age: float = DEFAULT_AGE_BUDGET  # seconds; older observations are stale
    past: PastTraits | None = None  # of a provider that has fetch_past; see :class:`PastProvider`

    def __post_init__(self) -> None:
        check_count("concurrency", self.concurrency)
        rule = "a finite number of seconds above 0"
        check_trait("max_age", self.max_age, rule, valid=0 < self.max_age < math.inf)


class Provider(Protocol):
    """A client of a weather service."""

    async def fetch(self, city: City) -> Observation:
        """Return an observation of *city*, in the units of :class:`~weatherd.observation.Observation`.

        ``fetch`` is called for many cities concurrently, each time in a task of its own, and may be cancelled at any
        moment. It has to end without outside help: requests have a deadline, and only ``limiter.run`` may wait longer.

        Raises ProviderError, with a reason for the operator that holds no secret, if there is no current weather. Its
        ``failure`` decides what happens next: REJECTED, EMPTY and STALE concern this city alone, each of the others may
        pause the provider for all cities. Any other exception is logged as a bug of the provider. In both cases the
        city's next provider is polled.
        """
        ...


class PastProvider(Provider, Protocol):
    """A provider whose service still has observations of the past, which fill gaps in the journal."""

    async def fetch_past(self, city: City, since: datetime, until: datetime) -> Sequence[Observation]:
        """Return the observations of *city* from *since* to *until*, both in UTC, in any order.

        They mean the same as those of ``fetch``: ``precipitation`` is that of the hour before ``observed_at``. An empty
        sequence says that the service has none; what is outside of the time is ignored. The time is at most
        ``PastTraits.span`` long, so that one request is enough. It is called once at a time, and waits like ``fetch``
        for ``limiter.run``. Raises ProviderError.
        """
        ...


class BatchPastProvider(PastProvider, Protocol):
    """A provider whose service has the past of several cities in one response; see ``PastTraits.cities``."""

    async def fetch_past_batch(
        self, cities: Sequence[City], since: datetime, until: datetime
    ) -> Sequence[Sequence[Observation] | ProviderError]:
        """Return for each of *cities*, from 2 to ``PastTraits.cities``, what ``fetch_past`` returns or raises.

        Each city counts as one call. Raises ProviderError if there is nothing for any of them.
        """
        ...
