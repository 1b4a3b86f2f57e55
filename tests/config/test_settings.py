"""Settings: their defaults, and the precedence of the sources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tests.config.parsing import PROVIDERS, settings
from weatherd.config.loader import SHIPPED_SETTINGS, load_configuration, load_settings
from weatherd.config.plain_settings import collect_secrets
from weatherd.config.settings import Settings
from weatherd.config.yaml import reader

if TYPE_CHECKING:
    from pathlib import Path

KEY = "s3cr3t-hunter2"


def test_the_shipped_file_has_every_key_with_its_default() -> None:
    """Loading it changes nothing; no key is missing or out of order."""
    document = reader.parse_yaml(reader.read_text(SHIPPED_SETTINGS), "f")
    assert load_settings(SHIPPED_SETTINGS, {}) == Settings() == settings("")
    assert list(document) == list(Settings.model_fields)
    for name, value in document.items():
        if isinstance(getattr(Settings(), name), BaseModel):
            assert list(value) == list(type(getattr(Settings(), name)).model_fields)


def test_the_precedence_of_sources(tmp_path: Path) -> None:
    """Flag, variable, secret file, settings file, default: key by key, so a section may combine several sources."""
    (tmp_path / "key").write_text("from-the-secret-file\n")
    text = "interval: 1m\nopenweathermap: {plan: unlimited, concurrency: 3, api_key: from-the-file}"
    secret = {"WEATHERD_OPENWEATHERMAP__API_KEY_FILE": str(tmp_path / "key")}
    variable = {"WEATHERD_INTERVAL": "2m", "WEATHERD_OPENWEATHERMAP__CONCURRENCY": "4"}
    assert settings().interval == 600
    assert settings(text).interval == 60
    assert settings(text, variable).interval == 120
    assert settings(text, variable, interval="3m").interval == 180
    block = settings(text, secret | variable, openweathermap={"language": "de"}).openweathermap
    assert (block.plan, block.concurrency, block.language) == ("unlimited", 4, "de")
    assert collect_secrets(block) == ["from-the-secret-file"]
    assert collect_secrets(settings(text)) == ["from-the-file"]
    assert collect_secrets(settings(text, secret | {"OPEN_WEATHER_API_KEY": KEY})) == [KEY]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WEATHERD_LOG__LEVEL": "debug"}, {"log": {"level": "debug"}}),
        ({"WEATHERD_LOG": '{"level": "debug", "format": "json"}'}, {"log": {"level": "debug", "format": "json"}}),
        ({"WEATHERD_LOG": '{"level": "debug"}', "WEATHERD_LOG__LEVEL": "error"}, {"log": {"level": "error"}}),
        ({"WEATHERD_LOG": "{}"}, {}),
        ({"WEATHERD_CONSOLE__ENABLED": "no"}, {"console": {"enabled": False}}),
        ({"WEATHERD_QUEUE_SIZE": " 5 "}, {"queue_size": 5}),
        ({"WEATHERD_PROVIDERS": "openweathermap, open-meteo,"}, {"providers": ("openweathermap", "open-meteo")}),
        ({"WEATHERD_PROVIDERS": '["openweathermap"]'}, {"providers": ("openweathermap",)}),
        ({"WEATHERD_INTERVAL": "", "WEATHERD_LOG": "", "WEATHERD_OPEN_METEO__API_KEY": " "}, {}),
        ({"OPEN_WEATHER_API_KEY": "", "WEATHERD_PROVIDERS": " "}, {}),
        ({"WEATHERD_CONFIG": "x", "weatherd_interval": "x", "WEATHER": "x"}, {}),
        ({"WEATHERD_SERVICE_HOST": "10.0.0.1", "WEATHERD_SERVICE_PORT_HTTP": "80"}, {}),
        ({"WEATHERD_PORT": "tcp://10.0.0.1:80", "WEATHERD_PORT_80_TCP_ADDR": "10.0.0.1"}, {}),
        ({"WEATHERD_WEB_PORT": "tcp://10.0.0.1:80", "WEATHERD_WEB_SERVICE_HOST": "10.0.0.1"}, {}),
    ],
)
def test_variables_set_settings(environ: dict[str, str], expected: dict[str, Any]) -> None:
    """They set one key, or a section as JSON; empty variables and those of a Kubernetes service are ignored."""
    assert settings("", environ) == Settings.model_validate(expected)


def test_cities_take_missing_keys_from_the_settings(tmp_path: Path) -> None:
    """Interval and providers default to the settings; the path of the list is relative to the settings file."""
    file = tmp_path / "weatherd.yaml"
    file.write_text("interval: 5m\ncities: list/\n")
    (tmp_path / "list").mkdir()
    row = {"name": "A", "lat": 1, "lon": 1}
    rows = [row, row | {"name": "B", "interval": "1h", "providers": ["openweathermap"]}, row | {"name": "C", "lat": 99}]
    (tmp_path / "list" / "a.yaml").write_text(json.dumps({"cities": rows}))
    loaded = load_configuration(file, {}, PROVIDERS)
    assert loaded.list_paths == (tmp_path / "list",)
    assert [(city.interval, city.providers) for city in loaded.cities] == [
        (300.0, ("open-meteo",)),
        (3600.0, ("openweathermap",)),
    ]
    assert len(loaded.quarantined) == 1
