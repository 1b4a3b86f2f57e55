"""``weatherd export``, on a journal made by the test."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest

from tests.support.commands import run_weatherd
from weatherd.formatting import to_dict
from weatherd.text.local_zone import find_local_zone

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation


@pytest.mark.usefixtures("stored")
def test_parquet_without_pyarrow_is_not_a_mistake_in_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the package to install, without a hint at the help; exit code 64."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run_weatherd(capsys, "export", "--format", "parquet")
    assert (code, err) == (64, f"weatherd: parquet needs pyarrow: {sys.executable} -m pip install 'pyarrow>=18'\n")


def test_export_writes_all_observations(
    stored: list[Observation], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All three formats have the same observations in order of arrival, with name and tags of their city."""
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, tags: {region: north}}\n"
        "  - {name: Bonn, lat: 50.7, lon: 7.1, tags: {river: Rhine}}\n"
    )
    _, out, _ = run_weatherd(capsys, "export", "--format", "jsonl")
    named = {"name": "Kiel", "tags": {"region": "north"}}
    assert [json.loads(line) for line in out.splitlines()] == [
        to_dict(observation) | {"local_date": f"{observation.observed_at.astimezone(find_local_zone()).date()}"} | named
        for observation in stored
    ]
    _, out, _ = run_weatherd(capsys, "export")
    wanted = [(f"{observation.temperature}", "Kiel", "north", "") for observation in stored]
    columns = ("temperature", "name", "tags.region", "tags.river")
    assert [tuple(row[name] for name in columns) for row in csv.DictReader(io.StringIO(out))] == wanted
    file = tmp_path / "all.parquet"
    assert run_weatherd(capsys, "export", "--format", "parquet", "--output", str(file))[0] == 0
    table = pyarrow.parquet.read_table(file).to_pylist()
    times = ("observed_at", *columns)
    assert [tuple(row[name] for name in times) for row in table] == [
        (observation.observed_at, observation.temperature, "Kiel", "north", None) for observation in stored
    ]
    _, out, _ = run_weatherd(capsys, "export", "--units", "us", "--format", "jsonl")
    assert json.loads(out.splitlines()[0])["temperature"] == round(stored[0].temperature * 1.8 + 32, 1)


def test_export_selects_by_tag(stored: list[Observation], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cities that have all of the tags now; with names, those of them; none is an error."""
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, tags: {region: north}}\n"
        "  - {name: Bonn, lat: 50.7, lon: 7.1, tags: {region: west}}\n"
    )
    assert len(run_weatherd(capsys, "export", "--format", "jsonl", "--tag", "region=north")[1].splitlines()) == len(
        stored
    )
    assert run_weatherd(capsys, "export", "--format", "jsonl", "--tag", "region=west") == (0, "", "")
    assert run_weatherd(capsys, "export", "Bonn", "--tag", "region=north") == (
        64,
        "",
        "weatherd: no city has the tag region=north\n",
    )


def test_export_filters_by_city_and_time(stored: list[Observation], capsys: pytest.CaptureFixture[str]) -> None:
    """Only the matching observations are written."""
    _, out, _ = run_weatherd(capsys, "export", "--format", "jsonl", "--since", "1h", "Kiel")
    assert 5 <= len(out.splitlines()) <= 6 < len(stored)
    assert run_weatherd(capsys, "export", "--format", "jsonl", "Bonn")[1] == ""
