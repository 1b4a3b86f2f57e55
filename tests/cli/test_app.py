"""The commands from outside: what they print, and their exit codes."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from weatherd import __version__
from weatherd.config.city_list import load_cities
from weatherd.config.loader import SHIPPED_SETTINGS
from weatherd.config.yaml import reader

if TYPE_CHECKING:
    from collections.abc import Callable

    Weatherd = Callable[..., tuple[int, str, str]]

COMMANDS = [
    ["run"], ["once"], ["check"], ["schema"], ["simulate"],
    ["cities"], ["cities", "list"], ["cities", "search"], ["cities", "add"], ["cities", "remove"],
]  # fmt: skip


def test_version_and_help(weatherd: Weatherd) -> None:
    """Both are printed to standard output; without a command, the help is a complaint."""
    assert weatherd("--version") == (0, f"weatherd {__version__}\n", "")
    code, text, _ = weatherd("--help")
    assert (code, weatherd()) == (0, (64, "", text))


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_the_help_of_every_command_has_examples(weatherd: Weatherd, command: list[str]) -> None:
    """Each on a line of its own."""
    code, out, _ = weatherd(*command, "--help")
    lines = [line.strip() for line in out.partition("Examples:\n")[2].splitlines()]
    assert code == 0
    assert lines[0].startswith(" ".join(["weatherd", *command]))
    assert "\\b" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["onec"], "No such command 'onec'"),
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
        (["cities", "add", "Paris", "--pick", "99"], "--pick 99: the number of places of that name is"),
        (["cities", "add", "Paris", "--pick", "0"], "--pick 0: the number of places of that name is"),
        (["schema", "x"], "Invalid value for 'file'"),
        (["simulate", "--day", "x"], "--day should be a length of time"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_64(weatherd: Weatherd, arguments: list[str], said: str) -> None:
    """It says what is wrong, and changes nothing."""
    code, out, err = weatherd(*arguments)
    assert (code, out) == (64, "")
    assert err.splitlines()[-1].startswith("weatherd: ")
    assert said in err.splitlines()[-1]
    assert load_cities(Path("config") / "cities.yaml", ["open-meteo"]).cities[-1].name == "München"


@pytest.mark.parametrize(
    "command", [["once"], ["check"], ["cities", "list"], ["cities", "remove", "Kiel"]], ids=" ".join
)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "interval: 0\nbad: 1",
            "config/weatherd.yaml:1:11: 'interval' should be 1s or more\nconfig/weatherd.yaml:2:1: ",
        ),
        ("[", "config/weatherd.yaml:2:1: is not valid YAML"),
        ("cities: nope.yaml", "config/nope.yaml: cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_place_and_78(
    weatherd: Weatherd, folder: Path, command: list[str], text: str, said: str
) -> None:
    """Whatever the command; one line a problem."""
    (folder / "weatherd.yaml").write_text(f"{text}\n")
    code, out, err = weatherd(*command)
    assert (code, out) == (78, "")
    assert err.startswith(said)


def test_a_provider_without_its_key_is_78(weatherd: Weatherd, folder: Path) -> None:
    """The complaint says which key, and where it may be set."""
    (folder / "weatherd.yaml").write_text("providers: [openweathermap]")
    assert weatherd("check")[::2] == weatherd("once")[::2]
    code, _, err = weatherd("check")
    assert (code, "OPEN_WEATHER_API_KEY" in err, len(err.splitlines())) == (78, True, 1)


def test_once_prints_a_line_for_each_city(weatherd: Weatherd) -> None:
    """In the order of the list, by the user's format."""
    code, out, err = weatherd("once")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["Kiel", "München"]


def test_once_speaks_json_and_csv(weatherd: Weatherd) -> None:
    """Both hold the same fields, with the name first."""
    _, out, _ = weatherd("once", "--format", "json")
    rows = json.loads(out)
    _, out, _ = weatherd("once", "-f", "csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["name"] for row in rows] == [row["name"] for row in table] == ["Kiel", "München"]
    assert list(rows[0]) == list(table[0])
    assert rows[0]["temperature"] == pytest.approx(float(table[0]["temperature"]), abs=1)


def test_once_says_which_city_failed_and_69(weatherd: Weatherd, folder: Path) -> None:
    """The others are printed."""
    with (folder / "cities.yaml").open("a") as file:
        file.write("  - {name: Ulm, lat: 48.4, lon: 10.0, providers: [openweathermap]}\n")
    with (folder / "weatherd.yaml").open("a") as file:
        file.write("openweathermap: {api_key: k, base_url: 'http://127.0.0.1:9'}\n")
    code, out, err = weatherd("once")
    assert (code, len(out.splitlines())) == (69, 2)
    assert err.startswith("Ulm: no connection to 127.0.0.1:9")


def test_check_shows_the_plan_and_what_is_set_aside(weatherd: Weatherd, folder: Path) -> None:
    """Calls against each quota on standard output, bad rows on standard error; bad rows are no failure."""
    with (folder / "cities.yaml").open("a") as file:
        file.write("  - {name: X, lat: 99, lon: 1}\n")
    code, out, err = weatherd("check")
    assert (code, err) == (0, "set aside: config/cities.yaml:4:20: 'X': 'lat' should be at most 90, not 99\n")
    assert "config/cities.yaml: 2 to watch" in out
    assert "open-meteo: 12 calls an hour of 5,000\nopen-meteo: 288 calls a day of 10,000\n" in out


def test_check_warns_of_a_plan_that_is_too_small(weatherd: Weatherd, folder: Path) -> None:
    """A day at one second is too much for a free plan, and nothing to a server of one's own."""
    (folder / "weatherd.yaml").write_text("interval: 1s\n")
    out = weatherd("check")[1]
    assert "open-meteo: 172,800 calls a day of 10,000  TOO MANY" in out
    assert "open-meteo: 2 cities do not fit every 1s: the smallest interval is 18s" in out
    (folder / "weatherd.yaml").write_text("interval: 1s\nopen_meteo: {plan: unlimited}\n")
    assert "TOO MANY" not in weatherd("check")[1]


def test_check_online_asks_each_provider(weatherd: Weatherd, folder: Path) -> None:
    """One city is enough; a service that is out of order is 69."""
    code, out, _ = weatherd("check", "--online")
    assert (code, out.splitlines()[-1].startswith("open-meteo: Kiel: ")) == (0, True)
    (folder / "weatherd.yaml").write_text("open_meteo: {base_url: 'http://127.0.0.1:9'}")
    code, _, err = weatherd("check", "--online")
    assert (code, err.startswith("open-meteo: Kiel: no connection")) == (69, True)


def test_the_schemas_accept_what_is_shipped(weatherd: Weatherd) -> None:
    """Both are valid schemas, hold every key, and agree with the files that come with weatherd."""
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
def test_the_schemas_refuse_what_weatherd_refuses(weatherd: Weatherd, name: str, wrong: Any) -> None:
    """An editor marks the mistake before it is saved."""
    schema = json.loads(weatherd("schema", name)[1])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_a_reader_that_has_had_enough_is_no_failure(folder: Path) -> None:
    """``weatherd once | head -1`` ends with 0 and without a word, in every format."""
    for style in ("text", "json", "csv"):
        command = [sys.executable, "-m", "weatherd", "once", "--format", style]
        with subprocess.Popen(command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
            assert process.stdout is not None
            process.stdout.close()
            process.stdout = None
            _, err = process.communicate()
        assert (process.returncode, err) == (0, b"")


def test_output_that_cannot_be_written_is_one_line(folder: Path) -> None:
    """A full disk is no bug of ours, and a terminal without ° gets a question mark."""
    command = [sys.executable, "-m", "weatherd", "once"]
    with contextlib.suppress(FileNotFoundError), Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=folder.parent, stdout=full, stderr=subprocess.PIPE, check=False)  # noqa: S603
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    environ = os.environ | {"PYTHONIOENCODING": "iso8859-5"}
    done = subprocess.run(command, cwd=folder.parent, env=environ, capture_output=True, check=False)  # noqa: S603
    assert (done.returncode, b" ?C ::" in done.stdout) == (0, True), done
