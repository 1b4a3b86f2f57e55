"""Official warnings in a process that is killed: each change is in the journal once, whatever the restarts."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.service import serving
from tests.support.weatherd_process import configure, weatherd

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

TOPEKA = "{name: Topeka, lat: 39.05, lon: -95.67}"


def make_alert() -> dict[str, Any]:
    """Return an alert that was issued now and lasts until tomorrow."""
    now, tomorrow = datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)
    vtec = f"/O.NEW.KTOP.HW.W.0001.000000T0000Z-{tomorrow:%y%m%dT%H%MZ}/"
    properties = {"id": "urn:1", "event": "High Wind Warning", "severity": "Severe", "sent": now.isoformat()}
    properties |= {"status": "Actual", "parameters": {"VTEC": [vtec]}}  # type: ignore[dict-item]
    return {"id": "https://example.org/1", "properties": properties}


async def test_kills_double_nothing(tmp_path: Path) -> None:
    """Killed after each report: the next runs report only what is new, and show what is in force at once."""
    first, polled = make_alert(), asyncio.Event()
    second = {**first, "properties": {**first["properties"], "id": "urn:2", "description": "Gusts of 40 m/s."}}
    alerts = [first]

    async def handle(_: web.Request) -> web.Response:
        polled.set()
        return web.json_response({"features": alerts})

    app = web.Application()
    app.router.add_get("/alerts/active", handle)
    async with serving() as weather, TestServer(app) as server, aiohttp.ClientSession() as session:
        nws = f"{{base_url: {server.make_url('')}}}"
        settings = configure(tmp_path, weather.url, TOPEKA, warnings="auto", nws=nws, http="{port: 0}")
        async with weatherd("run", "-c", settings) as process:
            assert (await process.logs("warning.new"))["city"] == "topeka"
            await wait_for_changes(tmp_path, 1)
            process.receives(signal.SIGKILL)
            await process.ends()
        for _ in range(2):  # the second one has nothing to report
            alerts[:] = [second]
            polled.clear()
            async with weatherd("run", "-c", settings) as process:
                url = (await process.logs("http.ready"))["url"]
                await polled.wait()
                await wait_for_changes(tmp_path, 2)
                async with session.get(f"{url}/api/v1/warnings") as response:
                    [warning] = (await response.json())["warnings"]
                assert (warning["severity"], warning["message"]) == ("severe", "urn:2")
                process.receives(signal.SIGKILL)
                await process.ends()
    assert read_changes(tmp_path) == ["new", "updated"]


async def wait_for_changes(folder: Path, count: int) -> None:
    """Wait until the journal has this number of changes."""
    async with asyncio.timeout(30):
        while len(read_changes(folder)) < count:  # noqa: ASYNC110 - another process writes the file
            await asyncio.sleep(0.05)


def read_changes(folder: Path) -> list[str]:
    """Return the kinds of the changes in the journal, in order."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/state/weatherd.sqlite?mode=ro", uri=True)) as journal:
        return [kind for (kind,) in journal.execute("SELECT kind FROM warning_change ORDER BY seq")]
