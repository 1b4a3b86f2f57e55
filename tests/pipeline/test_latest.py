"""The latest observations, and the flags that they give to new ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.daemon import make_latest
from tests.support.fakes import BERLIN, KIEL, make_fetched
from tests.support.virtual_time import EPOCH
from weatherd.config.diff import diff

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
