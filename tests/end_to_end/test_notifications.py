"""Notifications of a process that is killed: each alert arrives under one key, whatever the restarts."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.alert_receiver import run_alert_receiver
from tests.support.service import serving
from tests.support.weatherd_process import configure, weatherd

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]


async def test_an_alert_arrives_after_an_outage_and_a_kill(tmp_path: Path) -> None:
    """While the webhook fails, the daemon says so; killed then, the next run delivers the message with the same key.

    An edited address takes effect while the daemon runs.
    """
    async with serving() as weather, run_alert_receiver() as receiver:
        receiver.script = [503] * 100
        (tmp_path / "alerts.yaml").write_text(
            "alerts: {any: {when: temperature > -90, notify: [ops]}}\n"
            f'notify: {{ops: {{webhook: "http://{receiver.address}/sesame-path"}}}}\n'
        )
        settings = configure(tmp_path, weather.url, "{name: Kiel, lat: 54.3, lon: 10.1}", alerts="alerts.yaml")
        async with weatherd("run", "-c", settings) as process:
            down = await process.logs("forwarder.down", forwarder="notify ops")
            assert "503" in down["reason"]
            process.receives(signal.SIGKILL)
            await process.ends()
        failed = len(receiver.requests)
        receiver.script.clear()
        async with weatherd("run", "-c", settings) as process:
            await receiver.wait_for_requests(failed + 1)
            edited = (tmp_path / "alerts.yaml").read_text().replace("sesame-path", "sesame-other")
            (tmp_path / "alerts.yaml").write_text(
                edited.replace("any: {when: temperature > -90", "all: {when: age > -1")
            )
            assert (await process.logs("alerts.reloaded"))["targets"] == ["ops"]
            await receiver.wait_for_requests(failed + 2)
            process.receives(signal.SIGTERM)
            await process.ends()
            assert "sesame" not in json.dumps(process.logged)
    *requests, (path, _, body) = receiver.requests
    assert len(requests) == failed + 1
    assert len({headers["Idempotency-Key"] for _, headers, _ in requests}) == 1
    assert json.loads(requests[-1][2])["title"] == "any: Kiel"
    assert (path, json.loads(body)["title"]) == ("/sesame-other", "all: Kiel")
