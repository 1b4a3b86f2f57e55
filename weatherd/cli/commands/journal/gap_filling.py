"""Filling of gaps by a command, in a process of its own. Its calls count towards the quotas of the daemon, too."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from weatherd.daemon.journal_care.gap_search import make_filler
from weatherd.daemon.wiring import open_for_command, utc_now
from weatherd.journal.journal import open_journal
from weatherd.journal.provider_state import open_provider_state
from weatherd.journal.state_folder import find_state_folder
from weatherd.polling.backfill.gap_filler import NO_PAST, NOTHING_MORE
from weatherd.polling.backfill.gaps import Gap
from weatherd.polling.backfill.wanted_times import WantedTime, group_by_providers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.polling.backfill.wanted_times import FillReport

_PART = timedelta(days=7)  # after which the progress bar moves


@dataclass(slots=True)
class CityResult:
    """What became of the gaps of a city."""

    city: City
    added: Counter[str] = field(default_factory=Counter)  # observations by provider
    left: list[Gap] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)  # why a provider could not fill them

    def add(self, report: FillReport) -> None:
        """Add the report of the next part of the time; a gap may go on in it."""
        self.added.update(report.added)
        for gap in report.left:
            if self.left and gap.begin <= self.left[-1].end:
                gap = Gap(self.left.pop().begin, gap.end)  # noqa: PLW2901
            self.left.append(gap)
        self.reasons |= report.reasons

    @property
    def has_failed(self) -> bool:
        """Whether gaps are left because a service did not answer."""
        return bool(self.left) and any(reason not in (NO_PAST, NOTHING_MORE) for reason in self.reasons.values())


def plan_parts(begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return the parts of a time, of at most a week, in their order."""
    bounds = [*itertools.takewhile(lambda bound: bound < end, (begin + n * _PART for n in itertools.count())), end]
    return list(itertools.pairwise(bounds))


async def fill_listed_gaps(
    configuration: Configuration,
    begins: Mapping[City, datetime],
    end: datetime,
    on_start: Callable[[Configuration], None],
    report: Callable[[int], None],
) -> Sequence[CityResult]:
    """Fill the gaps of cities from their begins to *end*, one group after another, the oldest first.

    *on_start* is called with the configuration whose cities can be polled, *report* with the number of parts done.
    Raises StateError if the journal cannot be used.
    """
    folder = find_state_folder(configuration.settings.state, configuration.file, os.environ)
    done = itertools.count(1)
    async with (
        open_journal(folder) as journal,
        open_provider_state(journal, utc_now) as state,
        open_for_command(configuration.settings, folder, state) as providers,
        journal.open_reader() as reader,
    ):
        configuration = providers.require_usable(configuration)
        on_start(configuration)
        providers.planner.update(configuration.cities)  # whose polls have precedence
        filler = make_filler(
            providers.usable,
            providers.pasts,
            providers.limiters,
            journal,
            providers.planner,
            utc_now,
            lambda: configuration.settings.quality,
        )
        results = {city: CityResult(city) for city in configuration.cities if city in begins}
        for group in group_by_providers(results):
            parts = {city: plan_parts(begins[city], end) for city in group}
            for index in range(max(map(len, parts.values()))):
                bounds = {city: found[index] for city, found in parts.items() if index < len(found)}
                wanted = [
                    WantedTime(city, since.timestamp(), until.timestamp()) for city, (since, until) in bounds.items()
                ]
                for city, filled in zip(bounds, await filler.fill(wanted, reader), strict=True):
                    results[city].add(filled)
                    report(next(done))
    return [*results.values()]
