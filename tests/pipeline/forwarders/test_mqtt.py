"""MQTT, with a real broker and somebody who listens in the place of Home Assistant."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from tests.pipeline.forwarders.far import told
from tests.pipeline.forwarders.rig import Rig, rig, until
from tests.support.fakes import BERLIN, KIEL, MUNICH
from tests.support.servers import Mosquitto, running
from weatherd.formatting import to_dict
from weatherd.pipeline.forwarders.mqtt import open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

KIELS_CONFIG = "homeassistant/device/weatherd_kiel/config"
NOW: dict[str, Any] = {"observed_at": datetime.now(UTC)}


class Listener:
    """Keeps what is said under every topic, and what is retained now."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.client = client

    async def listen(self) -> None:
        """Listen for ever."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((str(message.topic), message.payload, bool(message.retain)))

    def on(self, topic: str) -> list[bytes]:
        """Return what was said on a topic."""
        return [payload for heard, payload, _ in self.heard if heard == topic]

    async def hears(self, topic: str, payload: bytes | None = None) -> bytes:
        """Wait for something, or for that, as the last on a topic."""

        async def last() -> bool:
            said = self.on(topic)
            return bool(said) and payload in (None, said[-1])

        await until(last)
        return self.on(topic)[-1]


@contextlib.asynccontextmanager
async def listening(server: Mosquitto, name: str = "listener", *, clean: bool = True) -> AsyncIterator[Listener]:
    """Listen to a broker; under a name of one's own nothing is missed while one is away."""
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
    """Return what the broker keeps."""
    async with listening(server, "fresh") as listener:
        await listener.client.publish("end", b"end", qos=1)
        await listener.hears("end", b"end")
        return {topic: payload for topic, payload, is_retained in listener.heard if is_retained}


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[tuple[Rig, Mosquitto]]:
    """Have a broker, and a rig."""
    (folder / "broker").mkdir()
    server = Mosquitto(folder / "broker")
    async with running(server), rig(folder / "state") as made:
        yield made, server


def block(server: Mosquitto, **settings: Any) -> dict[str, Any]:
    """Return the settings."""
    return {"mqtt": {"host": "127.0.0.1", "port": server.port, **settings}}


async def test_states_are_retained_and_a_stop_says_goodbye(tmp_path: Path) -> None:
    """Whoever comes later finds the last state of each city, and whether weatherd is there."""
    async with broker(tmp_path) as (made, server):
        async with listening(server) as listener, made.forwards(open_forwarder, **block(server)):
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


async def test_the_broker_says_it_when_weatherd_falls_silent(tmp_path: Path) -> None:
    """The last will: a broken connection makes everything unavailable."""
    async with (
        broker(tmp_path) as (made, server),
        listening(server) as listener,
        made.forwards(open_forwarder, **block(server)) as forwards,
    ):
        await listener.hears("weatherd/status", b"online")
        server.freezes()  # so that no goodbye arrives
        await forwards.stop()
        server.thaws()
        assert await listener.hears("weatherd/status", b"offline")


async def test_cities_are_announced_and_taken_away(tmp_path: Path) -> None:
    """A city that comes is announced at once, one that is renamed anew, one that leaves takes its topics along."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        async with made.forwards(open_forwarder, **block(server)):
            config = json.loads(await listener.hears(KIELS_CONFIG))
            assert config["dev"]["name"] == "Kiel"
            await made.adds(1, **NOW)
            await listener.hears("weatherd/kiel/state")
            made.cities = (replace(BERLIN, name="Berlin-Mitte"), MUNICH)
            await listener.hears("homeassistant/device/weatherd_munchen/config")
            await listener.hears(KIELS_CONFIG, b"")
            assert json.loads(listener.on("homeassistant/device/weatherd_berlin/config")[-1])["dev"]["name"] == (
                "Berlin-Mitte"
            )
            await listener.hears("weatherd/kiel/availability", b"")
        assert not [topic for topic in await retained(server) if "kiel" in topic]


async def test_a_city_that_left_while_the_daemon_was_down_is_taken_away(tmp_path: Path) -> None:
    """Who was announced is remembered over a restart."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        async with made.forwards(open_forwarder, **block(server)):
            await listener.hears(KIELS_CONFIG)
        made.cities = (BERLIN,)
        async with made.forwards(open_forwarder, **block(server)):
            await listener.hears(KIELS_CONFIG, b"")
        kept = await retained(server)
        assert KIELS_CONFIG not in kept
        assert "homeassistant/device/weatherd_berlin/config" in kept


async def test_everything_is_told_again_when_home_assistant_starts(tmp_path: Path) -> None:
    """At its birth message: the devices and the states; and a city that left meanwhile is shown and taken away."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        made.cities = (KIEL, BERLIN, MUNICH)
        async with made.forwards(open_forwarder, **block(server)):
            await made.adds(1, **NOW)
            await listener.hears("weatherd/kiel/state")
            munich = "homeassistant/device/weatherd_munchen/config"
            announced = await listener.hears(munich)
            made.cities = (KIEL, BERLIN)
            await listener.hears(munich, b"")
            before = len(listener.on(KIELS_CONFIG)), len(listener.on("weatherd/kiel/state"))
            listener.heard = [each for each in listener.heard if each[0] != munich]
            await listener.client.publish("homeassistant/status", b"online", qos=1)
            await listener.hears(munich, b"")
            assert listener.on(munich) == [announced, b""]
            assert (len(listener.on(KIELS_CONFIG)), len(listener.on("weatherd/kiel/state"))) == (
                before[0] + 1,
                before[1] + 1,
            )


async def test_what_is_old_is_offline(tmp_path: Path) -> None:
    """Old weather, such as that of an outage, is published as its city's, but never as the weather of now."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        await made.adds(3, observed_at=datetime.now(UTC) - timedelta(hours=5))
        async with made.forwards(open_forwarder, **block(server)):
            await listener.hears("weatherd/kiel/state")
            assert listener.on("weatherd/kiel/availability") == [b"offline"]
            topics = [topic for topic, _, _ in listener.heard if topic.startswith("weatherd/kiel/")]
            assert topics[0] == "weatherd/kiel/availability"
            await made.adds(1, **NOW)
            await listener.hears("weatherd/kiel/availability", b"online")


async def test_a_broker_that_dies_and_freezes_gets_everything(tmp_path: Path) -> None:
    """Down at the start, killed in the middle, frozen: whoever listens has heard every state, in order."""
    async with broker(tmp_path) as (made, server):
        server.dies()
        await made.adds(300)
        heard: list[float] = []
        with told() as logs:
            async with made.forwards(open_forwarder, **block(server)) as forwards:
                await until(lambda: _told(logs, "forwarder.down"))
                await server.starts()
                async with listening(server) as listener:
                    await until(lambda: _is_level(forwards))
                    heard += _numbers(listener)
                server.dies()
                await made.adds(500)
                await server.starts()
                async with listening(server) as listener:
                    await until(lambda: _is_level(forwards))
                    server.freezes()
                    await made.adds(100)
                    await asyncio.sleep(0)
                    server.thaws()
                    await until(lambda: _is_level(forwards))
                    await listener.client.publish("end", b"end", qos=1)
                    await listener.hears("end", b"end")
                    heard += _numbers(listener)
        assert forwards.counters()["far"]["skipped"] == 0
        assert heard[-1] == made.added - 1
        assert list(dict.fromkeys(heard))[-400:] == list(range(500, 900))


def _numbers(listener: Listener) -> list[float]:
    return [json.loads(payload)["temperature"] for payload in listener.on("weatherd/kiel/state")]


async def test_without_discovery_nothing_is_announced(tmp_path: Path) -> None:
    """Who does not want it has no topic of Home Assistant's; who turns it off loses what was announced."""
    async with broker(tmp_path) as (made, server), listening(server) as listener:
        async with made.forwards(open_forwarder, **block(server)):
            await listener.hears(KIELS_CONFIG)
        async with made.forwards(open_forwarder, **block(server, discovery=False, topic_prefix="home/weather")):
            await listener.hears(KIELS_CONFIG, b"")
            await made.adds(1, **NOW)
            await listener.hears("home/weather/kiel/state")
        assert not [topic for topic in await retained(server) if topic.startswith("homeassistant/")]


async def _told(logs: list[Any], event: str) -> bool:
    return any(log["event"] == event for log in logs)


async def _is_level(forwards: Any) -> bool:
    return not forwards.counters()["far"]["behind"]
