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
import trustme

from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import DeliveryHarness, is_caught_up, is_logged, open_harness, wait_until
from tests.support.fakes import BERLIN, KIEL, MUNICH
from tests.support.servers import Mosquitto, running
from weatherd.formatting import to_dict
from weatherd.pipeline.forwarders.mqtt import open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

KIEL_CONFIG = "homeassistant/device/weatherd_kiel/config"
NOW: dict[str, Any] = {"observed_at": datetime.now(UTC)}


class Listener:
    """Collects all messages, with their topics and retain flags."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.received: list[tuple[str, bytes, bool]] = []
        self.client = client

    async def collect(self) -> None:
        """Collect messages until cancelled."""
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.received.append((str(message.topic), message.payload, bool(message.retain)))

    def payloads_on(self, topic: str) -> list[bytes]:
        """Return the payloads on a topic."""
        return [payload for received, payload, _ in self.received if received == topic]

    async def wait_for(self, topic: str, payload: bytes | None = None) -> bytes:
        """Wait until the last payload on a topic is *payload*, or any if None; return it."""

        async def last() -> bool:
            payloads = self.payloads_on(topic)
            return bool(payloads) and payload in (None, payloads[-1])

        await wait_until(last)
        return self.payloads_on(topic)[-1]


@contextlib.asynccontextmanager
async def run_listener(server: Mosquitto, name: str = "listener", *, clean: bool = True) -> AsyncIterator[Listener]:
    """Listen to a broker; without a clean session nothing is missed between two connections of one name."""
    async with aiomqtt.Client("127.0.0.1", server.port, identifier=name, clean_session=clean) as client:
        listener = Listener(client)
        await client.subscribe("#", qos=1)
        task = asyncio.create_task(listener.collect())
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.wait([task])


async def read_retained(server: Mosquitto) -> dict[str, bytes]:
    """Return the broker's retained messages."""
    async with run_listener(server, "fresh") as listener:
        await listener.client.publish("end", b"end", qos=1)
        await listener.wait_for("end", b"end")
        return {topic: payload for topic, payload, is_retained in listener.received if is_retained}


@contextlib.asynccontextmanager
async def run_broker(folder: Path) -> AsyncIterator[tuple[DeliveryHarness, Mosquitto]]:
    """Run a broker, and yield it and a harness."""
    (folder / "broker").mkdir()
    server = Mosquitto(folder / "broker")
    async with running(server), open_harness(folder / "state") as harness:
        yield harness, server


class TlsMosquitto(Mosquitto):
    """A broker with a certificate of a private CA, whose file is ``ca_file``."""

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self.folder / "ca.pem"

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        command, authority = super().command(), trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self.folder / "server.pem"))
        with (self.folder / "mosquitto.conf").open("a") as config:
            config.write(f"certfile {self.folder}/server.pem\nkeyfile {self.folder}/server.pem\n")
        return command


class ClientCertificateMosquitto(TlsMosquitto):
    """A broker that accepts clients with a certificate of its CA only, in ``client.pem`` and ``client.key``."""

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        command = super().command()
        client = trustme.CA()
        client.cert_pem.write_to_path(str(self.folder / "clients.pem"))
        certificate = client.issue_cert("weatherd@example.org")
        certificate.private_key_pem.write_to_path(str(self.folder / "client.key"))
        for part in certificate.cert_chain_pems:
            part.write_to_path(str(self.folder / "client.pem"), append=True)
        with (self.folder / "mosquitto.conf").open("a") as config:
            config.write(f"cafile {self.folder}/clients.pem\nrequire_certificate true\nlog_type all\n")
        return command


def forwarder_settings(server: Mosquitto, **settings: Any) -> dict[str, Any]:
    """Return the forwarder's settings."""
    return {"mqtt": {"host": "127.0.0.1", "port": server.port, **settings}}


# paho-mqtt leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_with_a_certificate_of_a_private_ca(tmp_path: Path) -> None:
    """It is trusted if ``tls.ca_file`` names the CA's certificate, and otherwise not."""
    (tmp_path / "broker").mkdir()
    server = TlsMosquitto(tmp_path / "broker")
    async with running(server), open_harness(tmp_path / "state") as harness:
        settings = forwarder_settings(server, tls=True)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
                await wait_until(lambda: _true(deliveries.statuses()["destination"].is_down))
            assert "certificate" in logs[0]["reason"]
        async with harness.run_forwarder(open_forwarder, **settings, tls={"ca_file": server.ca_file}) as deliveries:
            await harness.add_observations(1, **NOW)
            await wait_until(lambda: _true(deliveries.statuses()["destination"].delivered == 1))


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_a_client_certificate_and_a_client_id(tmp_path: Path) -> None:
    """A broker that requires certificates gets weatherd's, and knows it by the client id; the section names its CA."""
    (tmp_path / "broker").mkdir()
    server = ClientCertificateMosquitto(tmp_path / "broker")
    async with running(server), open_harness(tmp_path / "state") as harness:
        await harness.add_observations(1, **NOW)
        files = {name: server.folder / file for name, file in FILES.items()}
        with capture_warnings() as logs:
            settings = forwarder_settings(server, tls=True, ca_file=server.ca_file)
            async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
                await wait_until(lambda: _true(logs))
        settings = forwarder_settings(server, tls=True, client_id="weather-station", **files)
        async with harness.run_forwarder(open_forwarder, **settings) as deliveries:
            await wait_until(lambda: _true(deliveries.statuses()["destination"].delivered == 1))
        assert "as weather-station (" in (server.folder / "output").read_text()


FILES = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}


async def _true(value: object) -> bool:
    return bool(value)


async def test_states_are_retained_and_a_stop_marks_weatherd_offline(tmp_path: Path) -> None:
    """A client that connects later finds the latest state of each city, and whether weatherd is online."""
    async with run_broker(tmp_path) as (harness, server):
        async with (
            run_listener(server) as listener,
            harness.run_forwarder(open_forwarder, **forwarder_settings(server)),
        ):
            await harness.add_observations(2, **NOW, station="K1")
            await harness.add_observations(1, BERLIN, **NOW)
            await listener.wait_for("weatherd/berlin/availability", b"online")
            kept = await read_retained(server)
            assert kept["weatherd/status"] == b"online"
        async with harness.journal.open_reader() as reading:
            entries = await reading.read_after(0, 10)
        assert json.loads(kept["weatherd/kiel/state"]) == {
            **to_dict(entries[-2].observation),
            "name": "Kiel",
            "tags": {},
        }
        assert kept["weatherd/kiel/availability"] == b"online"
        after = await read_retained(server)
        assert after["weatherd/status"] == b"offline"
        assert after["weatherd/kiel/state"] == kept["weatherd/kiel/state"]


async def test_the_last_will_marks_weatherd_offline(tmp_path: Path) -> None:
    """After a broken connection the last will marks everything as unavailable."""
    async with (
        run_broker(tmp_path) as (harness, server),
        run_listener(server) as listener,
        harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries,
    ):
        await listener.wait_for("weatherd/status", b"online")
        server.freezes()  # so that no goodbye arrives
        await deliveries.stop()
        server.thaws()
        assert await listener.wait_for("weatherd/status", b"offline")


async def test_cities_are_announced_and_removed(tmp_path: Path) -> None:
    """A new city is announced at once, a renamed one again, and the topics of a removed one are cleared."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            config = json.loads(await listener.wait_for(KIEL_CONFIG))
            assert config["dev"]["name"] == "Kiel"
            await harness.add_observations(1, **NOW)
            await listener.wait_for("weatherd/kiel/state")
            harness.cities = (replace(BERLIN, name="Berlin-Mitte"), MUNICH)
            await listener.wait_for("homeassistant/device/weatherd_munchen/config")
            await listener.wait_for(KIEL_CONFIG, b"")
            assert json.loads(listener.payloads_on("homeassistant/device/weatherd_berlin/config")[-1])["dev"][
                "name"
            ] == ("Berlin-Mitte")
            await listener.wait_for("weatherd/kiel/availability", b"")
        assert not [topic for topic in await read_retained(server) if "kiel" in topic]


async def test_a_city_that_left_while_the_daemon_was_down_is_removed(tmp_path: Path) -> None:
    """A city that was removed from the list between two runs is removed from Home Assistant by the second one."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            await listener.wait_for(KIEL_CONFIG)
        harness.cities = (BERLIN,)
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            await listener.wait_for(KIEL_CONFIG, b"")
        kept = await read_retained(server)
        assert KIEL_CONFIG not in kept
        assert "homeassistant/device/weatherd_berlin/config" in kept


async def test_everything_is_published_again_when_home_assistant_starts(tmp_path: Path) -> None:
    """Its birth message triggers all devices and states; a city removed meanwhile is announced and removed again."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        harness.cities = (KIEL, BERLIN, MUNICH)
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            await harness.add_observations(1, **NOW)
            await listener.wait_for("weatherd/kiel/state")
            munich = "homeassistant/device/weatherd_munchen/config"
            announced = await listener.wait_for(munich)
            harness.cities = (KIEL, BERLIN)
            await listener.wait_for(munich, b"")
            before = len(listener.payloads_on(KIEL_CONFIG)), len(listener.payloads_on("weatherd/kiel/state"))
            listener.received = [message for message in listener.received if message[0] != munich]
            await listener.client.publish("homeassistant/status", b"online", qos=1)
            await listener.wait_for(munich, b"")
            assert listener.payloads_on(munich) == [announced, b""]
            assert (len(listener.payloads_on(KIEL_CONFIG)), len(listener.payloads_on("weatherd/kiel/state"))) == (
                before[0] + 1,
                before[1] + 1,
            )


async def test_a_stale_city_is_offline(tmp_path: Path) -> None:
    """A stale observation, such as one from an outage, is published only after its city is marked offline."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        await harness.add_observations(3, observed_at=datetime.now(UTC) - timedelta(hours=5))
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            await listener.wait_for("weatherd/kiel/state")
            assert listener.payloads_on("weatherd/kiel/availability") == [b"offline"]
            topics = [topic for topic, _, _ in listener.received if topic.startswith("weatherd/kiel/")]
            assert topics[0] == "weatherd/kiel/availability"
            await harness.add_observations(1, **NOW)
            await listener.wait_for("weatherd/kiel/availability", b"online")


async def test_a_broker_that_dies_and_freezes_gets_everything(tmp_path: Path) -> None:
    """Down at the start, killed in between, frozen: a listener gets every state, in order."""
    async with run_broker(tmp_path) as (harness, server):
        server.dies()
        await harness.add_observations(300)
        received: list[float] = []
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
                await wait_until(lambda: is_logged(logs, "forwarder.down"))
                await server.starts()
                async with run_listener(server) as listener:
                    await wait_until(lambda: is_caught_up(deliveries))
                    received += _numbers(listener)
                server.dies()
                await harness.add_observations(500)
                await server.starts()
                async with run_listener(server) as listener:
                    await wait_until(lambda: is_caught_up(deliveries))
                    server.freezes()
                    await harness.add_observations(100)
                    await asyncio.sleep(0)
                    server.thaws()
                    await wait_until(lambda: is_caught_up(deliveries))
                    await listener.client.publish("end", b"end", qos=1)
                    await listener.wait_for("end", b"end")
                    received += _numbers(listener)
        assert deliveries.statuses()["destination"].skipped == 0
        assert received[-1] == harness.added - 1
        assert list(dict.fromkeys(received))[-400:] == list(range(500, 900))


def _numbers(listener: Listener) -> list[float]:
    return [json.loads(payload)["temperature"] for payload in listener.payloads_on("weatherd/kiel/state")]


async def test_without_discovery_nothing_is_announced(tmp_path: Path) -> None:
    """Without discovery nothing is published for Home Assistant; turning it off removes what was announced."""
    async with run_broker(tmp_path) as (harness, server), run_listener(server) as listener:
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)):
            await listener.wait_for(KIEL_CONFIG)
        async with harness.run_forwarder(
            open_forwarder, **forwarder_settings(server, discovery=False, topic_prefix="home/weather")
        ):
            await listener.wait_for(KIEL_CONFIG, b"")
            await harness.add_observations(1, **NOW)
            await listener.wait_for("home/weather/kiel/state")
        assert not [topic for topic in await read_retained(server) if topic.startswith("homeassistant/")]


async def test_a_restart_of_everything_shows_what_the_journal_knows(tmp_path: Path) -> None:
    """Daemon and broker restart, the broker has forgotten everything, nothing is new: the last values are published."""
    async with run_broker(tmp_path) as (harness, server):
        async with harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries:
            await harness.add_observations(2, **NOW)
            await wait_until(lambda: is_caught_up(deliveries))
        server.dies()
        for file in server.folder.glob("mosquitto.db*"):
            file.unlink()
        await server.starts()
        async with (
            run_listener(server) as listener,
            harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries,
        ):
            assert json.loads(await listener.wait_for("weatherd/kiel/state"))["temperature"] == 1.0
            assert await listener.wait_for("weatherd/kiel/availability") == b"online"
            assert await listener.wait_for("weatherd/berlin/availability") == b"offline"
            assert deliveries.statuses()["destination"].delivered == 0


async def test_a_city_that_is_listed_again_is_published_without_news(tmp_path: Path) -> None:
    """Its weather has not changed meanwhile, so that the journal gets nothing new."""
    async with (
        run_broker(tmp_path) as (harness, server),
        run_listener(server) as listener,
        harness.run_forwarder(open_forwarder, **forwarder_settings(server)),
    ):
        await harness.add_observations(1, **NOW)
        await listener.wait_for("weatherd/kiel/availability", b"online")
        harness.cities, known = (BERLIN,), harness.latest.pop("kiel")
        await listener.wait_for("weatherd/kiel/availability", b"")
        harness.cities, harness.latest["kiel"] = (KIEL, BERLIN), known
        await listener.wait_for("weatherd/kiel/availability", b"online")
        assert json.loads(await listener.wait_for("weatherd/kiel/state"))["temperature"] == 0.0


async def test_a_moved_city_is_offline_until_it_is_polled(tmp_path: Path) -> None:
    """The weather of the old place is not shown for the new one, not even if it is delivered after the move."""
    async with (
        run_broker(tmp_path) as (harness, server),
        run_listener(server) as listener,
        harness.run_forwarder(open_forwarder, **forwarder_settings(server)) as deliveries,
    ):
        await harness.add_observations(1, **NOW)
        await listener.wait_for("weatherd/kiel/availability", b"online")
        harness.cities = (replace(KIEL, lat=1.0), BERLIN)
        await harness.add_observations(1, **NOW)  # fetched before the move
        del harness.latest["kiel"]
        await listener.wait_for("weatherd/kiel/availability", b"offline")
        await wait_until(lambda: is_caught_up(deliveries))
        assert json.loads((await read_retained(server))["weatherd/kiel/state"])["temperature"] == 0.0
        assert listener.payloads_on("weatherd/kiel/availability")[-1] == b"offline"
        await harness.add_observations(1, **NOW)
        await listener.wait_for("weatherd/kiel/availability", b"online")
        assert json.loads((await read_retained(server))["weatherd/kiel/state"])["temperature"] == 2.0
