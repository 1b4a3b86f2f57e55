"""The value that the daemon is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.daemon.systemd import no_notify

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.daemon.file_watch import Snapshot
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.pipeline.latest import LatestObservations
    from weatherd.pipeline.sinks import Sink
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.providers import Provider
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.planner import Planner


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the daemon works with, all of it open: :func:`weatherd.daemon.wiring.open_parts` makes it."""

    configuration: Configuration  # at the start
    load: Callable[[Iterable[City]], Configuration]  # loads it again; reuses the given cities where they are unchanged
    snapshot: Snapshot | None  # of the configuration's files, taken before they were read; None: do not watch them
    registry: CityRegistry  # empty: the daemon applies the configuration's list
    latest: LatestObservations
    planner: Planner
    providers: Mapping[str, Provider]
    sinks: Mapping[str, Sink]
    journal: Journal
    now: Callable[[], datetime]  # aware and in UTC
    random: random.Random
    limiters: Mapping[str, RateLimiter] = field(default_factory=lambda: MappingProxyType({}))  # by provider
    forwarders: Mapping[str, Forwarder] = field(default_factory=lambda: MappingProxyType({}))
    serve: Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None = None  # the HTTP interface
    notify: Callable[[str], None] = no_notify  # sends a message to systemd
    watchdog: float = 0.0  # seconds within which systemd expects a message; 0: it does not
