"""A connection to an MQTT broker. It speaks MQTT 5, because only that reports which messages the broker accepts.

With MQTT 3.1.1 a broker acknowledges also the messages that its access rules discard: it "has no way of informing that
Client" (section 3.3.5).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from weatherd.errors import DeliveryError, RejectedError, describe
from weatherd.pipeline.forwarders.broker.loop import PahoLoop
from weatherd.pipeline.forwarders.broker.publication import MAX_PENDING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

_TIMEOUT = 10.0  # seconds for a connection, and for an acknowledgement
_KEEP_ALIVE = 30  # seconds
_QOS = 1  # at least once
_UNSUPPORTED_VERSION = 0x84
# Reason codes of MQTT 5 (section 2.4) that concern the message itself: Topic Name invalid, Packet too large, Payload
# format invalid; and those that may: Unspecified error, Implementation specific error
_ABOUT_MESSAGE = frozenset({0x90, 0x95, 0x99})
_MAY_BE_MESSAGE = frozenset({0x80, 0x83})


class BrokerOptions(NamedTuple):
    """The address of a broker, and the identity of weatherd there."""

    host: str
    port: int
    will: tuple[str, bytes]  # topic and payload, which the broker publishes after a lost connection
    client_id: str | None = None  # None: the broker chooses one
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class NoMqtt5Error(DeliveryError):
    """The broker does not support MQTT 5, or has closed the connection before its first response."""


class BrokerConnection:
    """A connection to a broker."""

    def __init__(self, options: BrokerOptions, version: MQTTProtocolVersion) -> None:
        self.reports_rejections = version is MQTTProtocolVersion.MQTTv5
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._responses: dict[int, asyncio.Future[ReasonCode]] = {}  # pending, by message id
        self._messages: asyncio.Queue[paho.MQTTMessage | None] = asyncio.Queue()  # None: the connection is lost
        self._slots = asyncio.Semaphore(MAX_PENDING)
        self._max_packet: int | None = None  # bytes that the broker accepts; None: no limit
        self._lost: str | None = None  # the reason
        self._client = _create_client(options, version)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = lambda *arguments: self._respond(arguments[2], arguments[3])
        self._client.on_subscribe = lambda *arguments: self._respond(arguments[2], arguments[3][0])
        self._client.on_message = lambda *arguments: self._messages.put_nowait(arguments[2])
        self._socket = PahoLoop(self._client, self._lose)

    async def open(self) -> None:
        """Connect. Raises NoMqtt5Error if an older version may help, else DeliveryError."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._socket.connect(self._options.host, self._options.port, _KEEP_ALIVE)
                await self._connected
        except TimeoutError:
            raise DeliveryError(f"{self._options}: no response within {_TIMEOUT:g} s") from None
        except OSError as error:
            raise DeliveryError(f"{self._options}: {describe(error)}") from None

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish a message; the broker has accepted it when this returns.

        Raises RejectedError if the broker permanently rejects this message, DeliveryError if it accepts none now or
        denies the topic.
        """
        size = _packet_size(topic, payload)
        if self._max_packet and size > self._max_packet:
            raise RejectedError(f"{self._options}: {topic} has {size} bytes, the broker accepts {self._max_packet}")
        async with self._slots:
            published = self._client.publish(topic, payload, _QOS, retain)
            reason = await self._await_response(published.rc, published.mid)
        if reason.is_failure:
            message = f"{self._options}: the broker rejects {topic}: {reason}"
            if reason.value in _ABOUT_MESSAGE:
                raise RejectedError(message)
            raise DeliveryError(message, batch_suspected=reason.value in _MAY_BE_MESSAGE)

    async def subscribe(self, topic: str) -> str | None:
        """Subscribe to a topic; return the broker's reason if it denies that. Raises DeliveryError."""
        reason = await self._await_response(*self._client.subscribe(topic, _QOS))
        return str(reason) if reason.is_failure else None

    async def messages(self) -> AsyncIterator[paho.MQTTMessage]:
        """Yield the messages on subscribed topics. Raises DeliveryError when the connection is lost."""
        while message := await self._messages.get():
            yield message
        raise self._error()

    def close(self) -> None:
        """Disconnect, without waiting for acknowledgements."""
        self._connected.cancel()
        self._client.disconnect()
        self._socket.close()
        self._lose("closed")

    async def _await_response(self, code: MQTTErrorCode, message_id: int | None) -> ReasonCode:
        """Return the broker's response to a message that was sent with this result. Raises DeliveryError."""
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or message_id is None:
            raise self._error()
        response: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._responses[message_id] = response
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await response
        except TimeoutError:
            raise DeliveryError(f"{self._options}: no acknowledgement within {_TIMEOUT:g} s") from None
        finally:
            self._responses.pop(message_id, None)

    def _respond(self, message_id: int, reason: ReasonCode) -> None:
        response = self._responses.get(message_id)
        if response and not response.done():
            response.set_result(reason)

    def _on_connect(
        self,
        _client: paho.Client,
        _data: Any,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            kind = NoMqtt5Error if reason.value == _UNSUPPORTED_VERSION else DeliveryError
            self._connected.set_exception(kind(f"{self._options}: {reason}"))
        else:
            self._max_packet = getattr(properties, "MaximumPacketSize", None)
            self._slots = asyncio.Semaphore(min(MAX_PENDING, getattr(properties, "ReceiveMaximum", MAX_PENDING)))
            self._connected.set_result(None)

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, flags: paho.DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        is_reported = flags.is_disconnect_packet_from_server
        self._lose(f"the broker has closed the connection: {reason}" if is_reported else "the connection is lost")

    def _lose(self, reason: str) -> None:
        if self._lost is not None:
            return
        self._lost = reason
        if not self._connected.done():
            self._connected.set_exception(NoMqtt5Error(f"{self._options}: {reason}"))
        for response in self._responses.values():
            if not response.done():
                response.set_exception(self._error(batch_suspected=True))
        self._messages.put_nowait(None)

    def _error(self, *, batch_suspected: bool = False) -> DeliveryError:
        return DeliveryError(f"{self._options}: {self._lost or 'not connected'}", batch_suspected=batch_suspected)


@contextlib.asynccontextmanager
async def open_broker(options: BrokerOptions) -> AsyncIterator[BrokerConnection]:
    """Connect to a broker with MQTT 5, or else 3.1.1. Raises DeliveryError."""
    connection = BrokerConnection(options, MQTTProtocolVersion.MQTTv5)
    try:
        try:
            await connection.open()
        except NoMqtt5Error:
            connection.close()
            connection = BrokerConnection(options, MQTTProtocolVersion.MQTTv311)
            await connection.open()
        yield connection
    finally:
        connection.close()


def _create_client(options: BrokerOptions, version: MQTTProtocolVersion) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, options.client_id, protocol=version, reconnect_on_failure=False)
    client.connect_timeout = _TIMEOUT
    client.max_inflight_messages = MAX_PENDING
    client.will_set(*options.will, _QOS, retain=True)
    if options.username is not None:
        client.username_pw_set(options.username, options.password)
    if options.tls:
        client.tls_set_context(options.tls)
    return client


def _packet_size(topic: str, payload: bytes) -> int:
    """Return the bytes of a publication without properties: MQTT 5, sections 2.1.4 and 3.3."""
    remaining = 2 + len(topic.encode()) + 2 + 1 + len(payload)  # lengths of topic, message id and properties
    return 1 + -(-remaining.bit_length() // 7) + remaining
