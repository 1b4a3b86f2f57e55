"""Settings: precedence of the sources, and the message for each kind of mistake."""

from __future__ import annotations

import json
import operator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.support.users import without_privileges
from weatherd.config import secrets
from weatherd.config.loader import (
    SHIPPED_SETTINGS,
    find_settings_file,
    load_configuration,
    load_settings,
    parse_settings,
)
from weatherd.config.setting_fields import walk_settings
from weatherd.config.settings import Settings, collect_secrets
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError

PROVIDERS = ["open-meteo", "openweathermap"]
KEY = "s3cr3t-hunter2"


def settings(text: str = "", environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    """Return the settings parsed from a text and variables."""
    return parse_settings(text, "f.yaml", environ or {}, PROVIDERS, **flags)


def get_rejection(text: str = "", environ: dict[str, str] | None = None) -> list[str]:
    """Return the problems of rejected settings."""
    with pytest.raises(ConfigError) as caught:
        settings(text, environ)
    return [str(problem) for problem in caught.value.problems]


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("intervall: 5m", "1:1: unknown key 'intervall'; did you mean 'interval'?"),
        ("log:\n  levle: info", "2:3: unknown key 'log.levle'; did you mean 'level'?"),
        ("log: {log: 1}", "1:7: unknown key 'log.log'"),
        ("interval: 5 minutes", "1:11: 'interval' should be a length of time such as 30s, 10m or 1h30m"),
        ("interval: 0", "1:11: 'interval' should be 1s or more"),
        ("units: imperial", "1:8: 'units' should be 'metric', 'us' or 'uk', not 'imperial'"),
        (
            "units: us\nconsole: {format: '{name} {temperature:.1f} °C'}",
            "2:10: 'console' has a format with '°C', but with units: us {temperature} is in °F: write {unit}",
        ),
        ("units: uk\nconsole: {format: '{wind_gust}m/s'}", "2:10: 'console' has a format with 'm/s', but with"),
        ("language: no", "1:11: 'language' should be 'en', 'de', "),
        ("timezone: CET+1", "1:11: 'timezone' should be a time zone such as Europe/Berlin"),
        ("queue_size: true", "1:13: 'queue_size' should be a whole number, not true"),
        ("queue_size: 1e9", "1:13: 'queue_size' should be at most 1,000,000, not 1000000000.0"),
        ("queue_size: 5.5", "1:13: 'queue_size' should be a whole number, not 5.5"),
        ("queue_size: .nan", "1:13: 'queue_size' should be a finite number, not nan"),
        ("queue_size: []", "1:13: 'queue_size' should be a whole number"),
        ("log:", "1:5: 'log' should be a mapping (key: value), not nothing"),
        ("log: {level: debgu}", "1:14: 'log.level' should be 'debug', 'info', 'warning' or 'error', not 'debgu'; did"),
        (
            "providers: [openmeteo]",
            "1:13: 'providers.0' should be one of open-meteo, openweathermap, not 'openmeteo'; did you mean",
        ),
        ("providers: [5]", "1:13: 'providers.0' should be text; put it in quotes, not 5"),
        ("providers: []", "1:12: 'providers' should name at least one provider"),
        ("providers: [open-meteo, open-meteo]", "1:12: 'providers' should name each provider once"),
        ("cities: ''", "1:9: 'cities' should be the path of a file or folder"),
        ('cities: "a\\0"', "1:9: 'cities' should be the path of a file or folder"),
        ("console: {format: '{nam}'}", "1:19: 'console.format' should not contain {nam}; did you mean 'name'?"),
        ("openweathermap: {language: EN}", "1:28: 'openweathermap.language' should be a language such as en"),
        ("open_meteo: {base_url: 'ftp://x'}", "1:24: 'open_meteo.base_url' should be the address of a server"),
        ("\n- a", "2:1: should be settings, one 'key: value' per line"),
        ("x", "1:1: should be settings, one 'key: value' per line"),
    ],
)
def test_a_mistake_in_the_file_is_located_by_line_and_column(text: str, message: str) -> None:
    """The message shows the accepted values."""
    assert [problem.startswith(f"f.yaml:{message}") for problem in get_rejection(text)] == [True]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("INTERVALL", "5m", "is not a setting; did you mean 'WEATHERD_INTERVAL'?"),
        ("LOG__LEVLE", "info", "is not a setting; did you mean 'WEATHERD_LOG__LEVEL'?"),
        ("LOG_LEVEL", "info", "is not a setting; did you mean 'WEATHERD_LOG__LEVEL'?"),
        (
            "OPENWEATHERMAP__API_KEY_FIEL",
            "x",
            "is not a setting; did you mean 'WEATHERD_OPENWEATHERMAP__API_KEY_FILE'?",
        ),
        ("PORT", "8080", "is not a setting"),
        ("FOO", "x", "is not a setting"),
        ("INTERVAL", "abc", "'interval' should be a length of time such as 30s, 10m or 1h30m"),
        ("QUEUE_SIZE", "x", "'queue_size' should be a whole number, not 'x'"),
        ("LOG__LEVEL", "loud", "'log.level' should be 'debug', 'info', 'warning' or 'error', not 'loud'"),
        ("LOG", "{", "should be a JSON object; or set each key in its own variable, such as WEATHERD_LOG__KEY"),
        (
            "LOG",
            "[" * 100_000,
            "should be a JSON object; or set each key in its own variable, such as WEATHERD_LOG__KEY",
        ),
        ("LOG", "[]", "should be a JSON object; or set each key in its own variable, such as WEATHERD_LOG__KEY"),
        ("LOG", '{"levle": 1}', "unknown key 'log.levle'; did you mean 'level'?"),
        (
            "PROVIDERS",
            "openmeteo",
            "'providers.0' should be one of open-meteo, openweathermap, not 'openmeteo'; did you mean 'open-meteo'?",
        ),
        ("PROVIDERS", "[", "'providers' should be comma-separated words, or a JSON list"),
        ("PROVIDERS", ",", "'providers' should name at least one provider"),
        ("CONSOLE__FORMAT", "\udcff", "is not UTF-8 text"),
    ],
)
def test_a_mistake_in_a_variable_is_located_by_its_name(name: str, value: str, message: str) -> None:
    """The error names the variable, even if the file sets the same key."""
    assert get_rejection("log: {level: info}\ninterval: 5m", {f"WEATHERD_{name}": value}) == [
        f"WEATHERD_{name}: {message}"
    ]


def test_all_mistakes_are_reported_with_their_locations() -> None:
    """Variables come first, then the file from top to bottom; also for a section with values from both."""
    environ = {
        "WEATHERD_FOO": "1",
        "WEATHERD_QUEUE_SIZE": "x",
        "WEATHERD_LOG": '{"format": "x"}',
        "OPEN_WEATHER_API_KEY_FILE": "/nope",
    }
    problems = get_rejection("bad: 1\nlog: {level: x, levle: y}\nproviders: [a, open-meteo, b]\ninterval: 0", environ)
    assert [problem.split(": ")[0] for problem in problems] == [
        "WEATHERD_FOO",
        "OPEN_WEATHER_API_KEY_FILE",
        "WEATHERD_QUEUE_SIZE",
        "WEATHERD_LOG",
        "f.yaml:1:1",
        "f.yaml:2:14",
        "f.yaml:2:17",
        "f.yaml:3:13",
        "f.yaml:3:28",
        "f.yaml:4:11",
    ]


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


def test_the_settings_file_is_searched_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, variable, ./config, the user's folder, then the shipped file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    own, users = tmp_path / "config", tmp_path / "xdg" / "weatherd"
    for folder in (own, users, tmp_path / ".config" / "weatherd"):
        folder.mkdir(parents=True)
        (folder / "weatherd.yaml").touch()
    environ = {"WEATHERD_CONFIG": "~/env.yaml", "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert find_settings_file(Path("flag.yaml"), environ) == Path("flag.yaml")
    assert find_settings_file(None, environ) == tmp_path / "env.yaml"
    assert find_settings_file(None, environ | {"WEATHERD_CONFIG": ""}) == Path("config/weatherd.yaml")
    (own / "weatherd.yaml").unlink()
    assert find_settings_file(None, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == users / "weatherd.yaml"
    assert find_settings_file(None, {"XDG_CONFIG_HOME": "n" * 5000}) in (
        SHIPPED_SETTINGS,
        Path("/etc/weatherd/weatherd.yaml"),
    )
    assert find_settings_file(None, {}) == tmp_path / ".config" / "weatherd" / "weatherd.yaml"
    assert find_settings_file(Path("~nobody-of-that-name/x"), {}) == Path("~nobody-of-that-name/x")


def test_a_settings_file_of_the_machine_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that says what to do; the shipped cities would be a surprise. A missing one is no error."""
    monkeypatch.chdir(tmp_path)
    with TemporaryDirectory() as name:  # not below tmp_path, which only its owner may enter
        Path(name).chmod(0o755)
        folder = Path(name) / "weatherd"
        assert find_settings_file(None, {"XDG_CONFIG_HOME": "/nowhere"}, folder) == SHIPPED_SETTINGS
        folder.mkdir()
        (folder / "weatherd.yaml").touch()
        folder.chmod(0)
        with (
            without_privileges(),
            pytest.raises(ConfigError, match="cannot be read: Permission denied; run this with sudo"),
        ):
            find_settings_file(None, {"XDG_CONFIG_HOME": "/nowhere"}, folder)
        folder.chmod(0o700)


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


@given(st.dictionaries(st.sampled_from(["INTERVAL", "LOG", "LOG__LEVEL", "PROVIDERS", "CITIES", "X"]), st.text()))
def test_any_environment_gives_settings_or_problems(environ: dict[str, str]) -> None:
    """Nothing but ConfigError is raised, and each problem names a variable."""
    named = {f"WEATHERD_{name}": value for name, value in environ.items()}
    try:
        settings("", named)
    except ConfigError as error:
        assert all(problem.where in named for problem in error.problems)  # noqa: PT017 - either outcome is right


def test_the_ca_file_is_relative_to_the_settings(tmp_path: Path) -> None:
    """Also if a variable sets it; the default is none."""
    ca_file = tmp_path / "private" / "ca.pem"
    ca_file.parent.mkdir()
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    name = str(tmp_path / "f.yaml")
    assert parse_settings("tls: {ca_file: private/ca.pem}", name, {}).tls.ca_file == ca_file
    assert parse_settings("", name, {"WEATHERD_TLS__CA_FILE": "private/ca.pem"}).tls.ca_file == ca_file
    assert parse_settings("", name, {}).tls.ca_file is None


def test_an_invalid_ca_file_is_an_error_at_startup(tmp_path: Path) -> None:
    """The error has the position of the setting and the reason."""
    (tmp_path / "ca.pem").write_text("-----BEGIN NONSENSE-----")
    name = str(tmp_path / "f.yaml")
    no_pem = f"should hold certificates in PEM format, which {tmp_path}/ca.pem does not"
    for text, environ, where, reason in (
        ("log: {}\ntls:\n  ca_file: ca.pem", {}, f"{name}:3:12", no_pem),
        ("tls: {ca_file: no.pem}", {}, f"{name}:1:16", f"cannot be read: {tmp_path}/no.pem: No such file or directory"),
        ("tls: {ca_file: .}", {}, f"{name}:1:16", "should be the path of a file or folder"),
        ("", {"WEATHERD_TLS__CA_FILE": "/"}, "WEATHERD_TLS__CA_FILE", "cannot be read: /: Is a directory"),
    ):
        with pytest.raises(ConfigError) as caught:
            parse_settings(text, name, environ)
        assert str(caught.value) == f"{where}: 'tls.ca_file' {reason}"


@pytest.mark.parametrize("key", ["cities", "state", "tls.ca_file"])
def test_a_home_folder_in_a_path_is_expanded(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` and ``~user`` mean the home folder in every path; an unknown one is an error with its position."""
    monkeypatch.setenv("HOME", str(tmp_path))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "file"))
    text = f"{key.replace('.', ': {')}: ~/file{'}' if '.' in key else ''}"
    found = operator.attrgetter(key)(parse_settings(text, "f.yaml", {}))
    assert found == ((tmp_path / "file",) if key == "cities" else tmp_path / "file")
    with pytest.raises(ConfigError) as caught:
        parse_settings(text.replace("~", "~nobody-of-that-name"), "f.yaml", {})
    column = text.index("~") + 1
    reason = f"'{key}' begins with ~nobody-of-that-name, but that home folder is unknown"
    assert str(caught.value) == f"f.yaml:1:{column}: {reason}"


def test_the_start_of_a_key_is_a_hint() -> None:
    """A key that is the start of only one known key gets that one as a suggestion, although few letters are equal."""
    with pytest.raises(ConfigError, match=r"unknown key 'tls\.ca'; did you mean 'ca_file'\?"):
        parse_settings("tls: {ca: ca.pem}", "f.yaml", {})


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("", ()),
        ("warnings: off", ()),
        ("warnings: auto", ("nws", "bright-sky")),
        ("warnings: auto\nmet_norway: {contact: me@example.org}", ("nws", "bright-sky", "met-norway")),
        ("warnings: nws", ("nws",)),
        ("warnings: [bright-sky, nws]", ("bright-sky", "nws")),
        ("warnings: [auto]", ("nws", "bright-sky")),
    ],
)
def test_services_of_official_warnings(text: str, services: tuple[str, ...]) -> None:
    """``auto`` has those that need nothing, and MET Norway's with a contact; a list has these in this order."""
    assert settings(text).warning_services == services


def test_official_warnings_by_a_variable() -> None:
    """A variable has words separated by commas."""
    assert settings("", {"WEATHERD_WARNINGS": "nws,bright-sky"}).warning_services == ("nws", "bright-sky")
    assert settings("", {"WEATHERD_WARNINGS": "auto"}).warning_services == ("nws", "bright-sky")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("warnings: on", "auto, off, or a list of nws, bright-sky, met-norway"),
        ("warnings: true", "auto, off, or a list of nws, bright-sky, met-norway"),
        ("warnings: []", "auto, off, or a list"),
        ("warnings: [nws, off]", "auto, off, or a list"),
        ("warnings: [nws, nws]", "should name each service once"),
        ("warnings: [open-meteo]", "auto, off, or a list"),
        ("warnings: met-norway", "met_norway.contact"),
    ],
)
def test_mistakes_in_the_services_of_official_warnings(text: str, message: str) -> None:
    """Each has its place and says what is possible."""
    [problem] = get_rejection(text)
    assert problem.startswith("f.yaml:1:")
    assert message in problem
