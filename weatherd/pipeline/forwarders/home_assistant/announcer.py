"""Announcement of cities to Home Assistant by MQTT discovery: add devices, update them, and remove them."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from weatherd.pipeline.forwarders.broker.publication import Publication, publish_in_batches
from weatherd.pipeline.forwarders.home_assistant.announcement import Announcement, find_former_components
from weatherd.pipeline.forwarders.home_assistant.discovery_payload import build_payload, expire_after
from weatherd.pipeline.forwarders.notices.notice_states import (
    current_rules,
    find_mqtt_rules,
    has_official_warnings,
    list_notice_topics,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.pipeline.forwarders import ForwarderResources, WarningLookup
    from weatherd.pipeline.forwarders.broker.publication import Publish
    from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

_PICK_UP_TIME = 1.5  # seconds that Home Assistant takes to add a device
_KEEP_ANNOUNCED = timedelta(days=3650)
_KEEP_REMOVED = timedelta(
    days=30
)  # the longest absence of Home Assistant after which a removed city is still cleaned up


class _Details(NamedTuple):
    """What is announced beside the city itself."""

    expiry: int  # seconds
    rules: tuple[tuple[str, str, bool], ...] | None  # name, severity, whether it depends on the time; None: not known
    has_warnings: bool
    takes: int  # of the city by this node: another one may have announced it meanwhile


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
        self.rules: Sequence[Rule] = ()  # the alert rules at that time
        self.warnings: WarningLookup | None = None  # the official warnings at that time
        self._details: dict[str, _Details] = {}  # of what was announced beside the city itself, by city id
        self._topics = topics
        self._resources = resources
        self._publish = publish
        self._forget = forget  # called with the id of a city whose topics are removed
        self._enabled = enabled

    async def announce(self) -> None:
        """Announce new and changed cities, and remove those that have left the list, now or before a restart.

        In a cluster, those that this node polls are announced. One that another node polls now is announced by that
        node, also if it has moved since this call began.

        Removals come first: a city with a new id and its old name gets the names of the old entities, which are free
        then. Otherwise Home Assistant would call them sensor.kiel_temperature_2 for good.
        """
        cities, rules, warnings = (
            self._resources.cities(),
            current_rules(self._resources),
            self._resources.warnings(),
        )
        before = {city.id: city for city in self.cities}
        announced = {id_: saved for id_, saved in self._saved().items() if not saved.removed}
        for city_id in announced.keys() - {city.id for city in cities}:
            if self._topics.node and self._resources.find_city(city_id):
                self._leave(city_id)
            else:
                await self._remove(city_id, announced[city_id])
        listed, left = cities, set[str]()
        for city in cities:
            if self._resources.cities() is not listed:  # since announcing takes time, in which a city may move
                listed = self._resources.cities()
                left = {city.id for city in cities} - {city.id for city in listed}
            if city.id in left:
                continue
            details = self._find_details(city)
            if before.get(city.id) != city or self._details.get(city.id) != details:
                await self._announce_city(city, details, announced.get(city.id))
                self._details[city.id] = details
        self.cities, self.rules, self.warnings = cities, rules, warnings

    def _find_details(self, city: City) -> _Details:
        """Return what is announced beside the city; the expiry changes if a longer list stretches the intervals."""
        expiry = expire_after(city, self._resources.budgets)
        rules = find_mqtt_rules(self._resources, city)
        shown = tuple((rule.name, rule.severity, rule.depends_on_time) for rule in rules)
        alerts = self._resources.alerts()
        is_known = not (alerts and alerts.is_waiting)
        takes = self._resources.count_takes(city.id)
        return _Details(expiry, shown if is_known else None, has_official_warnings(self._resources, city), takes)

    async def _announce_city(self, city: City, details: _Details, previous: Announcement | None) -> None:
        rules, has_warnings = find_mqtt_rules(self._resources, city), details.has_warnings
        payload = ""
        kept = previous if details.rules is None else None  # so that the entities of alerts stay until rules are known
        if self._enabled:
            document = build_payload(city, self._topics, self._resources.budgets, rules, has_warnings=has_warnings)
            document["cmps"] |= kept.list_alert_components() if kept else {}
            payload = json.dumps(document, ensure_ascii=False)
        topics = self._topics._replace(node="")
        if previous and previous.topics != topics:  # the prefixes in the settings have changed
            await self._remove(city.id, previous)
        retained = tuple(list_notice_topics(self._topics, rules, city, has_warnings=has_warnings))
        retained += kept.list_alert_topics(city.id) if kept else ()
        former = find_former_components(previous, payload)
        announcement = Announcement(topics, payload, retained=retained, former=former)
        if payload or (previous and previous.payload):
            config = announcement.payload_without_former() if payload else b""
            await self._publish(self._topics.config(city.id), config, retain=True)
        for topic in previous.retained if previous else ():
            if topic not in retained:
                await self._publish(topic, b"", retain=True)
        self._save(city.id, announcement, _KEEP_ANNOUNCED)

    async def _remove(self, city_id: str, previous: Announcement) -> None:
        """Clear the city's retained topics; the device first, because it subscribes to the others."""
        topics = previous.topics
        own = (topics.config(city_id), topics.state(city_id), topics.availability(city_id))
        for topic in (*own, *previous.retained):
            await self._publish(topic, b"", retain=True)
        self._forget(city_id)
        self._details.pop(city_id, None)
        self._save(city_id, previous._replace(removed=True), _KEEP_REMOVED)

    def _leave(self, city_id: str) -> None:
        """Forget a city that another node polls now. Its topics are as they are until that node replaces them."""
        self._forget(city_id)
        self._details.pop(city_id, None)
        self._resources.key_values.put(city_id, "", self._resources.now())

    async def repeat_removals(self) -> None:
        """Repeat the removal of cities and of components that were removed while Home Assistant was offline.

        Home Assistant ignores the removal of what it has not discovered since its start. So each is announced once
        more, without the retain flag, and removed a moment later.
        """
        saved = {city_id: saved for city_id, saved in self._saved().items() if saved.payload}
        gone = {
            announcement.topics.config(city_id): announcement
            for city_id, announcement in saved.items()
            if announcement.removed or announcement.former != "{}"
        }
        if not gone:
            return
        before = [Publication(topic, found.payload_with_former(), retain=False) for topic, found in gone.items()]
        await publish_in_batches(self._publish, before)
        await asyncio.sleep(_PICK_UP_TIME)
        after = {topic: b"" if found.removed else found.payload_without_former() for topic, found in gone.items()}
        await publish_in_batches(self._publish, [Publication(*message, retain=True) for message in after.items()])

    def _saved(self) -> dict[str, Announcement]:
        """Return the saved announcements by city id."""
        loaded = {id_: Announcement.load(text) for id_, text in self._resources.key_values.as_dict().items()}
        return {id_: announcement for id_, announcement in loaded.items() if announcement}

    def _save(self, city_id: str, announcement: Announcement, duration: timedelta) -> None:
        self._resources.key_values.put(city_id, announcement.dump(), self._resources.now() + duration)
