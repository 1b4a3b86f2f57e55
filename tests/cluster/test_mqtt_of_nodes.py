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
from weatherd.cluster.lease import shard_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

CITIES = 12
IDS = [f"city-{number}" for number in range(CITIES)]


def find_statuses(messages: dict[str, bytes]) -> dict[str, str]:
    """Return the status topic that each announced device names, by city id."""
    announced = {city: messages.get(f"homeassistant/device/weatherd_{city}/config") for city in IDS}
    return {city: json.loads(text)["availability"][0]["topic"] for city, text in announced.items() if text}


async def find_owners(server: Postgres) -> dict[str, str]:
    """Return the status topic of the node that polls each city, by city id, as the database has it."""
    rows = await server.rows(
        "SELECT shard.id, node.name FROM weatherd_shard AS shard LEFT JOIN weatherd_node AS node ON node.id = owner"
    )
    names = dict(rows)
    return {city: f"weatherd/status/{names[shard_of(city, len(names))]}" for city in IDS}


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

        async def wait_for_devices(*nodes: str) -> dict[str, str]:
            """Wait until these nodes poll all cities, and each device is available with its node; return the owners."""
            found: dict[str, str] = {}

            async def are_available() -> bool:
                messages = take_last(listener)
                found.update(await find_owners(server))
                is_shared = set(found.values()) == {f"weatherd/status/{node}" for node in nodes}
                return is_shared and find_statuses(messages) == found and find_available(messages) == set(IDS)

            await wait_until(are_available)
            return found

        async with run("n1") as first, run("n2") as second:
            owners = await wait_for_devices("n1", "n2")
            lost = {city for city, topic in owners.items() if topic == "weatherd/status/n1"}
            first.receives(signal.SIGKILL)
            await listener.wait_for("weatherd/status/n1", b"offline")
            assert find_available(take_last(listener)) == set(IDS) - lost
            await wait_for_devices("n2")
            async with run("n3"):
                await wait_for_devices("n2", "n3")
                second.receives(signal.SIGTERM)
                assert await second.ends() == 0
                await wait_for_devices("n3")
                assert find_available(await read_retained(broker)) == set(IDS)
        assert all(payload for topic, payload, _ in listener.received if topic.endswith("/config"))
        assert listener.payloads_on("weatherd/status") == []
