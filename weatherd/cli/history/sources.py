"""Where the past of cities is read: the journal, or in a cluster the table that all nodes write."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from weatherd.cli.lookup import find_journal
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, Problem
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime, tzinfo

    from weatherd.config.loader import Configuration
    from weatherd.journal.days.summary import Day
    from weatherd.observation import Observation

_NO_TABLE = (
    "weatherd: this is what this node recorded: the history of a city lies in the journals of several nodes. "
    "Set postgres.dsn on all nodes to have it in one table"
)


class HistorySource(Protocol):
    """What has recorded observations."""

    def list_cities(self) -> list[str]:
        """Return the ids of all cities with an observation or a day."""

    def has_city(self, city: str) -> bool:
        """Return whether there is an observation or a day of the city with this id."""

    def read_city(self, city: str, since: datetime, until: datetime) -> list[Observation]:
        """Return a city's observations in ``[since, until)``, in the order of ``observed_at``."""

    def read_days(self, city: str, zone: tzinfo, since: date, until: date) -> list[Day]:
        """Return a city's days with observations, from the date *since* to the one before *until*."""

    def iterate(
        self,
        since: datetime | None,
        until: datetime | None,
        cities: Sequence[str],
        report: Callable[[int], None] | None = None,
    ) -> Iterator[Observation]:
        """Yield the observations in ``[since, until)`` of *cities* (all if empty)."""

    def close(self) -> None:
        """Close the file or the connection."""


@contextlib.contextmanager
def open_history(configuration: Configuration) -> Iterator[HistorySource]:
    """Open the source. Raises StateError without a journal, and SharedTableError without the table of a cluster.

    Raises ConfigError if the driver of PostgreSQL is not installed.
    """
    settings = configuration.settings
    source: HistorySource
    if settings.cluster and settings.postgres and settings.postgres.dsn:
        from weatherd.cli.history.shared_table import SharedTable

        try:
            source = SharedTable(settings.postgres.dsn.get_secret_value())
        except ImportError:
            raise ConfigError(Problem("postgres", explain_missing_library("postgres"))) from None
    else:
        from weatherd.journal.reader import Reader

        if settings.cluster:
            print_text(_NO_TABLE, err=True)
        source = Reader(find_journal(configuration))
    with contextlib.closing(source):
        yield source
