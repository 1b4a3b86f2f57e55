"""Metrics of long lists."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.support.daemon import make_status
from tests.support.fakes import BERLIN, KIEL
from weatherd.freshness import AGE_BUDGETS, AgeBudgets
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.pipeline.latest import LatestObservations
from weatherd.web.metrics import HttpTraffic, render_metrics

if TYPE_CHECKING:
    from weatherd.observation import Observation


class RecordingObservations(LatestObservations):
    """Latest observations that record the threads in which they are looked up."""

    def __init__(self) -> None:
        super().__init__((), AgeBudgets(AGE_BUDGETS))
        self.threads: set[int] = set()

    def get(self, city_id: str) -> Observation | None:
        """Look an observation up."""
        self.threads.add(threading.get_ident())
        return super().get(city_id)


async def test_the_series_of_cities_are_made_in_a_thread() -> None:
    """The event loop does not wait for the series of 10,000 cities, which take a second."""
    latest = RecordingObservations()
    status = make_status([KIEL, BERLIN], deliveries=DeliveryGroup([]), latest=latest)
    traffic = HttpTraffic(connections=1, streams=2, closed_early={}, bad_requests=3)
    body, _ = await render_metrics(status, traffic, "", per_city=True)
    assert len(latest.threads) == 2
    assert b'weatherd_up{city="kiel"} 0.0' in body
    assert b"weatherd_http_streams 2.0" in body
    latest.threads.clear()
    body, _ = await render_metrics(status, traffic, "", per_city=False)
    assert b'city="kiel"' not in body
    assert latest.threads == {threading.get_ident()}
