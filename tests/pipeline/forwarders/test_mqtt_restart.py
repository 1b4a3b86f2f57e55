"""A restart of the real daemon and of a broker that has forgotten everything, long before the next poll."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.test_mqtt import KIEL_CONFIG, run_listener
from tests.support.servers import Mosquitto, running
from tests.support.service import serving
from tests.support.weatherd_process import KIEL, configure, weatherd

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]


async def test_the_last_values_are_published_without_a_poll(tmp_path: Path) -> None:
    """Within 20 s of the start, and again when Home Assistant starts; the next poll is due in ten minutes."""
    (tmp_path / "broker").mkdir()
    server = Mosquitto(tmp_path / "broker")
    async with serving() as service, running(server):
        mqtt = f"{{host: 127.0.0.1, port: {server.port}}}"
        settings = configure(tmp_path, service.url, KIEL, interval="10m", mqtt=mqtt)
        async with weatherd("run", "-c", settings) as process:
            await process.logs("observation")
            process.receives(signal.SIGTERM)
            assert await process.ends() == 0
        requests = service.requests
        server.dies()
        for file in server.folder.glob("mosquitto.db*"):
            file.unlink()
        await server.starts()
        async with run_listener(server) as listener, asyncio.timeout(20), weatherd("run", "-c", settings):
            assert json.loads(await listener.wait_for("weatherd/kiel/state"))["temperature"] == 6.2
            assert await listener.wait_for("weatherd/kiel/availability") == b"online"
            assert await listener.wait_for(KIEL_CONFIG)
            listener.received.clear()
            await listener.client.publish("homeassistant/status", b"online", qos=1)
            assert json.loads(await listener.wait_for("weatherd/kiel/state"))["temperature"] == 6.2
            assert await listener.wait_for("weatherd/kiel/availability") == b"online"
        assert service.requests == requests
