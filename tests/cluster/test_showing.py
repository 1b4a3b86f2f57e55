"""What the commands show of a cluster of real daemons."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.running_nodes import list_rows, run_node
from tests.support.servers import Postgres, free_port, running
from tests.support.service import serving
from tests.support.weatherd_process import ENVIRONMENT, PIPE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]
_CITIES = 12


async def _run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code and both outputs."""
    command = [sys.executable, "-m", "weatherd", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=ENVIRONMENT)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def _show_cluster(*arguments: str) -> Any:
    code, out, err = await _run("cluster", "status", "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


async def _read_lines(folder: Path, url: str, count: int) -> set[str]:
    """Return the cities in the first lines of ``weatherd tail``."""
    command = [sys.executable, "-m", "weatherd", "tail", "--json", "-c", str(folder / "n1/weatherd.yaml"), "--url", url]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=ENVIRONMENT)
    try:
        assert process.stdout
        cities = set[str]()
        while len(cities) < count:
            cities.add(json.loads(await process.stdout.readline())["city"])
        return cities
    finally:
        process.kill()
        await process.wait()


async def test_any_node_shows_all_cities_and_nodes(tmp_path: Path) -> None:
    """Status, explain, tail and the table of nodes; then one node is killed, then no daemon is left."""
    server, ports = Postgres(), [str(free_port()), str(free_port())]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    rows = list_rows(_CITIES)
    async with running(server), serving() as service, asyncio.timeout(90):
        http = "{token: shared-by-all}"
        async with run_node(tmp_path, "n1", server.dsn, service.url, rows, port=ports[0], http=http):
            config = ["-c", str(tmp_path / "n1/weatherd.yaml")]
            async with run_node(tmp_path, "n2", server.dsn, service.url, rows, port=ports[1], http=http) as second:
                await second.logs("observation", 2)
                for url in urls:
                    found = await _show_cluster(*config, "--url", url)
                    assert sorted(node["name"] for node in found["nodes"]) == ["n1", "n2"]
                    assert sum(node["cities"] for node in found["nodes"]) == _CITIES
                    _, out, _ = await _run("status", *config, "--url", url, "--format", "json")
                    assert {city["state"] for city in json.loads(out)["cities"]} == {"fresh"}
                    assert json.loads(out)["counts"]["fresh"] == _CITIES
                nodes = {(await _explain(config, urls[0], f"City {number}"))["node"] for number in range(3)}
                assert nodes <= {"n1", "n2"}
                assert len(await _read_lines(tmp_path, urls[0], _CITIES)) == _CITIES
                second.receives(signal.SIGKILL)
                await second.ends()
                _, out, _ = await _run("cluster", "status", *config, "--url", urls[0])
                assert "n2" in out
                assert "does not answer" in out or "silent: its shards are taken over in" in out
        code, _, err = await _run("cluster", "status", *config, "--url", urls[0])
        assert (code, "no response" in err) == (69, True)
        found = await _show_cluster(*config, "--url", urls[0], "--database")
        assert found["shards"] == 1024
    code, _, err = await _run("cluster", "status", *config, "--url", urls[0], "--database")
    assert (code, "no daemon and no database" in err) == (69, True)


async def _explain(config: list[str], url: str, city: str) -> Any:
    code, out, err = await _run("explain", city, *config, "--url", url, "--format", "json")
    assert code == 0, err
    return json.loads(out)
