"""The latest observation of every city on an MQTT broker, announced to Home Assistant."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ssl
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import ConfigError, DeliveryError, Problem, RejectedError
from weatherd.pipeline.forwarders.city_states import OFFLINE, ONLINE, CityStates
from weatherd.pipeline.forwarders.discovery_payload import Topics
from weatherd.pipeline.forwarders.home_assistant import Announcer, publish_in_batches
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from weatherd.config.sections.forwarders import MqttSection
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.broker.client import BrokerConnection, BrokerOptions

log = structlog.get_logger()

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
        self._states = forwarder.states
        self._announcer = Announcer(
            topics, forwarder.resources, broker.publish, self._states.forget, enabled=forwarder.discovery
        )
        self._announcing = asyncio.Lock()  # because the list may change while everything is published again

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - publishing is idempotent
        """Publish each observation, in order, as its city's state."""
        await publish_in_batches(self._broker.publish, self._states.update(batch))

    async def start(self) -> None:
        """Publish that weatherd is online, then all announcements and states."""
        await self._broker.publish(self._topics.status, ONLINE, retain=True)
        await self._publish_all()

    async def refresh(self) -> None:
        """Publish changes of the list of cities and of their availability until cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_INTERVAL)
            async with self._announcing:
                if self._resources.cities() is not self._announcer.cities:
                    await self._announcer.announce()
            for publications in self._states.refresh(self._announcer.cities):
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
        for publications in self._states.repeat():
            await publish_in_batches(self._broker.publish, publications)


class MqttForwarder:
    """The broker: connections have a last will; the states of the cities outlive a connection."""

    batch_size = 200

    def __init__(self, section: MqttSection, resources: ForwarderResources, ca_file: Path | None = None) -> None:
        self._client = importlib.import_module("weatherd.pipeline.forwarders.broker.client")  # needs paho-mqtt
        self._section = section
        self._ca_file = ca_file
        self._topics = Topics(section.topic_prefix, section.discovery_prefix)
        self._warned: set[str] = set()  # events
        self.discovery = section.discovery
        self.resources = resources
        self.states = CityStates(self._topics, resources)

    def log_warning(self, event: str, **fields: str) -> None:
        """Log a warning about the broker, once for all connections."""
        if event not in self._warned:
            self._warned.add(event)
            log.warning(event, forwarder="mqtt", broker=f"{self._section.host}:{self._section.port}", **fields)

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
            will=(self._topics.status, OFFLINE),
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
