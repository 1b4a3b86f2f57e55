"""No secret is ever seen: every error of every service and far side, and all that the process writes."""

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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
PROVIDERS = ("open-meteo", "openweathermap", "met-norway", "bright-sky", "nws")
PLACES = {"nws": (40.7, -74.0)}  # it serves the United States alone
PATIENCE = 40.0


@contextlib.asynccontextmanager
async def far_side() -> AsyncIterator[str]:
    """Refuse everybody, and repeat to them all that they said."""

    async def refuse(request: web.Request) -> web.Response:
        said = {"url": str(request.url), "headers": dict(request.headers), "body": (await request.read()).decode()}
        return web.json_response({"error": said}, status=401, reason=f"no {request.path_qs}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def settings(url: str, far: str) -> dict[str, Any]:
    """Return settings with a secret wherever there may be one; both forwarders without HTTP find nobody."""
    block = {"base_url": url, "plan": "unlimited"}
    return {
        "interval": "1s",
        "state": "state",
        "log": {"level": "debug"},
        "http": {"port": 0, "token": SECRETS["http"]},
        "open_meteo": {**block, "api_key": SECRETS["open_meteo"]},
        "openweathermap": {**block, "api_key": SECRETS["openweathermap"]},
        "met_norway": {**block, "contact": "someone@example.org"},
        "nws": {**block, "contact": "someone@example.org"},
        "bright_sky": block,
        "mqtt": {"host": "127.0.0.1", "port": 9, "username": "weatherd", "password": SECRETS["mqtt"]},
        "influxdb": {"url": far, "bucket": "b", "org": "o", "token": SECRETS["influxdb"]},
        "webhook": {"url": f"{far}/hook?key={SECRETS['webhook_url']}", "secret": SECRETS["webhook"]},
        "postgres": {"dsn": f"postgresql://weatherd:{SECRETS['postgres']}@127.0.0.1:9/weather"},
    }


def write(folder: Path, url: str, far: str) -> list[str]:
    """Write the files, and return the command that runs the daemon."""
    rows = [
        {
            "name": name,
            "lat": PLACES.get(name, (54.3, 10.1))[0],
            "lon": PLACES.get(name, (54.3, 10.1))[1],
            "providers": [name],
        }
        for name in PROVIDERS
    ]
    (folder / "weatherd.yaml").write_text(json.dumps(settings(url, far)))
    (folder / "cities.yaml").write_text(json.dumps({"cities": rows}))
    return [sys.executable, "-X", "dev", "-m", "weatherd", "run", "-c", str(folder / "weatherd.yaml")]


class Witness:
    """Sees all that the process writes and says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[bytes] = []
        self.events: list[dict[str, Any]] = []

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Read a stream to its end."""
        async for line in stream:
            self.seen.append(line)
            with contextlib.suppress(ValueError):
                self.events.append(json.loads(line))

    async def hears(self, events: set[str], count: int) -> None:
        """Wait for so many different cities, providers or forwarders in events."""
        async with asyncio.timeout(PATIENCE):
            while len(self._told(events)) < count:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    def _told(self, events: set[str]) -> set[str]:
        names = ("city", "provider", "forwarder")
        found = [each for each in self.events if each.get("event") in events]
        return {str(each[name]) for each in found for name in names if name in each} & {*PROVIDERS, *FORWARDERS}

    async def asks(self, url: str) -> None:
        """Visit every endpoint, with the right token, a wrong one and none."""
        paths = ["/", "/metrics", "/nothing", "/api/v1/status", "/api/v1/cities", "/api/v1/observations", "/-/healthy"]
        paths += [f"/api/v1/cities/{name}" for name in PROVIDERS]
        paths += ["/api/v1/cities?limit=x", "/api/v1/openapi.json", "/-/reload"]
        async with aiohttp.ClientSession() as session:
            for path in paths:
                for token in (SECRETS["http"], "wrong", ""):
                    async with session.get(url + path, headers={"Authorization": f"Bearer {token}"}) as response:
                        self.seen.append(f"{path} {response.status} {dict(response.headers)}".encode())
                        self.seen.append(await response.read())

    def looks(self, process: int) -> None:
        """Look at what ``ps`` shows, and at every file of the state."""
        self.seen.append(Path(f"/proc/{process}/cmdline").read_bytes())
        self.seen += [file.read_bytes() for file in (self.folder / "state").rglob("*") if file.is_file()]

    def found(self) -> list[str]:
        """Return where secrets were seen."""
        return [
            f"{name}: {text[:300]!r}"
            for text in self.seen
            for name, secret in SECRETS.items()
            if secret.encode() in text
        ]


FORWARDERS = ("mqtt", "influxdb", "webhook", "postgres")


@pytest.mark.parametrize("kind", [*FAULT_KINDS, None])
async def test_no_error_shows_a_secret(kind: str | None, tmp_path: Path) -> None:
    """Whatever a service answers, and whatever far sides and visitors do, nothing that is written holds a secret."""
    faults = [Fault(kind, 1.0)] if kind else []
    now = lambda: datetime.now(UTC)  # noqa: E731 - short
    async with serve_app("127.0.0.1", 0, create_app(now=now, faults=faults)) as url, far_side() as far:
        environment = {name: text for name, text in os.environ.items() if not name.startswith(("WEATHERD", "OPEN_W"))}
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *write(tmp_path, url, far), stdout=pipe, stderr=pipe, env=environment
        )
        witness = Witness(tmp_path)
        assert child.stdout
        assert child.stderr
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(witness.follow(child.stdout))
            tasks.create_task(witness.follow(child.stderr))
            try:
                await _drive(kind, witness, child.pid)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(signal.SIGTERM)
                await child.wait()
        witness.looks(os.getpid())
    assert witness.found() == []
    assert any(b"daemon.stopped" in text for text in witness.seen)


async def _drive(kind: str | None, witness: Witness, process: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (ready := [each["url"] for each in witness.events if each.get("event") == "http.ready"]):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    if kind is None:
        await witness.hears({"forwarder.down"}, len(FORWARDERS))
    else:
        await witness.hears({"city.down", "provider.paused", "observation", "city.still_down"}, len(PROVIDERS))
    await witness.asks(ready[0])
    witness.looks(process)


async def test_a_crash_shows_no_secret(tmp_path: Path) -> None:
    """A traceback of a bug is redacted, though a secret is part of the error's own words."""
    script = (
        "from weatherd import __main__\n"
        "from weatherd.daemon import lifecycle\n"
        "async def run(configuration, *_, **__):\n"
        "    settings = configuration.settings\n"
        "    words = [settings.postgres.dsn.get_secret_value(), settings.webhook.url.get_secret_value()]\n"
        "    raise RuntimeError(words, settings, settings.http.token.get_secret_value())\n"
        "lifecycle.run_daemon = run\n"
        "__main__.main()\n"
    )
    command = write(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9")
    arguments = [sys.executable, "-c", script, *command[command.index("run") :]]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*arguments, stdout=pipe, stderr=pipe)
    out, err = await child.communicate()
    assert child.returncode == 70
    assert b"daemon.crashed" in err
    assert [name for name, secret in SECRETS.items() if secret.encode() in out + err] == []
