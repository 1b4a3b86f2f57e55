"""MQTT, with a real broker and a listener in the place of Home Assistant."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from tests.pipeline.forwarders.destination import captured_logs
from tests.pipeline.forwarders.rig import Rig, rig, until
from tests.support.fakes import BERLIN, KIEL, MUNICH
from tests.support.servers import Mosquitto, running
from weatherd.formatting import to_dict
from weatherd.pipeline.forwarders.mqtt import open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

KIEL_CONFIG = "homeassistant/device/weatherd_kiel/config"
NOW: dict[str, Any] = {"observed_at": datetime.now(UTC)}


class Listener:
    """Collects all messages, with their topics and retain flags."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.client = client

    async def listen(self) -> None:
        """Collect messages until cancelled."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((str(message.topic), message.payload, bool(message.retain)))

    def on(self, topic: str) -> list[bytes]:
        """Return the payloads on a topic."""
        return [payload for heard, payload, _ in self.heard if heard == topic]

    async def hears(self, topic: str, payload: bytes | None = None) -> bytes:
        """Wait until the last payload on a topic is *payload*, or any if None; return it."""

        async def last() -> bool:
            said = self.on(topic)
            return bool(said) and payload in (None, said[-1])

        await until(last)
        return self.on(topic)[-1]


@contextlib.asynccontextmanager
async def listening(server: Mosquitto, name: str = "listener", *, clean: bool = True) -> AsyncIterator[Listener]:
    """Listen to a broker; without a clean session nothing is missed between two connections of one name."""
    async with aiomqtt.Client("127.0.0.1", server.port, identifier=name, clean_session=clean) as client:
        listener = Listener(client)
        await client.subscribe("#", qos=1)
        task = asyncio.create_task(listener.listen())
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.wait([task])


async def retained(server: Mosquitto) -> dict[str, bytes]:
    """Return the broker's retained messages."""
    async with listening(server, "fresh") as listener:
        await listener.client.publish("end", b"end", qos=1)
        await listener.hears("end", b"end")
        return {topic: payload for topic, payload, is_retained in listener.heard if is_retained}


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[tuple[Rig, Mosquitto]]:
    """Run a broker, and yield it and a rig."""
    (folder / "broker").mkdir()
    server = Mosquitto(folder / "broker")
    async with running(server), rig(folder / "state") as made:
        yield made, server


def block(server: Mosquitto, **settings: Any) -> dict[str, Any]:
    """Return the forwarder's settings."""
    return {"mqtt": {"host": "127.0.0.1", "port": server.port, **settings}}


async def test_states_are_retained_and_a_stop_marks_weatherd_offline(tmp_path: Path) -> None:
    """A client that connects later finds the latest state of each city, and whether weatherd is online."""
    async with broker(tmp_path) as (made, server):
        async with listening(server) as listener, made.delivering(open_forwarder, **block(server)):
            await made.adds(2, **NOW, station="K1")
            await made.adds(1, BERLIN, **NOW)
            await listener.hears("weatherd/berlin/availability", b"online")
            kept = await retained(server)
            assert kept["weatherd/status"] == b"online"
        async with made.journal.open_reader() as reading:
            entries = await reading.read_after(0, 10)
        assert json.loads(kept["weatherd/kiel/state"]) == to_dict(entries[-2].observation)
        assert kept["weatherd/kiel/availability"] == b"online"
        after = await retained(server)
        assert after["weatherd/status"] == b"offline"
        assert after["weatherd/kiel/state"] == kept["weatherd/kiel/state"]


async def test_the_last_will_marks_weatherd_offline(tmp_path: Path) -> None:
    """After a broken connection the last will marks everything as unavailable."""
    async with (
        broker(tmp_path) as (made, server),
        listening(server) as listener,
        made.delivering(open_forwarder, **block(server)) as deliveries,
    ):
        await listener.hears("weatherd/status", b"online")
        server.freezes()  # so that no goodbye arrives
        await deliveries.stop()
        server.thaws()
        assert await listener.hears("weatherd/status", b"offline")


async def test_cities_are_announced_and_removed(tmp_path: Path) -> None:
    """A new city is announced at once, a renamed one again, and the topics of a removed one are cleared."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        async with made.delivering(open_forwarder, **block(server)):
            config = json.loads(await listener.hears(KIEL_CONFIG))
            assert config["dev"]["name"] == "Kiel"
            await made.adds(1, **NOW)
            await listener.hears("weatherd/kiel/state")
            made.cities = (replace(BERLIN, name="Berlin-Mitte"), MUNICH)
            await listener.hears("homeassistant/device/weatherd_munchen/config")
            await listener.hears(KIEL_CONFIG, b"")
            assert json.loads(listener.on("homeassistant/device/weatherd_berlin/config")[-1])["dev"]["name"] == (
                "Berlin-Mitte"
            )
            await listener.hears("weatherd/kiel/availability", b"")
        assert not [topic for topic in await retained(server) if "kiel" in topic]


async def test_a_city_that_left_while_the_daemon_was_down_is_removed(tmp_path: Path) -> None:
    """A city that was removed from the list between two runs is removed from Home Assistant by the second one."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        async with made.delivering(open_forwarder, **block(server)):
            await listener.hears(KIEL_CONFIG)
        made.cities = (BERLIN,)
        async with made.delivering(open_forwarder, **block(server)):
            await listener.hears(KIEL_CONFIG, b"")
        kept = await retained(server)
        assert KIEL_CONFIG not in kept
        assert "homeassistant/device/weatherd_berlin/config" in kept


async def test_everything_is_published_again_when_home_assistant_starts(tmp_path: Path) -> None:
    """Its birth message triggers all devices and states; a city removed meanwhile is announced and removed again."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        made.cities = (KIEL, BERLIN, MUNICH)
        async with made.delivering(open_forwarder, **block(server)):
            await made.adds(1, **NOW)
            await listener.hears("weatherd/kiel/state")
            munich = "homeassistant/device/weatherd_munchen/config"
            announced = await listener.hears(munich)
            made.cities = (KIEL, BERLIN)
            await listener.hears(munich, b"")
            before = len(listener.on(KIEL_CONFIG)), len(listener.on("weatherd/kiel/state"))
            listener.heard = [message for message in listener.heard if message[0] != munich]
            await listener.client.publish("homeassistant/status", b"online", qos=1)
            await listener.hears(munich, b"")
            assert listener.on(munich) == [announced, b""]
            assert (len(listener.on(KIEL_CONFIG)), len(listener.on("weatherd/kiel/state"))) == (
                before[0] + 1,
                before[1] + 1,
            )


async def test_a_stale_city_is_offline(tmp_path: Path) -> None:
    """A stale observation, such as one from an outage, is published only after its city is marked offline."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        await made.adds(3, observed_at=datetime.now(UTC) - timedelta(hours=5))
        async with made.delivering(open_forwarder, **block(server)):
            await listener.hears("weatherd/kiel/state")
            assert listener.on("weatherd/kiel/availability") == [b"offline"]
            topics = [topic for topic, _, _ in listener.heard if topic.startswith("weatherd/kiel/")]
            assert topics[0] == "weatherd/kiel/availability"
            await made.adds(1, **NOW)
            await listener.hears("weatherd/kiel/availability", b"online")


async def test_a_broker_that_dies_and_freezes_gets_everything(tmp_path: Path) -> None:
    """Down at the start, killed in between, frozen: a listener gets every state, in order."""
    async with broker(tmp_path) as (made, server):
        server.dies()
        await made.adds(300)
        heard: list[float] = []
        with captured_logs() as logs:
            async with made.delivering(open_forwarder, **block(server)) as deliveries:
                await until(lambda: _is_logged(logs, "forwarder.down"))
                await server.starts()
                async with listening(server) as listener:
                    await until(lambda: _is_caught_up(deliveries))
                    heard += _numbers(listener)
                server.dies()
                await made.adds(500)
                await server.starts()
                async with listening(server) as listener:
                    await until(lambda: _is_caught_up(deliveries))
                    server.freezes()
                    await made.adds(100)
                    await asyncio.sleep(0)
                    server.thaws()
                    await until(lambda: _is_caught_up(deliveries))
                    await listener.client.publish("end", b"end", qos=1)
                    await listener.hears("end", b"end")
                    heard += _numbers(listener)
        assert deliveries.counters()["far"]["skipped"] == 0
        assert heard[-1] == made.added - 1
        assert list(dict.fromkeys(heard))[-400:] == list(range(500, 900))


def _numbers(listener: Listener) -> list[float]:
    return [json.loads(payload)["temperature"] for payload in listener.on("weatherd/kiel/state")]


async def test_without_discovery_nothing_is_announced(tmp_path: Path) -> None:
    """Without discovery nothing is published for Home Assistant; turning it off removes what was announced."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        async with made.delivering(open_forwarder, **block(server)):
            await listener.hears(KIEL_CONFIG)
        async with made.delivering(open_forwarder, **block(server, discovery=False, topic_prefix="home/weather")):
            await listener.hears(KIEL_CONFIG, b"")
            await made.adds(1, **NOW)
            await listener.hears("home/weather/kiel/state")
        assert not [topic for topic in await retained(server) if topic.startswith("homeassistant/")]


async def _is_logged(logs: list[Any], event: str) -> bool:
    return any(log["event"] == event for log in logs)


async def _is_caught_up(deliveries: Any) -> bool:
    return not deliveries.counters()["far"]["behind"]
