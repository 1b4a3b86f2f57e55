"""``weatherd init``, and the files that ``cities add`` creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from weatherd.config.city_list import load_cities
from weatherd.config.loader import SHIPPED_SETTINGS, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd

PROVIDERS = ["open-meteo"]


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch, service: str) -> Path:
    """Return the folder of a new user's settings, who has no files yet, and whose searches are simulated."""
    (folder / "weatherd.yaml").unlink()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder.parent / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
    monkeypatch.setenv("WEATHERD_OPEN_METEO__BASE_URL", service)
    return folder.parent / "home" / "weatherd"


def test_init_writes_both_files(weatherd: Weatherd, home: Path) -> None:
    """They have the cities, in order, and the units; the next commands use them."""
    code, out, err = weatherd("init", "--city", "Kiel", "--city", "New York", "--units", "us")
    assert (code, out) == (0, "next: weatherd check, then weatherd run\n")
    assert "found Kiel, Schleswig-Holstein, Germany" in err
    cities = load_cities([home / "cities.yaml"], PROVIDERS)
    assert [city.name for city in cities.cities] == ["Kiel", "New York"]
    assert not cities.quarantined
    assert cities.cities[1].timezone == "America/New_York"
    settings = load_settings(home / "weatherd.yaml", {})
    assert settings == load_settings(SHIPPED_SETTINGS, {}).model_copy(update={"units": "us"})
    assert "kiel" in weatherd("cities", "list")[1]


def test_init_never_overwrites(weatherd: Weatherd, home: Path) -> None:
    """It creates what is missing; if nothing is, that is an error."""
    home.mkdir(parents=True)
    (home / "cities.yaml").write_text("cities:\n  - {name: Oslo, lat: 59.9, lon: 10.7}\n")
    code, _, err = weatherd("init", "--units", "uk")
    assert code == 0
    assert f"{home / 'cities.yaml'} exists and is not changed" in err
    assert "Oslo" in (home / "cities.yaml").read_text()
    assert weatherd("init")[0] == 64
    assert load_settings(home / "weatherd.yaml", {}).units == "uk"


def test_init_refuses_what_would_have_no_effect(weatherd: Weatherd, home: Path) -> None:
    """Cities for a list that exists, and units for settings that exist, are an error before anything is written."""
    home.mkdir(parents=True)
    (home / "cities.yaml").write_text("cities: []\n")
    code, _, err = weatherd("init", "--city", "Kiel")
    assert (code, err) == (
        64,
        f"weatherd: {home / 'cities.yaml'} exists and is not changed; add cities with weatherd cities add NAME\n",
    )
    assert not (home / "weatherd.yaml").exists()
    (home / "weatherd.yaml").write_text("{}")
    (home / "cities.yaml").unlink()
    code, _, err = weatherd("init", "--city", "Kiel", "--units", "us")
    assert (code, err) == (
        64,
        f"weatherd: {home / 'weatherd.yaml'} exists and is not changed; write 'units: us' into it\n",
    )
    assert not (home / "cities.yaml").exists()
    assert weatherd("init", "--city", "Kiel")[0] == 0


def test_init_lists_a_place_once(weatherd: Weatherd, home: Path) -> None:
    """A city that is given twice does not quarantine a row of the new list."""
    assert weatherd("init", "--city", "Kiel", "--city", "New York", "--city", "kiel")[0] == 0
    cities = load_cities([home / "cities.yaml"], PROVIDERS)
    assert [city.name for city in cities.cities] == ["Kiel", "New York"]
    assert not cities.quarantined


def test_init_writes_nothing_if_a_city_is_unknown(weatherd: Weatherd, home: Path) -> None:
    """A list with a part of the cities would be a surprise."""
    assert weatherd("init", "--city", "Kiel", "--city", "Nowhere-upon-Sea")[0] == 69
    assert not home.exists()


def test_init_names_the_file_that_is_used_instead(weatherd: Weatherd, home: Path, folder: Path) -> None:
    """In a folder with settings, these have precedence over new ones elsewhere."""
    (folder / "weatherd.yaml").write_text("{}")
    code, out, err = weatherd("init")
    assert code == 0
    assert "config/weatherd.yaml is used instead" in err
    assert f"weatherd check --config {home / 'weatherd.yaml'}" in out


def test_the_first_city_creates_the_files(weatherd: Weatherd, home: Path) -> None:
    """The list has that city alone; the next one is added to the same file. A dry run creates nothing."""
    assert weatherd("cities", "add", "Oslo", "--lat", "59.9", "--lon", "10.7", "--dry-run")[0] == 78
    assert not home.exists()
    code, _, err = weatherd("cities", "add", "Oslo", "--lat", "59.9", "--lon", "10.7")
    assert code == 0
    assert err.count("created ") == 2
    assert weatherd("cities", "add", "Kiel")[0] == 0
    cities = load_cities([home / "cities.yaml"], PROVIDERS).cities
    assert [city.name for city in cities] == ["Oslo", "Kiel"]


@pytest.mark.parametrize(
    "command", [("add", "Nowhereville"), ("add", "Paris"), ("add", "Oslo", "--tag", "x"), ("import", "nothing.csv")]
)
def test_what_adds_no_city_creates_no_files(weatherd: Weatherd, home: Path, command: tuple[str, ...]) -> None:
    """They would replace the settings in use, such as the demo's, by a list without cities, which is invalid."""
    assert weatherd("cities", *command)[0] != 0
    assert not home.exists()


def test_a_missing_list_is_created(weatherd: Weatherd, home: Path, folder: Path) -> None:
    """The one that the settings name."""
    (folder / "weatherd.yaml").write_text("cities: mine.yaml\n")
    assert weatherd("cities", "add", "Kiel")[0] == 0
    assert "Kiel" in (folder / "mine.yaml").read_text()
    assert not home.exists()
