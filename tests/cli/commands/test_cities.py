"""``weatherd cities``: list, search and rename; edits preserve the rest of the file."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import HERE
from tests.support.fakes import make_fetched
from weatherd.city import City
from weatherd.config.city_list import load_cities, parse_cities
from weatherd.config.loader import SHIPPED_SETTINGS
from weatherd.journal.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd


def test_list_prints_a_line_per_city(weatherd: Weatherd, rows: Path) -> None:
    """Id, name, coordinates, interval and providers; quarantined rows go to standard error."""
    rows.write_text(rows.read_text() + "  - {name: X, lat: 99, lon: 1}\n")
    code, out, err = weatherd("cities", "list")
    assert (code, [line.split() for line in out.splitlines()]) == (
        0,
        [
            ["id", "name", "lat", "lon", "interval", "providers"],
            ["kiel", "Kiel", "54.3000", "10.1000", "10m", "open-meteo"],
            ["munchen", "München", "48.1000", "11.6000", "10m", "open-meteo"],
        ],
    )
    assert err == "quarantined: config/cities.yaml:4:20: 'X': 'lat' should be at most 90, not 99\n"


def test_search_prints_numbered_matches(weatherd: Weatherd) -> None:
    """Matches have region and country; the most likely match is first."""
    code, out, _ = weatherd("cities", "search", "Kiel")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[:2]] == [["N", "name"], ["1", "Kiel"]]
    assert "Schleswig-Holstein, Germany" in out


@pytest.mark.parametrize("command", ["search", "add"])
def test_an_unknown_name_is_exit_code_69(weatherd: Weatherd, rows: Path, command: str) -> None:
    """The list does not change, and the message shows how to add the city without a search."""
    before = rows.read_bytes()
    code, out, err = weatherd("cities", command, "Xyzzyville")
    assert (code, out) == (69, "")
    assert err == "weatherd: no place named 'Xyzzyville' was found; add it with --lat and --lon\n"
    assert rows.read_bytes() == before


def test_an_unavailable_geocoding_service_is_exit_code_69(weatherd: Weatherd, folder: Path) -> None:
    """The error is one line."""
    (folder / "weatherd.yaml").write_text("open_meteo: {geocoding_url: 'http://127.0.0.1:9'}")
    code, _, err = weatherd("cities", "search", "Kiel")
    assert (code, err.startswith("weatherd: no connection to 127.0.0.1:9"), err.count("\n")) == (69, True, 1)


def test_adding_and_removing_a_city_restores_the_file(weatherd: Weatherd, rows: Path) -> None:
    """The new row is the last one; comments and everything else are kept, byte for byte."""
    before = rows.read_bytes()
    assert weatherd("cities", "add", "Flensburg", *HERE)[0] == 0
    assert rows.read_bytes() == before + b"  - {name: Flensburg, lat: 54.78, lon: 9.44}\n"
    assert weatherd("cities", "list")[1].splitlines()[-1].startswith("flensburg ")
    assert weatherd("cities", "remove", "flensburg")[0] == 0
    assert rows.read_bytes() == before


def test_auto_is_added_and_listed(weatherd: Weatherd, rows: Path) -> None:
    """The interval is written and printed as it is entered, not as the average that is planned."""
    assert weatherd("cities", "add", "Flensburg", *HERE, "--interval", "auto 2m..30m")[0] == 0
    assert "interval: auto 2m..30m" in rows.read_text()
    assert "auto 2m..30m" in weatherd("cities", "list")[1]
    listed = json.loads(weatherd("cities", "list", "--format", "json")[1])
    assert [row["interval"] for row in listed if row["id"] == "flensburg"] == ["auto 2m..30m"]
    copied = weatherd("cities", "list", "--format", "csv")[1]
    (rows.parent / "copy.csv").write_text(copied)
    code, out, _ = weatherd("check", "--against", str(rows.parent / "copy.csv"))
    assert (code, "3 unchanged" in out) == (0, True)


def test_only_yaml_lists_are_edited(weatherd: Weatherd, folder: Path, rows: Path) -> None:
    """New rows go to the last YAML file of the list; a row of a CSV file is found, and the message says where it is."""
    (folder / "weatherd.yaml").write_text("cities: [cities.yaml, b.csv, c.jsonl]")
    (folder / "b.csv").write_text("name,lat,lon\nUlm,48.4,9.99\n")
    (folder / "c.jsonl").write_text('{"name": "Oslo", "lat": 59.9, "lon": 10.7}')
    before = rows.read_bytes()
    assert weatherd("cities", "add", "Flensburg", *HERE)[0] == 0
    assert weatherd("cities", "remove", "flensburg")[0] == 0
    assert rows.read_bytes() == before
    assert weatherd("cities", "add", "Ulm", "--lat", "48.4", "--lon", "9.99")[::2] == (
        78,
        "config/b.csv:2:1: 'Ulm' is already in the list (id 'ulm')\n",
    )
    reason = "weatherd edits YAML lists only: edit this one by hand, or with the program that wrote it"
    assert weatherd("cities", "remove", "Ulm")[::2] == (78, f"config/b.csv:2:1: {reason}\n")
    assert weatherd("cities", "remove", "oslo")[::2] == (78, f"config/c.jsonl:1:1: {reason}\n")
    (folder / "weatherd.yaml").write_text("cities: b.csv")
    assert weatherd("cities", "add", "Flensburg", *HERE)[::2] == (78, f"config/b.csv: {reason}\n")


def test_a_renamed_city_keeps_its_id(weatherd: Weatherd, rows: Path) -> None:
    """The id is written if it would change; a name that gives the same id, or a row with one, needs none."""
    ulm = "  - name: {}\n    id: u\n    lat: 48.4\n    lon: 10\n"
    rows.write_text("cities:  # mine\n  - {name: Kiel, lat: 54.3, lon: 10.1}  # home\n" + ulm.format("Ulm"))
    assert weatherd("cities", "rename", "kiel", "Kiel, harbour") == (
        0,
        "renamed Kiel to Kiel, harbour in config/cities.yaml; its id is still kiel\n",
        "",
    )
    assert weatherd("cities", "rename", "Ulm", "東京")[0] == 0
    kiel = '  - {name: "Kiel, harbour", id: kiel, lat: 54.3, lon: 10.1}  # home\n'
    assert rows.read_text() == f"cities:  # mine\n{kiel}{ulm.format('東京')}"
    before = rows.read_bytes()
    assert weatherd("cities", "rename", "Kil", "X")[0] == 78
    assert weatherd("cities", "rename", "kiel", "a\x1bb")[0] == 64
    assert rows.read_bytes() == before
    assert weatherd("cities", "rename", "東京", "Ulm")[0] == 0
    assert "- name: Ulm\n    id: u\n" in rows.read_text()


def test_the_list_is_printed_for_programs(weatherd: Weatherd, rows: Path) -> None:
    """JSON and CSV have every value of a row; the CSV is a list itself."""
    others = "tags: {region: north}, warnings: auto, compare: [nws, met-norway], station: EDHK"
    kiel = f"{{name: Kiel, lat: 54.3, lon: 10.1, interval: 5m, altitude: 5, {others}}}"
    rows.write_text(
        f"cities:\n  - {kiel}\n  - {{name: Ulm, lat: 48.4, lon: 10, timezone: Europe/Berlin, warnings: [nws]}}\n"
    )
    first, second = json.loads(weatherd("cities", "list", "--format", "json")[1])
    assert first == {
        "id": "kiel",
        "name": "Kiel",
        "lat": 54.3,
        "lon": 10.1,
        "interval": 300.0,
        "timezone": None,
        "altitude": 5.0,
        "backfill": 86400.0,
        "station": "EDHK",
        "providers": ["open-meteo"],
        "warnings": "auto",
        "compare": ["nws", "met-norway"],
        "tags": {"region": "north"},
    }
    assert (second["timezone"], second["tags"], second["warnings"]) == ("Europe/Berlin", {}, ["nws"])
    text = weatherd("cities", "list", "--format", "csv")[1]
    services = ["open-meteo", "nws", "met-norway"]
    found = parse_cities([("a.csv", text)], services).cities
    assert found == load_cities([rows], services).cities


def test_ids_of_earlier_releases_are_kept(
    weatherd: Weatherd, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose hash is in the journal gets it as its id; other rows do not change, nor does a second run."""
    monkeypatch.setenv("WEATHERD_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    moskva = City(name="Москва", lat=55.75, lon=37.62, id="city-2b706e6a")
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add([make_fetched(moskva), make_fetched(City(name="Kiel", lat=54.3, lon=10.1))])
    others = "  - {name: Kiel, lat: 54.3, lon: 10.1}\n  - {name: 東京, lat: 35.7, lon: 139.7}\n"
    rows.write_text(f"cities:\n  - {{name: Москва, lat: 55.75, lon: 37.62}}  # capital\n{others}")
    code, out, _ = weatherd("cities", "keep-ids")
    assert (code, out) == (0, "config/cities.yaml:2:5: Москва keeps the id city-2b706e6a\n")
    kept = f"cities:\n  - {{name: Москва, id: city-2b706e6a, lat: 55.75, lon: 37.62}}  # capital\n{others}"
    assert rows.read_text() == kept
    assert weatherd("cities", "keep-ids")[1] == "every city of the list that the journal knows has its id\n"
    assert rows.read_text() == kept


@pytest.mark.parametrize(("key", "meant"), [("latitude", "lat"), ("longitude", "lon"), ("lng", "lon"), ("long", "lon")])
def test_a_row_with_other_names_for_the_coordinates(weatherd: Weatherd, rows: Path, key: str, meant: str) -> None:
    """The problem suggests the right key."""
    rows.write_text(f"cities:\n  - {{name: X, {key}: 1}}\n")
    assert f"unknown key '{key}'; did you mean '{meant}'?" in weatherd("cities", "list")[2]


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        (settings, command)
        for settings in (None, SHIPPED_SETTINGS, "own")
        for command in (["add", "Flensburg", *HERE], ["remove", "Kiel"])
        if settings or command[0] == "remove"  # without files of the user's own, add creates them
    ],
)
def test_the_list_of_the_installation_is_never_edited(
    weatherd: Weatherd, folder: Path, settings: Path | str | None, command: list[str]
) -> None:
    """Whether it is the default, or set by --config or the settings; the error suggests a list of one's own."""
    before = (SHIPPED_SETTINGS.parent / "cities.yaml").read_bytes()
    own = folder.parent / "own.yaml"
    own.write_text(f"cities: {SHIPPED_SETTINGS.parent / 'cities.yaml'}")
    (folder / "weatherd.yaml").unlink()
    config = ["--config", str(own if settings == "own" else settings)] if settings else []
    code, _, err = weatherd("cities", *command, *config)
    message = "this list is part of the weatherd installation"
    assert code == 78
    assert err == f"{message}: {SHIPPED_SETTINGS.parent / 'cities.yaml'}; create your own with weatherd init\n"
    assert (SHIPPED_SETTINGS.parent / "cities.yaml").read_bytes() == before


def test_a_list_in_a_layout_that_cannot_be_edited_does_not_change(weatherd: Weatherd, rows: Path) -> None:
    """The error names the file and the problem."""
    rows.write_text("cities:\n- &kiel {name: Kiel, lat: 1, lon: 1}\n- *kiel\n- {name: X, lat: 1, lon: 1}\n")
    code, _, err = weatherd("cities", "remove", "kiel")
    assert (code, "more than once" in err) == (78, True)
    rows.write_text("cities:\n- {name: &x Kiel, lat: 1, lon: 1}\n- {name: X, id: *x, lat: 1, lon: 1}\n")
    before = rows.read_bytes()
    code, _, err = weatherd("cities", "remove", "kiel")
    assert (code, err.endswith("cannot be edited automatically\n")) == (78, True)
    assert rows.read_bytes() == before
