"""The state and availability of each city on the MQTT broker: which messages keep them up to date. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from weatherd.formatting import to_named_dict
from weatherd.observation import LIVE
from weatherd.pipeline.forwarders.broker.publication import MAX_PENDING, Publication

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

ONLINE, OFFLINE = b"online", b"offline"
_STEP = MAX_PENDING // 2  # cities, each with up to two messages
_REFRESH_LIMIT = 20_000  # cities


class CityStates:
    """What was last published of each city. It outlives a connection.

    A city's state comes from the journal, when an observation is delivered. After a restart, or when a city is listed
    again, nothing new may be delivered for hours, so the observation that the daemon knows is published instead. If it
    knows none, for example because the city was moved, the city is offline.

    Messages for many cities come in steps that take about a millisecond, so that the event loop can be yielded to.
    """

    def __init__(self, topics: Topics, resources: ForwarderResources) -> None:
        self._topics = topics
        self._resources = resources
        self._latest: dict[str, Observation] = {}  # by city id
        self._online: dict[str, bool] = {}  # the availability, by city id
        self._seen: set[str] = set()  # the ids of the cities with an observation that is not published yet
        self._cities: Sequence[City] = ()
        self._listed: frozenset[str] = frozenset()  # their ids
        self._next = 0  # index of the next city to refresh

    def forget(self, city_id: str) -> None:
        """Forget a city that has left the list."""
        self._latest.pop(city_id, None)
        self._online.pop(city_id, None)
        self._seen.discard(city_id)

    def update(self, batch: Iterable[Observation]) -> list[Publication]:
        """Return the messages for observations from the journal, in order.

        Those of the past, which were added afterwards, have none, because subscribers take a state for current weather.
        The others are retained if the city is listed and the daemon knows an observation of it: otherwise it was
        removed, or moved since.
        """
        now, cities = self._now(), self._resources.cities()
        if cities is not self._cities:
            self._cities, self._listed = cities, frozenset(city.id for city in cities)
        publications: list[Publication] = []
        for observation in batch:
            if observation.origin != LIVE:
                continue
            if observation.city in self._listed and self._resources.latest(observation.city):
                publications += self._update_city(observation, now)
            else:
                publications.append(self._build_state(observation, retain=False))
        return publications

    def refresh(self, cities: Sequence[City]) -> Iterator[list[Publication]]:
        """Yield the messages for what has changed without a new observation; call it every second.

        A call covers up to 20,000 cities; in a longer list, the next call continues. It ends when the list is not
        *cities* any more: of a city that another node of the cluster polls now, nothing is known here.
        """
        start = self._next if self._next < len(cities) else 0
        self._next = min(start + _REFRESH_LIMIT, len(cities))
        for begin in range(start, self._next, _STEP):
            if self._resources.cities() is not cities:
                return
            now, step = self._now(), cities[begin : min(begin + _STEP, self._next)]
            yield [message for city in step for message in self._refresh_city(city.id, now)]

    def repeat(self) -> Iterator[list[Publication]]:
        """Yield the messages that publish every state and availability again."""
        self._online.clear()
        published = list(self._latest)
        for begin in range(0, len(published), _STEP):
            now, step = self._now(), published[begin : begin + _STEP]
            yield [message for city_id in step for message in self._repeat_city(city_id, now)]

    def _refresh_city(self, city_id: str, now: float) -> Sequence[Publication]:
        """Return the messages for a city.

        An observation that is not published yet waits for the next refresh, because a new one is about to be delivered.
        """
        published, known = self._latest.get(city_id), self._resources.latest(city_id)
        if known is None:
            self._latest.pop(city_id, None)
            return self._set_availability(city_id, online=False)
        if published:
            return self._update_availability(published, now)
        if city_id in self._seen:
            return self._update_city(known, now)
        self._seen.add(city_id)
        return ()

    def _repeat_city(self, city_id: str, now: float) -> Sequence[Publication]:
        """Return the messages for a city; the next refresh publishes that one without an observation is offline."""
        published, known = self._latest.get(city_id), self._resources.latest(city_id)
        return self._update_city(published, now) if published and known else ()

    def _update_city(self, observation: Observation, now: float) -> Sequence[Publication]:
        """Return the messages for a city's latest observation; a stale one comes after its city is offline."""
        self._latest[observation.city] = observation
        self._seen.discard(observation.city)
        state, availability = self._build_state(observation, retain=True), self._update_availability(observation, now)
        return [*availability, state] if self._resources.budgets.is_stale(observation, now) else [state, *availability]

    def _build_state(self, observation: Observation, *, retain: bool) -> Publication:
        values = to_named_dict(observation, self._resources.find_city(observation.city))
        payload = json.dumps(values, ensure_ascii=False).encode()
        return Publication(self._topics.state(observation.city), payload, retain)

    def _update_availability(self, last: Observation, now: float) -> Sequence[Publication]:
        return self._set_availability(last.city, online=not self._resources.budgets.is_stale(last, now))

    def _set_availability(self, city_id: str, *, online: bool) -> Sequence[Publication]:
        """Return the message for a city's availability if it has changed, else nothing."""
        if self._online.get(city_id) == online:
            return ()
        self._online[city_id] = online
        return (Publication(self._topics.availability(city_id), ONLINE if online else OFFLINE, retain=True),)

    def _now(self) -> float:
        return self._resources.now().timestamp()
