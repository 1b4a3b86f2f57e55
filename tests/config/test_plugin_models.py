"""The models of installed plug-ins: where they are found, and what is reported about a broken plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, SecretStr

from tests.support.plugins import install_package
from weatherd.config.city_list import parse_cities
from weatherd.config.loader import parse_settings
from weatherd.config.plugin_models import PluginModels, find_plugin_models, read_models
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Account(BaseModel):
    """Settings of a plug-in."""

    token: SecretStr | None = None


class Layer(BaseModel):
    """Settings of another plug-in."""

    depth: int = 1


PLUG_IN = """
from pydantic import BaseModel

class Account(BaseModel):
    token: str = ""

class Station(BaseModel, frozen=True):
    station: int

def open_provider(settings, resources): ...
open_provider.city_model = Station
settings_model = Account
"""


def test_models_are_found_by_the_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are attributes of the function or of its module; a plug-in may have none."""
    points = (
        "[weatherd.providers]\nmine = some_plugin:open_provider\nbroken = some_plugin_that_is_missing:open_provider\n"
        "[weatherd.sinks]\nplain = json:dumps\n"
    )
    install_package(monkeypatch, tmp_path, "some_plugins", points, some_plugin=PLUG_IN)
    found = find_plugin_models()
    assert set(found) == {"mine", "plain", "broken"}
    assert found["plain"] == PluginModels()
    assert found["broken"] == PluginModels(
        error="the plug-in cannot be imported: some_plugin_that_is_missing: ModuleNotFoundError: "
        "No module named 'some_plugin_that_is_missing'"
    )
    assert [model and model.__name__ for model in found["mine"][:2]] == ["Account", "Station"]
    made = parse_settings("plugins: {mine: {token: t}}", "f.yaml", {})
    assert made.plugins["mine"].token == "t"


DIFFERENT = "two plug-ins with this name have a different settings_model: "


@pytest.mark.parametrize(
    ("sink", "found"),
    [
        ("some_plugins:open_provider", ["Account", "Station", ""]),  # the same models
        ("json:dumps", ["Account", "Station", ""]),  # no models
        ("some_plugin_that_is_missing:open_sink", ["Account", "Station", ""]),
        (
            "other_models:open_sink",
            [None, None, f"{DIFFERENT}some_plugins.Account and other_models.Account"],
        ),
    ],
)
def test_plug_ins_with_the_same_name_share_their_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: str, found: list[str | None]
) -> None:
    """A sink without models, or a broken one, leaves those of the provider in use; different models are an error."""
    points = f"[weatherd.providers]\nhut = some_plugins:open_provider\n[weatherd.sinks]\nhut = {sink}\n"
    other = f"{PLUG_IN}\nopen_sink = open_provider\n"
    install_package(monkeypatch, tmp_path, "some_plugins", points, some_plugins=PLUG_IN, other_models=other)
    models = find_plugin_models()["hut"]
    assert [*(model and model.__name__ for model in models[:2]), models.error] == found
    if models.error:
        with pytest.raises(ConfigError, match=f"^f.yaml:1:11: 'plugins.hut': {models.error}$"):
            parse_settings("plugins: {hut: {token: t}}", "f.yaml", {})
    else:
        assert parse_settings("plugins: {hut: {token: t}}", "f.yaml", {}).plugins["hut"].token == "t"


def test_settings_of_a_broken_plug_in_report_the_import_error() -> None:
    """Its settings and its keys in a row are not reported as unknown, and other mistakes are reported too."""

    def broken() -> Mapping[str, PluginModels]:
        unused = PluginModels(error="with a name that another one's begins with")
        return {
            "my-provider": PluginModels(Account),
            "other": PluginModels(Layer),
            "my-sink": PluginModels(error="the plug-in cannot be imported: No module named 'serial'"),
            "my": unused,
        }

    reason = "'plugins.my-sink': the plug-in cannot be imported: No module named 'serial'"
    text = "plugins:\n  other: {depth: x}\n  my-sink: {port: 1}\n"
    environ = {
        "WEATHERD_PLUGINS__MY_SINK__PORT": "1",
        "WEATHERD_PLUGINS__MY_SINK": "{}",
        "WEATHERD_PLUGINS__MY_PROVIDER__TOKEN": "t",
    }
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "f.yaml", environ, find_models=broken)
    assert [str(problem) for problem in caught.value.problems] == [
        f"WEATHERD_PLUGINS__MY_SINK: {reason}",
        f"WEATHERD_PLUGINS__MY_SINK__PORT: {reason}",
        "f.yaml:2:18: 'plugins.other.depth' should be a whole number, not 'x'",
        f"f.yaml:3:3: {reason}",
    ]
    row = "cities:\n- {name: A, lat: 1, lon: 2, plugins: {my-sink: {port: 1}}}\n"
    ((problem,),) = parse_cities([("f.yaml", row)], [], find_models=broken).quarantined
    assert str(problem) == f"f.yaml:2:39: 'A': {reason}"


def test_a_secret_in_a_city_model_is_an_error_of_the_plug_in() -> None:
    """Because the secrets in rows are not redacted; a secret of a subsection counts, too."""

    class Keys(BaseModel, frozen=True):
        account: Account | None = None

    async def open_provider() -> None: ...

    open_provider.city_model = Keys  # type: ignore[attr-defined]
    with pytest.raises(
        TypeError, match=r"city_model has the secret 'account.token', which belongs in a settings_model"
    ):
        read_models(open_provider)


@pytest.mark.parametrize(
    ("attribute", "value", "found"),
    [
        ("settings_model", "5", "5"),
        ("settings_model", "''", "''"),
        ("city_model", "dict", "dict"),
        ("city_model", "Account()", "Account(token='')"),
    ],
)
def test_a_wrong_model_is_an_error_of_the_plug_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attribute: str, value: str, found: str
) -> None:
    """Its section and its keys in a row report the attribute and its value; they are not reported as unknown."""
    points = "[weatherd.providers]\nhut = wrong_plugin:open_provider\n"
    code = f"{PLUG_IN}\nopen_provider.{attribute} = {value}\n"
    install_package(monkeypatch, tmp_path, "wrong_plugins", points, wrong_plugin=code)
    reason = f"'plugins.hut': wrong_plugin: the plug-in's {attribute} is {found}, not a pydantic model class"
    with pytest.raises(ConfigError) as caught:
        parse_settings("plugins:\n  hut: {token: t}\n", "f.yaml", {})
    assert str(caught.value) == f"f.yaml:2:3: {reason}"
    row = "cities:\n- {name: A, lat: 1, lon: 2, plugins: {hut: {station: 1}}}\n"
    ((problem,),) = parse_cities([("f.yaml", row)], []).quarantined
    assert str(problem) == f"f.yaml:2:39: 'A': {reason}"
