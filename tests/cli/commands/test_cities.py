"""``weatherd cities``: list, search, add and remove; the rest of the file is preserved."""

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


def test_add_uses_the_coordinates_of_a_match(weatherd: Weatherd, rows: Path) -> None:
    """It uses the first match and prints the others, or the match selected by --pick."""
    code, out, err = weatherd("cities", "add", "Paris")
    assert (code, out) == (0, "added Paris (48.85341, 2.3488) to config/cities.yaml\n")
    assert err.splitlines()[-1] == "Using the first match. Use --pick N to choose another."
    assert len(err.splitlines()) > 2
    weatherd("cities", "remove", "Paris")
    code, _, err = weatherd("cities", "add", "Paris", "--pick", "2")
    assert (code, err) == (0, "")
    assert "48.85341" not in rows.read_text()


@pytest.mark.parametrize("name", ["Kiel", "kiel", "KIEL", " Kiel ", "X"])
def test_a_city_that_is_in_the_list_is_rejected(weatherd: Weatherd, rows: Path, name: str) -> None:
    """It is found by name or id, even if its row is quarantined; the error locates the row."""
    rows.write_text(rows.read_text() + "  - {name: X, lat: 99, lon: 1}\n")
    before = rows.read_bytes()
    code, out, err = weatherd("cities", "add", name, *HERE)
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
        f"config/cities.yaml: 'Kiel' is in the list more than once: {places}; remove it by its id, or edit the file\n",
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


@pytest.mark.parametrize("settings", [None, SHIPPED_SETTINGS, "own"])
@pytest.mark.parametrize("command", [["add", "Flensburg", *HERE], ["remove", "Kiel"]], ids=" ".join)
def test_the_list_of_the_installation_is_never_edited(
    weatherd: Weatherd, folder: Path, settings: Path | str | None, command: list[str]
) -> None:
    """Whether it is the default, or set by --config or the settings; the error suggests copying it."""
    before = (SHIPPED_SETTINGS.parent / "cities.yaml").read_bytes()
    own = folder.parent / "own.yaml"
    own.write_text(f"cities: {SHIPPED_SETTINGS.parent / 'cities.yaml'}")
    (folder / "weatherd.yaml").unlink()
    config = ["--config", str(own if settings == "own" else settings)] if settings else []
    code, _, err = weatherd("cities", *command, *config)
    shipped, message = SHIPPED_SETTINGS.parent, "this list is part of the weatherd installation:"
    assert (code, err) == (
        78,
        f"{message} copy {shipped} to ~/.config/weatherd or ./config and edit the copy\n",
    )
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
