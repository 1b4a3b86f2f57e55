"""The commands as a user sees them: output and exit codes."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from typer.main import get_command

from weatherd import __version__
from weatherd.__main__ import find_plain_start, starts_daemon
from weatherd.cli.app import app
from weatherd.config.city_list import load_cities
from weatherd.config.loader import SHIPPED_SETTINGS
from weatherd.config.yaml import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Weatherd


def list_commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Yield the words of each command of a group, and of those in its groups."""
    for name in group.commands:
        command = group.commands[name]
        yield [*path, name]
        if hasattr(command, "commands"):
            yield from list_commands(command, (*path, name))


COMMANDS = list(list_commands(get_command(app)))


def test_every_command_is_found() -> None:
    """The tests of the help are for commands at every depth."""
    assert len(COMMANDS) > 30
    assert ["warnings"] in COMMANDS
    assert ["alerts", "silence"] in COMMANDS


def test_version_and_help_are_printed(weatherd: Weatherd) -> None:
    """Both are printed to standard output; without a command, the help goes to standard error with exit code 64."""
    assert weatherd("-V") == weatherd("--version") == (0, f"weatherd {__version__}\n", "")
    code, text, _ = weatherd("--help")
    assert weatherd("-h") == (0, text, "")
    assert (code, weatherd()) == (0, (64, "", text))


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_help_lists_every_command_under_a_heading(
    weatherd: Weatherd, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """``run`` comes first, and no summary is truncated in a narrow terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    text = weatherd("--help")[1]
    listing = text[text.index("\nRun:\n") :]
    headings = [line.rstrip(":") for line in listing.splitlines() if line and line[0] != " "]
    names = [line.split()[0] for line in listing.splitlines() if line[:2] == "  " and line[2] != " "]
    assert headings == ["Run", "Cities", "Look", "Service", "Tools"]
    assert names == [
        "run", "once", "simulate", "init", "cities", "check", "now", "status", "explain", "tail", "history", "export",
        "import", "backfill", "days", "compare", "alerts", "warnings", "health", "service", "cluster", "plugins",
        "schema",
    ]  # fmt: skip
    assert "..." not in listing
    assert all(len(line) <= columns for line in listing.splitlines())
    assert " ".join(listing.split()).count(". ") == len(names) - 1


@pytest.mark.parametrize("command", [["cities"], ["service"], ["cluster"]], ids=" ".join)
def test_the_help_of_a_group_is_complete(
    weatherd: Weatherd, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The summaries of its subcommands are not truncated."""
    monkeypatch.setenv("COLUMNS", "60")
    code, out, _ = weatherd(*command, "-h")
    assert (code, "..." in out.partition("Commands:")[2]) == (0, False)


def test_the_help_imports_no_command_implementation() -> None:
    """``weatherd --help`` is fast, because the commands import pydantic, aiohttp, rich and YAML when they run."""
    code = "import sys; from weatherd.__main__ import main; main()"
    program = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {code}"
    done = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0
    assert {"pydantic", "aiohttp", "rich", "yaml", "sqlite3"}.isdisjoint(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-c config/other.yaml COMMAND", "other"),
        ("COMMAND --config config/other.yaml", "other"),
        ("--config=config/weatherd.yaml COMMAND -c config/other.yaml", "other"),
        ("-c config/other.yaml COMMAND -c config/weatherd.yaml", "weatherd"),
    ],
)
@pytest.mark.parametrize("command", ["check", "cities list"])
def test_the_settings_file_is_named_before_or_after_the_command(
    weatherd: Weatherd, folder: Path, command: str, arguments: str, expected: str
) -> None:
    """The option after the command takes precedence, so that an alias can set a default."""
    (folder / "other.yaml").write_text("cities: other-cities.yaml\n")
    (folder / "other-cities.yaml").write_text("cities:\n  - {name: Oslo, lat: 59.9, lon: 10.7}\n")
    code, out, _ = weatherd(*arguments.replace("COMMAND", command).split())
    assert (code, "other" if "other-cities" in out or "Oslo" in out else "weatherd") == (0, expected)


def test_the_settings_file_is_named_between_a_group_and_its_command(weatherd: Weatherd, folder: Path) -> None:
    """``weatherd cities -c FILE list`` is valid, and takes precedence over a file before ``cities``."""
    (folder / "other.yaml").write_text("cities: other-cities.yaml\n")
    (folder / "other-cities.yaml").write_text("cities:\n  - {name: Oslo, lat: 59.9, lon: 10.7}\n")
    code, out, _ = weatherd("-c", "config/weatherd.yaml", "cities", "-c", "config/other.yaml", "list")
    assert (code, out.splitlines()[1].split()[0]) == (0, "oslo")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("run", True), ("run --demo", True), ("-c f run", True), ("--config f run -c g", True),
        ("--config=f run", True), ("-cf run", True),
        ("", False), ("history run", False), ("-c run", False), ("-c run once", False), ("-h run", False),
    ],
)  # fmt: skip
def test_only_run_starts_the_daemon(arguments: str, expected: bool) -> None:  # noqa: FBT001
    """Signals are blocked at the start of ``run`` and of no other command, wherever ``--config`` is."""
    assert starts_daemon(arguments.split()) == expected


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ("run", ""), ("run -c f", "f"), ("run --config f", "f"), ("-c f run", "f"), ("--config f run", "f"),
        ("run --demo", None), ("run -c", None), ("run -c --demo", None), ("run f", None), ("run -h", None),
        ("run --config=f", None), ("-c f run -c g", None), ("once -c f", None), ("run -c f -c g", None), ("", None),
    ],
)  # fmt: skip
def test_typer_parses_all_but_plain_starts_of_the_daemon(arguments: str, file: str | None) -> None:
    """Only ``run`` with at most one settings file is parsed without typer, which imports pydantic."""
    assert find_plain_start(arguments.split()) == file


def test_an_empty_settings_file_name_is_parsed_by_typer() -> None:
    """It is not the same as no name."""
    assert find_plain_start(["run", "-c", ""]) is None


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_the_help_of_every_command_has_examples(weatherd: Weatherd, command: list[str]) -> None:
    """Each example is on its own line."""
    code, out, _ = weatherd(*command, "--help")
    lines = [line.strip() for line in out.partition("Examples:\n")[2].splitlines()]
    assert code == 0
    assert lines[0].removeprefix("sudo ").startswith(" ".join(["weatherd", *command]))
    assert "\\b" not in out


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_help_of_every_command_fits_the_terminal(
    weatherd: Weatherd, monkeypatch: pytest.MonkeyPatch, columns: int, command: list[str]
) -> None:
    """Lines have at most 80 columns, and no summary is cut off at any width."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = weatherd(*command, "--help")[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage:")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_shows_no_python_types(weatherd: Weatherd, command: list[str]) -> None:
    """Arguments and values of options are upper-case words such as ``CITY``, ``[CITY]...`` and ``--port PORT``."""
    text = weatherd(*command, "--help")[1]
    assert not re.search(r"[{}]|<[a-z|\[]", text)
    usage = text.splitlines()[0].removeprefix(f"Usage: weatherd {' '.join(command)} ")
    assert usage == usage.upper()
    assert "[[" not in usage
    names = re.findall(r"^  (?:-\w, )?(?:--)?[\w-]+ (\S+)  ", text.partition("Options:")[2], re.MULTILINE)
    assert names == [name.upper() for name in names]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["onec"], "No such command 'onec'. Did you mean 'once'?"),
        (["cities", "remvoe"], "No such command 'remvoe'. Did you mean 'remove'"),
        (["service"], "Missing command"),
        (["--bogus"], "No such option: --bogus"),
        (["once", "extra"], "unexpected extra argument"),
        (["once", "--format", "xml"], "Invalid value for '--format' / '-f': 'xml' is not one of"),
        (["once", "--config"], "requires an argument"),
        (["cities"], "Missing command"),
        (["cities", "add"], "Missing argument"),
        (["cities", "add", "X", "--lat", "5"], "--lat and --lon go together"),
        (["cities", "add", "X", "--lat", "95", "--lon", "5"], "Invalid value for '--lat'"),
        (["cities", "add", "X", "--lat", "nan", "--lon", "5"], "Invalid value for '--lat'"),
        (["cities", "add", " ", "--lat", "5", "--lon", "5"], "'name' should be text that is not empty"),
        (["cities", "add", "a\nb", "--lat", "5", "--lon", "5"], "'name' should be one line"),
        (["cities", "add", "\udcff", "--lat", "5", "--lon", "5"], "'name' should be UTF-8 text"),
        (["cities", "add", "Paris", "--pick", "99"], "--pick 99: should be between 1 and"),
        (["cities", "add", "Paris", "--pick", "0"], "--pick 0: should be between 1 and"),
        (["schema", "x"], "Invalid value for 'FILE'"),
        (["simulate", "--fault", "x"], "there is no fault 'x'; the faults are 401, "),
        (["status", "--url", "foo"], "Invalid value for '--url': should be a URL such as http://127.0.0.1:8080"),
        (["explain", "Kiel", "--url", "http://[half"], "Invalid value for '--url': should be a URL"),
        (["simulate", "--day", "x"], "--day should be a length of time"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_64(weatherd: Weatherd, arguments: list[str], message: str) -> None:
    """The error is one line, and nothing changes."""
    code, out, err = weatherd(*arguments)
    assert (code, out) == (64, "")
    assert err.splitlines()[-1].startswith("weatherd: ")
    assert message in err.splitlines()[-1]
    assert load_cities([Path("config") / "cities.yaml"], ["open-meteo"]).cities[-1].name == "München"


@pytest.mark.parametrize(
    "command", [["once"], ["check"], ["cities", "list"], ["cities", "remove", "Kiel"]], ids=" ".join
)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "interval: 0\nbad: 1",
            "config/weatherd.yaml:1:11: 'interval' should be 1s or more\nconfig/weatherd.yaml:2:1: ",
        ),
        ("[", "config/weatherd.yaml:2:1: is not valid YAML"),
        ("cities: nope.yaml", "config/nope.yaml: cannot be read: No such file or directory"),
    ],
)
def test_an_invalid_configuration_is_exit_code_78(
    weatherd: Weatherd, folder: Path, command: list[str], text: str, message: str
) -> None:
    """This holds for every command; each problem is a line with file, line and column."""
    (folder / "weatherd.yaml").write_text(f"{text}\n")
    code, out, err = weatherd(*command)
    assert (code, out) == (78, "")
    assert err.startswith(message)


def test_a_provider_without_its_key_is_exit_code_78(weatherd: Weatherd, folder: Path) -> None:
    """The error names the key and where to set it."""
    (folder / "weatherd.yaml").write_text("providers: [openweathermap]")
    assert weatherd("check")[::2] == weatherd("once")[::2]
    code, _, err = weatherd("check")
    assert (code, "OPEN_WEATHER_API_KEY" in err, len(err.splitlines())) == (78, True, 1)


def test_once_prints_a_line_for_each_city(weatherd: Weatherd) -> None:
    """The lines are in the order of the list and in the configured format."""
    code, out, err = weatherd("once")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["Kiel", "München"]


def test_once_marks_suspect_values(weatherd: Weatherd, folder: Path) -> None:
    """A value out of its range is suspect without any observation before."""
    with (folder / "weatherd.yaml").open("a") as file:
        file.write("quality: {temperature: {high: -80}}\n")
    code, out, _ = weatherd("once")
    assert code == 0
    assert all(line.endswith("(suspect: temperature range)") for line in out.splitlines())


def test_once_prints_the_tabs_of_the_format(weatherd: Weatherd, folder: Path) -> None:
    """Tabs and line breaks of ``console.format`` arrive as they are, as those of a running daemon do."""
    with (folder / "weatherd.yaml").open("a") as file:
        file.write('console: {format: "{name}\\t{city}\\n-"}\n')
    assert weatherd("once")[:2] == (0, "Kiel\tkiel\n-\nMünchen\tmunchen\n-\n")


def test_once_prints_json_and_csv(weatherd: Weatherd) -> None:
    """Both have the same fields, starting with the name; tags are an object in JSON, and columns in CSV."""
    _, out, _ = weatherd("once", "--format", "json")
    rows = json.loads(out)
    _, out, _ = weatherd("once", "-f", "csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["name"] for row in rows] == [row["name"] for row in table] == ["Kiel", "München"]
    assert list(rows[0]) == [*table[0], "tags"]
    assert rows[0]["temperature"] == pytest.approx(float(table[0]["temperature"]), abs=1)


def test_once_names_the_city_that_failed(weatherd: Weatherd, folder: Path) -> None:
    """The other cities are printed; the exit code is 69."""
    with (folder / "cities.yaml").open("a") as file:
        file.write("  - {name: Ulm, lat: 48.4, lon: 10.0, providers: [openweathermap]}\n")
    with (folder / "weatherd.yaml").open("a") as file:
        file.write("openweathermap: {api_key: k, base_url: 'http://127.0.0.1:9'}\n")
    code, out, err = weatherd("once")
    assert (code, len(out.splitlines())) == (69, 2)
    assert err.startswith("Ulm: no connection to 127.0.0.1:9")


def test_check_shows_usage_and_quarantined_rows(weatherd: Weatherd, folder: Path) -> None:
    """Calls and limits go to standard output, quarantined rows to standard error; the exit code is 0."""
    with (folder / "cities.yaml").open("a") as file:
        file.write("  - {name: X, lat: 99, lon: 1}\n")
    code, out, err = weatherd("check")
    assert (code, err) == (0, "quarantined: config/cities.yaml:4:20: 'X': 'lat' should be at most 90, not 99\n")
    assert "config/cities.yaml (2 valid)" in out
    assert "open-meteo: 12 calls per hour (limit 5,000)\nopen-meteo: 288 calls per day (limit 10,000)\n" in out


def test_check_warns_when_a_limit_is_exceeded(weatherd: Weatherd, folder: Path) -> None:
    """Every second exceeds the free plan; the plan "unlimited" has no limit to exceed."""
    (folder / "weatherd.yaml").write_text("interval: 1s\n")
    out = weatherd("check")[1]
    assert "open-meteo: 172,800 calls per day (limit 10,000)  EXCEEDED" in out
    assert "open-meteo: 2 cities every 1s exceed the daily limit. Shortest interval that fits: 18s" in out
    (folder / "weatherd.yaml").write_text("interval: 1s\nopen_meteo: {plan: unlimited}\n")
    assert "EXCEEDED" not in weatherd("check")[1]


def test_check_online_polls_each_provider(weatherd: Weatherd, folder: Path) -> None:
    """It polls one city per provider; an unavailable service is exit code 69."""
    code, out, _ = weatherd("check", "--online")
    assert (code, out.splitlines()[-1].startswith("open-meteo: Kiel: ")) == (0, True)
    (folder / "weatherd.yaml").write_text("open_meteo: {base_url: 'http://127.0.0.1:9'}")
    code, _, err = weatherd("check", "--online")
    assert (code, err.startswith("open-meteo: Kiel: no connection")) == (69, True)


def test_the_schemas_accept_the_shipped_files(weatherd: Weatherd) -> None:
    """All are valid schemas, have every key, and accept the files of the installation."""
    schemas = json.loads(weatherd("schema")[1])
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(reader.parse_yaml(reader.read_text(SHIPPED_SETTINGS.parent / f"{name}.yaml"), name), schema)
        assert json.loads(weatherd("schema", name)[1]) == schema
    settings = reader.parse_yaml(reader.read_text(SHIPPED_SETTINGS), "f")
    assert list(schemas["weatherd"]["properties"]) == list(settings)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("weatherd", {"intervall": "5m"}), ("weatherd", {"interval": "5 minutes"}), ("weatherd", {"interval": 0}),
        ("weatherd", {"queue_size": 0}), ("weatherd", {"providers": []}), ("weatherd", {"log": {"level": "loud"}}),
        ("weatherd", {"log": None}), ("weatherd", {"openweathermap": {"language": "EN"}}), ("weatherd", []),
        ("cities", {}), ("cities", {"cities": {}}), ("cities", {"cities": [{"name": "X", "lat": 91, "lon": 0}]}),
        ("cities", {"cities": [{"name": "X", "lat": 0}]}), ("cities", {"cities": [], "x": 1}),
        ("cities", {"cities": [{"name": "X", "lat": 0, "lon": 0, "id": "Ü"}]}),
        ("cities", {"cities": [{"name": "X", "lat": "0", "lon": 0}]}), ("cities", {"cities": ["X"]}),
    ],
)  # fmt: skip
def test_the_schemas_reject_what_weatherd_rejects(weatherd: Weatherd, name: str, wrong: Any) -> None:
    """An editor can mark a mistake before the file is saved."""
    schema = json.loads(weatherd("schema", name)[1])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_a_closed_pipe_is_success(folder: Path) -> None:
    """``weatherd once | head -1`` exits with 0 and prints no error, in every format."""
    for style in ("text", "json", "csv"):
        command = [sys.executable, "-m", "weatherd", "once", "--format", style]
        with subprocess.Popen(command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
            assert process.stdout is not None
            process.stdout.close()
            process.stdout = None
            _, err = process.communicate()
        assert (process.returncode, err) == (0, b"")


def test_output_that_cannot_be_written_is_one_line(folder: Path) -> None:
    """A full disk is an error in one line, and a terminal whose encoding lacks ° gets a question mark."""
    command = [sys.executable, "-m", "weatherd", "once"]
    with contextlib.suppress(FileNotFoundError), Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=folder.parent, stdout=full, stderr=subprocess.PIPE, check=False)  # noqa: S603
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    environ = os.environ | {"PYTHONIOENCODING": "iso8859-5"}
    done = subprocess.run(command, cwd=folder.parent, env=environ, capture_output=True, check=False)  # noqa: S603
    assert (done.returncode, b" ?C ::" in done.stdout) == (0, True), done


@pytest.mark.parametrize("command", [["schema", "cities"], ["service", "print"], ["simulate"]], ids=" ".join)
def test_a_settings_file_for_a_command_without_settings_is_an_error(weatherd: Weatherd, command: list[str]) -> None:
    """It is not ignored; exit code 64."""
    code, out, err = weatherd("-c", "config/weatherd.yaml", *command)
    assert (code, out, err) == (64, "", f"weatherd: weatherd {command[0]} does not accept --config\n")
