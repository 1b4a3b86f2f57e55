"""The HTTP interface and aiohttp are loaded when they are first used."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
import structlog

from tests.support.daemon import make_status
from tests.support.service import serving
from tests.support.weatherd_process import ENVIRONMENT, KIEL, configure, weatherd
from weatherd.config.http_section import HttpSection
from weatherd.journal.journal import open_journal
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from pathlib import Path

UNUSED = {
    "aiohttp", "anyascii", "apprise", "ctypes", "lark", "rich.console", "statistics", "typer", "yarl",
    "weatherd.cli.history.query", "weatherd.pipeline.forwarders.home_assistant.announcer", "weatherd.web.middleware",
}  # fmt: skip


@pytest.mark.real_time
@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_daemon_that_only_polls_does_not_load_aiohttp(tmp_path: Path) -> None:
    """It has polled, stored and printed without aiohttp, which the first connection loads."""
    async with (
        serving() as service,
        weatherd("run", "-c", configure(tmp_path, service.url, KIEL)) as process,
    ):
        url = (await process.logs("http.ready"))["url"]
        await process.logs("observation")
        assert "aiohttp" not in process.mapped_files()
        async with aiohttp.ClientSession() as client, client.get(f"{url}/-/healthy") as response:
            assert await response.json() == {"ok": True, "faults": []}
        assert "aiohttp" in process.mapped_files()


@pytest.mark.real_time
@pytest.mark.processes
async def test_a_daemon_that_only_polls_loads_only_what_it_uses(tmp_path: Path) -> None:
    """It has polled, stored and printed without the other commands and without libraries that it does not need."""
    log = tmp_path / "log"
    with log.open("w") as stderr:
        async with (
            serving() as service,
            weatherd(
                *("run", "-c", configure(tmp_path, service.url, KIEL)),
                stderr=stderr.fileno(),
                environ=ENVIRONMENT | {"PYTHONPROFILEIMPORTTIME": "1"},
            ) as process,
        ):
            await process.prints(1)
    # Each line ends with "| module". Modules that importlib.import_module() imports are missing, but not their imports
    imported = {line.rpartition("|")[2].strip() for line in log.read_text().splitlines()}
    assert {"weatherd.daemon.parts", "weatherd.pipeline.consumer"} <= imported
    assert imported & UNUSED == set()


async def test_first_connections_share_one_application(tmp_path: Path) -> None:
    """Connections that arrive while it is being opened wait for it."""
    async with (
        open_journal(tmp_path) as journal,
        serve_http(make_status(journal=journal), HttpSection(port=0)) as url,
        aiohttp.ClientSession() as client,
    ):

        async def ask() -> str:
            async with client.get(f"{url}/-/healthy") as response:
                return await response.text()

        assert len(set(await asyncio.gather(*(ask() for _ in range(20))))) == 1


async def test_the_daemon_s_start_is_not_the_first_connection(tmp_path: Path) -> None:
    """A page that is first opened after an hour shows that the daemon has been running for an hour."""
    moments = [datetime(2026, 1, 31, 12, tzinfo=UTC)]
    async with open_journal(tmp_path) as journal:
        status = make_status(journal=journal, deliveries=DeliveryGroup([]), now=lambda: moments[-1])
        async with serve_http(status, HttpSection(port=0)) as url, aiohttp.ClientSession() as client:
            moments.append(moments[0] + timedelta(hours=1))
            async with client.get(f"{url}/api/v1/service") as response:
                assert (await response.json())["started"] == "2026-01-31T12:00:00Z"


async def test_a_stop_before_the_first_connection(tmp_path: Path) -> None:
    """A server that nobody has connected to stops."""
    async with open_journal(tmp_path) as journal, serve_http(make_status(journal=journal), HttpSection(port=0)) as url:
        assert url.startswith("http://")


async def test_an_interface_that_cannot_be_loaded_is_loaded_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its files are replaced by an upgrade, connections are closed, and the log has one error."""
    async with (
        open_journal(tmp_path) as journal,
        serve_http(make_status(journal=journal), HttpSection(port=0)) as url,
        aiohttp.ClientSession() as client,
    ):
        with monkeypatch.context() as missing, structlog.testing.capture_logs() as logged:
            missing.setitem(sys.modules, "weatherd.web.server", None)
            for _ in range(2):
                with pytest.raises(aiohttp.ClientConnectionError):
                    await client.get(f"{url}/-/healthy")
        assert [(line["event"], line["log_level"]) for line in logged] == [("http.open_failed", "error")]
        assert "weatherd.web.server" in logged[0]["reason"]
        async with client.get(f"{url}/-/healthy") as response:
            assert await response.json() == {"ok": True, "faults": []}


@pytest.mark.real_time
@pytest.mark.processes
async def test_only_metrics_load_the_client_of_prometheus() -> None:
    """The page and the API, which serve alerts and official warnings, too, do without it."""
    code = "import sys, weatherd.web.server; sys.exit('prometheus_client' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
