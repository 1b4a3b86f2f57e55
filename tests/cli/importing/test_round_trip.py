"""Exports that are imported: the journal has the same observations, and another export the same bytes."""

from __future__ import annotations

import itertools
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.commands import run_weatherd
from tests.support.fakes import BERLIN, KIEL, observation
from weatherd.cli.importing.value_limits import QUANTITY_BOUNDS
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import FetchedObservation, Observation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMATS = ["csv", "jsonl", "parquet"]
CITIES = {"kiel": KIEL, "berlin": BERLIN}
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - see timezones
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=30)
OBSERVATIONS = st.builds(
    Observation,
    city=st.sampled_from(sorted(CITIES)),
    provider=st.sampled_from(["open-meteo", "nws"]),
    observed_at=TIMES,
    fetched_at=TIMES,
    temperature=st.floats(*QUANTITY_BOUNDS["temperature"]),
    description=TEXTS,
    code=st.none() | st.integers(0, 99),
    station=st.just("") | TEXTS,
    quality=st.sampled_from(["ok", "suspect: temperature step, wind_gust consistency"]),
    **{name: st.none() | st.floats(*bounds) for name, bounds in QUANTITY_BOUNDS.items() if name != "temperature"},
)


@pytest.fixture
def machines(tmp_path: Path) -> Sequence[Path]:
    """Return the folders of two machines with the same list."""
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()
        (folder / "weatherd.yaml").write_text("state: state\nretention: null\n")
        (folder / "cities.yaml").write_text(
            "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, tags: {region: north}}\n"
            "  - {name: Berlin, lat: 52.5, lon: 13}\n"
        )
    return folders


def fill_journal(folder: Path, live: Sequence[Observation], past: Sequence[Observation] = ()) -> None:
    """Write a new journal with observations."""
    (folder / "state").mkdir(exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        (folder / "state" / f"{JOURNAL_FILE}{suffix}").unlink(missing_ok=True)
    with closing(Store(folder / "state" / JOURNAL_FILE)) as store:
        for chunk in itertools.batched(live, 7) if hasattr(itertools, "batched") else [live]:
            store.add([FetchedObservation(CITIES[row.city], row) for row in chunk])
        store.add_past(past)


def export_file(capsys: pytest.CaptureFixture[str], folder: Path, name: str, *options: str) -> Path:
    """Export the journal of a machine."""
    file = folder / name
    arguments = (
        "--config",
        str(folder / "weatherd.yaml"),
        "--output",
        str(file),
        "--format",
        file.suffix[1:],
        *options,
    )
    assert run_weatherd(capsys, "export", *arguments) == (0, "", "")
    return file


def import_file(capsys: pytest.CaptureFixture[str], folder: Path, file: Path, *options: str) -> str:
    """Import a file on a machine; return the summary."""
    code, out, err = run_weatherd(capsys, "import", str(file), "--config", str(folder / "weatherd.yaml"), *options)
    assert (code, err) == (0, "")
    return out


@pytest.mark.parametrize("form", FORMATS)
@given(live=st.lists(OBSERVATIONS, max_size=12), past=st.lists(OBSERVATIONS, max_size=4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_imported_export_is_the_same_again(
    form: str,
    live: list[Observation],
    past: list[Observation],
    machines: Sequence[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Byte for byte, in each format: order, times, numbers, texts, origins and judgements."""
    old, new = machines
    fill_journal(
        old, live, [row._replace(origin=origin) for row, origin in zip(past, itertools.cycle(["import", "backfill"]))]
    )
    fill_journal(new, [])
    exported = export_file(capsys, old, f"all.{form}")
    import_file(capsys, new, exported)
    assert export_file(capsys, new, f"all.{form}").read_bytes() == exported.read_bytes()
    assert "imported 0 of" in import_file(capsys, new, exported)
    assert export_file(capsys, new, f"again.{form}").read_bytes() == exported.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_a_machine_has_what_it_has_exported(
    form: str, machines: Sequence[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is added when it imports its own export, whatever the fraction of a second of an observation."""
    machine, _ = machines
    fractions = [0, 1, 999, 1000, 120_000, 123_456, 999_999]
    times = [datetime(2026, 1, 1, 12, index, tzinfo=UTC, microsecond=part) for index, part in enumerate(fractions)]
    fill_journal(machine, [observation(observed_at=time, fetched_at=time) for time in times])
    exported = export_file(capsys, machine, f"own.{form}")
    assert import_file(capsys, machine, exported).startswith("imported 0 of 7 observations of 1 city")
    if form == "csv":
        written = [line.split(",")[2][19:] for line in exported.read_text().splitlines()[1:]]
        assert written == ["Z", ".000001Z", ".000999Z", ".001Z", ".120Z", ".123456Z", ".999999Z"]


@pytest.mark.parametrize("units", ["us", "uk"])
def test_an_export_in_other_units_is_converted_back(
    units: str, machines: Sequence[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Values are as exact as the rounding of the export, so that another export in these units is the same."""
    old, new = machines
    values: dict[str, Any] = {
        "wind_speed": 7.3,
        "wind_gust": 9.9,
        "pressure_msl": 1013.2,
        "precipitation": 0.4,
        "visibility": 24140.0,
    }
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        observation(observed_at=begin + timedelta(minutes=number), temperature=number / 10 - 20, **values)
        for number in range(400)
    ]
    fill_journal(old, rows)
    exported = export_file(capsys, old, "all.csv", "--units", units)
    import_file(capsys, new, exported, "--units", units)
    assert export_file(capsys, new, "all.csv", "--units", units).read_bytes() == exported.read_bytes()
    metric = export_file(capsys, new, "metric.jsonl").read_text()
    assert '"relative_humidity": null' in metric
    assert '"visibility": 24140.' in metric


def test_an_older_export_has_no_origin(machines: Sequence[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Columns that an older weatherd did not export have their defaults: its observations were its own."""
    _, new = machines
    file = new / "old.csv"
    file.write_text(
        "city,provider,observed_at,fetched_at,temperature,description,code\n"
        "kiel,nws,2025-01-01T00:00:00Z,2025-01-01T00:05:00Z,-3.5,snow,71\n"
    )
    out = import_file(capsys, new, file)
    assert out == "imported 1 of 1 observation of 1 city, 2025-01-01T00:00:00Z to 2025-01-01T00:00:00Z\n"
    (_, row) = export_file(capsys, new, "all.csv").read_text().splitlines()
    assert row.startswith(
        "kiel,nws,2025-01-01T00:00:00Z,2025-01-01T00:05:00Z,-3.5,snow,71,,,,,,,,,,,live,ok,2025-01-01,Kiel,"
    )
