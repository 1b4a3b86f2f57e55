"""``weatherd cities add``: which place, and which row of which file."""

from __future__ import annotations

import os
import pty
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import HERE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd


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
