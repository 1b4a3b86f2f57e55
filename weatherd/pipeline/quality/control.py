"""Quality control of all cities: the tests of each new observation, what they need of the past, and the log of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from weatherd.observation import OK, SUSPECT
from weatherd.pipeline.quality.judge import find_suspicions, make_plausibility_test
from weatherd.pipeline.quality.other_services import OtherServices, find_disagreements
from weatherd.pipeline.quality.persistence import find_persistence, follow_values, is_checkpoint
from weatherd.pipeline.quality.saved_watches import KEPT, format_watches, parse_watches, restore_watch
from weatherd.pipeline.quality.suspicion import format_quality, spoils_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.config.sections.quality import QualitySection
    from weatherd.journal.key_value import KeyValueStore
    from weatherd.observation import LastObservation, Observation
    from weatherd.pipeline.quality.persistence import Watch
    from weatherd.pipeline.quality.suspicion import Suspicion

log = structlog.get_logger()

_LOGGED = 10  # cities of a batch
_KEY = "unchanged values"
_UNREAD: Watch = ()  # a watch of the last run that has not been restored yet
_SAVE_INTERVAL = timedelta(hours=1)
_QUIET = timedelta(hours=1)  # without a suspect value, after which the city's values count as plausible again


class _Doubt(NamedTuple):
    """What was suspect of a city in the last hour."""

    names: frozenset[str]  # such as ``temperature step``
    last: datetime  # time of the last suspect observation
    trusted: Observation | None  # the newest observation whose steps were plausible


class QualityControl:
    """The judge of observations. Memory is needed for suspect cities, and for few others; see :mod:`.persistence`.

    *store* keeps what has not changed for hours, for the next run.
    """

    def __init__(self, limits: QualitySection, store: KeyValueStore | None = None) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()  # suspect values by provider, field and test
        self.limits = limits
        self._is_plausible = make_plausibility_test(limits)
        self._store = store
        self._saved = parse_watches(store.get(_KEY) if store else None)  # of the last run, until they are restored
        self._save_due: datetime | None = None
        self._saved_at = datetime.min.replace(tzinfo=UTC)
        self._watches: dict[str, Watch] = dict.fromkeys(self._saved, _UNREAD)  # by city id
        self._doubts: dict[str, _Doubt] = {}  # by city id
        self.others = OtherServices()
        self._begun: list[tuple[Observation, list[Suspicion]]] = []  # to be logged
        self._ended: list[tuple[Observation, _Doubt]] = []

    @property
    def suspects(self) -> int:
        """The number of cities with a suspect value in the last hour."""
        return len(self._doubts)

    def judge(self, observation: Observation, previous: Observation | None) -> str:
        """Return the quality of a new observation. *previous* is the latest one of its city."""
        city = observation.city
        if previous is None or previous.provider != observation.provider or previous.station != observation.station:
            if previous and previous.provider != observation.provider:
                self.others.add_replaced(previous)
            return self._examine(observation, None, self._find_trusted(observation) if previous else observation)
        if (
            previous.quality == OK
            and self._is_plausible(observation, previous)
            and city not in self._watches
            and city not in self._doubts
            and city not in self.others.by_city
            and not is_checkpoint(observation, previous)
        ):
            return OK  # as nearly always
        return self._examine(observation, previous, self._find_reference(observation, previous))

    def replace_limits(self, limits: QualitySection) -> None:
        """Judge new observations by other limits; forget what was suspect if the checks are turned off."""
        self.limits, self._is_plausible = limits, make_plausibility_test(limits)
        if not limits.enabled:
            self.forget([*self._watches, *self._doubts, *self.others.by_city])

    def forget(self, city_ids: Iterable[str]) -> None:
        """Forget cities that were removed or moved."""
        for city_id in city_ids:
            self._watches.pop(city_id, None)
            self._doubts.pop(city_id, None)
            self.others.forget(city_id)

    def restore(self, last: LastObservation) -> None:
        """Continue with a city whose last observation in the last run was suspect."""
        suspect = last.observation
        names = frozenset(suspect.quality.removeprefix(SUSPECT).split(", "))
        self._doubts[suspect.city] = _Doubt(names, suspect.observed_at, last.plausible)

    def log_changes(self) -> None:
        """Log the cities that have had suspect values since the last call, and those that have none any more."""
        for observation, suspicions in self._begun[:_LOGGED]:
            names = ", ".join(suspicion.name for suspicion in suspicions)
            reason = "; ".join(f"{suspicion.field} {suspicion.reason}" for suspicion in suspicions)
            log.warning(
                "observation.suspect", city=observation.city, provider=observation.provider, tests=names, reason=reason
            )
        for observation, doubt in self._ended[:_LOGGED]:
            log.info("observation.plausible", city=observation.city, tests=", ".join(sorted(doubt.names)))
        if (more := len(self._begun) - _LOGGED) > 0:
            log.warning("observation.suspect", more=more)
        if (more := len(self._ended) - _LOGGED) > 0:
            log.info("observation.plausible", more=more)
        self._begun.clear()
        self._ended.clear()

    def save_watches(self, latest: Mapping[str, Observation]) -> None:
        """Save what has not changed for hours, at most once an hour. *latest* are the latest observations."""
        due, self._save_due = self._save_due, None
        if due and self._store and due - self._saved_at >= _SAVE_INTERVAL:
            self._store.put(_KEY, format_watches(self._watches, latest, due), due + KEPT)
            self._saved_at = due

    def _find_reference(self, observation: Observation, previous: Observation) -> Observation:
        """Return the observation that the steps are counted from; *observation* itself if none is known."""
        return previous if previous.quality == OK else self._find_trusted(observation)

    def _find_trusted(self, observation: Observation) -> Observation:
        """Return the one that the city's doubt trusts, if it is of the same source; otherwise *observation* itself."""
        doubt = self._doubts.get(observation.city)
        trusted = doubt.trusted if doubt else None
        source = observation.provider, observation.station
        return trusted if trusted and (trusted.provider, trusted.station) == source else observation

    def _examine(self, observation: Observation, previous: Observation | None, reference: Observation) -> str:
        is_plausible = self._is_plausible(observation, reference)
        suspicions = [] if is_plausible else list(find_suspicions(observation, reference, self.limits))
        if previous:
            suspicions += self._follow(observation, previous)
        else:
            self._watches.pop(observation.city, None)
        if observation.city in self.others.by_city:
            suspicions += find_disagreements(observation, self.others.find_nearby(observation), self.limits)
        if suspicions:
            self._record(observation, reference, suspicions)
        elif observation.city in self._doubts:
            self._settle(observation)
        return format_quality(suspicions)

    def _follow(self, observation: Observation, previous: Observation) -> Iterable[Suspicion]:
        """Continue or begin the watch of a city, and return the values that have persisted for too long."""
        city, begin = observation.city, is_checkpoint(observation, previous)
        watch = self._watches.pop(city, None)
        if watch == _UNREAD:
            watch = restore_watch(self._saved.pop(city, None), previous)
        if begin:
            self._save_due = observation.observed_at
        if watch or begin:
            watch = follow_values(watch, observation, previous, begin=begin)
            if watch:
                self._watches[city] = watch
        return find_persistence(watch, observation, previous, self.limits)

    def _record(self, observation: Observation, reference: Observation, suspicions: list[Suspicion]) -> None:
        for suspicion in suspicions:
            self.counts[observation.provider, suspicion.field, suspicion.test] += 1
        doubt = self._doubts.get(observation.city)
        names = frozenset(suspicion.name for suspicion in suspicions)
        if not doubt or names - doubt.names:
            self._begun.append((observation, suspicions))
        known = None if reference is observation else reference
        trusted = known if spoils_steps(suspicions) else observation
        self._doubts[observation.city] = _Doubt(
            names | doubt.names if doubt else names, observation.observed_at, trusted
        )

    def _settle(self, observation: Observation) -> None:
        """Take note of a plausible observation of a city that had a suspect one."""
        doubt = self._doubts[observation.city]
        if observation.observed_at - doubt.last >= _QUIET:
            del self._doubts[observation.city]
            self._ended.append((observation, doubt))
