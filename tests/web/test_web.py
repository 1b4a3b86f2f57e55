"""The HTTP interface of the real daemon, asked over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.end_to_end.test_process import BERLIN, KIEL, configure, weatherd, write_list
from tests.support.servers import Server, program, running
from tests.support.service import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.end_to_end.test_process import Process

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]
TOKEN = "a-recognisable-token"


class Site:
    """The daemon's interface, and the daemon behind it."""

    def __init__(self, url: str, process: Process, folder: Path, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.process = process
        self.folder = folder
        self._session = session

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        """Ask, and return status, body and headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, self.url + path, headers=named) as response:
            body = await response.read()
            kind = response.content_type
            return response.status, json.loads(body) if kind.endswith("json") and body else body, response.headers

    async def until(self, path: str, wanted: bytes) -> bytes:
        """Ask until the answer holds something, and return it."""
        async with asyncio.timeout(20):
            while True:
                _, body, _ = await self.get(path)
                if wanted in (body if isinstance(body, bytes) else json.dumps(body).encode()):
                    return body if isinstance(body, bytes) else json.dumps(body).encode()
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def site(folder: Path, *rows: str, **settings: str) -> AsyncIterator[Site]:
    """Run the daemon with a weather service, and give its interface when it has stored something of each city."""
    async with (
        serving() as service,
        aiohttp.ClientSession() as session,
        weatherd("run", "-c", configure(folder, service.url, *rows, **settings)) as process,
    ):
        url = (await process.logs("http.ready"))["url"]
        await process.logs("observation", len(rows))
        yield Site(url, process, folder, session)


async def test_it_says_what_it_knows(tmp_path: Path) -> None:
    """Cities in pages, one city whole with its last attempt in phases, the journal in pages, the daemon as a whole."""
    async with site(tmp_path, KIEL, BERLIN) as it:
        await it.until("/api/v1/observations", b'"berlin"')
        _, page, _ = await it.get("/api/v1/cities?limit=1")
        assert [city["id"] for city in page["cities"]] == ["berlin"]
        _, page, _ = await it.get(f"/api/v1/cities?after={page['next']}")
        assert ([city["id"] for city in page["cities"]], page["next"]) == (["kiel"], None)
        for name, ids in (("BERLIN", ["berlin"]), ("kiel", ["kiel"]), ("paris", [])):
            _, page, _ = await it.get(f"/api/v1/cities?name={name}")
            assert ([city["id"] for city in page["cities"]], page["next"]) == (ids, None)
        _, city, _ = await it.get("/api/v1/cities/kiel")
        assert (city["state"], city["observation"]["temperature"], city["interval"]) == ("fresh", 6.2, 1.0)
        exchange = city["attempt"]["tries"][0]["exchanges"][0]
        assert exchange["status"] == 200
        assert {"first_byte", "done"} <= exchange["phases"].keys()
        _, first, _ = await it.get("/api/v1/observations?limit=1")
        _, rest, _ = await it.get(f"/api/v1/observations?after={first['next']}&city={first['observations'][0]['city']}")
        _, since, _ = await it.get("/api/v1/observations?since=2026-01-01T00:00:00+00:00")  # the plus is a blank there
        assert len(since["observations"]) >= 2
        assert first["observations"][0]["seq"] not in [each["seq"] for each in rest["observations"]]
        _, status, _ = await it.get("/api/v1/status")
        assert (status["ready"], status["cities"]["fresh"]) == (True, 2)
        _, page, _ = await it.get("/")
        assert b"Kiel" in page


async def test_a_bad_question_gets_a_problem_in_words(tmp_path: Path) -> None:
    """RFC 9457, whatever is wrong: a parameter, its value, the method, the path, the city."""
    async with site(tmp_path, KIEL) as it:
        for path, status, words in (
            ("/api/v1/cities?limt=1", 400, "did you mean 'limit'?"),
            ("/api/v1/cities?limit=0", 400, "greater than or equal to 1"),
            ("/api/v1/cities?limit=1&limit=2", 400, "more than once"),
            ("/api/v1/observations?since=yesterday", 400, "2026-01-31T12:00:00Z"),
            ("/api/v1/observations?city=Kiel", 400, "such as kiel"),
            ("/api/v1/cities/paris", 404, "'paris'"),
            ("/nothing", 404, "/nothing"),
        ):
            found, problem, headers = await it.get(path)
            assert (found, headers["Content-Type"].split(";")[0]) == (status, "application/problem+json"), path
            assert words in problem["detail"]
        status, problem, headers = await it.get("/api/v1/cities", "DELETE")
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        status, problem, _ = await it.get("/-/reload", "POST")
        assert (status, "http.token" in problem["detail"]) == (403, True)


async def test_what_is_known_is_not_sent_again_and_what_is_large_is_packed(tmp_path: Path) -> None:
    """ETag and If-None-Match; gzip for whoever takes it."""
    async with site(tmp_path, KIEL) as it:
        _, body, headers = await it.get("/api/v1/openapi.json", Accept_Encoding="identity")
        status, none, _ = await it.get("/api/v1/openapi.json", If_None_Match=headers["ETag"])
        assert (status, none) == (304, b"")
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            asked = {"Accept-Encoding": "gzip"}
            async with session.get(it.url + "/api/v1/openapi.json", headers=asked) as response:
                packed = await response.read()
        assert json.loads(gzip.decompress(packed)) == body


async def test_a_token_opens_all_and_its_lack_health_alone(tmp_path: Path) -> None:
    """401 for whoever does not know it; a reload for who does; health for all."""
    async with site(tmp_path, KIEL, http=f'{{token: "{TOKEN}", port: 0}}') as it:
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            assert (await it.get("/metrics", **wrong))[0] == 401
            assert (await it.get("/-/reload", "POST", **wrong))[0] == 401
        assert [(await it.get(path))[0] for path in ("/-/healthy", "/-/ready")] == [200, 200]
        assert (await it.get("/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 200
        write_list(it.folder, KIEL, BERLIN)
        assert (await it.get("/-/reload", "POST", Authorization=f"Bearer {TOKEN}"))[0] == 202
        await it.process.logs("cities.reloaded")


async def test_readers_of_the_stream_do_not_wait_for_one_another(tmp_path: Path) -> None:
    """A reader that never reads holds up nobody; one that lost its line goes on behind its last event."""
    async with site(tmp_path, KIEL, BERLIN) as it:
        await it.until("/api/v1/observations", b'"berlin"')
        async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
            for _ in range(50):  # they take the head and nothing more
                await stack.enter_async_context(session.get(it.url + "/api/v1/stream", headers={"Last-Event-ID": "0"}))
            again = {"Last-Event-ID": "1"}
            async with session.get(it.url + "/api/v1/stream", headers=again) as response, asyncio.timeout(20):
                lines = [line.decode().strip() async for line in _some(response.content, 4)]
        assert lines[0] == "retry: 5000"
        assert lines[2] == "id: 2"


async def _some(content: aiohttp.StreamReader, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await content.readline()


async def test_a_removed_city_leaves_the_metrics(tmp_path: Path) -> None:
    """Its series go with it, at once; the others stay."""
    async with site(tmp_path, KIEL, BERLIN) as it:
        await it.until("/metrics", b'weatherd_temperature_celsius{city="berlin"')
        write_list(it.folder, KIEL)
        await it.process.logs("cities.reloaded")
        _, metrics, _ = await it.get("/metrics")
        assert b'city="berlin"' not in metrics
        assert b'weatherd_up{city="kiel"} 1.0' in metrics


async def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    """Exit code 78, and words that say what to do."""
    async with site(tmp_path, KIEL) as it:
        port = it.url.rpartition(":")[2]
        other = tmp_path / "other"
        other.mkdir()
        settings = configure(other, "http://127.0.0.1:9", KIEL, http=f"{{port: {port}}}")
        command = [sys.executable, "-m", "weatherd", "run", "-c", settings]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEATHERD_")}
        done = await asyncio.to_thread(_run, command, environment)
        assert done.returncode == 78
        assert "0 picks a free one" in done.stderr


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - ours


@pytest.mark.timeout(300)
async def test_a_fuzzer_finds_no_fault(tmp_path: Path) -> None:
    """Schemathesis asks by the description, rightly and wrongly; the stream is left out, for it has no end."""
    async with site(tmp_path, KIEL) as it:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{it.url}/api/v1/openapi.json"]
        options = ["--exclude-path", "/api/v1/stream", "--max-examples", "20", "--no-color", "--request-timeout", "10"]
        done = await asyncio.to_thread(
            lambda: subprocess.run([*command, *options], capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603 - ours
        )
        assert done.returncode == 0, done.stdout[-3000:]


async def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    """The names and units are as Prometheus wants them, and the alert rules do what they say."""
    promtool = program("promtool", "prometheus")
    async with site(tmp_path, KIEL) as it:
        metrics = await it.until("/metrics", b"weatherd_temperature_celsius")
    done = subprocess.run([promtool, "check", "metrics"], input=metrics, capture_output=True, check=False)  # noqa: ASYNC221, S603 - it takes no time
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    rules = Path(__file__).parents[2] / "packaging" / "prometheus"
    test = [promtool, "test", "rules", "weatherd.rules.test.yml"]
    done = subprocess.run(test, cwd=rules, capture_output=True, check=False)  # noqa: ASYNC221, S603 - neither does this
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus(Server):
    """A real one, which scrapes an address every second."""

    def __init__(self, folder: Path, target: str) -> None:
        super().__init__(folder)
        self._target = target

    def command(self) -> list[str]:
        """Return what starts it."""
        jobs = [{"job_name": "weatherd", "static_configs": [{"targets": [self._target]}]}]
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        options = [f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        return [program("prometheus", "prometheus"), f"--config.file={self.folder}/prometheus.yml", *options]

    async def serves(self) -> bool:
        """Tell whether it answers queries: it listens before it can."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/-/ready") as response,
            ):
                return response.status == 200
        return False

    async def value(self, query: str) -> list[str]:
        """Return what a query gives now."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query"
        async with aiohttp.ClientSession() as session, session.get(url, params={"query": query}) as response:
            return [each["value"][1] for each in (await response.json())["data"]["result"]]


async def test_a_real_prometheus_scrapes_it(tmp_path: Path) -> None:
    """It is up there, and the temperature is what the weather service said."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    async with site(tmp_path, KIEL) as it:
        prometheus = Prometheus(folder, it.url.removeprefix("http://"))
        async with running(prometheus), asyncio.timeout(60):
            while await prometheus.value('weatherd_temperature_celsius{city="kiel"}') != ["6.2"]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
            assert await prometheus.value('up{job="weatherd"}') == ["1"]


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    """Every metric of the program is in the dashboard, the rules ask for nothing else, and loss is among them."""
    root = Path(__file__).parents[2]
    dashboard = (root / "packaging/grafana/dashboards/weatherd.json").read_text()
    rules = (root / "packaging/prometheus/weatherd.rules.yml").read_text()
    source = (root / "weatherd/web/metrics.py").read_text()
    names = set(re.findall(r'"(weatherd_[a-z_]+)"', source)) | {
        f"weatherd_{name}" for name in re.findall(r'\("([a-z_]+)", [\d.]+, "', source)
    }
    assert len(names) > 25
    assert sorted(name for name in names if name not in dashboard) == []
    assert {
        name
        for name in re.findall("weatherd_[a-z_]+", rules)
        if not any(name.startswith(each) for each in (*names, "weatherd_observations"))
    } == set()
    assert json.loads(dashboard)["uid"] == "weatherd"
    assert "weatherd_observations_dropped_total" in rules
