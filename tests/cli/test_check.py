"""``weatherd check``: the plan, and what an edited list would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Weatherd = Callable[..., tuple[int, str, str]]


def many(count: int) -> str:
    """Return a list of so many cities."""
    return "cities:\n" + "".join(f"  - {{name: City {n}, lat: {n / 10}, lon: 10.0}}\n" for n in range(count))


def test_a_list_that_does_not_fit_is_told_what_would(weatherd: Weatherd, folder: Path) -> None:
    """300 cities at ten minutes: too many a day, and 43 min 12 s is the smallest interval that fits."""
    (folder / "cities.yaml").write_text(many(300))
    code, out, _ = weatherd("check")
    assert code == 0
    assert "open-meteo: 1,800 calls an hour of 5,000\n" in out
    assert "open-meteo: 43,200 calls a day of 10,000  TOO MANY\n" in out
    assert "300 cities do not fit every 10m: the smallest interval is 43m12s" in out
    assert "a run stretches it to 44m4s" in out


def test_a_list_that_fits_is_shown_as_that(weatherd: Weatherd, folder: Path) -> None:
    """104 cities at 15 minutes are 9,984 calls a day: they fit, by a hair."""
    (folder / "cities.yaml").write_text(many(104))
    (folder / "weatherd.yaml").write_text("interval: 15m\n")
    _, out, _ = weatherd("check")
    assert "open-meteo: 9,984 calls a day of 10,000\n" in out
    assert "do not fit" not in out


def test_what_an_edited_list_would_change(weatherd: Weatherd, folder: Path) -> None:
    """Cities that come, go and change, rows that would be set aside, and the calls a day; nothing is applied."""
    other = folder / "other.yaml"
    other.write_text(
        "cities:\n  - {name: Kiel, lat: 54.4, lon: 10.1, interval: 5m}\n  - {name: Oslo, lat: 59.9, lon: 10.7}\n"
        "  - {name: Wrong, lat: 599, lon: 10.7}\n"
    )
    before = (folder / "cities.yaml").read_text()
    code, out, err = weatherd("check", "--against", str(other))
    assert code == 0
    told = out[out.index("with ") :].splitlines()[1:]
    assert told == [
        "~ Kiel: lat 54.3 → 54.4, interval 10m → 5m",
        "+ Oslo",
        "- München",
        "2 cities, 0 of them as they are",
        "open-meteo: 432 calls a day instead of 288",
    ]
    assert f"set aside: {other}:4:24: 'Wrong'" in err
    assert (folder / "cities.yaml").read_text() == before


@pytest.mark.parametrize("text", ["cities: [", "", "cities: 5"])
def test_an_edited_list_that_is_wrong(weatherd: Weatherd, folder: Path, text: str) -> None:
    """It is refused with its place, before it can do harm: exit 78."""
    (folder / "other.yaml").write_text(text)
    code, _, err = weatherd("check", "--against", str(folder / "other.yaml"))
    assert (code, "other.yaml:" in err) == (78, True)


def test_an_edited_list_that_is_not_there(weatherd: Weatherd) -> None:
    """So is a file that cannot be read."""
    code, _, err = weatherd("check", "--against", "nowhere.yaml")
    assert (code, "nowhere.yaml" in err) == (78, True)


def test_a_state_folder_that_cannot_be_used(weatherd: Weatherd, folder: Path) -> None:
    """``once`` says which folder, why and what to do: exit 74; ``check`` alone does not need one."""
    (folder / "file").write_text("")
    (folder / "weatherd.yaml").write_text("state: file\n")
    code, _, err = weatherd("once")
    assert code == 74
    assert "the state folder config/file cannot be used" in err
    assert "set 'state'" in err
    assert weatherd("check")[0] == 0


def test_calls_of_once_are_counted(weatherd: Weatherd, folder: Path, service: str) -> None:
    """What ``once`` has used is there the next time: at the limit nothing more is sent, and it says so."""
    rows = many(100)
    (folder / "cities.yaml").write_text(rows)
    (folder / "weatherd.yaml").write_text(f"openweathermap: {{base_url: '{service}', api_key: k}}\nstate: state\n")
    (folder / "cities.yaml").write_text(
        "cities:\n"
        + "".join(f"  - {{name: City {n}, lat: {n}, lon: 1.0, providers: [openweathermap]}}\n" for n in range(5))
    )
    assert weatherd("once")[0] == 0
    import sqlite3  # noqa: PLC0415 - to look into what is kept

    database = sqlite3.connect(folder / "state" / "weatherd.sqlite")
    used = dict(database.execute("SELECT window, used FROM quota WHERE provider = 'openweathermap'"))
    assert used["month"] == 5
    database.execute("UPDATE quota SET used = 1000000 WHERE window = 'month'")
    database.commit()
    database.close()
    code, _, err = weatherd("once")
    assert code == 69
    assert "the 1,000,000 calls a month of its plan are used up" in err
