"""``weatherd plugins``: the installed plug-ins and their problems."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.plugins import install_package
from weatherd import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd

CODE = """
import contextlib
from pydantic import BaseModel
from weatherd.errors import ConfigError, Problem

def without_key(settings, resources):
    raise ConfigError(Problem("", "needs a key"))

def misleading(settings, resources):
    raise ConfigError(Problem("extra_weather:misleading", "needs a key"))

@contextlib.asynccontextmanager
async def yielding(settings, *resources):
    yield 7

def failing(settings, *resources):
    raise ValueError("boom")

def leaving(settings, *resources):
    raise SystemExit(3)

class Forwarder:
    def __init__(self, batch_size):
        self.batch_size = batch_size

def forwarder(settings, resources):
    return Forwarder(100)

def typed(settings, resources):
    return Forwarder(settings.plugins["typed"].port)

def empty(settings, resources):
    return Forwarder(0)

def demanding(settings):
    return settings.plugins["demanding"].port

class WithDefault(BaseModel):
    port: int = 1

class Required(BaseModel):
    port: int

typed.settings_model = WithDefault
demanding.settings_model = Required
"""
ENTRY_POINTS = """
[weatherd.providers]
keyless = extra_weather:without_key
misleading = extra_weather:misleading
yielding = extra_weather:yielding
failing = extra_weather:failing
[weatherd.sinks]
lost = extra_weather:missing
leaving = extra_weather:leaving
demanding = extra_weather:demanding
[weatherd.forwarders]
pigeon = extra_weather:forwarder
typed = extra_weather:typed
empty = extra_weather:empty
"""


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with plug-ins, most of them broken."""
    install_package(monkeypatch, tmp_path / "packages", "extra_weather", ENTRY_POINTS, extra_weather=CODE)


def _states(text: str) -> dict[str, tuple[str, str]]:
    return {plugin["name"]: (plugin["state"], plugin["reason"]) for plugin in json.loads(text)}


def test_built_in_plugins_are_enabled_by_the_configuration(weatherd: Weatherd, folder: Path) -> None:
    """A provider is enabled if the settings or a city use it, and unconfigured if its API key is missing."""
    with (folder / "weatherd.yaml").open("a") as file:
        file.write("console: {enabled: false}\nwebhook: {url: 'http://127.0.0.1:9'}\n")
    with (folder / "cities.yaml").open("a") as file:
        file.write("  - {name: Ulm, lat: 48.4, lon: 10.0, providers: [bright-sky]}\n")
    code, out, err = weatherd("plugins", "--format", "json")
    assert (code, err) == (0, "")
    states = _states(out)
    assert {name for name, (state, _) in states.items() if state == "enabled"} == {
        "open-meteo", "bright-sky", "log", "webhook",
    }  # fmt: skip
    assert states["console"] == ("disabled", "")
    assert states["openweathermap"][0] == "unconfigured"
    assert "OPEN_WEATHER_API_KEY" in states["openweathermap"][1]
    built_in = json.loads(out)[0]
    assert (built_in["distribution"], built_in["version"], built_in["built_in"]) == ("weatherd", __version__, True)


@pytest.mark.usefixtures("extra")
def test_a_broken_plugin_has_a_reason_and_no_traceback(weatherd: Weatherd) -> None:
    """Whether it cannot be imported, raises an exception or tries to exit, the others are listed."""
    code, out, err = weatherd("plugins", "--format", "json")
    assert (code, err) == (0, "")
    states = _states(out)
    assert states["keyless"] == ("unconfigured", "needs a key")
    assert states["misleading"] == ("unconfigured", "needs a key")
    assert states["failing"] == ("broken", "the provider 'failing' cannot be opened: extra_weather: ValueError: boom")
    reason = "extra_weather: TypeError: the plug-in yields 7, which has no fetch()"
    assert states["yielding"] == ("broken", f"the provider 'yielding' cannot be opened: {reason}")
    assert states["lost"][0] == "broken"
    assert "missing" in states["lost"][1]
    assert states["leaving"] == ("broken", "extra_weather: RuntimeError: the plug-in raised SystemExit: 3")
    assert states["pigeon"] == ("enabled", "")
    assert states["typed"] == ("enabled", "")  # with the defaults of its model
    sizes = "TypeError: the forwarder's batch_size has to be an integer above 0, not 0"
    assert states["empty"] == ("broken", f"extra_weather: {sizes}")
    assert states["demanding"] == (
        "unconfigured",
        "the plug-in 'demanding' needs settings: 'plugins.demanding.port' is missing",
    )
    assert states["log"] == ("enabled", "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plugins: {hut: {}}", "'plugins.hut': the plug-in cannot be imported: weatherd_hut: RuntimeError: boom"),
        ("interval: 0", "'interval' should be 1s or more"),
        ("[", "is not valid YAML"),
    ],
)
@pytest.mark.usefixtures("extra")
def test_an_invalid_configuration_does_not_hide_the_list(
    weatherd: Weatherd, folder: Path, tmp_path: Path, text: str, problem: str
) -> None:
    """Broken plug-ins have their reason, the others are unknown; the error is on standard error, the exit code 78."""
    (tmp_path / "packages" / "weatherd_hut.py").write_text("raise RuntimeError('boom')\n")
    with (tmp_path / "packages" / "extra_weather-1.0.dist-info" / "entry_points.txt").open("a") as file:
        file.write("hut = weatherd_hut:open_forwarder\n")
    (folder / "weatherd.yaml").write_text(f"{text}\n")
    code, out, err = weatherd("plugins", "--format", "json")
    states = _states(out)
    assert (code, problem in err) == (78, True)
    assert states["hut"] == ("broken", "weatherd_hut: RuntimeError: boom")
    assert states["open-meteo"] == ("unknown", "the configuration is invalid")
    assert weatherd("plugins")[1].count("broken") == 2  # the other one lacks its function


@pytest.mark.usefixtures("extra")
def test_the_text_names_the_package_of_a_plugin(weatherd: Weatherd) -> None:
    """One line per plug-in: kind, name, origin, state and reason; CSV has the same rows."""
    _, out, _ = weatherd("plugins")
    lines = [line.split() for line in out.splitlines()]
    assert ["provider", "keyless", "extra-weather", "1.0", "unconfigured", "needs", "a", "key"] in lines
    assert ["provider", "open-meteo", "built-in", "enabled"] in lines
    _, out, _ = weatherd("plugins", "-f", "csv")
    assert [row["name"] for row in csv.DictReader(io.StringIO(out))] == [line[1] for line in lines[1:]]


@pytest.mark.usefixtures("extra")
def test_check_names_broken_providers(weatherd: Weatherd, folder: Path) -> None:
    """One line each, without a traceback; if all cities use one, that is an error."""
    code, _, err = weatherd("check")
    assert (code, [line.split(":")[0] for line in err.splitlines()]) == (0, ["warning"] * 2)
    (folder / "weatherd.yaml").write_text("providers: [keyless]\n")
    code, _, err = weatherd("check")
    assert (code, err) == (78, "config/weatherd.yaml: needs a key\n")


@pytest.mark.usefixtures("extra")
def test_a_section_at_the_wrong_place_gets_a_hint(weatherd: Weatherd, folder: Path) -> None:
    """The settings of a plug-in belong under ``plugins``."""
    (folder / "weatherd.yaml").write_text("typed: {port: 1}\n")
    code, _, err = weatherd("check")
    assert (code, err) == (78, "config/weatherd.yaml:1:1: unknown key 'typed'; did you mean 'plugins.typed'?\n")
