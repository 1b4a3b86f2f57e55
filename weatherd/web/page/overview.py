"""All cities at a glance: counts, distribution of temperatures, and what needs a look."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.daemon.status import CityState
from weatherd.observation import OK, find_suspect_fields
from weatherd.polling.poll_history import SERVED
from weatherd.web.page.city_index import STATE_ORDER
from weatherd.web.page.models import CityTrouble, NamedTemperature, OverviewModel, PausedProvider
from weatherd.web.serializers import find_failure, format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.daemon.status import DaemonStatus
    from weatherd.observation import Observation
    from weatherd.web.page.city_index import ListSnapshot

_MAX_TROUBLE = 50
_MAX_TAGS = 50
_NAMED = 3  # cities that are named in an entry about several
_SHARED = 3  # cities with the same reason that are one entry


def make_overview(status: DaemonStatus, snapshot: ListSnapshot, edition: int) -> OverviewModel:
    """Return the overview of a snapshot. Scans the list."""
    pairs = zip(snapshot.latest, snapshot.states, strict=True)
    known = [
        (last.temperature, index)
        for index, (last, state) in enumerate(pairs)
        if last and state is not CityState.DOWN and not _is_suspect(last)
    ]
    degrees = Counter(math.floor(temperature + 0.5) for temperature, _ in known)
    due = status.history.earliest_due()
    tags = Counter(itertools.chain.from_iterable(city.tags for city in snapshot.cities))
    return OverviewModel(
        now=format_timestamp(status.now().timestamp()),
        seq=status.journal.last_seq,
        version=__version__,
        edition=edition,
        total=len(snapshot.cities),
        quarantined=status.quarantined,
        counts={str(state): count for state, count in snapshot.counts.items()},
        tags={f"{key}={value}": count for (key, value), count in sorted(tags.most_common(_MAX_TAGS))},
        histogram=sorted(degrees.items()),
        coldest=_name_temperature(snapshot, min(known, default=None)),
        warmest=_name_temperature(snapshot, max(known, default=None)),
        trouble=list(find_trouble(status, snapshot))[:_MAX_TROUBLE],
        paused=[
            _describe_pause(name, status, snapshot) for name in sorted(status.limiters) if _is_paused(name, status)
        ],
        next_poll=format_timestamp(status.clock.epoch + due) if due is not None else None,
    )


def _is_suspect(last: Observation) -> bool:
    return last.quality != OK and "temperature" in find_suspect_fields(last.quality)


def _name_temperature(snapshot: ListSnapshot, found: tuple[float, int] | None) -> NamedTemperature | None:
    if found is None:
        return None
    temperature, index = found
    city = snapshot.cities[index]
    return NamedTemperature(id=city.id, name=city.name, temperature=temperature)


def find_trouble(status: DaemonStatus, snapshot: ListSnapshot) -> Iterator[CityTrouble]:
    """Yield what needs a look, the worst first. A reason that many cities share is one entry."""
    groups: defaultdict[tuple[CityState, str], list[int]] = defaultdict(list)
    for index, state in enumerate(snapshot.states):
        if state is not CityState.FRESH:
            groups[state, _find_reason(status, snapshot, index)].append(index)
    for (state, reason), indexes in sorted(groups.items(), key=lambda group: STATE_ORDER.index(group[0][0])):
        size = len(indexes) if len(indexes) >= _SHARED else 1
        for begin in range(0, len(indexes), size):
            yield _describe_trouble(status, snapshot, state, reason, indexes[begin : begin + size])


def _find_reason(status: DaemonStatus, snapshot: ListSnapshot, index: int) -> str:
    city, last = snapshot.cities[index], snapshot.latest[index]
    if reason := find_failure(status.history.last_poll(city.id)):
        return reason
    return f"{last.provider} has sent nothing newer" if last else ""


def _describe_trouble(
    status: DaemonStatus, snapshot: ListSnapshot, state: CityState, reason: str, indexes: Sequence[int]
) -> CityTrouble:
    cities = [snapshot.cities[index] for index in indexes[:_NAMED]]
    last = snapshot.latest[indexes[0]] if len(indexes) == 1 else None
    due = status.history.next_poll(cities[0].id) if len(indexes) == 1 else None
    return CityTrouble(
        state=state,
        count=len(indexes),
        cities=[city.id for city in cities],
        names=[city.name for city in cities],
        reason=reason[:200],
        since=format_timestamp(last.observed_at.timestamp()) if last else None,
        next_poll=format_timestamp(status.clock.epoch + due.at) if due else None,
    )


def _is_paused(provider: str, status: DaemonStatus) -> bool:
    return status.limiters[provider].pause is not None


def _describe_pause(provider: str, status: DaemonStatus, snapshot: ListSnapshot) -> PausedProvider:
    """Return the pause, and how many cities that prefer this provider are served by another."""
    served = waiting = 0
    for city in snapshot.cities:
        if city.providers[0] == provider:
            poll = status.history.last_poll(city.id)
            is_served = poll is not None and any(
                attempt.outcome == SERVED and attempt.provider != provider for attempt in poll.attempts
            )
            served, waiting = served + is_served, waiting + (not is_served)
    pause = status.limiters[provider].pause
    return PausedProvider(
        provider=provider,
        until=format_timestamp(pause.until) if pause else "",
        reason=pause.reason[:200] if pause else "",
        served=served,
        waiting=waiting,
    )
