"""The latest observation of every city, in memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from weatherd.observation import OK, FetchedObservation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from weatherd.city import City
    from weatherd.config.diff import CityListDiff
    from weatherd.freshness import AgeBudgets
    from weatherd.observation import LastObservation, Observation
    from weatherd.pipeline.quality.control import QualityControl

log = structlog.get_logger()

_LOGGED_IDS = 10


class LatestObservations:
    """The latest observation of each city of the list.

    *saved* are the latest observations of an earlier run. A saved observation is used if its city is listed at the same
    coordinates. *budgets* are the ages up to which observations are fresh. *quality* judges new observations; None
    judges none.
    """

    def __init__(
        self, saved: Iterable[LastObservation], budgets: AgeBudgets, quality: QualityControl | None = None
    ) -> None:
        self.budgets = budgets
        self.quality = quality
        self.repeats: Counter[str] = Counter()  # observations that were nothing new, by provider
        self._latest: dict[str, Observation] = {}  # by city id
        self._saved = {last.observation.city: last for last in saved}  # of cities that are not listed yet
        self._edited: dict[str, City] = {}  # the cities that were added or moved since the start, by id
        self._is_started = False
        self.moved_in_stop: set[str] = set()  # ids of cities that are at another place than in the last run

    def record(self, batch: Iterable[FetchedObservation]) -> list[FetchedObservation]:
        """Record observations, in order, as the latest of their cities; return them flagged, for the journal and sinks.

        Each is flagged as newer than or identical to its city's previous one, and judged; a repeat keeps the quality of
        that one. One of a place that the city has left since is returned, but not recorded.
        """
        flagged, quality = [], self.quality
        for fetched in batch:
            city, observation, _, stale, _ = fetched
            is_here = not (self._edited and self.is_moved(city))
            previous = self._latest.get(city.id) if is_here else None
            follows = previous is not None and observation.follows(previous)
            repeat = not follows and previous is not None and observation.repeats(previous)
            if previous is not None and repeat:
                self.repeats[observation.provider] += 1
                if observation.quality != previous.quality:
                    observation = observation._replace(quality=previous.quality)
            elif quality and (found := quality.judge(observation, previous)) != OK:
                observation = observation._replace(quality=found)
            if is_here:
                self._latest[city.id] = observation
            flagged.append(FetchedObservation(city, observation, repeat, stale, follows))
        if quality:
            quality.log_changes()
            quality.save_watches(self._latest)
        return flagged

    @property
    def has_edits(self) -> bool:
        """Whether cities were added or moved since the start; otherwise none :meth:`is_moved`."""
        return bool(self._edited)

    def is_moved(self, city: City) -> bool:
        """Return whether the city is at other coordinates now, because the list was edited since *city* was polled."""
        current = self._edited.get(city.id)
        return current is not None and (current.lat, current.lon) != (city.lat, city.lon)

    def get(self, city_id: str) -> Observation | None:
        """Return the latest observation of a city, or None."""
        return self._latest.get(city_id)

    def adopt(self, last: LastObservation) -> None:
        """Use the last observation of a poll by another node, unless a newer one is known. The city must be there."""
        observation, known = last.observation, self._latest.get(last.observation.city)
        if known is None or known.fetched_at < observation.fetched_at:
            self._latest[observation.city] = observation
            if self.quality and observation.quality != OK:
                self.quality.restore(last)

    def release(self, city_ids: Collection[str]) -> None:
        """Forget cities that another node polls now: otherwise, each move would leave some in the memory."""
        for city_id in city_ids:
            self._latest.pop(city_id, None)
        if self.quality:
            self.quality.forget(city_ids)

    def is_stale(self, city_id: str, now: float) -> bool:
        """Return whether a city's latest observation is stale at *now*, a POSIX time, or missing."""
        observation = self.get(city_id)
        return observation is None or self.budgets.is_stale(observation, now)

    def apply(self, diff: CityListDiff) -> None:
        """Apply a diff: forget removed and moved cities, and use the saved observations of added ones."""
        added, moved, removed = diff.added, diff.moved, diff.removed
        # Added ones too, because an observation may have arrived after the city's removal
        for city_id in self._latest.keys() & (added | moved | removed):
            del self._latest[city_id]
        if self.quality:
            self.quality.forget(moved | removed)
        for city_id in self._saved.keys() & added:
            saved, city = self._saved.pop(city_id), diff.added_or_changed[city_id]
            if (saved.lat, saved.lon) == (city.lat, city.lon):
                self._latest[city_id] = saved.observation
                if self.quality and saved.observation.quality != OK:
                    self.quality.restore(saved)
            else:
                self.moved_in_stop.add(city_id)
        for city_id in removed:
            self._edited.pop(city_id, None)
        if self._is_started:
            self._edited |= {city_id: diff.added_or_changed[city_id] for city_id in added | moved}
        self._is_started = True
        _log_renamed(self._find_former(diff))

    def _find_former(self, diff: CityListDiff) -> Iterator[tuple[str, str]]:
        """Yield the ids of added cities without an observation, and the id of a city that was at the same place.

        That one is not listed any more: it was removed now, or before this run.
        """
        gone = {(last.lat, last.lon): city_id for city_id, last in self._saved.items()}
        for city_id in diff.removed:
            city = diff.removed_or_changed[city_id]
            gone[city.lat, city.lon] = city_id
        for city_id in diff.added if gone else ():
            city = diff.added_or_changed[city_id]
            if city_id not in self._latest and (former := gone.get((city.lat, city.lon))):
                yield city_id, former


def _log_renamed(pairs: Iterable[tuple[str, str]]) -> None:
    """Log the first ids that are new for a place, and the number of the others."""
    found = list(pairs)
    for city_id, former in found[:_LOGGED_IDS]:
        action = f"renamed? keep `id: {former}` in its row, so that its history continues"
        log.warning("city.renamed", city=city_id, former=former, action=action)
    if len(found) > _LOGGED_IDS:
        log.warning("city.renamed", more=len(found) - _LOGGED_IDS)
