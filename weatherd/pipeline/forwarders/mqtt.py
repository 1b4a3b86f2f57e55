"""The latest observation of every city on an MQTT broker, announced to Home Assistant."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import ssl
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import ConfigError, DeliveryError, Problem, RejectedError
from weatherd.formatting import to_dict
from weatherd.pipeline.forwarders.discovery_payload import Topics
from weatherd.pipeline.forwarders.home_assistant import Announcer, Publication, publish_in_batches
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from weatherd.config.forwarder_sections import MqttSection
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.mqtt_client import BrokerConnection, BrokerOptions

log = structlog.get_logger()

_ONLINE, _OFFLINE = b"online", b"offline"
_REFRESH_INTERVAL = 1.0  # seconds between checks of the list of cities and of the ages
_GOODBYE_TIMEOUT = 0.3  # seconds
_NO_REPORTS = (
    "the broker supports MQTT 3.1.1 only, which does not report rejected messages: what its access rules deny is lost"
)


class MqttConnection:
    """A connection to the broker: publishes states, and concurrently keeps Home Assistant up to date."""

    def __init__(self, broker: BrokerConnection, topics: Topics, forwarder: MqttForwarder) -> None:
        self._broker = broker
        self._topics = topics
        self._forwarder = forwarder
        self._resources = forwarder.resources
        self._announcer = Announcer(
            topics, forwarder.resources, broker.publish, forwarder.forget, enabled=forwarder.discovery
        )
        self._announcing = asyncio.Lock()  # because the list may change while everything is published again

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - publishing is idempotent
        """Publish each observation, in order, as its city's state; a stale one only after its city is offline."""
        now = self._resources.now().timestamp()
        listed = {city.id for city in self._resources.cities()}
        publications: list[Publication] = []
        for observation in batch:
            city_id, is_listed = observation.city, observation.city in listed
            state = self._build_state(observation, retain=is_listed)
            availability = self._update_availability(observation, now) if is_listed else []
            publications += (
                [*availability, state] if self._resources.budgets.is_stale(observation, now) else [state, *availability]
            )
            if is_listed:
                self._forwarder.latest[city_id] = observation
        await publish_in_batches(self._broker.publish, publications)

    async def start(self) -> None:
        """Publish that weatherd is online, then all announcements and states."""
        await self._broker.publish(self._topics.status, _ONLINE, retain=True)
        await self._publish_all()

    async def refresh(self) -> None:
        """Publish changes of the list of cities and of their availability until cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_INTERVAL)
            async with self._announcing:
                if self._resources.cities() is not self._announcer.cities:
                    await self._announcer.announce()
            now = self._resources.now().timestamp()
            changes = [
                change for last in self._forwarder.latest.values() for change in self._update_availability(last, now)
            ]
            await publish_in_batches(self._broker.publish, changes)

    async def follow_home_assistant(self) -> None:
        """Publish everything again whenever Home Assistant has started, until cancelled."""
        await self._subscribe()
        async for message in self._broker.messages():
            if message.payload == _ONLINE and not message.retain:
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
            await self._broker.publish(self._topics.status, _OFFLINE, retain=True)

    async def _publish_all(self) -> None:
        self._announcer.cities = ()
        self._forwarder.online.clear()
        await self._announcer.announce()
        now = self._resources.now().timestamp()
        publications: list[Publication] = []
        for last in self._forwarder.latest.values():
            publications += [*self._update_availability(last, now), self._build_state(last, retain=True)]
        await publish_in_batches(self._broker.publish, publications)

    def _build_state(self, observation: Observation, *, retain: bool) -> Publication:
        payload = json.dumps(to_dict(observation), ensure_ascii=False).encode()
        return Publication(self._topics.state(observation.city), payload, retain)

    def _update_availability(self, last: Observation, now: float) -> list[Publication]:
        """Return the publication of a city's availability if it has changed, else an empty list."""
        online = not self._resources.budgets.is_stale(last, now)
        if self._forwarder.online.get(last.city) == online:
            return []
        self._forwarder.online[last.city] = online
        return [Publication(self._topics.availability(last.city), _ONLINE if online else _OFFLINE, retain=True)]


class MqttForwarder:
    """The broker: connections have a last will; the states of the cities outlive a connection."""

    batch_size = 200

    def __init__(self, section: MqttSection, resources: ForwarderResources, ca_file: Path | None = None) -> None:
        self._client = importlib.import_module("weatherd.pipeline.forwarders.mqtt_client")  # needs paho-mqtt
        self._section = section
        self._ca_file = ca_file
        self._topics = Topics(section.topic_prefix, section.discovery_prefix)
        self._warned: set[str] = set()  # events
        self.discovery = section.discovery
        self.resources = resources
        self.latest: dict[str, Observation] = {}  # the last published, by city id
        self.online: dict[str, bool] = {}  # the last published availability, by city id

    def log_warning(self, event: str, **fields: str) -> None:
        """Log a warning about the broker, once for all connections."""
        if event not in self._warned:
            self._warned.add(event)
            log.warning(event, forwarder="mqtt", broker=f"{self._section.host}:{self._section.port}", **fields)

    def forget(self, city_id: str) -> None:
        """Forget a city that has left the list."""
        self.latest.pop(city_id, None)
        self.online.pop(city_id, None)

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[MqttConnection]:
        """Open a connection. Raises DeliveryError, also inside the ``with`` when an idle connection breaks."""
        try:
            async with (
                self._client.open_broker(self._build_options()) as broker,
                _started(MqttConnection(broker, self._topics, self)) as connection,
            ):
                if not broker.reports_rejections:
                    self.log_warning("forwarder.unconfirmed", reason=_NO_REPORTS)
                yield connection
        except BaseExceptionGroup as group:
            raise _first_error(group) from None

    def _build_options(self) -> BrokerOptions:
        section, secret = self._section, self._section.password
        options: BrokerOptions = self._client.BrokerOptions(
            section.host,
            section.port,
            will=(self._topics.status, _OFFLINE),
            client_id=section.client_id,
            username=section.username,
            password=secret.get_secret_value() if secret else None,
            tls=self._create_tls_context() if section.tls else None,
        )
        return options

    def _create_tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts the system's CAs, those of ``tls.ca_file``, and those of the section."""
        section, context = self._section, ssl.create_default_context()
        for ca_file in filter(None, (self._ca_file, section.ca_file)):
            context.load_verify_locations(ca_file)
        if section.cert_file:
            context.load_cert_chain(section.cert_file, section.key_file, password="")
        return context


@contextlib.asynccontextmanager
async def _started(connection: MqttConnection) -> AsyncIterator[MqttConnection]:
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


def _first_error(error: BaseException) -> BaseException:
    return _first_error(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def open_forwarder(settings: Settings, resources: ForwarderResources) -> MqttForwarder | None:
    """Return the forwarder if there is a section ``mqtt``. Raises ConfigError if its library is not installed."""
    if not settings.mqtt:
        return None
    try:
        return MqttForwarder(settings.mqtt, resources, settings.tls.ca_file)
    except ImportError:
        raise ConfigError(Problem("mqtt", explain_missing_library("mqtt"))) from None
