"""No secret leaks: neither in an error of any service or destination, nor in any output of the process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from weatherd.simulator.faults import FAULT_KINDS, Fault
from weatherd.simulator.server import create_app, serve_app
from weatherd.web.access.throttle import MAX_WRONG_TOKENS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

SECRETS = {
    "open_meteo": "sesame-open-meteo",
    "openweathermap": "sesame-openweathermap",
    "http": "sesame-http-token",
    "mqtt": "sesame-mqtt",
    "influxdb": "sesame-influxdb",
    "webhook_url": "sesame-webhook-url",
    "webhook": "sesame-webhook-secret",
    "postgres": "sesame-postgres",
}
# metar has no secret, and collects cities for 15 s
PROVIDERS = ("open-meteo", "openweathermap", "met-norway", "bright-sky", "nws")
COORDINATES = {"nws": (40.7, -74.0)}  # NWS covers only the United States
TIMEOUT = 40.0


@contextlib.asynccontextmanager
async def serve_denials() -> AsyncIterator[str]:
    """Serve a destination that denies every request and quotes the request in its response."""

    async def refuse(request: web.Request) -> web.Response:
        received = {"url": str(request.url), "headers": dict(request.headers), "body": (await request.read()).decode()}
        return web.json_response({"error": received}, status=401, reason=f"no {request.path_qs}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def make_settings(url: str, destination: str) -> dict[str, Any]:
    """Return settings with every kind of secret; the two forwarders without HTTP cannot connect."""
    service = {"base_url": url, "plan": "unlimited"}
    return {
        "interval": "1s",
        "state": "state",
        "log": {"level": "debug"},
        "http": {"port": 0, "token": SECRETS["http"]},
        "open_meteo": {**service, "api_key": SECRETS["open_meteo"]},
        "openweathermap": {**service, "api_key": SECRETS["openweathermap"]},
        "met_norway": {**service, "contact": "someone@example.org"},
        "nws": {**service, "contact": "someone@example.org"},
        "bright_sky": service,
        "mqtt": {"host": "127.0.0.1", "port": 9, "username": "weatherd", "password": SECRETS["mqtt"]},
        "influxdb": {"url": destination, "bucket": "b", "org": "o", "token": SECRETS["influxdb"]},
        "webhook": {"url": f"{destination}/hook?key={SECRETS['webhook_url']}", "secret": SECRETS["webhook"]},
        "postgres": {"dsn": f"postgresql://weatherd:{SECRETS['postgres']}@127.0.0.1:9/weather"},
    }


def write_files(folder: Path, url: str, destination: str) -> list[str]:
    """Write the configuration files, and return the command that runs the daemon."""
    rows = [
        {
            "name": name,
            "lat": COORDINATES.get(name, (54.3, 10.1))[0],
            "lon": COORDINATES.get(name, (54.3, 10.1))[1],
            "providers": [name],
        }
        for name in PROVIDERS
    ]
    (folder / "weatherd.yaml").write_text(json.dumps(make_settings(url, destination)))
    (folder / "cities.yaml").write_text(json.dumps({"cities": rows}))
    return [sys.executable, "-X", "dev", "-m", "weatherd", "run", "-c", str(folder / "weatherd.yaml")]


class OutputRecorder:
    """A recorder of everything that the process prints, serves and stores."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[bytes] = []
        self.events: list[dict[str, Any]] = []
        self._recorded = asyncio.Condition()

    async def record_stream(self, stream: asyncio.StreamReader) -> None:
        """Record a stream to its end."""
        async for line in stream:
            self.seen.append(line)
            with contextlib.suppress(ValueError):
                self.events.append(json.loads(line))
            async with self._recorded:
                self._recorded.notify_all()

    async def wait_for_events(self, events: set[str], count: int) -> None:
        """Wait until *events* have named *count* different cities, providers or forwarders."""
        await self._wait_until(lambda: len(self._named_in(events)) >= count)

    async def wait_for_url(self) -> str:
        """Wait until the HTTP interface is ready, and return its URL."""
        await self._wait_until(lambda: any("url" in event for event in self.events))
        return next(str(event["url"]) for event in self.events if "url" in event)

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT), self._recorded:
            await self._recorded.wait_for(condition)

    def _named_in(self, events: set[str]) -> set[str]:
        names = ("city", "provider", "forwarder")
        matching = [event for event in self.events if event.get("event") in events]
        return {str(event[name]) for event in matching for name in names if name in event} & {*PROVIDERS, *FORWARDERS}

    async def request_all(self, url: str) -> None:
        """Request every endpoint with the right token, a wrong one and none; then one with too many wrong tokens.

        Each endpoint has an address of its own as client, because one with too many wrong tokens has to wait.
        """
        paths = ["/", "/metrics", "/nothing", "/api/v1/status", "/api/v1/cities", "/api/v1/observations", "/-/healthy"]
        paths += [f"/api/v1/cities/{name}" for name in PROVIDERS]
        paths += ["/api/v1/cities?limit=x", "/api/v1/openapi.json", "/-/reload"]
        for number, path in enumerate(paths, 2):
            await self._request(url + path, f"127.0.0.{number}", (SECRETS["http"], "wrong", ""))
        await self._request(url + "/metrics", "127.0.0.1", ["wrong"] * (MAX_WRONG_TOKENS + 1))

    async def _request(self, url: str, address: str, tokens: Sequence[str]) -> None:
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            for token in tokens:
                async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
                    self.seen.append(f"{url} {response.status} {dict(response.headers)}".encode())
                    self.seen.append(await response.read())

    def record_state(self, process: int) -> None:
        """Record the command line that ``ps`` shows, and every file in the state folder."""
        self.seen.append(Path(f"/proc/{process}/cmdline").read_bytes())
        self.seen += [file.read_bytes() for file in (self.folder / "state").rglob("*") if file.is_file()]

    def find_secrets(self) -> list[str]:
        """Return the places where a secret was recorded."""
        return [
            f"{name}: {text[:300]!r}"
            for text in self.seen
            for name, secret in SECRETS.items()
            if secret.encode() in text
        ]


FORWARDERS = ("mqtt", "influxdb", "webhook", "postgres")


@pytest.mark.parametrize("kind", [*FAULT_KINDS, None])
async def test_no_error_shows_a_secret(kind: str | None, tmp_path: Path) -> None:
    """Whatever services, destinations and API clients do, no secret is written anywhere."""
    faults = [Fault(kind, 1.0)] if kind else []
    now = lambda: datetime.now(UTC)  # noqa: E731 - short
    async with serve_app("127.0.0.1", 0, create_app(now=now, faults=faults)) as url, serve_denials() as destination:
        environment = {name: text for name, text in os.environ.items() if not name.startswith(("WEATHERD", "OPEN_W"))}
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *write_files(tmp_path, url, destination), stdout=pipe, stderr=pipe, env=environment
        )
        recorder = OutputRecorder(tmp_path)
        assert child.stdout
        assert child.stderr
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(recorder.record_stream(child.stdout))
            tasks.create_task(recorder.record_stream(child.stderr))
            try:
                await _drive(kind, recorder, child.pid)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(signal.SIGTERM)
                await child.wait()
        recorder.record_state(os.getpid())
    assert recorder.find_secrets() == []
    assert any(b"daemon.stopped" in text for text in recorder.seen)


async def _drive(kind: str | None, recorder: OutputRecorder, process: int) -> None:
    url = await recorder.wait_for_url()
    if kind is None:
        await recorder.wait_for_events({"forwarder.down"}, len(FORWARDERS))
    else:
        await recorder.wait_for_events(
            {"city.down", "provider.paused", "observation", "city.still_down"}, len(PROVIDERS)
        )
    await recorder.request_all(url)
    recorder.record_state(process)


async def test_a_crash_shows_no_secret(tmp_path: Path) -> None:
    """The traceback of a bug is redacted, even if the text of the error contains a secret."""
    script = (
        "from weatherd import __main__\n"
        "from weatherd.daemon import lifecycle\n"
        "async def run(parts, *_, **__):\n"
        "    settings = parts.configuration.settings\n"
        "    secrets = [settings.postgres.dsn.get_secret_value(), settings.webhook.url.get_secret_value()]\n"
        "    raise RuntimeError(secrets, settings, settings.http.token.get_secret_value())\n"
        "lifecycle.run_daemon = run\n"
        "__main__.main()\n"
    )
    command = write_files(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9")
    arguments = [sys.executable, "-c", script, *command[command.index("run") :]]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*arguments, stdout=pipe, stderr=pipe)
    out, err = await child.communicate()
    assert child.returncode == 70
    assert b"daemon.crashed" in err
    assert b"RuntimeError" in err
    assert b"[redacted]" in err
    assert [name for name, secret in SECRETS.items() if secret.encode() in out + err] == []
