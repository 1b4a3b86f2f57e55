"""HTTP interface of a real daemon process, over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.servers import Server, program, running
from tests.support.service import serving
from tests.support.weatherd_process import BERLIN, KIEL, configure, weatherd, write_list
from weatherd.formatting import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.weatherd_process import Process

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]
TOKEN = "a-recognisable-token"


class DaemonClient:
    """Client of a running daemon."""

    def __init__(self, url: str, process: Process, folder: Path, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.process = process
        self.folder = folder
        self._session = session

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        """Send a request. Return status, body and headers."""
        all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, self.url + path, headers=all_headers) as response:
            body = await response.read()
            kind = response.content_type
            return response.status, json.loads(body) if kind.endswith("json") and body else body, response.headers

    async def until(self, path: str, wanted: bytes) -> bytes:
        """Repeat a request until the body contains *wanted*, and return the body."""
        async with asyncio.timeout(20):
            while True:
                _, body, _ = await self.get(path)
                if wanted in (body if isinstance(body, bytes) else json.dumps(body).encode()):
                    return body if isinstance(body, bytes) else json.dumps(body).encode()
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def run_daemon(folder: Path, *rows: str, **settings: str) -> AsyncIterator[DaemonClient]:
    """Run the daemon with a weather service, and yield a client after an observation of each city."""
    async with (
        serving() as service,
        aiohttp.ClientSession() as session,
        weatherd("run", "-c", configure(folder, service.url, *rows, **settings)) as process,
    ):
        url = (await process.logs("http.ready"))["url"]
        await process.logs("observation", len(rows))
        yield DaemonClient(url, process, folder, session)


async def test_api_responses(tmp_path: Path) -> None:
    """The API returns pages of cities, details of a city with its last poll, pages of observations, and the status."""
    async with run_daemon(tmp_path, KIEL, BERLIN) as daemon:
        await daemon.until("/api/v1/observations", b'"berlin"')
        _, page, _ = await daemon.get("/api/v1/cities?limit=1")
        assert [city["id"] for city in page["cities"]] == ["berlin"]
        _, page, _ = await daemon.get(f"/api/v1/cities?after={page['next']}")
        assert ([city["id"] for city in page["cities"]], page["next"]) == (["kiel"], None)
        for name, ids in (("BERLIN", ["berlin"]), ("kiel", ["kiel"]), ("paris", [])):
            _, page, _ = await daemon.get(f"/api/v1/cities?name={name}")
            assert ([city["id"] for city in page["cities"]], page["next"]) == (ids, None)
        _, city, _ = await daemon.get("/api/v1/cities/kiel")
        assert (city["state"], city["observation"]["temperature"], city["interval"]) == ("fresh", 6.2, 1.0)
        trace = city["attempt"]["tries"][0]["exchanges"][0]
        assert trace["status"] == 200
        assert {"first_byte", "done"} <= trace["phases"].keys()
        _, first, _ = await daemon.get("/api/v1/observations?limit=1")
        entry = first["observations"][0]
        _, rest, _ = await daemon.get(f"/api/v1/observations?after={first['next']}&city={entry['city']}")
        assert entry["seq"] not in [later["seq"] for later in rest["observations"]]
        # The API accepts a "+" that is not percent-encoded, although it means a space in a URL.
        _, since, _ = await daemon.get("/api/v1/observations?since=2026-01-01T00:00:00+00:00")
        assert len(since["observations"]) >= 2
        _, status, _ = await daemon.get("/api/v1/status")
        assert (status["ready"], status["cities"]["fresh"]) == (True, 2)
        _, page, _ = await daemon.get("/")
        assert b"Kiel" in page


async def test_skipped_observations_are_reported(tmp_path: Path) -> None:
    """The status and the metrics have the number of skipped observations of each forwarder."""
    async with run_daemon(tmp_path, KIEL, webhook='{url: "http://127.0.0.1:9/"}') as daemon:
        _, status, _ = await daemon.get("/api/v1/status")
        assert status["forwarders"][0].keys() == {"forwarder", "delivered", "skipped", "behind", "is_down", "held"}
        await daemon.until("/metrics", b'weatherd_forwarder_skipped_total{forwarder="webhook"} 0.0')


async def test_errors_are_problem_documents(tmp_path: Path) -> None:
    """An invalid parameter, value, method, path or city gives a problem document (RFC 9457)."""
    async with run_daemon(tmp_path, KIEL) as daemon:
        for path, status, detail in (
            ("/api/v1/cities?limt=1", 400, "did you mean 'limit'?"),
            ("/api/v1/cities?limit=0", 400, "greater than or equal to 1"),
            ("/api/v1/cities?limit=1&limit=2", 400, "more than once"),
            ("/api/v1/observations?since=yesterday", 400, "2026-01-31T12:00:00Z"),
            ("/api/v1/observations?city=Kiel", 400, "such as kiel"),
            ("/api/v1/cities/paris", 404, "'paris'"),
            ("/nothing", 404, "/nothing"),
        ):
            found, problem, headers = await daemon.get(path)
            assert (found, headers["Content-Type"].split(";")[0]) == (status, "application/problem+json"), path
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert detail in problem["detail"]
        status, problem, headers = await daemon.get("/api/v1/cities", "DELETE")
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        status, problem, _ = await daemon.get("/-/reload", "POST")
        assert (status, "http.token" in problem["detail"]) == (403, True)


async def test_etag_and_compression(tmp_path: Path) -> None:
    """A matching If-None-Match gives 304, and large responses are gzipped on request."""
    async with run_daemon(tmp_path, KIEL) as daemon:
        _, body, headers = await daemon.get("/api/v1/openapi.json", Accept_Encoding="identity")
        status, none, _ = await daemon.get("/api/v1/openapi.json", If_None_Match=headers["ETag"])
        assert (status, none) == (304, b"")
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            headers = {"Accept-Encoding": "gzip"}
            async with session.get(daemon.url + "/api/v1/openapi.json", headers=headers) as response:
                packed = await response.read()
        assert json.loads(gzip.decompress(packed)) == body


async def test_token_is_required_except_for_health(tmp_path: Path) -> None:
    """Without the token only the health checks are accessible; with it, a reload is possible."""
    async with run_daemon(tmp_path, KIEL, http=f'{{token: "{TOKEN}", port: 0}}') as daemon:
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            assert (await daemon.get("/metrics", **wrong))[0] == 401
            assert (await daemon.get("/-/reload", "POST", **wrong))[0] == 401
        assert [(await daemon.get(path))[0] for path in ("/-/healthy", "/-/ready")] == [200, 200]
        assert (await daemon.get("/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 200
        write_list(daemon.folder, KIEL, BERLIN)
        assert (await daemon.get("/-/reload", "POST", Authorization=f"Bearer {TOKEN}"))[0] == 202
        await daemon.process.logs("cities.reloaded")


async def test_silences_over_http(tmp_path: Path) -> None:
    """With the token, silences are added, mark their alerts, and are ended; without a token, they can be read only."""
    (tmp_path / "alerts.yaml").write_text("alerts: {mild: {when: temperature > -90}}")
    path, until = "/api/v1/silences", "until=2090-01-01T00:00:00Z"
    allowed = {"Authorization": f"Bearer {TOKEN}"}
    async with run_daemon(tmp_path, KIEL, alerts="alerts.yaml", http=f'{{token: "{TOKEN}", port: 0}}') as daemon:
        await daemon.process.logs("alert.firing")
        soon = f"until={format_rfc3339(datetime.now(UTC) + timedelta(hours=1))}"
        assert (await daemon.get(f"{path}?{soon}&rule=mild", "POST"))[0] == 401
        for query, status in ((f"{until}&rule=mild", 400), (f"{soon}&rule=mid", 400), (soon, 400), ("rule=mild", 400)):
            assert (await daemon.get(f"{path}?{query}", "POST", **allowed))[0] == status
        status, added, _ = await daemon.get(f"{path}?{soon}&rule=mild&city=kiel&comment=try", "POST", **allowed)
        assert (status, added["rule"], added["city"], added["comment"]) == (201, "mild", "kiel", "try")
        assert (await daemon.get(path, **allowed))[1]["silences"] == [added]
        (alert,) = (await daemon.get("/api/v1/alerts", **allowed))[1]["alerts"]
        assert alert["silenced_until"] == added["until"]
        assert (await daemon.get(f"{path}/x/end", "POST", **allowed))[0] == 404
        assert (await daemon.get(f"{path}/{added['id']}/end", "POST", **allowed))[:2] == (200, {"silences": []})
        (alert,) = (await daemon.get("/api/v1/alerts", **allowed))[1]["alerts"]
        assert alert["silenced_until"] is None


async def test_streams_are_independent(tmp_path: Path) -> None:
    """A client that never reads does not block others; a reconnected one continues after its last event."""
    async with run_daemon(tmp_path, KIEL, BERLIN) as daemon:
        await daemon.until("/api/v1/observations", b'"berlin"')
        async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
            for _ in range(50):  # they read only the headers
                await stack.enter_async_context(
                    session.get(daemon.url + "/api/v1/stream", headers={"Last-Event-ID": "0"})
                )
            headers = {"Last-Event-ID": "1"}
            async with session.get(daemon.url + "/api/v1/stream", headers=headers) as response, asyncio.timeout(20):
                lines = [line.decode().strip() async for line in _read_lines(response.content, 4)]
        assert lines[0] == "retry: 5000"
        assert lines[2] == "id: 2"


async def test_a_stream_of_an_unknown_city_is_not_found(tmp_path: Path) -> None:
    """A city that was removed from the list is known while the journal has observations of it."""
    async with run_daemon(tmp_path, KIEL, BERLIN) as daemon, aiohttp.ClientSession() as session:
        await daemon.until("/api/v1/observations", b'"berlin"')
        write_list(daemon.folder, KIEL)
        await daemon.process.logs("cities.reloaded")
        status, problem, _ = await daemon.get("/api/v1/stream?city=nope")
        assert (status, problem["detail"]) == (404, "no city in the list or the journal has the id 'nope'")
        for known in ("kiel", "berlin"):
            async with session.get(f"{daemon.url}/api/v1/stream?city={known}") as response:
                assert response.status == 200


async def _read_lines(content: aiohttp.StreamReader, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await content.readline()


async def test_removed_city_disappears_from_the_metrics(tmp_path: Path) -> None:
    """The series of a removed city disappear immediately; the others stay."""
    async with run_daemon(tmp_path, KIEL, BERLIN) as daemon:
        await daemon.until("/metrics", b'weatherd_temperature_celsius{city="berlin"')
        write_list(daemon.folder, KIEL)
        await daemon.process.logs("cities.reloaded")
        _, metrics, _ = await daemon.get("/metrics")
        assert b'city="berlin"' not in metrics
        assert b'weatherd_up{city="kiel"} 1.0' in metrics


async def test_port_in_use(tmp_path: Path) -> None:
    """A port in use gives exit code 78 and a message with advice."""
    async with run_daemon(tmp_path, KIEL) as daemon:
        port = daemon.url.rpartition(":")[2]
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


async def test_too_long_requests_are_documented(tmp_path: Path) -> None:
    """The plain text with which aiohttp refuses a line of over 8,190 bytes is in the OpenAPI document."""
    async with run_daemon(tmp_path, KIEL) as daemon:
        _, document, _ = await daemon.get("/api/v1/openapi.json")
        status, _, headers = await daemon.get("/api/v1/cities/" + "a" * 9000)
    assert (status, headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    operations = [path[method] for path in document["paths"].values() for method in path.keys() & {"get", "post"}]
    assert all("text/plain" in operation["responses"]["400"]["content"] for operation in operations)


@pytest.mark.timeout(300)
async def test_schemathesis_finds_no_error(tmp_path: Path) -> None:
    """Responses to valid and invalid requests match the OpenAPI document. The stream is excluded: it has no end."""
    async with run_daemon(tmp_path, KIEL) as daemon:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{daemon.url}/api/v1/openapi.json"]
        options = ["--exclude-path", "/api/v1/stream", "--max-examples", "20", "--no-color", "--request-timeout", "10"]
        options.append("--generation-deterministic")  # the same requests in each run of the tests
        done = await asyncio.to_thread(
            lambda: subprocess.run([*command, *options], capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603 - ours
        )
        assert done.returncode == 0, done.stdout[-3000:]


async def test_promtool_accepts_metrics_and_rules(tmp_path: Path) -> None:
    """The metrics follow Prometheus' naming conventions, and the alert rules pass their tests."""
    promtool = program("promtool", "prometheus")
    async with run_daemon(tmp_path, KIEL) as daemon:
        metrics = await daemon.until("/metrics", b"weatherd_temperature_celsius")
    done = subprocess.run([promtool, "check", "metrics"], input=metrics, capture_output=True, check=False)  # noqa: ASYNC221, S603 - it is quick
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    rules = Path(__file__).parents[2] / "packaging" / "prometheus"
    test = [promtool, "test", "rules", "weatherd.rules.test.yml"]
    done = subprocess.run(test, cwd=rules, capture_output=True, check=False)  # noqa: ASYNC221, S603 - it is quick
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus(Server):
    """Prometheus server that scrapes a target every second."""

    def __init__(self, folder: Path, target: str) -> None:
        super().__init__(folder)
        self._target = target

    def command(self) -> list[str]:
        """Return the command line."""
        jobs = [{"job_name": "weatherd", "static_configs": [{"targets": [self._target]}]}]
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        options = [f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        return [program("prometheus", "prometheus"), f"--config.file={self.folder}/prometheus.yml", *options]

    async def serves(self) -> bool:
        """Return whether the server responds to queries, which is later than its start."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/-/ready") as response,
            ):
                return response.status == 200
        return False

    async def value(self, query: str) -> list[str]:
        """Return the current values of a query."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query"
        async with aiohttp.ClientSession() as session, session.get(url, params={"query": query}) as response:
            return [sample["value"][1] for sample in (await response.json())["data"]["result"]]


async def test_prometheus_scrapes_the_daemon(tmp_path: Path) -> None:
    """Prometheus has the temperature that the weather service reported, and ``up`` is 1."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    async with run_daemon(tmp_path, KIEL) as daemon:
        prometheus = Prometheus(folder, daemon.url.removeprefix("http://"))
        async with running(prometheus), asyncio.timeout(60):
            while await prometheus.value('weatherd_temperature_celsius{city="kiel"}') != ["6.2"]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
            assert await prometheus.value('up{job="weatherd"}') == ["1"]


def test_dashboard_and_rules_match_the_metrics() -> None:
    """Each metric is in the dashboard, the rules use only existing metrics, and dropped observations are covered."""
    root = Path(__file__).parents[2]
    dashboard = (root / "packaging/grafana/dashboards/weatherd.json").read_text()
    rules = (root / "packaging/prometheus/weatherd.rules.yml").read_text()
    source = (root / "weatherd/web/metrics.py").read_text()
    names = set(re.findall(r'"(weatherd_[a-z_]+)"', source)) | {
        f"weatherd_{name}" for name in re.findall(r'\("([a-z_]+)", [\d.]+, "', source)
    }
    of_cluster = (root / "weatherd/web/cluster/metrics.py").read_text()
    names |= {f"weatherd_cluster_{name}" for name in re.findall(r'\("([a-z_]+)", "', of_cluster)}
    assert len(names) > 25
    assert sorted(name for name in names if name not in dashboard) == []
    assert {
        name
        for name in re.findall("weatherd_[a-z_]+", rules)
        if not any(name.startswith(prefix) for prefix in (*names, "weatherd_observations"))
    } == set()
    assert json.loads(dashboard)["uid"] == "weatherd"
    assert "weatherd_observations_dropped_total" in rules
