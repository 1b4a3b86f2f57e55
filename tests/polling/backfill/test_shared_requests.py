"""Requests that cities share: which times are joined, and how large a request becomes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from weatherd.polling.backfill.gaps import Gap, plan_requests
from weatherd.polling.backfill.shared_requests import SharedRequest, share_requests
from weatherd.providers.past import PASTS, PastTraits

HOUR, DAY = 3600.0, 86400.0
TRAITS = PASTS["open-meteo"]


def share(*gaps: Gap, limit: int = 100, traits: PastTraits = TRAITS) -> list[tuple[float, float, int]]:
    """Return begin, end and number of cities of the requests for some cities with a gap each."""
    shared = share_requests({str(index): [gap] for index, gap in enumerate(gaps)}, traits, limit)
    return [(request.begin, request.end, len(request.parts)) for request in shared]


def test_the_gaps_of_a_downtime_are_one_request() -> None:
    """Cities were polled at different minutes, so that begins and ends differ."""
    gaps = [Gap(60.0 * n, 3 * HOUR + 30 * n) for n in range(15)]
    assert share(*gaps) == [(0.0, 3 * HOUR + 420, 15)]


def test_different_times_are_not_joined() -> None:
    """A long gap and a short one would give rows that the other city does not need."""
    assert share(Gap(0, DAY), Gap(HOUR, 2 * HOUR)) == [(0, DAY, 1), (HOUR, 2 * HOUR, 1)]
    assert share(Gap(0, HOUR), Gap(HOUR, 2 * HOUR)) == [(0, 2 * HOUR, 2)]
    assert share(Gap(0, HOUR), Gap(1.1 * HOUR, 2.1 * HOUR)) == [(0, HOUR, 1), (1.1 * HOUR, 2.1 * HOUR, 1)]


def test_a_request_has_at_most_so_many_cities_and_rows() -> None:
    """100 cities with a short gap, and 7 with a gap of a week, which is the longest time of a request."""
    assert [count for _, _, count in share(*[Gap(0, HOUR)] * 250)] == [100, 100, 50]
    assert [count for _, _, count in share(*[Gap(0, 7 * DAY)] * 15)] == [7, 7, 1]
    assert [count for _, _, count in share(*[Gap(0, HOUR)] * 20, limit=8)] == [8, 8, 4]
    assert [count for _, _, count in share(Gap(0, 6 * DAY), Gap(2 * DAY, 8 * DAY))] == [1, 1]


def test_a_service_without_such_requests_gets_one_city_at_a_time() -> None:
    """The requests are those that were planned."""
    assert share(Gap(0, HOUR), Gap(0, HOUR), limit=1) == [(0, HOUR, 1)] * 2


BOUNDS = st.lists(st.integers(0, 600), max_size=12, unique=True).map(sorted)  # hours: two for each gap


@given(st.lists(BOUNDS, max_size=12), st.integers(1, 5))
def test_requests_cover_each_city_in_order_of_time(cities: list[list[int]], limit: int) -> None:
    """Each planned time is in one request, within its bounds, and those of a city follow each other."""
    planned = {
        index: plan_requests(
            [Gap(HOUR * begin, HOUR * end) for begin, end in zip(bounds[::2], bounds[1::2], strict=False)], TRAITS.span
        )
        for index, bounds in enumerate(cities)
    }
    shared = share_requests(planned, TRAITS, limit)
    for city, gaps in planned.items():
        assert [request.parts[city] for request in shared if city in request.parts] == sorted(gaps)
    for request in shared:
        _check_request(request, limit)


def _check_request(request: SharedRequest[int], limit: int) -> None:
    length = request.end - request.begin
    assert 1 <= len(request.parts) <= limit
    assert all(request.begin <= begin < end <= request.end for begin, end in request.parts.values())
    assert length <= 2 * min(end - begin for begin, end in request.parts.values())
    assert length <= TRAITS.span + 1
    assert len(request.parts) == 1 or len(request.parts) * length / TRAITS.step < 5000
    assert all(first <= second for first, second in pairwise(begin for begin, _ in request.parts.values()))
