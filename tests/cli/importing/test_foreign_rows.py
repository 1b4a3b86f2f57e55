"""CSV files of other programs: columns, units, times and missing values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run_weatherd

CONFIG = (
    "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, timezone: Europe/Berlin}\n  - {name: Bonn, lat: 50.7, lon: 7.1}\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with settings and a list."""
    (tmp_path / "weatherd.yaml").write_text("state: state\ntimezone: UTC\nretention: null\n")
    (tmp_path / "cities.yaml").write_text(CONFIG)
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def import_text(capsys: pytest.CaptureFixture[str], text: str, *options: str) -> tuple[int, str, str]:
    """Import a CSV file; return exit code, standard output and standard error."""
    Path("log.csv").write_bytes(text.encode())
    return run_weatherd(capsys, "import", "log.csv", *options)


def export_rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the observations in the journal."""
    return [json.loads(line) for line in run_weatherd(capsys, "export", "--format", "jsonl")[1].splitlines()]


def read_back(capsys: pytest.CaptureFixture[str], text: str, *options: str) -> list[dict[str, Any]]:
    """Import a CSV file without bad lines for Kiel; return the observations in the journal."""
    code, _, err = import_text(capsys, text, "--city", "Kiel", *options)
    assert (code, err) == (0, "")
    return export_rows(capsys)


@pytest.mark.usefixtures("folder")
def test_columns_of_other_programs_have_names_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    """Headings, units and the local time of the city become weatherd's; the origin is ``import``."""
    (found,) = read_back(
        capsys,
        "Datum;Temp (F);RH;Wind, km/h;precipitation;Baro\r\n2026-01-31 12:00;71,6;40;36;0,2;29,92\r\n",
        *("--column", "time=Datum", "--column", "temperature=Temp (F):°F"),
        *("--column", "relative_humidity=RH", "--column", "wind_speed=Wind, km/h:km/h"),
        *("--column", "pressure_msl = Baro : inHg"),
    )
    assert (found["city"], found["provider"], found["origin"]) == ("kiel", "import", "import")
    assert found["observed_at"] == "2026-01-31T11:00:00Z"
    assert (found["temperature"], found["relative_humidity"], found["wind_speed"]) == (22.0, 40.0, 10.0)
    assert (found["precipitation"], found["pressure_msl"]) == (0.2, pytest.approx(1013.2, abs=0.05))
    assert (found["description"], found["code"], found["visibility"]) == ("unknown", None, None)


@pytest.mark.usefixtures("folder")
def test_each_row_may_name_its_city(capsys: pytest.CaptureFixture[str]) -> None:
    """By its name or id; one that is not in the list keeps its observations, in the default time zone."""
    text = (
        "time,city,temperature,code\n2026-07-01T12:00,Kiel,20,61\n2026-07-01T12:00,kiel,20,61\n"
        "2026-07-01T12:00,Ulm,21,\n2026-07-01T12:00+02:00,bonn,22,0\n"
    )
    _, out, err = import_text(capsys, text)
    assert out.endswith("\nleft out 1 line with the same time as a later one\n")
    assert out.startswith("imported 3 of 3 observations of 3 cities, 2026-07-01T10:00:00Z to 2026-07-01T12:00:00Z")
    assert err == "new city that is not in the list of cities: ulm; check the spelling\n"
    assert [(row["city"], row["observed_at"], row["description"]) for row in export_rows(capsys)] == [
        ("bonn", "2026-07-01T10:00:00Z", "clear sky"),
        ("kiel", "2026-07-01T10:00:00Z", "slight rain"),
        ("ulm", "2026-07-01T12:00:00Z", "unknown"),
    ]
    assert run_weatherd(capsys, "history", "ulm", "--since", "2026-07-01", "--until", "2026-07-02")[0] == 0


@pytest.mark.usefixtures("folder")
def test_a_misspelt_city_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    """The note says so before and after its first import, with a similar name of the list; then it is known."""
    text = "time,temperature\n2026-07-01T12:00,20\n"
    note = "new city that is not in the list of cities: kiell; did you mean 'kiel'?\n"
    for options in (["--dry-run"], []):
        code, _, err = import_text(capsys, text, "--city", "Kiell", *options)
        assert (code, err) == (0, note)
    assert import_text(capsys, text, "--city", "Kiell")[2] == "not in the list of cities: kiell\n"
    text = "time,temperature,city\n2026-07-01T12:00,20,Kiell\n2026-07-01T12:00,20,Ulm\n2026-07-01T12:00,20,Rom\n"
    assert import_text(capsys, text)[2].splitlines() == [
        "new cities that are not in the list of cities: rom, ulm; check the spelling",
        "not in the list of cities: kiell",
    ]


@pytest.mark.usefixtures("folder")
def test_date_and_time_may_be_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """They are joined by a space, before the format applies; in local time an hour that comes twice has two rows."""
    text = "Tag,Uhr,temperature\n" + "".join(f"25.10.2026,{hour}:30,{hour}\n" for hour in (1, 2, 2, 3))
    rows = read_back(capsys, text, "--column", "time=Tag+Uhr", "--time-format", "%d.%m.%Y %H:%M")
    assert [row["observed_at"][11:16] for row in rows] == ["23:30", "00:30", "01:30", "02:30"]


@pytest.mark.usefixtures("folder")
def test_missing_values_have_usual_marks(capsys: pytest.CaptureFixture[str]) -> None:
    """Empty cells, dashes, words and -999 are unknown, not zero; the zone may be another one than the city's."""
    text = "time,temperature,wind_gust,visibility,cloud_cover,station,description\n"
    text += "2026-01-01T00:00,1,,-999,NA,-,\n2026-01-01T01:00,0,--,-9999.0,NaN,K1,fog patches\n"
    first, second = read_back(capsys, text, "--timezone", "Pacific/Auckland", "--provider", "garden")
    assert first["observed_at"] == "2025-12-31T11:00:00Z"
    for row in (first, second):
        assert (row["wind_gust"], row["visibility"], row["cloud_cover"], row["provider"]) == (
            None,
            None,
            None,
            "garden",
        )
    assert (first["station"], first["description"]) == ("", "unknown")
    assert (second["station"], second["description"]) == ("K1", "fog patches")


@pytest.mark.usefixtures("folder")
def test_every_bad_line_has_its_position(capsys: pytest.CaptureFixture[str]) -> None:
    """File, line and column, also behind quoted values with delimiters and line breaks; the others are imported."""
    text = (
        "note,time,temperature,code\n"
        "a,2026-01-01T00:00,1,\n"
        '"b,\n""c""",2026-01-01T01:00,warm,\n'
        "d,yesterday,1,\n"
        "e,2126-01-01T00:00,1,\n"
        "e,0026-01-01T00:00,1,\n"
        "f,2026-01-01T02:00,75,\n"
        "g,2026-01-01T03:00,,\n"
        "h,2026-01-01T04:00\n"
        "\n"
        "i,2026-01-01T05:00,1,100\n"
        "j,2026-01-01T06:00,1_0,3\n"
        "k,2026-01-01T07:00,2,3\n"
    )
    code, out, err = import_text(capsys, text, "--city", "Kiel")
    assert code == 65
    assert out.splitlines()[1:] == ["skipped 9 bad lines"]
    assert err.splitlines() == [
        "log.csv:4:25: temperature should be a number, not 'warm'",
        "log.csv:5:3: the time should be ISO 8601 such as 2026-01-31 12:00 (or pass --time-format), not 'yesterday'",
        "log.csv:6:3: the time '2126-01-01T00:00' is in the future: is the time zone right?",
        "log.csv:7:3: the time '0026-01-01T00:00' is before 1900: are its year and --time-format right?",
        "log.csv:8:20: temperature should be from -100.0 °C to 70.0 °C, not '75': is the unit right?",
        "log.csv:9:20: has no temperature",
        "log.csv:10:1: has 2 values, but the heading has 4",
        "log.csv:12:22: code should be from 0 to 99, not '100'",
        "log.csv:13:20: temperature should be a number, not '1_0'",
    ]
    assert [row["temperature"] for row in export_rows(capsys)] == [1.0, 2.0]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            ["--column", "time=Day", "--column", "temperature=Temp"],
            "log.csv: pass --city NAME or --column city=HEADING, because it is not an export",
        ),
        (["--city", "Kiel"], "no column is named time: pass --column time=HEADING; the headings are 'Day', 'Temp'"),
        (["--column", "time"], "--column should be FIELD=HEADING or FIELD=HEADING:UNIT, not 'time'"),
        (["--column", "tmie=Day"], "--column tmie=Day: no field is named 'tmie'; did you mean 'time'?"),
        (["--column", "time=Dya"], "--column time=Dya: no column has the heading 'Dya'; did you mean 'Day'?"),
        (
            ["--column", "temperature=Temp:K"],
            "--column temperature=Temp:K: 'K' is no unit of temperature; the units of temperature are °C, C, °F, F",
        ),
        (["--column", "time=Day:mm"], "--column time=Day:mm: 'mm' is no unit of time; time has no unit"),
        (
            ["--city", "Kiel", "--units", "us"],
            "--units is for exports: other columns have units as in 'temperature=Temp (F):°F'",
        ),
    ],
)
def test_a_wrong_column_is_explained(capsys: pytest.CaptureFixture[str], options: list[str], reason: str) -> None:
    """Before anything is imported; exit code 64."""
    code, _, err = import_text(capsys, "Day,Temp\n2026-01-01,1\n", *options)
    assert (code, err) == (64, f"weatherd: {reason}\n")


@pytest.mark.usefixtures("folder")
def test_other_programs_values_are_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """As those that weatherd polls: a step that no weather makes is suspect, and imported nevertheless."""
    text = "temperature,time,wind_speed,wind_gust\n" + "".join(
        f"{celsius},2026-01-01T{hour:02}:00,5,{gust}\n"
        for hour, celsius, gust in ((3, 4, 7), (2, 35, 7), (1, 4, 7), (0, 3, 2))
    )
    assert [row["quality"] for row in read_back(capsys, text)] == [
        "suspect: wind_gust consistency",
        "ok",
        "suspect: temperature step",
        "ok",
    ]


def test_values_are_not_judged_without_checks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``quality.enabled`` holds for an import, too."""
    with (folder / "weatherd.yaml").open("a") as settings:
        settings.write("quality: {enabled: false}\n")
    (found,) = read_back(capsys, "time,temperature\n2026-01-01T00:00,60\n")
    assert (found["temperature"], found["quality"]) == (60.0, "ok")
