"""Announcement of cities to Home Assistant by MQTT discovery: add devices, update them, and remove them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from weatherd.pipeline.forwarders.discovery_payload import Topics, build_payload, expire_after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City
    from weatherd.pipeline.forwarders import ForwarderResources

MAX_PENDING = 200  # publications without the broker's acknowledgement
_PICK_UP_TIME = 1.5  # seconds that Home Assistant takes to add a device
_KEEP_ANNOUNCED = timedelta(days=3650)
_KEEP_REMOVED = timedelta(
    days=30
)  # the longest absence of Home Assistant after which a removed city is still cleaned up


class Publication(NamedTuple):
    """A message to be published."""

    topic: str
    payload: bytes
    retain: bool


class Publish(Protocol):
    """A function that publishes a message to the broker."""

    async def __call__(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish; the broker has the message when this returns. Raises DeliveryError."""


async def publish_in_batches(publish: Publish, publications: Sequence[Publication]) -> None:
    """Publish in order, up to ``MAX_PENDING`` messages at once. Raises the first error; the rest is not sent then."""
    for start in range(0, len(publications), MAX_PENDING):
        batch = publications[start : start + MAX_PENDING]
        await asyncio.gather(*(publish(topic, payload, retain=retain) for topic, payload, retain in batch))


class Announcement(NamedTuple):
    """A city's last announcement, as saved in the key-value store."""

    topics: Topics
    payload: str  # the discovery payload; "" if discovery was off
    removed: bool = False  # the city has left the list

    def dump(self) -> str:
        """Return the announcement as JSON."""
        return json.dumps(self.topics._asdict() | {"payload": self.payload, "removed": self.removed})

    @classmethod
    def load(cls, text: str) -> Announcement | None:
        """Parse a saved announcement; return None for a damaged one.

        Earlier versions saved a list ``[prefix, discovery_prefix, payload]``, and a fourth item ``"gone"`` if removed.
        """
        try:
            match json.loads(text):
                case {"prefix": prefix, "discovery_prefix": discovery, "payload": payload, "removed": removed}:
                    return cls(Topics(prefix, discovery), payload, removed)
                case [prefix, discovery, payload, *rest]:
                    return cls(Topics(prefix, discovery), payload, bool(rest))
        except ValueError:
            pass
        return None


class Announcer:
    """Keeps the devices in Home Assistant equal to the list of cities, across restarts and changed topic prefixes."""

    def __init__(
        self,
        topics: Topics,
        resources: ForwarderResources,
        publish: Publish,
        forget: Callable[[str], None],
        *,
        enabled: bool,
    ) -> None:
        self.cities: Sequence[City] = ()  # those that were announced over this connection
        self._expiries: dict[str, int] = {}  # by city id, in seconds
        self._topics = topics
        self._resources = resources
        self._publish = publish
        self._forget = forget  # called with the id of a city whose topics are removed
        self._enabled = enabled

    async def announce(self) -> None:
        """Announce new and changed cities, and remove those that have left the list, now or before a restart.

        Removals come first: a city with a new id and its old name gets the names of the old entities, which are free
        then. Otherwise Home Assistant would call them sensor.kiel_temperature_2 for good.
        """
        cities = self._resources.cities()
        before = {city.id: city for city in self.cities}
        announced = {id_: saved for id_, saved in self._saved().items() if not saved.removed}
        for city_id in announced.keys() - {city.id for city in cities}:
            await self._remove(city_id, announced[city_id])
        for city in cities:
            expiry = expire_after(city, self._resources.budgets)  # changes if a longer list stretches the intervals
            if before.get(city.id) != city or self._expiries.get(city.id) != expiry:
                await self._announce_city(city, announced.get(city.id))
                self._expiries[city.id] = expiry
        self.cities = cities

    async def _announce_city(self, city: City, previous: Announcement | None) -> None:
        payload = (
            json.dumps(build_payload(city, self._topics, self._resources.budgets), ensure_ascii=False)
            if self._enabled
            else ""
        )
        if previous and previous.topics != self._topics:  # the prefixes in the settings have changed
            await self._remove(city.id, previous)
        if payload or (previous and previous.payload):
            await self._publish(self._topics.config(city.id), payload.encode(), retain=True)
        self._save(city.id, Announcement(self._topics, payload), _KEEP_ANNOUNCED)

    async def _remove(self, city_id: str, previous: Announcement) -> None:
        """Clear the city's retained topics; the device first, because it subscribes to the others."""
        topics = previous.topics
        for topic in (topics.config(city_id), topics.state(city_id), topics.availability(city_id)):
            await self._publish(topic, b"", retain=True)
        self._forget(city_id)
        self._expiries.pop(city_id, None)
        self._save(city_id, previous._replace(removed=True), _KEEP_REMOVED)

    async def repeat_removals(self) -> None:
        """Repeat the removal of cities that left the list while Home Assistant was offline.

        Home Assistant ignores the removal of a device that it has not discovered since its start. So each device is
        announced once more, without the retain flag, and removed a moment later.
        """
        gone = {
            saved.topics.config(city_id): saved.payload.encode()
            for city_id, saved in self._saved().items()
            if saved.removed and saved.payload
        }
        if not gone:
            return
        await publish_in_batches(self._publish, [Publication(*device, retain=False) for device in gone.items()])
        await asyncio.sleep(_PICK_UP_TIME)
        await publish_in_batches(self._publish, [Publication(topic, b"", retain=True) for topic in gone])

    def _saved(self) -> dict[str, Announcement]:
        """Return the saved announcements by city id."""
        loaded = {id_: Announcement.load(text) for id_, text in self._resources.key_values.as_dict().items()}
        return {id_: announcement for id_, announcement in loaded.items() if announcement}

    def _save(self, city_id: str, announcement: Announcement, duration: timedelta) -> None:
        self._resources.key_values.put(city_id, announcement.dump(), self._resources.now() + duration)
