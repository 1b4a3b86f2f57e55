"""MQTT with several nodes: a real broker, a real database, and real daemons."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.running_nodes import LONG, list_rows, run_node
from tests.pipeline.forwarders.harness import wait_until
from tests.pipeline.forwarders.test_mqtt import Listener, read_retained, run_listener
from tests.support.servers import Mosquitto, Postgres, running
from tests.support.service import serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

CITIES = 12
IDS = [f"city-{number}" for number in range(CITIES)]


def find_statuses(messages: dict[str, bytes]) -> dict[str, str]:
    """Return the status topic that each announced device names, by city id."""
    announced = {city: messages.get(f"homeassistant/device/weatherd_{city}/config") for city in IDS}
    return {city: json.loads(text)["availability"][0]["topic"] for city, text in announced.items() if text}


def find_available(messages: dict[str, bytes]) -> set[str]:
    """Return the ids of the cities whose devices are available for Home Assistant."""
    return {
        city
        for city, topic in find_statuses(messages).items()
        if messages.get(topic) == messages.get(f"weatherd/{city}/availability") == b"online"
    }


def take_last(listener: Listener) -> dict[str, bytes]:
    """Return the last message of each topic."""
    return {topic: payload for topic, payload, _ in listener.received}


@LONG
async def test_a_device_follows_the_node_that_polls_its_city(tmp_path: Path) -> None:
    """A killed node's devices become unavailable, no others; then each is available again with the other node's status.

    A node that joins takes its share over, and a node that leaves hands its own over. Nothing is withdrawn.
    """
    (tmp_path / "broker").mkdir()
    broker, server = Mosquitto(tmp_path / "broker"), Postgres()
    mqtt = f"{{host: 127.0.0.1, port: {broker.port}}}"
    async with running(broker), running(server), serving() as weather, run_listener(broker) as listener:

        def run(name: str) -> Any:
            return run_node(tmp_path, name, server.dsn, weather.url, list_rows(CITIES), mqtt=mqtt)

        def statuses() -> dict[str, str]:
            return find_statuses(take_last(listener))

        async def are_available(*nodes: str) -> bool:
            used = set(statuses().values()) == {f"weatherd/status/{node}" for node in nodes}
            return used and find_available(take_last(listener)) == set(IDS)

        async with run("n1") as first, run("n2") as second:
            await wait_until(lambda: are_available("n1", "n2"))
            lost = {city for city, topic in statuses().items() if topic == "weatherd/status/n1"}
            first.receives(signal.SIGKILL)
            await listener.wait_for("weatherd/status/n1", b"offline")
            assert find_available(take_last(listener)) == set(IDS) - lost
            await wait_until(lambda: are_available("n2"))
            async with run("n3"):
                await wait_until(lambda: are_available("n2", "n3"))
                second.receives(signal.SIGTERM)
                assert await second.ends() == 0
                await wait_until(lambda: are_available("n3"))
                assert find_available(await read_retained(broker)) == set(IDS)
        assert all(payload for topic, payload, _ in listener.received if topic.endswith("/config"))
        assert listener.payloads_on("weatherd/status") == []
