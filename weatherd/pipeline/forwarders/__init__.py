"""The contract of a forwarder plug-in, which delivers the journal to a destination.

An entry point in the group ``weatherd.forwarders`` names a function ``open_forwarder(settings, resources)``. It gets
the settings (:class:`weatherd.config.settings.Settings`) and :class:`ForwarderResources`, and returns a
:class:`Forwarder`, or None if the settings do not configure it. It raises :class:`weatherd.errors.ConfigError` if the
configuration is invalid or a library is missing: the daemon then does not start. Any other exception is logged as
``plugin.broken``, and the daemon runs without the forwarder.

weatherd itself batches, retries with back-off, bisects rejected batches, and saves how far it has delivered. A plug-in
only connects and delivers. The names and types in this module and the fields of
:class:`weatherd.observation.Observation` are stable; fields may be added at the end, with a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from weatherd.freshness import BUILT_IN_BUDGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.freshness import AgeBudgets
    from weatherd.http.session import Session
    from weatherd.journal.key_value import KeyValueStore
    from weatherd.journal.tables.alert_table import AlertEntry, SavedAlert
    from weatherd.observation import Observation
    from weatherd.official_warning import OfficialWarning


def know_nothing(_city_id: str) -> None:
    """Return that nothing is known of a city, because there is no daemon."""


def count_none(_city_id: str) -> int:
    """Return that a city was never taken over, because there is no other node."""
    return 0


def have_none() -> None:
    """Return that there is none, because there is no daemon."""


class AlertLookup(Protocol):
    """The alerts of the daemon as they are now."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force; another object after an edit."""

    @property
    def is_waiting(self) -> bool:
        """Whether the rules are not known, because their file had a mistake at the start."""

    @property
    def active(self) -> Mapping[str, Mapping[str, SavedAlert]]:
        """The alerts that are pending or firing, by city id and rule."""

    def is_unknown(self, city_id: str, rule: Rule) -> bool:
        """Return whether the condition of a rule is unknown for a city."""

    def read_values(self, city_id: str, rule_name: str) -> Mapping[str, float | str | bool | None]:
        """Return the values that the condition of a rule compares for a city, by name; None is unknown."""

    def may_deliver(self, entries: Iterable[AlertEntry]) -> bool:
        """Return whether this node may deliver events of alerts now, in a cluster."""

    async def record_sent(self, entries: Sequence[AlertEntry]) -> None:
        """Record that messages about changes of alerts were delivered now."""


class WarningLookup(Protocol):
    """The official warnings of the daemon as they are now."""

    def covers(self, city: City) -> bool:
        """Return whether the warnings of a city are requested from a service that covers it."""

    def find_in_force(self, city_id: str) -> Sequence[OfficialWarning] | None:
        """Return the warnings in force in a city, the most severe first; None before the first answer."""


@dataclass(frozen=True, slots=True)
class ForwarderResources:
    """The resources that weatherd provides to a forwarder."""

    session: Session  # the HTTP session of all forwarders; closed by weatherd
    key_values: KeyValueStore  # texts of this forwarder that survive a restart
    # The current list, in a cluster that of the cities that this node polls; the same object until it changes
    cities: Callable[[], Sequence[City]]
    now: Callable[[], datetime]  # the current time, aware and in UTC
    budgets: AgeBudgets = BUILT_IN_BUDGETS  # the ages above which observations are stale
    latest: Callable[[str], Observation | None] = (
        know_nothing  # a city's latest observation where it is now, by city id
    )
    find_city: Callable[[str], City | None] = know_nothing  # the city with an id, if it is listed now
    alerts: Callable[[], AlertLookup | None] = have_none  # None: there are no alert rules
    warnings: Callable[[], WarningLookup | None] = have_none  # None: no official warnings are requested
    node: str = ""  # name of this node in a cluster
    count_takes: Callable[[str], int] = count_none  # how often this node has taken a city over, by city id


class Connection(Protocol):
    """A connection to the destination. One task uses it; calls never overlap."""

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:
        """Deliver a batch in order; the destination has stored it when this returns.

        Times are aware and in UTC, values in the units that :class:`~weatherd.observation.Observation` names. *key*
        is an idempotency key of ASCII letters, digits and ``-``. A batch that may already have arrived is delivered
        again with the same key, also after a crash. It may then lack observations that were revised since; these
        follow later. A revision has the identity (city, provider, station, observed_at) of an earlier observation.

        A call is cancelled after 30 s, which counts as a failure.

        Raises RejectedError if the destination permanently rejects this batch: it is bisected, and observations that
        are rejected alone are skipped and logged as ``forwarder.skipped``. Any other exception means that the
        destination cannot accept the batch now: the connection is closed, and the same batch is delivered over a new
        one after a back-off of up to 60 s, or after ``DeliveryError.retry_after`` seconds if that is longer. Raise
        DeliveryError or OSError with a message for the log; other exceptions are logged with a traceback.

        After five failures with ``DeliveryError.batch_suspected``, a timeout or an unexpected exception the batch is
        delivered in parts, to find an observation that fails always; see :mod:`weatherd.pipeline.forwarders.isolation`.
        """


class Forwarder(Protocol):
    """A destination and the way to connect to it.

    One whose ``connect()`` opens no connection may also have a method ``async def probe(self) -> str``, which
    ``weatherd check --online`` calls instead. It sends nothing that is stored, and returns what it found.
    """

    batch_size: int  # maximum number of observations in a call of deliver(), at least 1

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Open a connection; it is closed after the first error or when the daemon stops.

        It must open within 30 s. Raises DeliveryError or OSError if the destination is unavailable.
        """


def check_batch_size(forwarder: Forwarder) -> None:
    """Raise TypeError unless a plug-in's batch size is usable: with 0, every observation would be passed over."""
    size: object = forwarder.batch_size
    if not isinstance(size, int) or size < 1:
        raise TypeError(f"the forwarder's batch_size has to be an integer above 0, not {size!r}")
