"""``weatherd check``: API usage, and the changes that an edited list would make."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sqlite3
import sys
import zoneinfo
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from weatherd.journal.state_folder import lock_state_folder
from weatherd.zone_data import find_zone_data

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd


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
    assert out.splitlines()[-2] == (
        "open-meteo: 300 cities every 10m exceed the daily limit. "
        "Shortest interval that fits: 43m12s; weatherd will use 44m4s."
    )


def test_polls_that_bring_nothing_new(weatherd: Weatherd, folder: Path) -> None:
    """Every ten minutes, a third of the polls of Open-Meteo brings nothing new; with auto there is no such line."""
    (folder / "cities.yaml").write_text(make_list(10))
    text = (
        "33% of its polls bring nothing new, because it has a new value every 15m; interval: auto would save 480 calls"
    )
    assert f"open-meteo: {text} per day\n" in weatherd("check")[1]
    (folder / "weatherd.yaml").write_text("interval: auto\n")
    out = weatherd("check")[1]
    assert "open-meteo: 960 calls per day (limit 10,000)\n" in out
    assert "nothing new" not in out


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


def test_a_row_whose_provider_lacks_a_setting(weatherd: Weatherd, folder: Path) -> None:
    """It is quarantined with file, line and column, also in a CSV file, in one of several, and with --against."""
    rows, other = folder / "rows.csv", folder / "other.yaml"
    rows.write_text("name,lat,lon,providers\nOslo,59.9,10.7,met-norway\n")
    other.write_text(
        "cities:\n  - {name: Rom, lat: 1, lon: 2}\n  - {name: Oslo, lat: 3, lon: 4, providers: [met-norway]}\n"
    )
    (folder / "weatherd.yaml").write_text("cities: [cities.yaml, rows.csv]\nhttp: {enabled: false}\n")
    code, _, err = weatherd("check")
    assert (code, "rows.csv:2:1: 'Oslo': met-norway needs your e-mail" in err) == (0, True), err
    code, _, err = weatherd("check", "--against", str(other))
    assert (code, f"quarantined: {other}:3:5: 'Oslo': met-norway needs your e-mail" in err) == (0, True), err


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
    """``once`` and ``check`` name the folder, the reason and the fix: exit code 74."""
    (folder / "file").write_text("")
    (folder / "weatherd.yaml").write_text("state: file\n")
    for command in ("once", "check"):
        code, _, err = weatherd(command)
        assert code == 74
        assert "the state folder config/file cannot be used" in err
        assert "set 'state'" in err


def test_calls_of_once_count_against_the_quota(weatherd: Weatherd, folder: Path, service: str) -> None:
    """The calls are stored; at the limit nothing is sent, and the error says so."""
    (folder / "weatherd.yaml").write_text(f"openweathermap: {{base_url: '{service}', api_key: k}}\nstate: state\n")
    (folder / "cities.yaml").write_text(
        "cities:\n"
        + "".join(f"  - {{name: City {n}, lat: {n}, lon: 1.0, providers: [openweathermap]}}\n" for n in range(5))
    )
    assert weatherd("once")[0] == 0
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


def test_outdated_zone_data_is_a_warning(weatherd: Weatherd, folder: Path, tmp_path: Path) -> None:
    """The zone data in use is named with its version; a city whose times differ in the newer package is a warning."""
    zones, package = tmp_path / "zones", files("tzdata") / "zoneinfo"
    (zones / "Europe").mkdir(parents=True)
    (zones / "tzdata.zi").write_text("# version 2025b\n")
    for name, data in (("UTC", "UTC"), ("Europe/Berlin", "Europe/London")):
        (zones / name).write_bytes(package.joinpath(*data.split("/")).read_bytes())
    row = "- {name: Berlin, lat: 52.5, lon: 13.4, timezone: Europe/Berlin}"
    (folder / "cities.yaml").write_text(f"cities:\n  {row}\n")
    try:
        zoneinfo.reset_tzpath(to=[str(zones)])
        find_zone_data.cache_clear()
        zoneinfo.ZoneInfo.clear_cache()
        code, out, err = weatherd("check")
    finally:
        zoneinfo.reset_tzpath()
        find_zone_data.cache_clear()
        zoneinfo.ZoneInfo.clear_cache()
    assert (code, f"zones:    2025b ({zones})\n" in out) == (0, True)
    assert err.startswith(f"warning: the zone data in use, 2025b ({zones}), is older than the package tzdata, ")
    assert "differs for Europe/Berlin from " in err


def test_a_list_that_leaves_nothing_to_poll(weatherd: Weatherd, folder: Path) -> None:
    """An empty list, and one whose rows are all quarantined, is exit code 78 with the file and the reason."""
    (folder / "cities.yaml").write_text("cities: []\n")
    code, _, err = weatherd("check")
    assert (code, "cities.yaml: the list has no cities" in err) == (78, True)
    (folder / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 543, lon: 10.1}\n")
    code, _, err = weatherd("check")
    assert (code, "every row is quarantined, so nothing would be polled" in err) == (78, True)


def test_an_edited_list_that_removes_every_city(weatherd: Weatherd, folder: Path) -> None:
    """With --against, the edited list is the one that has to leave something to poll."""
    (folder / "other.yaml").write_text("cities: []\n")
    code, out, err = weatherd("check", "--against", str(folder / "other.yaml"))
    assert (code, "- Kiel" in out, "other.yaml: the list has no cities" in err) == (78, True, True)


def test_strict(weatherd: Weatherd, folder: Path) -> None:
    """Quarantined rows and exceeded limits are exit code 78 with --strict, and 0 without."""
    (folder / "cities.yaml").write_text(f"{make_list(300)}  - {{name: Wrong, lat: 599, lon: 10.7}}\n")
    assert weatherd("check")[0] == 0
    code, _, err = weatherd("check", "--strict")
    assert code == 78
    assert "exceed the daily limit" in err
    assert err.splitlines()[0].startswith("config/cities.yaml:302:24: 'Wrong': 'lat' should be")


def test_the_report_as_json(weatherd: Weatherd, folder: Path) -> None:
    """One document has the usage, the quarantined rows and the problems, also of a configuration that is rejected."""
    (folder / "cities.yaml").write_text(f"{make_list(2)}  - {{name: Wrong, lat: 599, lon: 10.7}}\n")
    code, out, err = weatherd("check", "--format", "json")
    found = json.loads(out)
    assert (code, err, found["ok"], found["cities"], found["problems"]) == (0, "", True, 2, [])
    assert found["quarantined"][0]["where"] == "config/cities.yaml:4:24"
    assert found["providers"][0]["calls"]["day"] == 288
    (folder / "edited.yaml").write_text(make_list(1))
    found = json.loads(weatherd("check", "--format", "json", "--against", "config/edited.yaml")[1])
    assert (found["list"], found["cities"]) == ("config/cities.yaml", 2)
    assert (found["against"]["list"], found["against"]["cities"]) == ("config/edited.yaml", 1)
    (folder / "weatherd.yaml").write_text("interval: never\n")
    code, out, _ = weatherd("check", "--format", "json")
    found = json.loads(out)
    assert (code, found["ok"], found["problems"][0]["where"]) == (78, False, "config/weatherd.yaml:1:11")


def test_a_forwarder_without_its_library(weatherd: Weatherd, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is exit code 78, as for ``weatherd run``; the message has the command that installs the library."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    (folder / "weatherd.yaml").write_text("postgres: {dsn: 'postgresql://localhost/weather'}\n")
    code, _, err = weatherd("check")
    assert (code, "postgres: needs asyncpg: " in err) == (78, True)


def test_a_port_that_is_taken(weatherd: Weatherd, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is exit code 78, unless a daemon with the same state folder runs, which may be the one that has the port."""
    monkeypatch.delenv("WEATHERD_HTTP__PORT")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (folder / "weatherd.yaml").write_text(f"state: state\nhttp: {{port: {port}}}\n")
        code, _, err = weatherd("check")
        assert (code, f"cannot listen on 127.0.0.1 port {port}: Address already in use; set another" in err) == (
            78,
            True,
        )
        with lock_state_folder(folder / "state"):
            assert weatherd("check")[0] == 0


def test_check_changes_nothing(weatherd: Weatherd, folder: Path) -> None:
    """The state folder is not created."""
    (folder / "weatherd.yaml").write_text("state: state\n")
    assert weatherd("check")[0] == 0
    assert not (folder / "state").exists()


def test_a_journal_of_a_newer_version(weatherd: Weatherd, folder: Path) -> None:
    """It is exit code 74, as for ``weatherd run``."""
    (folder / "weatherd.yaml").write_text("state: state\n")
    (folder / "state").mkdir()
    with contextlib.closing(sqlite3.connect(folder / "state" / "weatherd.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    code, _, err = weatherd("check")
    assert (code, "was written by a newer weatherd" in err) == (74, True)


@pytest.mark.parametrize("host", ["mqtt://h:1883", "h:1883", "a b", "h/x", "user@h"])
def test_an_address_as_the_host_of_the_broker(weatherd: Weatherd, folder: Path, host: str) -> None:
    """A host is a name or an IP address; a URL is rejected with its position and an example."""
    (folder / "weatherd.yaml").write_text(f"mqtt: {{host: '{host}'}}\n")
    code, _, err = weatherd("check")
    assert code == 78
    assert "weatherd.yaml:1:14: 'mqtt.host' should be a host name or an IP address, such as broker.local" in err


@pytest.mark.usefixtures("folder", "service")
def test_an_online_value_is_in_the_readers_unit(weatherd: Weatherd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temperature that a service responds with has the unit of the settings."""
    monkeypatch.setenv("WEATHERD_UNITS", "us")
    assert re.search(r"open-meteo: Kiel: -?\d+ °F, response in", weatherd("check", "--online")[1])


def test_forwarders_are_connected_online(weatherd: Weatherd, folder: Path, service: str) -> None:
    """--online also tries the forwarders: a web server that answers, and a broker that is not there."""
    (folder / "weatherd.yaml").write_text(
        f"state: state\nopen_meteo: {{base_url: '{service}'}}\nwebhook: {{url: '{service}/hook'}}\n"
        "mqtt: {host: 127.0.0.1, port: 9}\n"
    )
    code, out, err = weatherd("check", "--online")
    assert code == 69
    assert "webhook: reachable (GET: HTTP status 404)" in out
    assert "mqtt: " in err


@pytest.mark.parametrize("arguments", [(), ("--quiet",), ("--format", "json"), ("--quiet", "--format", "json")])
def test_an_unreachable_provider(weatherd: Weatherd, folder: Path, arguments: tuple[str, ...]) -> None:
    """--online fails in every form of output; --quiet logs the reason and prints nothing."""
    (folder / "weatherd.yaml").write_text("state: state\nopen_meteo: {base_url: 'http://127.0.0.1:9'}\n")
    code, out, err = weatherd("check", "--online", *arguments)
    assert code == 69
    assert "no connection to 127.0.0.1:9" in (err if "json" not in arguments or "--quiet" in arguments else out)
    if "--quiet" in arguments:
        assert (out, "check.failed" in err) == ("", True)


def test_a_reachable_provider_quietly(weatherd: Weatherd, folder: Path, service: str) -> None:
    """--online --quiet writes nothing if everything responds."""
    (folder / "weatherd.yaml").write_text(f"state: state\nopen_meteo: {{base_url: '{service}'}}\n")
    assert weatherd("check", "--online", "--quiet") == (0, "", "")


def test_one_is_singular(weatherd: Weatherd, folder: Path) -> None:
    """A city, and a call."""
    (folder / "cities.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, interval: 1h}\n")
    code, out, _ = weatherd("check", "--against", "config/cities.yaml")
    assert (code, "open-meteo: 1 call per hour (limit 5,000)\n" in out) == (0, True)
    assert "\n1 city, 1 unchanged\n" in out


def test_the_calls_of_official_warnings(weatherd: Weatherd, folder: Path) -> None:
    """They are listed by service: single cities, a national list with lookups, and what an edited list changes."""
    german = "".join(f"  - {{name: City {n}, lat: 50.{n}, lon: 10.0}}\n" for n in range(3))
    german += "  - {name: Tokyo, lat: 35.7, lon: 139.7}\n"
    american = "".join(f"  - {{name: Town {n}, lat: 35.{n}, lon: -95.0, warnings: [nws]}}\n" for n in range(40))
    (folder / "cities.yaml").write_text(f"cities:\n{german}{american}")
    line = "nws: 720 calls per day for the warnings of 40 cities, each every 2m"
    assert weatherd("check")[1].splitlines()[-2] == f"{line}, and 40 once a month to look up their zones"
    (folder / "weatherd.yaml").write_text("warnings: auto\npirate_weather: {api_key: sesame}\n")
    (folder / "edited.yaml").write_text(f"cities:\n{german}".replace("lon: 10.0", "lon: 10.0, warnings: off", 2))
    _, out, _ = weatherd("check", "--against", str(folder / "edited.yaml"))
    assert "bright-sky: 2,160 calls per day for the warnings of 3 cities, each every 2m\n" in out
    assert "bright-sky: 720 calls per day for warnings (now 2,160)\n" in out
    assert "nws: 0 calls per day for warnings (now 720)\n" in out
    document = json.loads(weatherd("check", "--format", "json")[1])
    [nws, bright_sky, pirate_weather] = document["official_warnings"]
    assert (pirate_weather["cities"], pirate_weather["interval"]) == (1, 900.0)
    assert nws == {
        "name": "nws", "cities": 40, "interval": 120.0, "lookups": 40,
        "calls": {"minute": 0.5, "hour": 30.0, "day": 720.0, "month": 22320.0},
    }  # fmt: skip
    assert bright_sky["lookups"] == 0


def test_the_calls_for_comparison(weatherd: Weatherd, folder: Path) -> None:
    """They are listed by service, without the first provider, and so is what an edited list changes."""
    (folder / "weatherd.yaml").write_text("compare: [open-meteo, bright-sky]\n")
    (folder / "edited.yaml").write_text("cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, providers: [bright-sky]}\n")
    _, out, _ = weatherd("check", "--against", str(folder / "edited.yaml"))
    lines = [line for line in out.splitlines() if "for the comparison" in line]
    assert lines == ["bright-sky: up to 48 calls per day for the comparison of 2 cities"]
    assert "bright-sky: 0 calls per day for comparison (now 48)\n" in out
    assert "open-meteo: 24 calls per day for comparison (now 0)\n" in out
    document = json.loads(weatherd("check", "--format", "json")[1])
    calls = {"minute": 0.0, "hour": 2.0, "day": 48.0, "month": 1488.0}
    assert document["compared"] == [{"name": "bright-sky", "cities": 2, "calls": calls}]
