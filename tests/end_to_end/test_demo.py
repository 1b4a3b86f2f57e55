"""The demo as a real process, and the commands that find it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import free_port
from tests.support.weatherd_process import ENVIRONMENT, PIPE, weatherd

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes]


async def test_the_demo_prints_weather_and_stops_on_sigterm(tmp_path: Path) -> None:
    """The demo needs no setup: it prints three cities, its page, and a command to try; SIGTERM ends it with code 0."""
    async with weatherd("run", "--demo", environ=ENVIRONMENT | {"XDG_STATE_HOME": str(tmp_path)}) as process:
        lines = await process.prints(3)
        assert {line.split(":")[0] for line in lines} == {"Kiel", "Berlin", "München"}  # in the order of the responses
        assert all(" °C :: " in line for line in lines)
        url = (await process.logs("http.ready"))["url"]
        ready = await process.logs("demo.ready")
        assert (ready["page"], ready["try"]) == (f"{url}/", "weatherd status")
        process.receives(signal.SIGTERM)
        stopped = await process.logs("daemon.stopped")
        assert await process.ends() == 0
    assert stopped["clean"]
    assert stopped["fetched"] == stopped["stored"] + stopped["repeated"]
    assert not list_files(tmp_path / "weatherd")  # the one by which commands find it


def list_files(folder: Path) -> list[Path]:
    """Return the files in a folder."""
    return list(folder.glob("*"))


async def run_command(environ: dict[str, str], *arguments: str) -> str:
    """Run a command that succeeds; return what it prints."""
    command = (sys.executable, "-m", "weatherd", *arguments)
    child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=environ)
    out, _ = await child.communicate()
    assert child.returncode == 0
    return out.decode()


@pytest.mark.once
async def test_the_commands_find_the_demo(tmp_path: Path) -> None:
    """Without options, they show its cities, its simulated past and its places; a second demo leaves them the first."""
    environ = ENVIRONMENT | {"XDG_STATE_HOME": str(tmp_path)}
    async with weatherd("run", "--demo", environ=environ) as process:
        await process.prints(3)
        assert (await process.logs("demo.history"))["observations"] == 30 * 72 * 3
        assert "3 cities: 3 fresh" in await run_command(environ, "status")
        assert "24 h" in await run_command(environ, "Kiel")
        history = json.loads(await run_command(environ, "history", "Kiel", "--since", "29d", "--format", "json"))
        assert {found["station"] for found in history["observations"][:-3]} == {"simulated"}
        assert len(history["observations"]) > 2000
        assert "Schleswig-Holstein" in await run_command(environ, "cities", "search", "Kiel")
        own = tmp_path / "own"
        await run_command(environ, "init", "--city", "Kiel", "--config", str(own / "weatherd.yaml"))
        assert "lat: 54.3" in (own / "cities.yaml").read_text()  # from the simulator's gazetteer
        async with weatherd("run", "--demo", environ=environ) as second:
            url = (await second.logs("http.ready"))["url"]
            assert (await second.logs("demo.ready"))["try"] == f"weatherd status --url {url}"
        assert "3 fresh" in await run_command(environ, "status")


async def test_the_demo_uses_a_port_from_a_section_in_json(tmp_path: Path) -> None:
    """A variable with the whole section sets the port like one with the port alone."""
    port = free_port()
    environ = {name: value for name, value in ENVIRONMENT.items() if name != "WEATHERD_HTTP__PORT"}
    environ |= {"WEATHERD_HTTP": f'{{"port": {port}}}', "XDG_STATE_HOME": str(tmp_path)}
    async with weatherd("run", "--demo", environ=environ) as process:
        assert (await process.logs("http.ready"))["url"] == f"http://127.0.0.1:{port}"
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0
