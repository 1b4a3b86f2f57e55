"""``weatherd cities``: list, search, add and remove; the rest of the file is preserved."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import make_fetched
from weatherd.city import City
from weatherd.config.city_list import load_cities, parse_cities
from weatherd.config.loader import SHIPPED_SETTINGS
from weatherd.journal.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Weatherd = Callable[..., tuple[int, str, str]]

HERE = ["--lat", "54.78", "--lon", "9.44"]


@pytest.fixture
def rows(folder: Path) -> Path:
    """Return the city list with Kiel and München."""
    return folder / "cities.yaml"


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


def test_add_uses_the_coordinates_of_a_match(weatherd: Weatherd, rows: Path) -> None:
    """The one selected by --pick; without a terminal, an ambiguous name is an error that prints the matches."""
    before = rows.read_bytes()
    code, out, err = weatherd("cities", "add", "Paris")
    assert (code, out, rows.read_bytes()) == (64, "", before)
    assert err.splitlines()[-1].endswith(" places have that name: choose one with --pick N")
    assert len(err.splitlines()) > 2
    code, out, err = weatherd("cities", "add", "Paris", "--pick", "1")
    assert (code, out, err) == (0, "added Paris (48.85341, 2.3488) to config/cities.yaml, with the id paris\n", "")
    added = rows.read_text().splitlines()[-1]
    assert re.fullmatch(
        r"  - \{name: Paris, lat: 48.85341, lon: 2.3488, timezone: Europe/Paris, altitude: \d+\.\d\}", added
    )
    assert weatherd("cities", "add", "Paris", "--pick", "1")[0] == 78
    assert weatherd("cities", "add", "Kiel")[0] == 78  # there is only one, and it is in the list


def test_two_cities_may_share_a_name(weatherd: Weatherd, rows: Path) -> None:
    """The second one gets an id with its region; both are removed by their ids."""
    before = rows.read_bytes()
    assert [weatherd("cities", "add", "Paris", "--pick", number)[0] for number in "12"] == [0, 0]
    added = [line.split()[0] for line in weatherd("cities", "list")[1].splitlines() if "Paris" in line.split()]
    assert (added[0], added[1].startswith("paris-")) == ("paris", True)
    assert weatherd("cities", "remove", "Paris")[0] == 78
    assert [weatherd("cities", "remove", city_id)[0] for city_id in added] == [0, 0]
    assert rows.read_bytes() == before
    for number in (1, 2, 3):
        code, out, _ = weatherd("cities", "add", "X", "--lat", f"{number}", "--lon", "1")
        assert (code, out.split()[-1]) == (0, "x" if number == 1 else f"x-{number}")


def test_the_keys_of_a_new_row(weatherd: Weatherd, rows: Path) -> None:
    """Options set them; a dry run prints the row, and a wrong value changes nothing."""
    before = rows.read_bytes()
    options = ["--name", "Förde", "--id", "fjord", "--interval", "5m", "--timezone", "Europe/Berlin"]
    options += ["--tag", "region=north", "--tag", "kind = a=b"]
    keys = "id: fjord, interval: 5m, timezone: Europe/Berlin, tags: {region: north, kind: a=b}"
    row = f"- {{name: Förde, lat: 54.78, lon: 9.44, {keys}}}\n"
    assert weatherd("cities", "add", "Flensburg", *HERE, *options, "--dry-run") == (0, row, "")
    assert rows.read_bytes() == before
    for wrong in (
        ["--id", "A B"],
        ["--interval", "1M"],
        ["--timezone", "Berlin"],
        ["--name", "a\x1bb"],
        ["--tag", "x"],
    ):
        assert weatherd("cities", "add", "Flensburg", *HERE, *wrong)[0] == 64
    assert rows.read_bytes() == before
    assert weatherd("cities", "add", "Flensburg", *HERE, *options)[0] == 0
    assert rows.read_bytes() == before + f"  {row}".encode()
    code, _, err = weatherd("cities", "add", "Elsewhere", "--lat", "1", "--lon", "1", "--id", "fjord")
    assert (code, "the id 'fjord' is already in use, by 'Förde'\n" in err) == (78, True)
    code, _, err = weatherd("cities", "add", "Elsewhere", "--lat", "1", "--lon", "1", "--pick", "2")
    assert (code, "--pick chooses a match of the search" in err) == (64, True)


@pytest.mark.parametrize("text", ["", "# mine\n", "cities:\n", "cities: []\n"])
def test_the_first_city(weatherd: Weatherd, rows: Path, text: str) -> None:
    """It can be added to an empty file, and to an empty list."""
    rows.write_text(text)
    assert weatherd("cities", "add", "Flensburg", *HERE)[0] == 0
    assert [line.split()[0] for line in weatherd("cities", "list")[1].splitlines()] == ["id", "flensburg"]


CSV = "Name;Latitude;LNG;country;id\nUlm;48.4;10.0;DE;123\nKiel;54.31;10.12;DE;4\nUlm;40.7;-88;US;5\n;1;2;;\nX;99;1;;\n"
GEOJSON = """{"type": "FeatureCollection", "features": [
 {"type": "Feature", "properties": {"name": "Ulm"}, "geometry": {"type": "Point", "coordinates": [10.0, 48.4, 478]}},
 {"type": "Feature", "properties": {"name": "Kiel"}, "geometry": {"type": "Point", "coordinates": [10.12, 54.31]}},
 {"type": "Feature", "properties": {"name": "Ulm", "state": "US"},
  "geometry": {"type": "Point", "coordinates": [-88, 40.7]}},
 {"type": "Feature", "properties": null, "geometry": {"type": "Point", "coordinates": [2, 1]}},
 {"type": "Feature", "properties": {"name": "X"}, "geometry": {"type": "Polygon", "coordinates": []}}]}"""
OWM = """[{"id": 1, "name": "Ulm", "state": "", "country": "DE", "coord": {"lon": 10.0, "lat": 48.4}},
 {"id": 2, "name": "Kiel", "state": "", "country": "DE", "coord": {"lon": 10.12, "lat": 54.31}},
 {"id": 3, "name": "Ulm", "state": "", "country": "US", "coord": {"lon": -88, "lat": 40.7}},
 {"id": 4}, {"name": "X", "coord": {"lat": 99, "lon": 1}}]"""


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
    kiel = "{name: Kiel, lat: 54.3, lon: 10.1, interval: 5m, altitude: 5, tags: {region: north}}"
    rows.write_text(f"cities:\n  - {kiel}\n  - {{name: Ulm, lat: 48.4, lon: 10, timezone: Europe/Berlin}}\n")
    first, second = json.loads(weatherd("cities", "list", "--format", "json")[1])
    assert first == {
        "id": "kiel",
        "name": "Kiel",
        "lat": 54.3,
        "lon": 10.1,
        "interval": 300.0,
        "timezone": None,
        "altitude": 5.0,
        "providers": ["open-meteo"],
        "tags": {"region": "north"},
    }
    assert (second["timezone"], second["tags"]) == ("Europe/Berlin", {})
    text = weatherd("cities", "list", "--format", "csv")[1]
    found = parse_cities([("a.csv", text)], ["open-meteo"]).cities
    assert found == load_cities([rows], ["open-meteo"]).cities


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


def test_altitude_and_tags_are_imported(weatherd: Weatherd, rows: Path, tmp_path: Path) -> None:
    """Columns with the names of other programs become the keys of a row."""
    (tmp_path / "places").write_text(
        "city,latitude,lng,elevation,tz,tags.Region\nUlm,48.4,10,478,Europe/Berlin,south\n"
    )
    assert weatherd("cities", "import", str(tmp_path / "places"))[0] == 0
    keys = "timezone: Europe/Berlin, altitude: 478.0, tags: {region: south}"
    assert rows.read_text().endswith(f"- {{name: Ulm, lat: 48.4, lon: 10.0, {keys}}}\n")


@pytest.mark.parametrize(("text", "line"), [(CSV, ":6: "), (GEOJSON, ": item 5: "), (OWM, ": item 5: ")])
def test_cities_are_imported(weatherd: Weatherd, rows: Path, tmp_path: Path, text: str, line: str) -> None:
    """A city in the list is skipped, one with the name of another gets an id with its region; others are reported."""
    (tmp_path / "places").write_text(text)
    before = rows.read_bytes()
    expected = "- {name: Ulm, lat: 48.4, lon: 10.0}\n- {name: Ulm, lat: 40.7, lon: -88.0, id: ulm-us}\n"
    code, out, err = weatherd("cities", "import", str(tmp_path / "places"), "--dry-run")
    assert (code, out.replace("-88,", "-88.0,"), rows.read_bytes()) == (78, expected, before)
    assert f"{tmp_path / 'places'}{line}'X': " in err
    code, out, _ = weatherd("cities", "import", str(tmp_path / "places"))
    assert (code, out) == (78, "added 2, in the list already 1, invalid 2\n")
    assert [row.split()[0] for row in weatherd("cities", "list")[1].splitlines()[-2:]] == ["ulm", "ulm-us"]
    assert weatherd("cities", "import", str(tmp_path / "places"))[1] == "added 0, in the list already 3, invalid 2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'name' and 'lat' and 'lon' in its heading (found: none)"),
        ("name,breite,lon\nA,1,2\n", "has no column 'lat' in its heading (found: name, breite, lon)"),
        ("{", "is not valid JSON: "),
        ("{}", "should be a GeoJSON FeatureCollection, or a list of objects"),
        ("[" * 100_000, "is not valid JSON: "),
    ],
)
def test_a_file_of_another_kind_is_explained(weatherd: Weatherd, tmp_path: Path, text: str, message: str) -> None:
    """Exit code 78 and one line."""
    (tmp_path / "places").write_text(text)
    code, _, err = weatherd("cities", "import", str(tmp_path / "places"))
    assert (code, err.startswith(f"{tmp_path / 'places'}: {message}"), err.count("\n")) == (78, True, 1)


@pytest.mark.parametrize(("key", "meant"), [("latitude", "lat"), ("longitude", "lon"), ("lng", "lon"), ("long", "lon")])
def test_a_row_with_other_names_for_the_coordinates(weatherd: Weatherd, rows: Path, key: str, meant: str) -> None:
    """The problem suggests the right key."""
    rows.write_text(f"cities:\n  - {{name: X, {key}: 1}}\n")
    assert f"unknown key '{key}'; did you mean '{meant}'?" in weatherd("cities", "list")[2]


@pytest.mark.parametrize("name", ["Kiel", "kiel", "KIEL", " Kiel ", "X"])
def test_a_city_that_is_in_the_list_is_rejected(weatherd: Weatherd, rows: Path, name: str) -> None:
    """It is found by name or id at the same place, even if its row is quarantined; the error locates the row."""
    rows.write_text(rows.read_text() + "  - {name: X, lat: 99, lon: 1}\n")
    before = rows.read_bytes()
    code, out, err = weatherd("cities", "add", name, "--lat", "54.32", "--lon", "10.13")
    line = 4 if name == "X" else 2
    message = f"config/cities.yaml:{line}:5: '{name.strip()}' is already in the list (id '{name.strip().lower()}')\n"
    assert (code, out, err) == (78, "", message)
    assert rows.read_bytes() == before


def test_a_city_that_is_not_in_the_list_cannot_be_removed(weatherd: Weatherd) -> None:
    """The error suggests a similar name."""
    code, _, err = weatherd("cities", "remove", "Muenchen")
    assert (code, err) == (78, "config/cities.yaml: 'Muenchen' is not in the list; did you mean 'munchen'?\n")


def test_a_quarantined_row_can_be_removed(weatherd: Weatherd, rows: Path) -> None:
    """By name or id, whatever its problem is."""
    before = rows.read_text()
    for row, name in [("{name: X, lat: .nan}", "X"), ("{id: y}", "y"), ("{name: Z, id: [1]}", "Z")]:
        rows.write_text(f"{before}  - {row}\n")
        assert weatherd("cities", "remove", name)[0] == 0
        assert rows.read_text() == before


def test_an_ambiguous_name_is_removed_by_its_id(weatherd: Weatherd, rows: Path) -> None:
    """The error names all rows with that name."""
    before = rows.read_text()
    rows.write_text(f"{before}  - {{name: Kiel, id: kiel-2, lat: 1, lon: 1}}\n")
    code, _, err = weatherd("cities", "remove", "Kiel")
    places = "config/cities.yaml:2:5, config/cities.yaml:4:5"
    assert (code, err) == (
        78,
        f"config/cities.yaml: 'Kiel' is in the list more than once: {places}; use its id, or edit the file\n",
    )
    assert weatherd("cities", "remove", "kiel-2")[0] == 0
    assert rows.read_text() == before


def test_an_id_takes_precedence_over_the_name_of_another_row(weatherd: Weatherd, rows: Path) -> None:
    """A row is removed by its exact id although other rows have that name, and by its name in any case."""
    before = rows.read_text()
    for city_id in ("a-kiel", "z-kiel"):
        rows.write_text(f"{before}  - {{name: kiel, id: {city_id}, lat: 1, lon: 1}}\n")
        assert weatherd("cities", "remove", "kiel")[0] == 0
        assert f"id: {city_id}" in rows.read_text()
        assert weatherd("cities", "remove", "KIEL")[0] == 0
        assert [line.split()[0] for line in weatherd("cities", "list")[1].splitlines()] == ["id", "munchen"]


def test_a_folder_of_lists_gets_new_cities_in_its_last_file(weatherd: Weatherd, folder: Path) -> None:
    """A city is removed from the file that contains it."""
    (folder / "weatherd.yaml").write_text("cities: lists")
    (folder / "lists").mkdir()
    for name in "ab":
        (folder / "lists" / f"{name}.yaml").write_text(f"cities:\n- {{name: {name}, lat: 1, lon: 1}}\n")
    assert weatherd("cities", "add", "Flensburg", *HERE)[0] == 0
    assert weatherd("cities", "remove", "a")[0] == 0
    assert (folder / "lists" / "a.yaml").read_text() == "cities: []\n"
    assert "Flensburg" in (folder / "lists" / "b.yaml").read_text()


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


@pytest.mark.real_time
@pytest.mark.processes
def test_a_terminal_asks_which_place(weatherd: Weatherd, rows: Path, folder: Path) -> None:
    """A number outside the list is asked for again."""
    _, out, _ = weatherd("cities", "add", "Paris", "--pick", "2", "--dry-run")
    process, terminal = pty.fork()
    if not process:
        os.chdir(folder.parent)
        os.execv(sys.executable, [sys.executable, "-m", "weatherd", "cities", "add", "Paris"])  # noqa: S606 - ours
    os.write(terminal, b"99\n2\n")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)
    assert rows.read_text().endswith(f"  {out}")


def test_coordinates_have_no_negative_zero(weatherd: Weatherd, rows: Path) -> None:
    """A place a metre south or west of 0° is shown at 0°."""
    rows.write_text("cities:\n  - {name: Null Island, lat: -0.00001, lon: -0.00001}\n")
    code, out, _ = weatherd("cities", "list")
    assert (code, out.splitlines()[1].split()[-4:]) == (0, ["0.0000", "0.0000", "10m", "open-meteo"])
