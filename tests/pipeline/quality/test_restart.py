"""The judgement of observations after a restart: as if there had been none."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.fakes import BERLIN, KIEL, make_fetched
from tests.support.virtual_time import EPOCH
from weatherd.config.diff import diff
from weatherd.config.sections.quality import QualitySection
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.observation import IMPORT
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.city import City
    from weatherd.observation import FetchedObservation

STEP = "suspect: temperature step"
MOVED = replace(KIEL, lat=KIEL.lat + 1)


def at(minutes: float, temperature: float, city: City = KIEL, **values: Any) -> FetchedObservation:
    """Return an observation that is made and fetched *minutes* after the beginning."""
    moment = EPOCH + timedelta(minutes=minutes)
    return make_fetched(city, observed_at=moment, fetched_at=moment, temperature=temperature, **values)


def start(store: Store, cities: Sequence[City] = (KIEL, BERLIN)) -> LatestObservations:
    """Return the latest observations of a run that begins now."""
    latest = LatestObservations(
        store.load(EPOCH.timestamp()).latest, BUILT_IN_BUDGETS, QualityControl(QualitySection())
    )
    latest.apply(diff((), cities))
    return latest


def run(store: Store, latest: LatestObservations, *batch: FetchedObservation) -> list[str]:
    """Judge and store a batch; return the qualities."""
    recorded = latest.record(batch)
    store.add(recorded)
    return [fetched.observation.quality for fetched in recorded]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return the writer of a new journal."""
    with closing(Store(tmp_path / JOURNAL_FILE)) as opened:
        yield opened


def test_a_suspect_value_stays_suspect_after_a_restart(store: Store) -> None:
    """The next value is compared with the last plausible one, also after two restarts, until it has lasted an hour."""
    assert run(store, start(store), at(0, 5.0), at(10, -15.0)) == ["ok", STEP]
    assert run(store, start(store), at(20, -15.1)) == [STEP]
    assert run(store, start(store), at(30, 5.2), at(40, -15.2)) == ["ok", STEP]
    assert run(store, start(store), at(90, -15.3), at(91, -15.4)) == [STEP, "ok"]


def test_a_value_that_is_suspect_for_another_reason_is_compared_with(store: Store) -> None:
    """A gust below the wind says nothing about the temperature of its observation."""
    gust: dict[str, Any] = {"wind_speed": 9.0, "wind_gust": 1.0}
    assert run(store, start(store), at(0, 20.0), at(10, 8.0, **gust)) == ["ok", "suspect: wind_gust consistency"]
    assert run(store, start(store), at(20, -4.0), at(30, -20.0)) == ["ok", STEP]


def test_values_of_the_past_and_of_other_sources_are_not_compared_with(store: Store) -> None:
    """Only what this daemon polled for the same city, from the same service and station, is."""
    run(store, start(store), at(-70, 0.0), at(0, 60.0), at(1, 30.0, BERLIN))
    past = at(-1, 5.0, origin=IMPORT).observation
    store.add_past([past, past._replace(provider="other"), past._replace(station="other")])
    assert run(store, start(store), at(10, 30.0)) == ["ok"]


def test_the_former_place_of_a_city_is_not_compared_with(store: Store) -> None:
    """Neither after a move while weatherd runs nor after one while it is stopped."""
    latest = start(store)
    run(store, latest, at(0, 5.0), at(10, -15.0))
    latest.apply(diff([KIEL, BERLIN], [MOVED, BERLIN]))
    assert run(store, latest, at(20, 60.0, MOVED)) == ["suspect: temperature range"]
    assert run(store, start(store, [MOVED]), at(30, 30.0, MOVED)) == ["ok"]
    assert run(store, start(store, [KIEL]), at(40, 5.0)) == ["ok"]


def test_the_end_is_logged_in_the_next_run(store: Store) -> None:
    """As if there had been no restart: the begin is not logged again, and the city counts as suspect meanwhile."""
    run(store, start(store), at(0, 5.0), at(10, -15.0))
    latest = start(store)
    assert latest.quality
    assert latest.quality.suspects == 1
    with capture_logs() as logs:
        run(store, latest, at(20, -15.0), at(30, 5.0), at(80, 5.0))
    assert [(event["event"], event["tests"]) for event in logs] == [("observation.plausible", "temperature step")]
    assert latest.quality.suspects == 0


values = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([5.0, 9.0, -15.0, 60.0, 30.0]),
        "pressure_msl": st.sampled_from([None, 1000.0, 1040.0]),
        "wind_speed": st.sampled_from([None, 5.0, 76.0]),
        "wind_gust": st.sampled_from([None, 2.0, 200.0]),
    }
)


@pytest.mark.once
@given(st.lists(st.tuples(st.integers(1, 40), values), max_size=8), st.integers(0, 255))
def test_a_restart_changes_no_judgement(series: list[tuple[int, dict[str, Any]]], restarts: int) -> None:
    """For any observations of a station and any restarts between them."""
    minutes = 0
    with TemporaryDirectory() as folder, closing(Store(Path(folder) / JOURNAL_FILE)) as store:
        latest = start(store)
        steady = start(store)
        for number, (later, reported) in enumerate(series):
            minutes += later
            fetched = at(minutes, **reported)
            (expected,) = (one.observation.quality for one in steady.record([fetched]))
            if restarts >> number & 1:
                latest = start(store)
            assert run(store, latest, fetched) == [expected]
