"""The polls of cities with ``interval: auto``: planned by what was learnt of the services, which survives a restart."""

from __future__ import annotations

import contextlib
import functools
import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from weatherd.freshness import find_publication
from weatherd.polling.rhythm.next_poll import PollBounds, due_time, next_poll
from weatherd.polling.rhythm.rhythm import Rhythm, begin_rhythm, is_probe_due, learn
from weatherd.polling.schedule import city_phase
from weatherd.text.auto_interval import AutoInterval
from weatherd.text.duration import format_duration

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.journal.key_value import KeyValueStore
    from weatherd.observation import Observation
    from weatherd.polling.poll_history import CityPolls
    from weatherd.quota.planner import Planner

_KEPT_FOR = timedelta(days=30)
_MAX_AGE = 86400.0  # seconds; if the newest observation is older than the one before, that one was wrong
_SAVED_EVERY = 8  # polls in time


class Rhythms:
    """The rhythm of each service: one for all places if its times are the same there, else one a station or city.

    A list of 200,000 cities on Open-Meteo has a single one.
    """

    def __init__(self, planner: Planner, store: KeyValueStore) -> None:
        self._planner = planner
        self._store = store
        self._rhythms = {key: rhythm for key, text in store.as_dict().items() if (rhythm := load_rhythm(text))}

    def plan(self, polls: CityPolls, observation: Observation, ended: float, epoch: float) -> None:
        """Plan the poll that follows one with a fresh observation, which ended at a boot time.

        *epoch* is the POSIX time of the boot. A city that another provider serves follows its interval instead.
        """
        city, now = polls.city, epoch + ended
        if observation.provider != city.providers[0]:
            polls.plan_tick(ended, self._planner.interval(city), epoch)
            return
        key, phase = _find_key(observation), self._phase(city)
        before, observed_at = self._rhythms.get(key), observation.observed_at.timestamp()
        rhythm = self._learn(key, observation, now - phase)
        bounds = self._bounds(city)
        is_probe = key != observation.provider and is_probe_due(before, rhythm)
        at = next_poll(rhythm, observed_at, bounds, now, phase, is_probe=is_probe)
        due = due_time(rhythm, observed_at, phase)
        note = "; this one is late" if due <= now else "; polled before, because of the bounds" if at < due - 1 else ""
        reason = _explain(observation.provider, round(rhythm.period), round(rhythm.delay, -1), note)
        polls.plan(at - epoch, reason)

    def first_poll_time(self, city: City, last: Observation, now: float) -> float:
        """Return the time of the first poll after a start; *last* is the observation that an earlier run has fetched.

        It is *now* if there may be a newer one.
        """
        fetched, phase, bounds = last.fetched_at.timestamp(), self._phase(city), self._bounds(city)
        if not fetched <= now < fetched + bounds.max_seconds:
            return now
        rhythm = self._learn(_find_key(last), last, fetched - phase)
        due = due_time(rhythm, last.observed_at.timestamp(), phase)
        return max(now, min(max(due, fetched + bounds.min_seconds), fetched + bounds.max_seconds))

    def _learn(self, key: str, observation: Observation, polled_at: float) -> Rhythm:
        observed_at, before = observation.observed_at.timestamp(), self._rhythms.get(key)
        if before is None or observed_at < before.newest - _MAX_AGE:
            rhythm = begin_rhythm(find_publication(observation.provider), observed_at, polled_at)
        else:
            rhythm = learn(before, observed_at, polled_at)
        if rhythm is not before:
            self._rhythms[key] = rhythm
            if before is None or rhythm.period != before.period or rhythm.hits % _SAVED_EVERY == 1:
                self._store.put(key, dump_rhythm(rhythm), datetime.fromtimestamp(polled_at, UTC) + _KEPT_FOR)
        return rhythm

    def _phase(self, city: City) -> float:
        """Return the seconds by which the poll of a city is behind those of others that expect news at the same time.

        Whole seconds, so that a batch has several cities.
        """
        return float(int(city_phase(city.id) * self._planner.spread(city.providers[0])))

    def _bounds(self, city: City) -> PollBounds:
        interval, shortest = city.interval, self._planner.shortest_interval(city)
        if not isinstance(interval, AutoInterval):
            return PollBounds(interval, interval)
        return PollBounds(max(interval.min_seconds, shortest), max(interval.max_seconds, shortest))


def load_rhythm(text: str) -> Rhythm | None:
    """Return the rhythm that :func:`dump_rhythm` has written, or None if the text is damaged."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        values = json.loads(text)
        rhythm = Rhythm(*values)
        if all(math.isfinite(value) for value in values) and rhythm.period >= 1:
            return rhythm
    return None


def dump_rhythm(rhythm: Rhythm) -> str:
    """Return a rhythm as text."""
    return json.dumps(rhythm)


def _find_key(observation: Observation) -> str:
    """Return the key of the places at which the provider's observations have the same times."""
    provider = observation.provider
    if find_publication(provider).is_uniform:
        return provider
    return f"{provider} station {observation.station}" if observation.station else f"{provider} city {observation.city}"


@functools.lru_cache(maxsize=1000)
def _explain(provider: str, period: float, delay: float, note: str) -> str:
    """Return the reason for the time of a poll: one text for all cities, because it would take 100 bytes for each."""
    return f"{provider} has a new value every {format_duration(period)}, {format_duration(delay)} after its time{note}"
