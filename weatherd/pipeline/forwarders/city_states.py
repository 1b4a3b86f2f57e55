"""The state and availability of each city on the MQTT broker: which messages keep them up to date. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from weatherd.formatting import to_dict
from weatherd.pipeline.forwarders.home_assistant import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.discovery_payload import Topics

ONLINE, OFFLINE = b"online", b"offline"


class CityStates:
    """What was last published of each city. It outlives a connection.

    A city's state comes from the journal, when an observation is delivered. After a restart, or when a city is listed
    again, nothing new may be delivered for hours, so the observation that the daemon knows is published instead. If it
    knows none, for example because the city was moved, the city is offline.
    """

    def __init__(self, topics: Topics, resources: ForwarderResources) -> None:
        self._topics = topics
        self._resources = resources
        self._latest: dict[str, Observation] = {}  # by city id
        self._online: dict[str, bool] = {}  # the availability, by city id
        self._seen: set[str] = set()  # the ids of the cities with an observation that is not published yet

    def forget(self, city_id: str) -> None:
        """Forget a city that has left the list."""
        self._latest.pop(city_id, None)
        self._online.pop(city_id, None)

    def update(self, batch: Iterable[Observation]) -> list[Publication]:
        """Return the messages for observations from the journal, in order.

        They are retained if the city is listed and the daemon knows an observation of it: otherwise it was removed, or
        moved since.
        """
        now = self._now()
        listed = {city.id for city in self._resources.cities()}
        publications: list[Publication] = []
        for observation in batch:
            if observation.city in listed and self._resources.latest(observation.city):
                publications += self._update_city(observation, now)
            else:
                publications.append(self._build_state(observation, retain=False))
        return publications

    def refresh(self, cities: Iterable[City]) -> list[Publication]:
        """Return the messages for what has changed without a new observation; call it every second.

        An observation that is not published yet waits for a second, because a new one is about to be delivered.
        """
        now = self._now()
        self._forget_unknown()
        publications = [change for last in self._latest.values() for change in self._update_availability(last, now)]
        seen, self._seen = self._seen, set()
        for city in cities:
            if city.id in self._latest:
                continue
            last = self._resources.latest(city.id)
            if last is None:
                publications += self._set_availability(city.id, online=False)
            elif city.id in seen:
                publications += self._update_city(last, now)
            else:
                self._seen.add(city.id)
        return publications

    def repeat(self) -> list[Publication]:
        """Return the messages that publish every state and availability again."""
        self._online.clear()
        self._forget_unknown()
        now = self._now()
        return [message for last in self._latest.values() for message in self._update_city(last, now)]

    def _update_city(self, observation: Observation, now: float) -> Sequence[Publication]:
        """Return the messages for a city's latest observation; a stale one comes after its city is offline."""
        self._latest[observation.city] = observation
        state, availability = self._build_state(observation, retain=True), self._update_availability(observation, now)
        return [*availability, state] if self._resources.budgets.is_stale(observation, now) else [state, *availability]

    def _build_state(self, observation: Observation, *, retain: bool) -> Publication:
        payload = json.dumps(to_dict(observation), ensure_ascii=False).encode()
        return Publication(self._topics.state(observation.city), payload, retain)

    def _update_availability(self, last: Observation, now: float) -> Sequence[Publication]:
        return self._set_availability(last.city, online=not self._resources.budgets.is_stale(last, now))

    def _set_availability(self, city_id: str, *, online: bool) -> Sequence[Publication]:
        """Return the message for a city's availability if it has changed, else nothing."""
        if self._online.get(city_id) == online:
            return ()
        self._online[city_id] = online
        return (Publication(self._topics.availability(city_id), ONLINE if online else OFFLINE, retain=True),)

    def _forget_unknown(self) -> None:
        for city_id in [city_id for city_id in self._latest if self._resources.latest(city_id) is None]:
            self.forget(city_id)

    def _now(self) -> float:
        return self._resources.now().timestamp()
