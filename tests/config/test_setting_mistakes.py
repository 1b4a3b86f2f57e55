"""The message for each kind of mistake in the settings, with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.parsing import get_rejection, settings
from weatherd.errors import ConfigError


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


@given(st.dictionaries(st.sampled_from(["INTERVAL", "LOG", "LOG__LEVEL", "PROVIDERS", "CITIES", "X"]), st.text()))
def test_any_environment_gives_settings_or_problems(environ: dict[str, str]) -> None:
    """Nothing but ConfigError is raised, and each problem names a variable."""
    named = {f"WEATHERD_{name}": value for name, value in environ.items()}
    try:
        settings("", named)
    except ConfigError as error:
        assert all(problem.where in named for problem in error.problems)  # noqa: PT017 - either outcome is right


def test_the_start_of_a_key_is_a_hint() -> None:
    """A key that is the start of only one known key gets that one as a suggestion, although few letters are equal."""
    assert get_rejection("tls: {ca: ca.pem}") == ["f.yaml:1:7: unknown key 'tls.ca'; did you mean 'ca_file'?"]
