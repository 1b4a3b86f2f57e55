"""``weatherd cities``: the list is looked at, added to and taken from; nothing else in it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from weatherd.config.loader import SHIPPED_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Weatherd = Callable[..., tuple[int, str, str]]

HERE = ["--lat", "54.78", "--lon", "9.44"]


@pytest.fixture
def rows(folder: Path) -> Path:
    """Return the list: Kiel and München."""
    return folder / "cities.yaml"


def test_the_list_is_shown(weatherd: Weatherd, rows: Path) -> None:
    """Id, name, place, interval and providers of each; what is set aside goes to standard error."""
    rows.write_text(rows.read_text() + "  - {name: X, lat: 99, lon: 1}\n")
    code, out, err = weatherd("cities", "list")
    assert (code, [line.split() for line in out.splitlines()]) == (
        0,
        [
            ["kiel", "Kiel", "54.3000", "10.1000", "10m", "open-meteo"],
            ["munchen", "München", "48.1000", "11.6000", "10m", "open-meteo"],
        ],
    )
    assert err == "set aside: config/cities.yaml:4:20: 'X': 'lat' should be at most 90, not 99\n"


def test_places_are_found_by_name(weatherd: Weatherd) -> None:
    """With region and country, numbered from the likeliest."""
    code, out, _ = weatherd("cities", "search", "Kiel")
    assert code == 0
    assert out.split()[:2] == ["1", "Kiel"]
    assert "Schleswig-Holstein, Germany" in out


@pytest.mark.parametrize("command", ["search", "add"])
def test_a_place_that_nobody_knows_is_69(weatherd: Weatherd, rows: Path, command: str) -> None:
    """The list stays as it is, and the way without a search is shown."""
    before = rows.read_bytes()
    code, out, err = weatherd("cities", command, "Xyzzyville")
    assert (code, out) == (69, "")
    assert err == "weatherd: no place called 'Xyzzyville' is known; add it by --lat and --lon\n"
    assert rows.read_bytes() == before


def test_a_geocoding_service_that_is_out_of_order_is_69(weatherd: Weatherd, folder: Path) -> None:
    """In one line."""
    (folder / "weatherd.yaml").write_text("open_meteo: {geocoding_url: 'http://127.0.0.1:9'}")
    code, _, err = weatherd("cities", "search", "Kiel")
    assert (code, err.startswith("weatherd: no connection to 127.0.0.1:9"), err.count("\n")) == (69, True, 1)


def test_a_city_is_added_and_removed_without_a_trace(weatherd: Weatherd, rows: Path) -> None:
    """The new row is the last one; comments and everything else stay, byte for byte."""
    before = rows.read_bytes()
    assert weatherd("cities", "add", "Flensburg", *HERE)[0] == 0
    assert rows.read_bytes() == before + b"  - {name: Flensburg, lat: 54.78, lon: 9.44}\n"
    assert weatherd("cities", "list")[1].splitlines()[-1].startswith("flensburg ")
    assert weatherd("cities", "remove", "flensburg")[0] == 0
    assert rows.read_bytes() == before


def test_a_city_is_added_where_the_service_finds_it(weatherd: Weatherd, rows: Path) -> None:
    """The likeliest of several, with the others shown; or the one that --pick names."""
    code, out, err = weatherd("cities", "add", "Paris")
    assert (code, out) == (0, "added Paris (48.85341, 2.3488) to config/cities.yaml\n")
    assert err.splitlines()[-1] == "number 1 it is; --pick NUMBER takes another"
    assert len(err.splitlines()) > 2
    weatherd("cities", "remove", "Paris")
    code, _, err = weatherd("cities", "add", "Paris", "--pick", "2")
    assert (code, err) == (0, "")
    assert "48.85341" not in rows.read_text()


@pytest.mark.parametrize("name", ["Kiel", "kiel", "KIEL", " Kiel ", "X"])
def test_a_city_that_is_in_the_list_is_refused(weatherd: Weatherd, rows: Path, name: str) -> None:
    """By its name or its id, also when its row is set aside; the complaint says where it stands."""
    rows.write_text(rows.read_text() + "  - {name: X, lat: 99, lon: 1}\n")
    before = rows.read_bytes()
    code, out, err = weatherd("cities", "add", name, *HERE)
    line = 4 if name == "X" else 2
    said = f"config/cities.yaml:{line}:5: '{name.strip()}' is in the list already (id '{name.strip().lower()}')\n"
    assert (code, out, err) == (78, "", said)
    assert rows.read_bytes() == before


def test_a_city_that_is_not_in_the_list_cannot_be_removed(weatherd: Weatherd) -> None:
    """The one that was probably meant is named."""
    code, _, err = weatherd("cities", "remove", "Muenchen")
    assert (code, err) == (78, "config/cities.yaml: 'Muenchen' is not in the list; did you mean 'munchen'?\n")


def test_a_row_that_is_set_aside_can_be_removed(weatherd: Weatherd, rows: Path) -> None:
    """By name or by id, with whatever is wrong in it."""
    before = rows.read_text()
    for row, name in [("{name: X, lat: .nan}", "X"), ("{id: y}", "y"), ("{name: Z, id: [1]}", "Z")]:
        rows.write_text(f"{before}  - {row}\n")
        assert weatherd("cities", "remove", name)[0] == 0
        assert rows.read_text() == before


def test_a_name_that_stands_twice_is_removed_by_its_id(weatherd: Weatherd, rows: Path) -> None:
    """Nothing is guessed: all places are told, and the id decides."""
    before = rows.read_text()
    rows.write_text(f"{before}  - {{name: Kiel, id: kiel-2, lat: 1, lon: 1}}\n")
    code, _, err = weatherd("cities", "remove", "Kiel")
    places = "config/cities.yaml:2:5, config/cities.yaml:4:5"
    assert (code, err) == (
        78,
        f"config/cities.yaml: 'Kiel' stands in the list more than once: {places}; use an id, or edit the file\n",
    )
    assert weatherd("cities", "remove", "kiel-2")[0] == 0
    assert rows.read_text() == before


def test_a_folder_of_lists_gets_new_cities_in_its_last_file(weatherd: Weatherd, folder: Path) -> None:
    """A city is removed from the file that it stands in."""
    (folder / "weatherd.yaml").write_text("cities: lists")
    (folder / "lists").mkdir()
    for name in "ab":
        (folder / "lists" / f"{name}.yaml").write_text(f"cities:\n- {{name: {name}, lat: 1, lon: 1}}\n")
    assert weatherd("cities", "add", "Flensburg", *HERE)[0] == 0
    assert weatherd("cities", "remove", "a")[0] == 0
    assert (folder / "lists" / "a.yaml").read_text() == "cities: []\n"
    assert "Flensburg" in (folder / "lists" / "b.yaml").read_text()


@pytest.mark.parametrize("settings", [None, SHIPPED_SETTINGS, "own"])
@pytest.mark.parametrize("command", [["add", "Flensburg", *HERE], ["remove", "Kiel"]], ids=" ".join)
def test_the_list_that_came_with_weatherd_is_never_edited(
    weatherd: Weatherd, folder: Path, settings: Path | str | None, command: list[str]
) -> None:
    """Found for want of another, named by --config, or by a settings file of one's own: a copy is asked for."""
    before = (SHIPPED_SETTINGS.parent / "cities.yaml").read_bytes()
    own = folder.parent / "own.yaml"
    own.write_text(f"cities: {SHIPPED_SETTINGS.parent / 'cities.yaml'}")
    (folder / "weatherd.yaml").unlink()
    config = ["--config", str(own if settings == "own" else settings)] if settings else []
    code, _, err = weatherd("cities", *command, *config)
    assert (code, err) == (
        78,
        f"there is no list of your own yet: copy {SHIPPED_SETTINGS.parent} to ~/.config/weatherd or ./config\n",
    )
    assert (SHIPPED_SETTINGS.parent / "cities.yaml").read_bytes() == before


def test_a_list_in_a_layout_that_cannot_be_edited_is_left_alone(weatherd: Weatherd, rows: Path) -> None:
    """The complaint says so, and the file stays as it is."""
    rows.write_text("cities:\n- &kiel {name: Kiel, lat: 1, lon: 1}\n- *kiel\n- {name: X, lat: 1, lon: 1}\n")
    code, _, err = weatherd("cities", "remove", "kiel")
    assert (code, "more than once" in err) == (78, True)
    rows.write_text("cities:\n- {name: &x Kiel, lat: 1, lon: 1}\n- {name: X, id: *x, lat: 1, lon: 1}\n")
    before = rows.read_bytes()
    code, _, err = weatherd("cities", "remove", "kiel")
    assert (code, err.endswith("cannot be edited automatically\n")) == (78, True)
    assert rows.read_bytes() == before
