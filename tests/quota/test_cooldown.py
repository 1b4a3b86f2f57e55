"""How long a service is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.errors import Failure, ProviderError
from weatherd.quota.cooldown import OUTAGE_FAILURES, OUTAGE_THRESHOLD, failure_weight, pause_seconds

DAY = 86400.0
WHOLE = (Failure.RATE_LIMITED, Failure.CONCURRENCY_LIMITED, Failure.DENIED)  # the affair of the whole service

errors = st.builds(
    lambda failure, asked: ProviderError("no", failure, retry_after=asked),
    st.sampled_from(Failure),
    st.none() | st.floats(0, 1e12) | st.just(float("inf")),
)
counts = st.integers(0, 10_000)


def pauses(failure: Failure, count: int, asked: float | None = None) -> list[float | None]:
    """Return the pauses in a row after failures that ask to be left alone for so long."""
    return [
        pause_seconds(ProviderError("no", failure, retry_after=asked), OUTAGE_THRESHOLD, consecutive_pauses)
        for consecutive_pauses in range(count)
    ]


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (Failure.RATE_LIMITED, [60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (Failure.CONCURRENCY_LIMITED, [5, 10, 20, 40, 80, 160, 300, 300]),
        (Failure.DENIED, [600, 3600, 3600]),
        (Failure.UNAVAILABLE, [15, 30, 60, 120, 240, 300, 300]),
        (Failure.BROKEN, [15, 30, 60, 120, 240, 300, 300]),
        (Failure.MALFORMED, [15, 30, 60, 120, 240, 300, 300]),
    ],
)
def test_pauses_grow_up_to_a_most(failure: Failure, seconds: list[float]) -> None:
    """Each pause in a row is twice as long as the one before it, up to what its kind may last."""
    assert pauses(failure, len(seconds)) == seconds


@pytest.mark.parametrize("failure", [Failure.REJECTED, Failure.STALE])
@given(failures=counts, consecutive_pauses=counts)
def test_the_fault_of_one_place_is_no_affair_of_the_service(
    failure: Failure, failures: int, consecutive_pauses: int
) -> None:
    """However often one place is refused, the others are asked for."""
    assert pause_seconds(ProviderError("no", failure), failures, consecutive_pauses) is None


@pytest.mark.parametrize("failure", OUTAGE_FAILURES)
def test_an_outage_is_five_in_a_row(failure: Failure) -> None:
    """Four failed requests may be the fault of four places; and what failed after a pause is still the outage."""
    error = ProviderError("no", failure)
    assert [pause_seconds(error, failures, 0) for failures in range(1, 7)] == [None] * 4 + [15.0, 15.0]
    assert pause_seconds(error, 1, 1) == 30.0


@pytest.mark.parametrize("failure", WHOLE)
def test_what_the_service_asks_for_holds(failure: Failure) -> None:
    """Also when that is longer than weatherd would wait, or shorter, but shorter only the first time."""
    assert pauses(failure, 3, asked=7000.0) == [7000.0] * 3
    short = pauses(failure, 3, asked=2.0)
    assert short == [2.0, *pauses(failure, 3)[1:]]


@pytest.mark.parametrize("failure", OUTAGE_FAILURES)
def test_a_service_that_is_ill_may_say_for_how_long(failure: Failure) -> None:
    """One 503 with a Retry-After is enough to leave it alone, for 15 s at the least."""
    assert pause_seconds(ProviderError("no", failure, retry_after=120.0), 1, 0) == 120.0
    assert pause_seconds(ProviderError("no", failure, retry_after=1.0), 1, 0) == 15.0


@given(errors, counts, counts)
def test_no_pause_is_longer_than_a_day(error: ProviderError, failures: int, consecutive_pauses: int) -> None:
    """Whatever a service asks for, and after ten thousand consecutive_pauses, a pause is a number from 0 to 86400."""
    seconds = pause_seconds(error, failures, consecutive_pauses)
    assert seconds is None or 0 <= seconds <= DAY


@given(errors, counts, counts)
def test_a_further_strike_is_never_a_shorter_pause(
    error: ProviderError, failures: int, consecutive_pauses: int
) -> None:
    """Once it has paused, a service that goes on failing the same way is left alone for as long at the least."""
    before, after = (pause_seconds(error, failures, consecutive_pauses + more) for more in (1, 2))
    assert (before is None) == (after is None)
    assert before is None or after is None or before <= after


@given(counts, counts, st.floats(0, DAY))
def test_nobody_comes_back_before_the_service_said(failures: int, consecutive_pauses: int, asked: float) -> None:
    """A Retry-After is never undercut."""
    for failure in (*WHOLE, *OUTAGE_FAILURES):
        seconds = pause_seconds(ProviderError("no", failure, retry_after=asked), failures, consecutive_pauses)
        assert (seconds is None and asked == 0) or (seconds is not None and seconds >= asked)


@given(st.sampled_from(Failure), st.integers(1, 1000))
def test_a_request_stands_for_its_places(failure: Failure, weight: int) -> None:
    """One place that fails is one failure; many that nobody answers are an outage; an answer of its own is none."""
    counted = failure_weight(ProviderError("no", failure), weight)
    assert (counted == 0) == (failure not in OUTAGE_FAILURES)
    assert counted <= OUTAGE_THRESHOLD
    if weight == 1:
        assert counted <= 1
    elif failure is Failure.UNAVAILABLE:
        assert counted == min(weight, OUTAGE_THRESHOLD)
    else:
        assert counted < OUTAGE_THRESHOLD
