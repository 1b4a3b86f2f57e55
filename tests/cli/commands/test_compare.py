"""``weatherd compare``: the services of a city against a station or each other."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import KIEL, make_fetched
from weatherd.cli.exit_codes import ExitCode
from weatherd.journal.store import Store

if TYPE_CHECKING:
    from pathlib import Path

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = END - timedelta(days=10)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a list with Kiel, and an empty journal."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, providers: [open-meteo, met-norway, bright-sky]}\n"
    )
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    (tmp_path / "state").mkdir()
    add_hours(tmp_path, "open-meteo", 0.0, range(0))
    return tmp_path


def add_hours(folder: Path, provider: str, temperature: float, hours: range, quality: str = "ok") -> None:
    """Add an observation for each hour after the begin."""
    with closing(Store(folder / "state" / "weatherd.sqlite")) as store:
        times = [BEGIN + timedelta(hours=hour) for hour in hours]
        values = {"provider": provider, "temperature": temperature, "quality": quality}
        store.add([make_fetched(KIEL, observed_at=at, fetched_at=at, **values) for at in times])


def test_services_against_a_station(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each service has its pairs, errors and outages, the station is first; suspect values do not count."""
    add_hours(folder, "open-meteo", 11.0, range(100))
    add_hours(folder, "open-meteo", 11.0, range(110, 240))
    add_hours(folder, "bright-sky", 10.0, range(240))
    add_hours(folder, "met-norway", 7.5, range(100, 240))
    add_hours(folder, "met-norway", 99.0, range(50), "suspect: temperature range")
    code, out, _ = run_weatherd(capsys, "compare", "Kiel")
    lines = out.splitlines()
    assert code == ExitCode.OK
    assert lines[1] == "reference: bright-sky, which measures"
    assert lines[2].split("  ")[0] == "service"
    assert [line.split() for line in lines[3:6]] == [
        ["bright-sky", "240", "–", "–", "–", "–", "–"],
        ["open-meteo", "230", "230", "+1.00", "+1.00", "to", "+1.00", "1.00", "1", "(11h)"],
        ["met-norway", "140", "140", "-2.50", "-2.50", "to", "-2.50", "2.50", "–"],
    ]
    assert lines[6] == "bright-sky measures: put it first in the providers of Kiel"
    document = json.loads(run_weatherd(capsys, "compare", "kiel", "--format", "json")[1])
    station, model, _ = document["services"]
    assert (document["field"], document["unit"]) == ("temperature", "°C")
    assert (document["reference"], document["preferred"]) == ("bright-sky", "bright-sky")
    assert (station["bias"], station["pairs"], station["outages"]) == (None, 0, None)
    assert (model["bias"], model["interval"], model["mean_absolute_error"]) == (1.0, [1.0, 1.0], 1.0)
    begin, end = (BEGIN + timedelta(hours=hour) for hour in (99, 110))
    assert model["outages"] == [{"begin": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}]


def test_differences_are_in_the_units_of_the_reader(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A difference of 1 °C is one of 1.8 °F, and not of 33.8."""
    (folder / "weatherd.yaml").write_text("state: state\nunits: us\n")
    add_hours(folder, "open-meteo", 11.0, range(100))
    add_hours(folder, "bright-sky", 10.0, range(100))
    out = run_weatherd(capsys, "compare", "Kiel")[1]
    assert "bias °F" in out
    assert "+1.80" in out


@pytest.mark.parametrize(
    ("services", "hours", "advice"),
    [
        ({}, 100, "no observations"),
        ({"open-meteo": 1.0}, 100, "only one service has reported, so there is nothing to compare it with"),
        ({"open-meteo": 1.0, "met-norway": 2.0}, 100, "which one is better is not known: two services without"),
        ({"open-meteo": 1.0, "bright-sky": 2.0}, 24, "which one to put first is not known yet: there are pairs of"),
        ({"open-meteo": 1.0, "met-norway": 2.0, "openweathermap": 4.0}, 100, "met-norway has the smallest error: put"),
        (
            {"open-meteo": 2.0, "met-norway": 1.0, "openweathermap": 4.0},
            100,
            "open-meteo has the smallest error: it is",
        ),
    ],
)
def test_advice(
    folder: Path, capsys: pytest.CaptureFixture[str], services: dict[str, float], hours: int, advice: str
) -> None:
    """It says which service to put first, or why that is not known."""
    for provider, temperature in services.items():
        add_hours(folder, provider, temperature, range(hours))
    code, out, _ = run_weatherd(capsys, "compare", "Kiel")
    assert code == ExitCode.OK
    assert out.splitlines()[-1].startswith(advice)


def test_services_polled_for_comparison_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They count as any other, with their outages, and are not in the history; what is too old is deleted."""
    row = "providers: [open-meteo], compare: [bright-sky]"
    (folder / "cities.yaml").write_text(f"cities:\n  - {{name: Kiel, lat: 54.3, lon: 10.1, {row}}}\n")
    add_hours(folder, "open-meteo", 11.0, range(240))
    hours = [*range(-5, 20), *range(30, 240)]
    with closing(Store(folder / "state" / "weatherd.sqlite")) as store:
        for hour in hours:
            at = BEGIN + timedelta(hours=hour, minutes=5)
            (_, found, *_) = make_fetched(KIEL, observed_at=at, fetched_at=at, provider="bright-sky", temperature=9.5)
            store.compared.add(found)
            store.compared.add(found)
        assert store.compared.delete(BEGIN.timestamp()) == 5
    code, out, _ = run_weatherd(capsys, "compare", "Kiel")
    station, model = (line.split() for line in out.splitlines()[3:5])
    assert code == ExitCode.OK
    assert (station[0], station[1], station[-2:]) == ("bright-sky", "230", ["1", "(11h)"])
    assert model[:4] == ["open-meteo", "240", "230", "+1.50"]
    assert "bright-sky" not in run_weatherd(capsys, "history", "Kiel", "--since", "20d", "--format", "csv")[1]
    assert "bright-sky" not in run_weatherd(capsys, "export")[1]


def test_rejected_arguments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown city and a wind direction, whose mean is none, are rejected."""
    assert folder.exists()
    code, _, err = run_weatherd(capsys, "compare", "Kile")
    assert (code, "did you mean" in err) == (ExitCode.USAGE, True)
    assert run_weatherd(capsys, "compare", "Kiel", "--field", "wind_direction")[0] == ExitCode.USAGE
