"""How long a provider is paused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.errors import Failure, ProviderError
from weatherd.quota.cooldown import OUTAGE_FAILURES, OUTAGE_THRESHOLD, failure_weight, pause_seconds

DAY = 86400.0
SERVICE_WIDE = (Failure.RATE_LIMITED, Failure.CONCURRENCY_LIMITED, Failure.DENIED)

errors = st.builds(
    lambda failure, asked: ProviderError("no", failure, retry_after=asked),
    st.sampled_from(Failure),
    st.none() | st.floats(0, 1e12) | st.just(float("inf")),
)
counts = st.integers(0, 10_000)


def pauses(failure: Failure, count: int, asked: float | None = None) -> list[float | None]:
    """Return the consecutive pauses after failures with that ``Retry-After``."""
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
def test_pauses_double_up_to_a_maximum(failure: Failure, seconds: list[float]) -> None:
    """Each consecutive pause is twice as long as the one before it, up to the maximum for its kind."""
    assert pauses(failure, len(seconds)) == seconds


@pytest.mark.parametrize("failure", [Failure.REJECTED, Failure.STALE])
@given(failures=counts, consecutive_pauses=counts)
def test_the_failure_of_one_city_pauses_nothing(failure: Failure, failures: int, consecutive_pauses: int) -> None:
    """A failure of one city never pauses the provider, however often it occurs."""
    assert pause_seconds(ProviderError("no", failure), failures, consecutive_pauses) is None


@pytest.mark.parametrize("failure", OUTAGE_FAILURES)
def test_five_consecutive_failures_are_an_outage(failure: Failure) -> None:
    """Four may be caused by four cities; a single failure after a pause is still the same outage."""
    error = ProviderError("no", failure)
    assert [pause_seconds(error, failures, 0) for failures in range(1, 7)] == [None] * 4 + [15.0, 15.0]
    assert pause_seconds(error, 1, 1) == 30.0


@pytest.mark.parametrize("failure", SERVICE_WIDE)
def test_retry_after_takes_precedence(failure: Failure) -> None:
    """Whether it is longer than the back-off or shorter; shorter only for the first pause."""
    assert pauses(failure, 3, asked=7000.0) == [7000.0] * 3
    short = pauses(failure, 3, asked=2.0)
    assert short == [2.0, *pauses(failure, 3)[1:]]


@pytest.mark.parametrize("failure", OUTAGE_FAILURES)
def test_a_failing_service_may_set_the_length_of_a_pause(failure: Failure) -> None:
    """A single 503 with a ``Retry-After`` pauses the provider, for at least 15 s."""
    assert pause_seconds(ProviderError("no", failure, retry_after=120.0), 1, 0) == 120.0
    assert pause_seconds(ProviderError("no", failure, retry_after=1.0), 1, 0) == 15.0


@given(errors, counts, counts)
def test_no_pause_is_longer_than_a_day(error: ProviderError, failures: int, consecutive_pauses: int) -> None:
    """Whatever its ``Retry-After``, and after ten thousand pauses, a pause lasts from 0 to 86400 s."""
    seconds = pause_seconds(error, failures, consecutive_pauses)
    assert seconds is None or 0 <= seconds <= DAY


@given(errors, counts, counts)
def test_the_next_pause_is_never_shorter(error: ProviderError, failures: int, consecutive_pauses: int) -> None:
    """While a service fails in the same way, no pause is shorter than the one before."""
    before, after = (pause_seconds(error, failures, consecutive_pauses + more) for more in (1, 2))
    assert (before is None) == (after is None)
    assert before is None or after is None or before <= after


@given(counts, counts, st.floats(0, DAY))
def test_no_pause_is_shorter_than_retry_after(failures: int, consecutive_pauses: int, asked: float) -> None:
    """Any pause is at least as long as ``Retry-After``, up to a day."""
    for failure in (*SERVICE_WIDE, *OUTAGE_FAILURES):
        seconds = pause_seconds(ProviderError("no", failure, retry_after=asked), failures, consecutive_pauses)
        assert (seconds is None and asked == 0) or (seconds is not None and seconds >= asked)


@given(st.sampled_from(Failure), st.integers(1, 1000))
def test_a_failed_batch_counts_as_several_failures(failure: Failure, weight: int) -> None:
    """A city counts as one failure, an unavailable batch as an outage, and a rejected city as none."""
    counted = failure_weight(ProviderError("no", failure), weight)
    assert (counted == 0) == (failure not in OUTAGE_FAILURES)
    assert counted <= OUTAGE_THRESHOLD
    if weight == 1:
        assert counted <= 1
    elif failure is Failure.UNAVAILABLE:
        assert counted == min(weight, OUTAGE_THRESHOLD)
    else:
        assert counted < OUTAGE_THRESHOLD
