"""The latest observation, the alerts and the official warnings of every city on an MQTT broker.

They are announced to Home Assistant.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import re
import ssl
from typing import TYPE_CHECKING

import structlog

from weatherd.errors import ConfigError, DeliveryError, Problem
from weatherd.pipeline.forwarders.broker.mqtt_connection import MqttConnection, start_connection
from weatherd.pipeline.forwarders.city_states import OFFLINE, CityStates
from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics
from weatherd.pipeline.forwarders.notices.notice_events import NoticeEvents
from weatherd.pipeline.forwarders.notices.notice_states import NoticeStates
from weatherd.pipeline.forwarders.notices.official_warnings import ChangeConnection
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from weatherd.city import City
    from weatherd.config.sections.forwarders import MqttSection
    from weatherd.config.settings import Settings
    from weatherd.journal.tables.alert_table import AlertEntry
    from weatherd.journal.tables.warning_table import WarningEntry
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.pipeline.forwarders.broker.client import BrokerOptions

log = structlog.get_logger()

_CONNECTION_TIMEOUT = 5.0  # seconds for which an event waits for the connection
_NO_REPORTS = (
    "the broker supports MQTT 3.1.1 only, which does not report rejected messages: what its access rules deny is lost"
)


class MqttForwarder:
    """The broker: connections have a last will; the states of the cities outlive a connection."""

    batch_size = 200
    replays_warnings = False  # because what was issued before is no event

    def __init__(self, section: MqttSection, resources: ForwarderResources, ca_file: Path | None = None) -> None:
        self._client = importlib.import_module("weatherd.pipeline.forwarders.broker.client")  # needs paho-mqtt
        self._section = section
        self._ca_file = ca_file
        self._topics = Topics(section.topic_prefix, section.discovery_prefix, make_level(resources.node))
        self._warned: set[str] = set()  # events
        self.discovery = section.discovery
        self.resources = resources
        self.states = CityStates(self._topics, resources)
        self.notices = NoticeStates(self._topics, resources)
        self._events = NoticeEvents(self._topics)
        self._connection: MqttConnection | None = None
        self._is_connected = asyncio.Event()

    def forget(self, city_id: str) -> None:
        """Forget a city that has left the list."""
        self.states.forget(city_id)
        self.notices.forget(city_id)

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
                start_connection(MqttConnection(broker, self._topics, self)) as connection,
            ):
                if not broker.reports_rejections:
                    self.log_warning("forwarder.unconfirmed", reason=_NO_REPORTS)
                self._connection = connection
                self._is_connected.set()
                yield connection
        except BaseExceptionGroup as group:
            raise _first_error(group) from None
        finally:
            self._connection = None
            self._is_connected.clear()

    def connect_alerts(self) -> AbstractAsyncContextManager[ChangeConnection]:
        """Return a connection that delivers events of alerts, over the connection for observations."""
        return contextlib.nullcontext(ChangeConnection(self._deliver_alerts))

    def connect_warnings(self) -> AbstractAsyncContextManager[ChangeConnection]:
        """Return a connection that delivers changes of official warnings, over the connection for observations."""
        return contextlib.nullcontext(ChangeConnection(self._deliver_warnings))

    async def _deliver_alerts(self, batch: Sequence[AlertEntry], key: str) -> None:  # noqa: ARG002 - events have numbers
        cities, alerts = self._find_cities(entry.city for entry in batch), self.resources.alerts()
        connection = await self._find_connection()
        if alerts and not alerts.may_deliver(batch):
            raise DeliveryError("this node may not deliver alerts now: another one may poll their cities")
        await connection.publish_events(cities.values(), self._events.of_alerts(batch, cities))
        if alerts:
            await alerts.record_sent([entry for entry in batch if entry.city in cities])

    async def _deliver_warnings(self, batch: Sequence[WarningEntry], key: str) -> None:  # noqa: ARG002 - as above
        cities = self._find_cities(entry.change.city for entry in batch)
        await (await self._find_connection()).publish_events(cities.values(), self._events.of_warnings(batch, cities))

    def _find_cities(self, ids: Iterable[str]) -> dict[str, City]:
        """Return the cities with these ids that are listed now."""
        found = {city_id: self.resources.find_city(city_id) for city_id in ids}
        return {city_id: city for city_id, city in found.items() if city}

    async def _find_connection(self) -> MqttConnection:
        """Return the connection for observations. Raises DeliveryError if there is none soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECTION_TIMEOUT):
                await self._is_connected.wait()
        if self._connection is None:
            raise DeliveryError(f"{self._section.host}:{self._section.port}: not connected")
        return self._connection

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


def make_level(name: str) -> str:
    """Return a node's name as a level of a topic: without the characters that divide topics or match several."""
    return re.sub(r"[/+#\0]", "_", name)


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
