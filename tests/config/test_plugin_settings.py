"""Settings of plug-ins: validated by the plug-ins' models, from every source and in the rows of the list."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from pydantic import BaseModel, SecretStr, model_validator

from weatherd.config.city_list import CityList, parse_cities
from weatherd.config.diff import diff
from weatherd.config.loader import parse_settings
from weatherd.config.plain_settings import collect_secrets
from weatherd.config.plugin_models import PluginModels, read_models
from weatherd.config.schema import cities_schema, settings_schema
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from weatherd.config.settings import Settings

TOKEN = "12345678"  # digits, which JSON would make a number


class Nested(BaseModel):
    """A subsection."""

    depth: int = 1


class Account(BaseModel):
    """Settings of a plug-in in weatherd.yaml."""

    token: SecretStr | None = None
    stations: list[int] = []
    nested: Nested = Nested()


class Station(BaseModel, frozen=True):
    """Keys of a plug-in in a row."""

    station: int
    heights: tuple[float, ...] = ()


class Tree(BaseModel, frozen=True):
    """A model that contains itself."""

    depth: int = 0
    parent: Tree | None = None


class Mutable(BaseModel):
    """A model that is not hashable."""

    station: int


def models() -> Mapping[str, PluginModels]:
    """Return the models of three plug-ins."""
    return {
        "my-provider": PluginModels(Account, Station),
        "other": PluginModels(Nested),
        "mutable": PluginModels(None, Mutable),
    }


def settings(text: str, environ: dict[str, str] | None = None) -> Settings:
    """Return the settings parsed from a text and variables."""
    return parse_settings(text, "f.yaml", environ or {}, find_models=models)


def get_rejection(text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the problems of rejected settings."""
    with pytest.raises(ConfigError) as caught:
        settings(text, environ)
    return [str(problem) for problem in caught.value.problems]


def rows(*texts: str) -> CityList:
    """Return the list parsed from rows."""
    text = "cities:\n" + "".join(f"- {{name: A{number}, lat: 1, lon: 2, {row}}}\n" for number, row in enumerate(texts))
    return parse_cities([("f.yaml", text)], ["open-meteo"], find_models=models)


def test_a_section_becomes_the_model_of_its_plug_in() -> None:
    """A section gets the defaults of its model; plug-ins without a section are absent."""
    found = settings("plugins: {my-provider: {stations: [1, 2]}}").plugins
    assert found == {"my-provider": Account(stations=[1, 2])}


def test_every_source_can_set_a_plug_ins_settings(tmp_path: Path) -> None:
    """Variables override secret files, which override the file; dashes in the name are underscores in a variable."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    text = "plugins: {my-provider: {token: from-the-file, stations: [1]}}"
    prefix = "WEATHERD_PLUGINS__MY_PROVIDER"

    def account(**environ: str) -> Account:
        found = settings(text, {prefix + name: value for name, value in environ.items()}).plugins["my-provider"]
        assert isinstance(found, Account)
        return found

    assert account(__TOKEN=TOKEN).token == SecretStr(TOKEN)
    assert account(__TOKEN_FILE=str(file)).token == SecretStr(TOKEN)
    assert account(__TOKEN_FILE=str(file), __TOKEN="x").token == SecretStr("x")  # noqa: S106
    assert account(__STATIONS="[2, 3]", __NESTED__DEPTH="7") == Account(
        token=SecretStr("from-the-file"), stations=[2, 3], nested=Nested(depth=7)
    )
    whole = account(**{"": '{"stations": [5], "token": "t"}', "__NESTED": '{"depth": 2}', "__TOKEN": "u"})
    assert whole == Account(token=SecretStr("u"), stations=[5], nested=Nested(depth=2))


@pytest.mark.parametrize(
    "name", ["plugins__my-provider__token", "plugins.my-provider.token", "WEATHERD_PLUGINS__MY_PROVIDER__TOKEN"]
)
def test_a_file_in_a_directory_of_secrets_suffices(tmp_path: Path, name: str) -> None:
    """A plug-in with its secret as a systemd credential needs no section in the settings file."""
    (tmp_path / name).write_text(TOKEN)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert settings("", environ).plugins == {"my-provider": Account(token=SecretStr(TOKEN))}
    assert settings("plugins: {my-provider: {stations: [1]}}", environ).plugins == {
        "my-provider": Account(token=SecretStr(TOKEN), stations=[1])
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "plugins:\n  my-provder: {}",
            "f.yaml:2:3: unknown key 'plugins.my-provder'; did you mean 'my-provider'?",
        ),
        ("plugins: {mutable: {}}", "f.yaml:1:11: unknown key 'plugins.mutable'; installed plug-ins that take"),
        ("plugins: {my-provider: {tokn: x}}", "f.yaml:1:25: unknown key 'plugins.my-provider.tokn'; did you mean 'tok"),
        ("plugins:\n  other: {depth: x}", "f.yaml:2:18: 'plugins.other.depth' should be a whole number, not 'x'"),
        ("plugins: {my-provider: {nested: {dpth: 1}}}", "f.yaml:1:34: unknown key 'plugins.my-provider.nested.dpth';"),
        ("plugins: {my-provider: 5}", "f.yaml:1:24: 'plugins.my-provider' should be a mapping (key: value), not 5"),
        ("plugins: []", "f.yaml:1:10: 'plugins' should be a mapping (key: value)"),
    ],
)
def test_a_mistake_is_located(text: str, problem: str) -> None:
    """The problem has file, line, column and a hint, or else names the installed plug-ins."""
    (found,) = get_rejection(text)
    if "installed" in problem:
        assert found.endswith("settings here: my-provider, other")
    assert found.startswith(problem)


def test_a_mistake_in_a_variable_is_located() -> None:
    """The problem names the variable."""
    environ = {
        "WEATHERD_PLUGINS__OTHER__DEPTH": "x",
        "WEATHERD_PLUGINS__OTHER__DPTH": "1",
        "WEATHERD_PLUGINS__NOTHING__X": "1",
    }
    assert get_rejection("plugins: {other: {depth: 1}}", environ) == [
        "WEATHERD_PLUGINS__NOTHING__X: is not a setting; did you mean 'WEATHERD_PLUGINS__OTHER'?",
        "WEATHERD_PLUGINS__OTHER__DPTH: is not a setting; did you mean 'WEATHERD_PLUGINS__OTHER__DEPTH'?",
        "WEATHERD_PLUGINS__OTHER__DEPTH: 'plugins.other.depth' should be a whole number, not 'x'",
    ]


def test_secrets_of_plug_ins_are_redacted() -> None:
    """They are collected like all other secrets, and the settings never show them as text."""
    made = settings(f"plugins: {{my-provider: {{token: '{TOKEN}'}}}}")
    assert collect_secrets(made) == [TOKEN]
    assert TOKEN not in repr(made) + made.model_dump_json()
    assert TOKEN not in "".join(get_rejection(f"plugins: {{my-provider: {{token: [{TOKEN}]}}}}"))


def test_a_validator_may_modify_its_input() -> None:
    """A reload of the same text passes the values in the file again, not the modified ones."""

    class Section(BaseModel):
        depth: int

        @model_validator(mode="before")
        @classmethod
        def _take_depth(cls, values: dict[str, Any]) -> dict[str, Any]:
            return {"depth": values.pop("depth")}

    for _ in range(2):
        found = parse_settings("plugins: {a: {depth: 2}}", "f", {}, find_models=lambda: {"a": PluginModels(Section)})
        assert found.plugins["a"].depth == 2


def test_plug_ins_are_imported_only_if_configured() -> None:
    """Settings and lists without keys for plug-ins do not look for models."""

    def never() -> Mapping[str, PluginModels]:
        raise AssertionError

    assert parse_settings("plugins: {}", "f", {}, find_models=never).plugins == {}
    assert parse_cities([("f", "cities: [{name: A, lat: 1, lon: 2, plugins: {}}]")], [], find_models=never).cities


def test_a_row_has_keys_for_a_plug_in() -> None:
    """The keys are passed to the plug-in with the city and are part of its hash; a reload detects changes."""
    found = rows("plugins: {my-provider: {station: 12, heights: [2, 10]}}", "id: b").cities
    assert found[0].plugin("my-provider") == Station(station=12, heights=(2.0, 10.0))
    assert found[1].plugin("my-provider") is None
    assert found[0].plugin("other") is None
    same, changed = (rows(f"plugins: {{my-provider: {{station: {n}, heights: [2, 10]}}}}", "id: b") for n in (12, 13))
    assert len({*found, *same.cities}) == 2
    assert diff(found, changed.cities).changed == {"a0"}
    assert replace(found[0], interval=5.0).plugins == found[0].plugins


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "plugins: {my-provider: {station: x}}",
            "63: 'A0': 'plugins.my-provider.station' should be a whole number, not",
        ),
        ("plugins: {my-provider: {}}", "53: 'A0': 'plugins.my-provider.station' is missing"),
        ("plugins: {my-provider: {station: 1, hights: []}}", "66: 'A0': unknown key 'plugins.my-provider.hights'; did"),
        (
            "plugins: {other: {}}",
            "40: 'A0': unknown key 'plugins.other'; installed plug-ins that take settings here: mu",
        ),
        ("plugins: {mutable: {station: 1}}", "39: 'A0': 'plugins' has a model that is not frozen and hashable: unhash"),
        ("plugins: 5", "39: 'A0': 'plugins' should be a mapping (key: value), not 5"),
        ("plugin: {}", "30: 'A0': unknown key 'plugin'; did you mean 'plugins'?"),
    ],
)
def test_a_row_with_a_mistake_is_quarantined(row: str, problem: str) -> None:
    """The problem has the position of the mistake; the other rows are used."""
    found = rows(row, "id: b")
    assert [city.id for city in found.cities] == ["b"]
    assert str(found.quarantined[0][0]).startswith(f"f.yaml:2:{problem}")


def test_the_schemas_include_the_sections_of_plug_ins() -> None:
    """A JSON Schema for editors accepts what weatherd accepts, and rejects misspelt keys."""
    good: Any = reader.parse_yaml("plugins: {my-provider: {token: x}, other: {depth: 2}}", "f")
    jsonschema.validate(good, settings_schema(models()))
    for bad in ("plugins: {my-provider: {depth: y}}", "plugins: {x: {}}"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(reader.parse_yaml(bad, "f"), settings_schema(models()))
    row = {"name": "A", "lat": 1, "lon": 2, "plugins": {"my-provider": {"station": 1}}}
    jsonschema.validate({"cities": [row]}, cities_schema(models()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"cities": [row | {"plugins": {"my-provider": {}}}]}, cities_schema(models()))


def test_a_model_may_contain_itself() -> None:
    """In the settings and in a row; a variable sets the keys outside the repetition."""
    found = {"tree": PluginModels(Tree, Tree)}
    text, environ = "plugins: {tree: {parent: {parent: {depth: 2}}}}", {"WEATHERD_PLUGINS__TREE__DEPTH": "7"}
    parsed = parse_settings(text, "f.yaml", environ, find_models=lambda: found)
    tree = Tree(parent=Tree(parent=Tree(depth=2)))
    assert parsed.plugins == {"tree": tree.model_copy(update={"depth": 7})}
    row = "cities:\n- {name: A, lat: 1, lon: 2, plugins: {tree: {parent: {parent: {depth: 2}}}}}\n"
    (city,) = parse_cities([("f.yaml", row)], [], find_models=lambda: found).cities
    assert city.plugin("tree") == tree
    assert read_models(SimpleNamespace(city_model=Tree)).city is Tree


def test_a_city_made_by_a_program_needs_no_models() -> None:
    """A City created in Python takes model instances."""
    (city,) = rows("plugins: {my-provider: {station: 1}}").cities
    assert replace(city, plugins=(("my-provider", Station(station=2)),)).plugin("my-provider").station == 2
