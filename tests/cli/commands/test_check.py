"""``weatherd check``: API usage, and the changes that an edited list would make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Weatherd = Callable[..., tuple[int, str, str]]


def make_list(count: int) -> str:
    """Return a list of *count* cities."""
    return "cities:\n" + "".join(f"  - {{name: City {n}, lat: {n / 10}, lon: 10.0}}\n" for n in range(count))


def test_a_list_that_exceeds_a_limit(weatherd: Weatherd, folder: Path) -> None:
    """300 cities every 10 minutes exceed the daily limit; 43 min 12 s is the shortest interval that fits."""
    (folder / "cities.yaml").write_text(make_list(300))
    code, out, _ = weatherd("check")
    assert code == 0
    assert "open-meteo: 1,800 calls per hour (limit 5,000)\n" in out
    assert "open-meteo: 43,200 calls per day (limit 10,000)  EXCEEDED\n" in out
    assert out.splitlines()[-1] == (
        "open-meteo: 300 cities every 10m exceed the daily limit. "
        "Shortest interval that fits: 43m12s; weatherd will use 44m4s."
    )


def test_a_single_city_that_exceeds_a_limit(weatherd: Weatherd, folder: Path) -> None:
    """The sentence is in the singular for one city."""
    (folder / "cities.yaml").write_text(make_list(1))
    (folder / "weatherd.yaml").write_text("interval: 2s\n")
    assert "open-meteo: 1 city every 2s exceeds the daily limit. " in weatherd("check")[1]


def test_a_list_that_barely_fits(weatherd: Weatherd, folder: Path) -> None:
    """104 cities every 15 minutes are 9,984 calls per day, just below the limit."""
    (folder / "cities.yaml").write_text(make_list(104))
    (folder / "weatherd.yaml").write_text("interval: 15m\n")
    _, out, _ = weatherd("check")
    assert "open-meteo: 9,984 calls per day (limit 10,000)\n" in out
    assert "exceed" not in out


def test_what_an_edited_list_would_change(weatherd: Weatherd, folder: Path) -> None:
    """Shows added, removed and changed cities, quarantined rows, and calls per day; applies nothing."""
    other = folder / "other.yaml"
    other.write_text(
        "cities:\n  - {name: Kiel, lat: 54.4, lon: 10.1, interval: 5m}\n  - {name: Oslo, lat: 59.9, lon: 10.7}\n"
        "  - {name: Wrong, lat: 599, lon: 10.7}\n"
    )
    before = (folder / "cities.yaml").read_text()
    code, out, err = weatherd("check", "--against", str(other))
    assert code == 0
    changes = out[out.index("changes with ") :].splitlines()[1:]
    assert changes == [
        "~ Kiel: lat 54.3 → 54.4, interval 10m → 5m",
        "+ Oslo",
        "- München",
        "2 cities, 0 unchanged",
        "open-meteo: 432 calls per day (now 288)",
    ]
    assert f"quarantined: {other}:4:24: 'Wrong'" in err
    assert (folder / "cities.yaml").read_text() == before


@pytest.mark.parametrize("text", ["cities: [", "", "cities: 5"])
def test_an_edited_list_that_is_invalid(weatherd: Weatherd, folder: Path, text: str) -> None:
    """It is rejected with file, line and column: exit code 78."""
    (folder / "other.yaml").write_text(text)
    code, _, err = weatherd("check", "--against", str(folder / "other.yaml"))
    assert (code, "other.yaml:" in err) == (78, True)


def test_a_missing_edited_list(weatherd: Weatherd) -> None:
    """A missing file is exit code 78."""
    code, _, err = weatherd("check", "--against", "nowhere.yaml")
    assert (code, "nowhere.yaml" in err) == (78, True)


def test_a_state_folder_that_cannot_be_used(weatherd: Weatherd, folder: Path) -> None:
    """``once`` names the folder, the reason and the fix: exit code 74; ``check`` does not need the folder."""
    (folder / "file").write_text("")
    (folder / "weatherd.yaml").write_text("state: file\n")
    code, _, err = weatherd("once")
    assert code == 74
    assert "the state folder config/file cannot be used" in err
    assert "set 'state'" in err
    assert weatherd("check")[0] == 0


def test_calls_of_once_count_against_the_quota(weatherd: Weatherd, folder: Path, service: str) -> None:
    """The calls are stored; at the limit nothing is sent, and the error says so."""
    (folder / "weatherd.yaml").write_text(f"openweathermap: {{base_url: '{service}', api_key: k}}\nstate: state\n")
    (folder / "cities.yaml").write_text(
        "cities:\n"
        + "".join(f"  - {{name: City {n}, lat: {n}, lon: 1.0, providers: [openweathermap]}}\n" for n in range(5))
    )
    assert weatherd("once")[0] == 0
    import sqlite3  # noqa: PLC0415 - to read what is stored

    database = sqlite3.connect(folder / "state" / "weatherd.sqlite")
    used = dict(database.execute("SELECT window, used FROM quota WHERE provider = 'openweathermap'"))
    assert used["month"] == 5
    database.execute("UPDATE quota SET used = 1000000 WHERE window = 'month'")
    database.commit()
    database.close()
    code, _, err = weatherd("once")
    assert code == 69
    assert "the 1,000,000 calls a month of its plan are used up" in err


@pytest.mark.parametrize(("name", "scheme"), [("HTTP_PROXY", "http"), ("https_proxy", "https")])
@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "http://", "http://a:99999"])
def test_a_wrong_proxy_is_a_warning(
    weatherd: Weatherd, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str, value: str
) -> None:
    """SOCKS proxies are not supported, and every request would fail."""
    monkeypatch.setenv(name, value)
    code, _, err = weatherd("check")
    message = "is not the address of a proxy, such as http://proxy:3128"
    assert (code, err) == (0, f"warning: {name.upper()} {message}; every {scheme} request will fail\n")
