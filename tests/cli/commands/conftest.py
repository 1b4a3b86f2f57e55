"""The list of the command line, and a journal of one day for the commands that read it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import KIEL, observation
from weatherd.journal.store import Store
from weatherd.observation import FetchedObservation

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Observation]:
    """Write a journal of one day with a gap of six hours, and settings that use it."""
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text(
        "cities:\n  - {name: Kiel, lat: 54.305902, lon: 10.123282, timezone: Asia/Tokyo}\n"
        "  - {name: Bonn, lat: 50.7, lon: 7.1}\n  - {name: '[red]:sun:[/]', id: odd, lat: 1, lon: 1}\n"
    )
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    observations, now = [], datetime.now(UTC).replace(microsecond=0)
    for number in range(1, 140):
        at = now - timedelta(minutes=10 * number)
        if not 40 <= number < 76:
            observations.append(observation(KIEL, observed_at=at, fetched_at=at, temperature=number / 10 - 4))
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state" / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation) for observation in observations])
    return observations


@pytest.fixture
def rows(folder: Path) -> Path:
    """Return the city list with Kiel and München."""
    return folder / "cities.yaml"
