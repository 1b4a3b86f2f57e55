"""The counts of cities in a snapshot of the daemon."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from tests.support.daemon import make_latest, make_status
from tests.support.fakes import make_fetched
from tests.support.virtual_time import EPOCH
from weatherd.city import City
from weatherd.daemon.monitor.daemon_monitor import DaemonMonitor
from weatherd.daemon.status import CityState
from weatherd.polling.poll_history import Poll

kinds = st.tuples(
    st.sampled_from([None, 0, 1]),  # failed polls; None: it was not polled yet
    st.sampled_from([None, timedelta(0), timedelta(days=2)]),  # age of its last observation; None: it has none
)


@given(st.lists(kinds, max_size=20))
def test_the_counts_are_those_of_the_states(found: list[tuple[int | None, timedelta | None]]) -> None:
    """The monitor has a fast count of its own: a polled city is unavailable if its state is ``stale`` or ``down``."""

    async def scenario() -> None:
        cities = [City(name=f"City {number}", lat=1.0, lon=1.0) for number in range(len(found))]
        status = make_status(cities, latest=make_latest(cities))
        for city, (failures, age) in zip(cities, found, strict=True):
            polls = status.history.begin(city)
            if failures is not None:
                polls.last = Poll(0.0, 1.0, (), failures)
            if age is not None:
                status.latest.record([make_fetched(city, observed_at=EPOCH - age)])
        polled = [city for city, (failures, _) in zip(cities, found, strict=True) if failures is not None]
        unavailable = sum(status.state_of(city) in {CityState.STALE, CityState.DOWN} for city in polled)
        counted = await DaemonMonitor(status, status.daemon_alerts)._count_cities()
        assert counted == (unavailable, len(cities) - len(polled))

    virtual_time.run(scenario())
