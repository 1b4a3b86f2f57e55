"""A connection to the MQTT broker that keeps cities, alerts and official warnings up to date."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import DeliveryError, RejectedError
from weatherd.pipeline.forwarders.broker.publication import publish_in_batches
from weatherd.pipeline.forwarders.city_states import OFFLINE, ONLINE
from weatherd.pipeline.forwarders.home_assistant.announcer import Announcer
from weatherd.pipeline.forwarders.notices.notice_states import current_rules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders.broker.client import BrokerConnection
    from weatherd.pipeline.forwarders.broker.publication import Publication
    from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics
    from weatherd.pipeline.forwarders.mqtt import MqttForwarder

_REFRESH_INTERVAL = 1.0  # seconds between checks of the list of cities and of the ages
_NOTICES_INTERVAL = 60.0  # seconds between checks whether alerts have become unknown, or known
_GOODBYE_TIMEOUT = 0.3  # seconds


class MqttConnection:
    """A connection to the broker: publishes states, and concurrently keeps Home Assistant up to date."""

    def __init__(self, broker: BrokerConnection, topics: Topics, forwarder: MqttForwarder) -> None:
        self._broker = broker
        self._topics = topics
        self._forwarder = forwarder
        self._resources = forwarder.resources
        self._states = forwarder.states
        self._notices = forwarder.notices
        self._announcer = Announcer(
            topics, forwarder.resources, broker.publish, forwarder.forget, enabled=forwarder.discovery
        )
        self._announcing = asyncio.Lock()  # because the list may change while everything is published again

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - publishing is idempotent
        """Publish each observation, in order, as its city's state."""
        await publish_in_batches(self._broker.publish, self._states.update(batch))

    async def publish_events(self, cities: Iterable[City], events: Sequence[Publication]) -> None:
        """Publish the present alerts and official warnings of cities, then events."""
        states = [message for city in cities for message in self._notices.update(city)]
        await publish_in_batches(self._broker.publish, [*states, *events])

    async def start(self) -> None:
        """Publish that weatherd is online, then all announcements and states."""
        await self._broker.publish(self._topics.status, ONLINE, retain=True)
        await self._publish_all()

    async def refresh(self) -> None:
        """Publish changes of the list of cities and of their availability until cancelled."""
        clock = asyncio.get_running_loop().time
        checked_at = clock()
        while True:
            await asyncio.sleep(_REFRESH_INTERVAL)
            async with self._announcing:
                if self._is_edited():
                    await self._announcer.announce()
                    checked_at = -_NOTICES_INTERVAL
            if clock() - checked_at >= _NOTICES_INTERVAL:
                await self._publish_steps(self._notices.refresh(self._announcer.cities))
                checked_at = clock()
            await self._publish_steps(self._states.refresh(self._announcer.cities))

    def _is_edited(self) -> bool:
        resources, announcer = self._resources, self._announcer
        return (
            resources.cities() is not announcer.cities
            or current_rules(resources) is not announcer.rules
            or resources.warnings() is not announcer.warnings
        )

    async def _publish_steps(self, steps: Iterable[Sequence[Publication]]) -> None:
        """Publish messages for many cities step by step, so that others run in between."""
        for publications in steps:
            await publish_in_batches(self._broker.publish, publications)
            await asyncio.sleep(0)  # because there are usually none

    async def follow_home_assistant(self) -> None:
        """Publish everything again whenever Home Assistant has started, until cancelled."""
        await self._subscribe()
        async for message in self._broker.messages():
            if message.payload == ONLINE and not message.retain:
                async with self._announcing:
                    await self._publish_all()
                    await self._announcer.repeat_removals()

    async def _subscribe(self) -> None:
        if not self._forwarder.discovery:
            return
        if denied := await self._broker.subscribe(self._topics.birth):
            self._forwarder.log_warning(
                "forwarder.not_subscribed",
                topic=self._topics.birth,
                reason=f"{denied}: when Home Assistant starts, devices are not published again",
            )

    async def stop(self) -> None:
        """Publish that weatherd is offline, as the last will does after a lost connection."""
        async with asyncio.timeout(_GOODBYE_TIMEOUT):
            await self._broker.publish(self._topics.status, OFFLINE, retain=True)

    async def _publish_all(self) -> None:
        self._announcer.cities = ()
        await self._announcer.announce()
        await self._publish_steps(self._states.repeat())
        await self._publish_steps(self._notices.repeat(self._announcer.cities))


@contextlib.asynccontextmanager
async def start_connection(connection: MqttConnection) -> AsyncIterator[MqttConnection]:
    """Keep Home Assistant up to date inside the ``with``."""
    await connection.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(connection.refresh()),
                tasks.create_task(connection.follow_home_assistant()),
            ]
            yield connection
            for helper in helpers:
                helper.cancel()
    finally:
        with contextlib.suppress(DeliveryError, RejectedError, TimeoutError):
            await connection.stop()
