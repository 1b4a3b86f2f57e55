"""What a broker denies or does not support: MQTT 5 reports it, and an older broker is used with a warning."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import is_delivered, is_logged, open_harness, wait_until
from tests.support.fakes import BERLIN
from tests.support.servers import Mosquitto, free_port, running
from weatherd.pipeline.forwarders.mqtt import open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

NOW: dict[str, Any] = {"observed_at": datetime.now(UTC)}


def create_broker(folder: Path, *options: str) -> Mosquitto:
    """Create a broker with lines of its configuration."""
    (folder / "broker").mkdir()
    # Mosquitto 2.0 with max_queued_messages 0 cuts a connection after it has denied a message
    return Mosquitto(folder / "broker", "max_queued_messages 1000", *options)


def forwarder_settings(port: int, **settings: Any) -> dict[str, Any]:
    """Return the forwarder's settings."""
    return {"mqtt": {"host": "127.0.0.1", "port": port, **settings}}


def counts(deliveries: Any) -> tuple[int, int, int]:
    """Return the observations delivered, skipped and behind."""
    status = deliveries.statuses()["destination"]
    return (status.delivered, status.skipped, status.behind)


async def test_a_topic_that_the_broker_denies_is_an_outage(tmp_path: Path) -> None:
    """A broker whose access rules deny all topics does not count as up: the reason names broker, topic and denial."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\n")
    server = create_broker(tmp_path, f"acl_file {rules}")
    async with running(server), open_harness(tmp_path / "state") as harness:
        await harness.add_observations(1, **NOW)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(server.port)) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                reason = f"127.0.0.1:{server.port}: the broker rejects weatherd/status: Not authorized"
                assert logs[0]["reason"] == reason
                assert deliveries.statuses()["destination"].is_down
                assert counts(deliveries) == (0, 0, 1)
                rules.write_text("topic readwrite #\n")
                server.dies()
                await server.starts()
                await wait_until(lambda: is_delivered(deliveries, 1))


async def test_a_denied_state_is_not_delivered(tmp_path: Path) -> None:
    """A topic that is denied later, below a prefix that is allowed, is an outage as well, and loses nothing."""
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite weatherd/status\ntopic write homeassistant/#\n")
    server = create_broker(tmp_path, f"acl_file {rules}")
    async with running(server), open_harness(tmp_path / "state") as harness:
        await harness.add_observations(3)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(server.port)) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                assert "the broker rejects weatherd/kiel/" in logs[0]["reason"]
                assert counts(deliveries) == (0, 0, 3)


async def test_wrong_credentials_are_named(tmp_path: Path) -> None:
    """The reason of a broker that does not know the user is logged."""
    server = create_broker(tmp_path, f"password_file {tmp_path}/users")
    (tmp_path / "users").touch()
    async with running(server), open_harness(tmp_path / "state") as harness:
        with capture_warnings() as logs:
            settings = forwarder_settings(server.port, username="nobody")
            async with harness.run_forwarder(open_forwarder, **settings):
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
        assert logs[0]["reason"] == f"127.0.0.1:{server.port}: Not authorized"


async def test_an_observation_that_is_too_large_is_skipped_alone(tmp_path: Path) -> None:
    """A broker with a limit of the packet size gets everything that fits; the rest is skipped with its size."""
    server = create_broker(tmp_path, "max_packet_size 3000")
    async with running(server), open_harness(tmp_path / "state") as harness:
        await harness.add_observations(5)
        await harness.add_observations(1, BERLIN, description="rain " * 700)
        await harness.add_observations(5)
        settings = forwarder_settings(server.port, discovery=False)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
                await wait_until(lambda: is_delivered(deliveries, 10))
                assert counts(deliveries) == (10, 1, 0)
        assert [log["event"] for log in logs] == ["forwarder.skipped"]
        assert "weatherd/berlin/state has 3" in logs[0]["reason"]
        assert "bytes, the broker accepts 3000" in logs[0]["reason"]


async def test_an_announcement_that_is_too_large_is_an_outage(tmp_path: Path) -> None:
    """A device that the broker does not accept is not skipped: the reason names its topic and size."""
    server = create_broker(tmp_path, "max_packet_size 1000")
    async with running(server), open_harness(tmp_path / "state") as harness:
        await harness.add_observations(1, **NOW)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(server.port)):
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
        assert "homeassistant/device/weatherd_kiel/config has" in logs[0]["reason"]


async def test_messages_have_no_expiry(tmp_path: Path) -> None:
    """Every payload is JSON or a plain word, and no message has an expiry: one of 0 would discard it at once."""
    server = create_broker(tmp_path)
    async with (
        running(server),
        open_harness(tmp_path / "state") as harness,
        aiomqtt.Client("127.0.0.1", server.port, protocol=aiomqtt.ProtocolVersion.V5) as client,
    ):
        await client.subscribe("#", qos=1)
        await harness.add_observations(1, **NOW)
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server.port)) as deliveries:
            await wait_until(lambda: is_delivered(deliveries, 1))
        messages = [await anext(client.messages) for _ in range(len(client.messages))]
        assert {str(message.topic) for message in messages} >= {"weatherd/status", "weatherd/kiel/state"}
        for message in messages:
            assert isinstance(message.payload, bytes)
            assert message.payload in (b"online", b"offline") or json.loads(message.payload)
            assert not hasattr(message.properties, "MessageExpiryInterval")


class OldBroker:
    """A broker for MQTT 3.1.1 only, in front of a real one; it rejects MQTT 5 in one of the ways that are seen."""

    def __init__(self, server: Mosquitto, response: bytes) -> None:
        self.port = free_port()
        self._server = server
        self._response = response
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept connections."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", self.port):
            yield
            for task in self._tasks:
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(9)  # the fixed header, the protocol's name, its version
        if head[8] == 5:
            writer.write(self._response)
            writer.close()
            return
        upstream, sender = await asyncio.open_connection("127.0.0.1", self._server.port)
        sender.write(head)
        pumps = [asyncio.create_task(_pump(*pair)) for pair in ((reader, sender), (upstream, writer))]
        self._tasks.update(pumps)
        await asyncio.wait(pumps)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
    writer.close()


@pytest.mark.parametrize("response", [b"\x20\x02\x00\x01", b""], ids=["unacceptable protocol version", "closed"])
async def test_a_broker_without_mqtt_5_is_used_with_a_warning(tmp_path: Path, response: bytes) -> None:
    """It gets everything with MQTT 3.1.1; one warning says that such a broker does not report what it denies."""
    server = create_broker(tmp_path)
    old = OldBroker(server, response)
    async with running(server), old.running(), open_harness(tmp_path / "state") as harness:
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(old.port)) as deliveries:
                await harness.add_observations(3)
                await wait_until(lambda: is_delivered(deliveries, 3))
        assert [(log["event"], log["broker"]) for log in logs] == [("forwarder.unconfirmed", f"127.0.0.1:{old.port}")]


async def test_a_denied_subscription_is_a_warning(tmp_path: Path) -> None:
    """A broker that denies Home Assistant's status gets all states; what is missing is logged once."""
    server = create_broker(tmp_path)
    denying = DenyingBroker(server, b"")
    async with running(server), denying.running(), open_harness(tmp_path / "state") as harness:
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(denying.port)) as deliveries:
                await harness.add_observations(3)
                await wait_until(lambda: is_delivered(deliveries, 3))
        assert [(log["event"], log["topic"]) for log in logs] == [("forwarder.not_subscribed", "homeassistant/status")]


class DenyingBroker(OldBroker):
    """A broker that denies subscriptions: it changes the code in the acknowledgement of a real one."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, sender = await asyncio.open_connection("127.0.0.1", self._server.port)
        pumps = [asyncio.create_task(_pump(reader, sender)), asyncio.create_task(_deny(upstream, writer))]
        self._tasks.update(pumps)
        await asyncio.wait(pumps)


async def _deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readexactly(2)
            body = await reader.readexactly(head[1])  # all packets in this test are short
            writer.write(head + (body[:-1] + b"\x87" if head[0] == 0x90 else body))
    writer.close()
