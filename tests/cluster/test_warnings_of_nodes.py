"""Official warnings with several nodes: each change arrives once, and each city is asked about by its owner only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import Counter
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.cluster.running_nodes import LEASE, LONG, run_node, wait_for_shares
from tests.end_to_end.test_warnings import make_alert
from tests.pipeline.forwarders.harness import wait_until
from tests.support.alert_receiver import run_alert_receiver
from tests.support.servers import Postgres, running
from tests.support.service import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.alert_receiver import AlertReceiver
    from tests.support.weatherd_process import Process

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

CITIES = 6
ROWS = [f"{{name: City {number}, lat: {35 + number}.05, lon: -95.67}}" for number in range(CITIES)]


@contextlib.asynccontextmanager
async def serve_warnings(is_open: asyncio.Event) -> AsyncIterator[tuple[str, Counter[str]]]:
    """Run a service with a warning everywhere; yield its address, and how often each place was asked about.

    It does not respond before *is_open*.
    """
    asked, alert = Counter[str](), make_alert()

    async def handle(request: web.Request) -> web.Response:
        await is_open.wait()
        asked[request.query["point"]] += 1
        return web.json_response({"features": [alert]})

    app = web.Application()
    app.router.add_get("/alerts/active", handle)
    async with TestServer(app) as server:
        yield str(server.make_url("")), asked


def count_changes(receiver: AlertReceiver, failed: int) -> Counter[tuple[str, str]]:
    """Return how often each change of each city was accepted, after the first *failed* requests."""
    bodies = [json.loads(body) for _, _, body in receiver.requests[failed:]]
    return Counter((change["kind"], change["city"]) for body in bodies for change in body.get("warnings", ()))


@LONG
async def test_a_warning_arrives_once(tmp_path: Path) -> None:
    """A killed node had found warnings and delivered none: the next owner does. What was delivered is not repeated."""
    server, is_open = Postgres(), asyncio.Event()
    async with (
        running(server),
        serving() as weather,
        serve_warnings(is_open) as (address, asked),
        run_alert_receiver() as receiver,
        aiohttp.ClientSession() as session,
    ):
        settings = {
            "warnings": "auto",
            "nws": f"{{base_url: {address}}}",
            "webhook": f"{{url: 'http://{receiver.address}/'}}",
            "http": "{port: 0}",
        }

        def run(name: str) -> contextlib.AbstractAsyncContextManager[Process]:
            return run_node(tmp_path, name, server.dsn, weather.url, ROWS, **settings)

        async def is_everything_known() -> bool:
            return int((await server.rows("SELECT count(*) FROM weatherd_warning_place"))[0][0]) == CITIES

        async def are_all_asked() -> bool:
            return len(asked) == CITIES

        async def is_delivery_tried() -> bool:
            return len([True for _, _, body in receiver.requests if b"warnings" in body]) >= 2

        receiver.script = [503] * 10_000
        async with run("n1") as first, run("n2") as second:
            await wait_for_shares(server, 2)
            is_open.set()
            await wait_until(are_all_asked)
            await wait_until(is_delivery_tried)
            first.receives(signal.SIGKILL)
            failed = len(receiver.requests)
            receiver.script.clear()
            await wait_until(is_everything_known)
            url = (await second.logs("http.ready"))["url"]
            async with session.get(f"{url}/api/v1/warnings") as response:
                assert len((await response.json())["warnings"]) == CITIES
            async with run("n3"):
                await asyncio.sleep(2 * LEASE)
                second.receives(signal.SIGTERM)
                await second.ends()
                await asyncio.sleep(2 * LEASE)
        everything = Counter({("new", f"city-{number}"): 1 for number in range(CITIES)})
        assert count_changes(receiver, failed) == everything
