"""The latest observations, and the flags that they give to new ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.daemon import make_latest
from tests.support.fakes import BERLIN, KIEL, MUNICH, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.observation import LastObservation
from weatherd.pipeline.latest import LatestObservations

if TYPE_CHECKING:
    from weatherd.observation import FetchedObservation

LEFT = replace(KIEL, lat=1.0)
MINUTES = st.integers(0, 3).map(lambda minutes: EPOCH + timedelta(minutes=minutes))
ARRIVALS = st.lists(
    st.builds(
        lambda city, observed, fetched, temperature, stale: make_fetched(
            city, observed_at=observed, fetched_at=fetched, temperature=temperature
        )._replace(stale=stale),
        st.sampled_from([KIEL, BERLIN, LEFT]),
        MINUTES,
        MINUTES,
        st.sampled_from([6.0, 7.0]),
        st.booleans(),
    )
)


@given(ARRIVALS, st.integers(1, 5))
def test_each_observation_is_compared_with_the_previous_one_of_its_city(
    arrivals: list[FetchedObservation], size: int
) -> None:
    """Whatever the batches; one of a place that the city has left is neither flagged nor compared with."""
    latest = make_latest([LEFT, BERLIN])
    latest.apply(diff([LEFT, BERLIN], [KIEL, BERLIN]))
    batches = [arrivals[start : start + size] for start in range(0, len(arrivals), size)]
    flagged = [fetched for batch in batches for fetched in latest.record(batch)]
    before: dict[str, FetchedObservation] = {}
    for arrival, result in zip(arrivals, flagged, strict=True):
        city, new = arrival.city, arrival.observation
        previous = None
        if city != LEFT:
            previous = before.get(city.id)
            before[city.id] = arrival
        if previous is None:
            assert result == arrival
            continue
        old = previous.observation
        assert result == arrival._replace(
            repeat=new._replace(fetched_at=old.fetched_at) == old,
            follows=new.observed_at > old.observed_at and new.fetched_at > old.fetched_at,
        )
    assert {city.id: latest.get(city.id) for city in (KIEL, BERLIN)} == {
        city.id: before[city.id].observation if city.id in before else None for city in (KIEL, BERLIN)
    }


SAVED = LastObservation(KIEL.lat, KIEL.lon, observation(KIEL))
RENAMED = replace(KIEL, id="kiel-port")


@pytest.mark.parametrize("is_restart", [True, False])
def test_a_new_id_at_the_same_place_is_reported(is_restart: bool) -> None:  # noqa: FBT001
    """An id that a city had until an edit, in this run or before it, is named once; other new cities are not."""
    latest = LatestObservations([SAVED], BUILT_IN_BUDGETS)
    with capture_logs() as logs:
        if not is_restart:
            latest.apply(diff([], [KIEL, BERLIN]))
        latest.apply(diff([] if is_restart else [KIEL, BERLIN], [RENAMED, BERLIN, MUNICH]))
    assert logs == [
        {
            "event": "city.renamed",
            "log_level": "warning",
            "city": "kiel-port",
            "former": "kiel",
            "action": "renamed? keep `id: kiel` in its row, so that its history continues",
        }
    ]


def test_a_city_beside_another_is_not_renamed() -> None:
    """Two rows may have the same coordinates; a moved city and a removed one are not renamed ones."""
    with capture_logs() as logs:
        latest = LatestObservations([SAVED], BUILT_IN_BUDGETS)
        latest.apply(diff([], [KIEL, RENAMED, BERLIN]))
        latest.apply(diff([KIEL, RENAMED, BERLIN], [KIEL, replace(BERLIN, lat=1.0)]))
    assert logs == []


def test_many_new_ids_are_few_lines() -> None:
    """Ten are named, the others counted."""
    cities = [City(name=f"City {number}", lat=number, lon=1.0) for number in range(30)]
    latest = make_latest([])
    latest.apply(diff([], cities))
    with capture_logs() as logs:
        latest.apply(diff(cities, [replace(city, id=f"new-{city.id}") for city in cities]))
    assert [line.get("more") for line in logs] == [None] * 10 + [20]
