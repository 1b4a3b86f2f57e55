"""Secrets among the settings: where they are read from, and that no message shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.config.parsing import get_rejection, settings
from weatherd.config import secrets
from weatherd.config.plain_settings import collect_secrets
from weatherd.config.setting_fields import walk_settings
from weatherd.config.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

KEY = "s3cr3t-hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"openweathermap: {KEY}",
        f"openweathermap: {{api_key: [{KEY}]}}",
        f"openweathermap: {{api_key: {{{KEY}: {KEY}}}}}",
        f"openweathermap: {{api_key={KEY}}}",
        f"openweathermap: {{api_key:{KEY}}}",
        f"openweathermap: {{api_kye: {KEY}}}",
        f"openweathermap: {{api_key: !{KEY}}}",
        f"openweathermap: {{api_key: *{KEY}}}",
        f"openweathermap: {{api_key: &{KEY}}}\nx: 1",
        f"open_meteo: {{base_url: 'http://user:{KEY}@host:x'}}",
        f"open_meteo: {{base_url: ['http://user:{KEY}@host']}}",
        f"interval: http://user:{KEY}@host",
        f"log: {{level: 'http://user:{KEY}@host'}}",
        f"api_key: {KEY}",
    ],
)
def test_no_problem_shows_a_secret(text: str) -> None:
    """The text of an invalid API key, or of an address with a password, is never part of a message."""
    assert KEY not in "".join(get_rejection(text))


@pytest.mark.parametrize(
    "value", [f'{{"api_key": "{KEY}"', f'{{"api_key": ["{KEY}"]}}', KEY, f'{{"api_kye": "{KEY}"}}']
)
def test_no_problem_shows_a_secret_of_the_environment(value: str) -> None:
    """This holds for sections that are valid JSON and for those that are not."""
    assert KEY not in "".join(get_rejection("", {"WEATHERD_OPENWEATHERMAP": value}))


def test_settings_do_not_show_their_secrets() -> None:
    """Secrets are masked in text and JSON."""
    made = settings("", {"OPEN_WEATHER_API_KEY": KEY})
    assert KEY not in repr(made) + made.model_dump_json()
    assert collect_secrets(made) == [KEY]


@pytest.mark.parametrize(
    "name",
    ["openweathermap__api_key", "openweathermap.api-key", "OPEN_WEATHER_API_KEY", "weatherd_openweathermap__api_key"],
)
@pytest.mark.parametrize("kind", ["systemd", "docker"])
def test_a_folder_of_secrets_is_searched(tmp_path: Path, name: str, kind: str) -> None:
    """Systemd's credentials and Docker's secrets are found in any spelling; other files are not read."""
    (tmp_path / name).write_text(f" {KEY}\n")
    (tmp_path / "other").write_bytes(b"\xff")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)} if kind == "systemd" else {}
    docker = tmp_path if kind == "docker" else tmp_path / "nope"
    fields = [field for field in walk_settings(Settings) if field.is_secret]
    found = secrets.read_secrets(fields, environ, secrets.list_secret_files(environ, docker))
    assert found == ({("openweathermap", "api_key"): (KEY, str(tmp_path / name))}, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, "cannot be read: No such file or directory"), (b"\xff", "it is not UTF-8 text"), (b" \n", "is empty")],
)
def test_an_invalid_secret_file_is_an_error(tmp_path: Path, data: bytes | None, message: str) -> None:
    """The error names variable, file and reason; the file is not read if a variable sets the key."""
    file = tmp_path / "key"
    if data is not None:
        file.write_bytes(data)
    environ = {"WEATHERD_OPEN_METEO__API_KEY_FILE": str(file)}
    assert [problem.endswith(message) for problem in get_rejection("", environ)] == [True]
    assert get_rejection("", environ)[0].startswith(f"WEATHERD_OPEN_METEO__API_KEY_FILE: the secret file {file} ")
    assert collect_secrets(settings("", environ | {"WEATHERD_OPEN_METEO__API_KEY": KEY})) == [KEY]
