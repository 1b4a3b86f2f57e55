"""The plug-ins in docs/plugins.md work as they are printed there, with the settings that are printed there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.fakes import KIEL, observation
from tests.support.plugins import install_package
from tests.support.virtual_time import EPOCH, boot, now
from weatherd.config.city_list import parse_cities
from weatherd.config.loader import parse_settings
from weatherd.config.plain_settings import collect_secrets
from weatherd.config.plugin_models import find_plugin_models
from weatherd.config.schema import cities_schema, settings_schema
from weatherd.config.settings import Settings
from weatherd.config.yaml.reader import parse_yaml
from weatherd.daemon.wiring import open_forwarders, open_providers
from weatherd.errors import ConfigError, DeliveryError, Failure, ProviderError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.journal.provider_state import in_memory_state
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from weatherd.city import City
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.providers import Provider

DOCUMENT = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text(encoding="utf-8")
MODULES = dict(
    re.findall(r"^`(weatherd_\w+)\.py`(?:(?!```).)*?```python\n(.*?)```", DOCUMENT, re.DOTALL | re.MULTILINE)
)
GROUPS = ("weatherd.providers", "weatherd.forwarders")
TOKEN = "sesame"
RESPONSE = json.loads(re.findall(r"with a small JSON API, `(.*?)`", DOCUMENT)[0])
_MAX_LINES = 40  # of a provider


def find_blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


def find_yaml(file: str) -> list[str]:
    """Return the sections of the YAML blocks that are printed under the name of a file."""
    parts = re.split(r"^# (\S+\.yaml)\n", "".join(find_blocks("yaml")), flags=re.MULTILINE)
    return [
        text.replace('"…"', f'"{TOKEN}"') for name, text in zip(parts[1::2], parts[2::2], strict=True) if name == file
    ]


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the documented modules with the documented entry points."""
    points = [tomllib.loads(block)["project"]["entry-points"] for block in find_blocks("toml")]
    lines = [
        f"[{group}]\n{name} = {value}" for groups in points for group in groups for name, value in groups[group].items()
    ]
    install_package(monkeypatch, tmp_path, "documented", "\n".join(lines), **MODULES)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@dataclass
class Hut:
    """The documented JSON API; records the requests."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)  # path, Authorization header
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Handle any request."""
        self.requests.append((request.path, request.headers["Authorization"]))
        return web.json_response(self.body, status=self.status, headers=self.headers)


@contextlib.asynccontextmanager
async def run_hut(hut: Hut) -> AsyncIterator[tuple[Provider, City]]:
    """Run the service; open the documented provider for it with the documented settings and city."""
    app = web.Application()
    app.router.add_get("/{path:.*}", hut.handle)
    text, rows = find_yaml("weatherd.yaml")[0], find_yaml("cities.yaml")[0]
    async with TestServer(app, host="127.0.0.1") as server:
        hut.url = str(server.make_url("")).rstrip("/")
        settings = parse_settings(text.replace("http://hut.local", hut.url), "weatherd.yaml", {}, {"hut"})
        found = parse_cities([("cities.yaml", rows)], {"hut"}, {"providers": settings.providers})
        assert not found.quarantined
        async with open_providers(settings, now, boot=boot) as providers:
            yield providers.usable["hut"], found.cities[0]


def test_the_document_has_both_plug_ins() -> None:
    """One module for the provider and one for the forwarder are found, and every Python block is valid."""
    assert MODULES.keys() == {"weatherd_hut", "weatherd_lines"}
    for number, code in enumerate(find_blocks("python")):
        compile(code, f"docs/plugins.md, block {number}", "exec")


def test_the_provider_is_short() -> None:
    """It has at most 40 lines, without blank ones, of the usual length."""
    lines = [line for line in MODULES["weatherd_hut"].splitlines() if line.strip()]
    assert len(lines) <= _MAX_LINES
    assert max(map(len, lines)) <= 120


async def test_the_provider_returns_an_observation() -> None:
    """The documented response becomes an observation; the request has the row's station and the token."""
    hut = Hut(body=RESPONSE | {"time": int(EPOCH.timestamp())})
    async with run_hut(hut) as (provider, city):
        observed = await provider.fetch(city)
    assert observed.find_problem() is None
    assert observed[:6] == (city.id, "hut", EPOCH, observed.fetched_at, -3.5, "fog")
    assert observed.wind_speed == 5.0
    assert hut.requests == [("/stations/12", f"Bearer {TOKEN}")]


async def test_the_provider_has_a_default_station() -> None:
    """A row without keys of the plug-in requests the first station."""
    hut = Hut(body={"time": int(EPOCH.timestamp()), "air": {"temp_c": 4}})
    async with run_hut(hut) as (provider, _):
        found = await provider.fetch(KIEL)
    assert (found.temperature, found.wind_speed, found.description) == (4.0, None, "unknown")
    assert hut.requests[0][0] == "/stations/1"


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (401, {}, Failure.DENIED),
        (404, {}, Failure.REJECTED),
        (429, {}, Failure.RATE_LIMITED),
        (500, {}, Failure.BROKEN),
        (503, {}, Failure.UNAVAILABLE),
        (503, {"message": "busy"}, Failure.RATE_LIMITED),
        (200, {"time": 0}, Failure.EMPTY),
        (200, RESPONSE | {"air": {}}, Failure.EMPTY),
        (200, [], Failure.EMPTY),
    ],
)
async def test_an_error_of_the_service_is_a_provider_error(status: int, body: Any, failure: Failure) -> None:
    """Each status is the right kind of failure, and a token is never part of the reason."""
    async with run_hut(Hut(status, body)) as (provider, city):
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(city)
    assert caught.value.failure is failure
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"), [(401, {}, 600), (429, {}, 60), (429, {"Retry-After": "7"}, 7)]
)
async def test_the_service_is_paused(status: int, headers: dict[str, str], seconds: float) -> None:
    """After a denied key or a rate limit no request is sent for the documented time."""
    hut = Hut(status, {}, headers)
    async with run_hut(hut) as (provider, city):
        for sent, delay in ((1, seconds - 1.0), (1, 1.1), (2, 0.0)):
            with pytest.raises(ProviderError):
                await provider.fetch(city)
            assert len(hut.requests) == sent
            await asyncio.sleep(delay)


async def test_the_traits_are_used() -> None:
    """The limiter, the planner and the freshness check use the documented traits; the defaults are as documented."""
    async with open_providers(
        parse_settings(find_yaml("weatherd.yaml")[0], "weatherd.yaml", {}), now, boot=boot
    ) as providers:
        assert providers.planner.plans["hut"] == Plan({"day": 1000}, rate=1.0, burst=2)
        assert providers.limiters["hut"].usage() == {"day": (0.0, 1000)}
        assert providers.budgets.of_provider("hut") == 3600.0
        assert providers.budgets.of_provider("another") == 10_800.0


async def test_a_provider_without_its_required_settings_cannot_be_used() -> None:
    """Without a section the provider is rejected, and the reason names the missing keys."""
    async with open_providers(Settings(), now, boot=boot) as providers:
        assert "hut" not in providers.usable
        missing = "'plugins.hut.url' is missing; 'plugins.hut.token' is missing"
        assert str(providers.rejected["hut"]) == f"the plug-in 'hut' needs settings: {missing}"


def test_the_models_are_found() -> None:
    """Settings come from the file or the environment; mistakes have a position; secrets and schemas are known."""
    models = find_plugin_models()
    assert [model and model.__name__ for model in models["hut"][:2]] == ["HutSettings", "HutStation"]
    assert [model and model.__name__ for model in models["lines"][:2]] == ["LinesSettings", None]
    environ = {"WEATHERD_PLUGINS__HUT__TOKEN": TOKEN}
    settings = parse_settings("plugins: {hut: {url: 'http://hut.local'}}", "weatherd.yaml", environ)
    assert collect_secrets(settings) == [TOKEN]
    assert TOKEN not in repr(settings)
    with pytest.raises(ConfigError, match=r"^weatherd\.yaml:2:9: unknown key 'plugins\.hut\.tokem'"):
        parse_settings("plugins:\n  hut: {tokem: x, url: u, token: t}", "weatherd.yaml", {})
    for text in find_yaml("weatherd.yaml"):
        jsonschema.validate(parse_yaml(text, "weatherd.yaml"), settings_schema(models))
    for text in find_yaml("cities.yaml"):
        jsonschema.validate(parse_yaml(text, "cities.yaml"), cities_schema(models))


@contextlib.asynccontextmanager
async def run_lines(*, confirms: bool) -> AsyncIterator[tuple[Forwarder, list[Any]]]:
    """Run a server that collects lines and confirms each batch or closes the connection; open the forwarder for it."""
    lines: list[Any] = []

    async def handle(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        with contextlib.closing(writing):
            while line := await reading.readline():
                lines.append(json.loads(line))
                if "end_of_batch" in lines[-1]:
                    if not confirms:
                        return
                    writing.write(b"ok\n")

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = parse_settings(find_yaml("weatherd.yaml")[1].replace("7070", str(port)), "weatherd.yaml", {})
        async with open_forwarders(settings, in_memory_state(now), lambda: (), BUILT_IN_BUDGETS) as forwarders:
            yield forwarders["lines"], lines


async def test_the_forwarder_delivers_batches() -> None:
    """A connection delivers batch after batch, in order, each followed by its key and confirmed by the server."""
    async with run_lines(confirms=True) as (forwarder, lines), forwarder.connect() as connection:
        await connection.deliver([observation(temperature=1.0), observation(temperature=2.0)], "first")
        assert [line.get("temperature") for line in lines] == [1.0, 2.0, None]
        assert lines[0] == json.loads(json.dumps(observation(temperature=1.0)._asdict(), default=str))
        await connection.deliver([observation(temperature=3.0)], "second")
        assert lines[2] == {"end_of_batch": "first"}
        assert lines[4] == {"end_of_batch": "second"}


async def test_a_closed_connection_is_a_delivery_error() -> None:
    """A batch that the server does not confirm is a DeliveryError, so that it is delivered again."""
    async with run_lines(confirms=False) as (forwarder, lines), forwarder.connect() as connection:
        with pytest.raises(DeliveryError, match=r"^the server closed the connection$"):
            await connection.deliver([observation()], "key")
        assert len(lines) == 2


async def test_a_forwarder_without_its_required_settings_is_disabled() -> None:
    """Without a section the forwarder is not opened, and that is no error."""
    async with open_forwarders(Settings(), in_memory_state(now), lambda: (), BUILT_IN_BUDGETS) as forwarders:
        assert "lines" not in forwarders
