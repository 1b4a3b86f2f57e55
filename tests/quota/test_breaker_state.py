"""The circuit breaker's state machine: what must hold for every sequence of events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.errors import Failure, ProviderError
from weatherd.quota.breaker_state import (
    HEALTHY,
    BreakerState,
    PauseRequested,
    Phase,
    ProbeAbandoned,
    RequestFailed,
    RequestSent,
    RequestSucceeded,
    step,
)
from weatherd.quota.cooldown import OUTAGE_FAILURES, OUTAGE_THRESHOLD, pause_seconds

if TYPE_CHECKING:
    from weatherd.quota.breaker_state import BreakerEvent

SERVICE_WIDE = (Failure.RATE_LIMITED, Failure.CONCURRENCY_LIMITED, Failure.DENIED)
PAUSING = (*SERVICE_WIDE, *OUTAGE_FAILURES)  # at once, or after several in a row
CITY_ERRORS = (Failure.REJECTED, Failure.STALE, Failure.EMPTY)  # the service works, one city cannot be served

errors = st.builds(
    lambda failure, retry_after: ProviderError("failed", failure, retry_after=retry_after),
    st.sampled_from(Failure),
    st.none() | st.floats(0, 1e6),
)
pauses = st.builds(PauseRequested, st.floats(0, 40 * 86400.0), errors)
times = st.floats(0, 1e6)


@st.composite
def open_states(draw: st.DrawFn) -> BreakerState:
    """Return a state after one or more pauses."""
    state, now = HEALTHY, 0.0
    for pause in draw(st.lists(pauses, min_size=1, max_size=4)):
        state = step(state, pause, now)
        now = state.until
    return state


half_open_states = open_states().map(lambda state: step(state, RequestSent(), state.until))


class Traffic:
    """Requests through the breaker as the limiter sends them, in a random order and with random results.

    It checks after every event what must always hold.
    """

    def __init__(self) -> None:
        self.state = HEALTHY
        self.now = 0.0
        self.in_flight: list[bool] = []  # of each request, whether it is the probe

    def send(self) -> None:
        """Send a request unless it is rejected, or has to wait for the probe."""
        before = self.state
        self._step(RequestSent())
        if before.phase is Phase.OPEN and self.now < before.until:
            assert self.state is before  # rejected
        elif before.phase is Phase.HALF_OPEN:
            assert self.state is before  # waits
        else:
            self.in_flight.append(self.state.phase is Phase.HALF_OPEN)

    def finish(self, index: int, error: ProviderError | None, weight: int) -> None:
        """End one of the requests in flight with a response or an error."""
        if self.in_flight:
            is_probe, before = self.in_flight.pop(index % len(self.in_flight)), self.state
            event = RequestFailed(error, weight, is_probe) if error else RequestSucceeded(is_probe)
            self._step(event)
            if before.phase is not Phase.CLOSED and not is_probe:
                assert self.state is before  # a late result from before the pause changes nothing
            if before.phase is not Phase.CLOSED and self.state.phase is Phase.CLOSED:
                assert is_probe
                assert self.now >= before.until
            if is_probe and error and error.failure is Failure.PAUSED:
                self._step(ProbeAbandoned())

    def abandon(self, index: int) -> None:
        """Cancel one of the requests in flight."""
        if self.in_flight and self.in_flight.pop(index % len(self.in_flight)):
            self._step(ProbeAbandoned())

    def _step(self, event: BreakerEvent) -> None:
        self.state = step(self.state, event, self.now)
        self.check()

    def check(self) -> None:
        """Check what must hold between any two events."""
        assert self.state.phase in Phase
        if self.state.phase is Phase.CLOSED:
            assert (self.state.consecutive_pauses, self.state.cause) == (0, None)
            assert 0 <= self.state.failures < OUTAGE_THRESHOLD
        else:
            assert self.state.consecutive_pauses > 0
            assert self.state.cause is not None
            assert self.state.since <= self.now


actions = st.one_of(
    st.tuples(st.just("send")),
    st.tuples(st.just("finish"), st.integers(0, 9), st.none() | errors, st.integers(1, 100)),
    st.tuples(st.just("abandon"), st.integers(0, 9)),
)
delays = st.sampled_from([0.0, 0.5, 15.0, 60.0, 4000.0])


@given(st.lists(st.tuples(delays, actions), max_size=80))
def test_there_is_never_more_than_one_probe(events: list[tuple[float, tuple[object, ...]]]) -> None:
    """Whatever the order of requests and results: a probe is in flight exactly while the breaker is half open."""
    traffic = Traffic()
    for delay, (action, *arguments) in events:
        traffic.now += delay
        getattr(traffic, str(action))(*arguments)
        assert sum(traffic.in_flight) == (traffic.state.phase is Phase.HALF_OPEN)


@given(open_states(), st.floats(0, 1, exclude_max=True))
def test_no_request_is_sent_before_the_pause_ends(state: BreakerState, fraction: float) -> None:
    """At any time before ``until`` a request leaves it open; at ``until`` it becomes the probe."""
    early = state.since + fraction * (state.until - state.since)
    if early < state.until:
        assert step(state, RequestSent(), early) is state
    assert step(state, RequestSent(), state.until) == replace(state, phase=Phase.HALF_OPEN)


@given(half_open_states, times)
def test_a_second_request_does_not_become_a_probe(state: BreakerState, later: float) -> None:
    """While the probe is in flight, requests change nothing, however long it takes."""
    assert state.phase is Phase.HALF_OPEN
    assert step(state, RequestSent(), state.until + later) is state


@given(open_states() | half_open_states, errors, st.integers(1, 100), times)
def test_a_late_result_changes_nothing(state: BreakerState, error: ProviderError, weight: int, later: float) -> None:
    """A success or failure of a request from before the pause neither ends nor extends it."""
    now = state.since + later
    assert step(state, RequestSucceeded(), now) is state
    assert step(state, RequestFailed(error, weight), now) is state


@given(half_open_states, times)
def test_a_successful_probe_closes_it(state: BreakerState, later: float) -> None:
    """All counts begin again, so that the next pause is a short one."""
    assert step(state, RequestSucceeded(is_probe=True), state.until + later) == HEALTHY


@pytest.mark.parametrize("failure", CITY_ERRORS)
@given(state=half_open_states)
def test_a_probe_that_fails_for_one_city_closes_it(failure: Failure, state: BreakerState) -> None:
    """A probe that fails for one city closes the breaker, because the service responded."""
    event = RequestFailed(ProviderError("no such place", failure), is_probe=True)
    assert step(state, event, state.until) == HEALTHY


@pytest.mark.parametrize("failure", PAUSING)
@given(state=half_open_states, took=st.floats(0, 100))
def test_a_failed_probe_begins_a_longer_pause(failure: Failure, state: BreakerState, took: float) -> None:
    """A failed probe opens the breaker at once, even after one failure; the outage still begins at ``since``."""
    error, now = ProviderError("failed", failure), state.until + took
    after = step(state, RequestFailed(error, is_probe=True), now)
    assert (after.phase, after.consecutive_pauses) == (Phase.OPEN, state.consecutive_pauses + 1)
    assert (after.since, after.cause) == (state.since, error)
    assert after.until == now + (pause_seconds(error, after.failures, state.consecutive_pauses) or 0)
    assert after.until > now


@given(half_open_states)
def test_the_request_after_an_abandoned_probe_is_the_probe(state: BreakerState) -> None:
    """A cancelled probe has no result: the pause stays over, and the next request is the probe."""
    after = step(state, ProbeAbandoned(), state.until + 1)
    assert after == replace(state, phase=Phase.OPEN)
    assert step(after, RequestSent(), state.until + 1) == state


@given(open_states() | st.just(HEALTHY), times)
def test_only_a_probe_can_be_abandoned(state: BreakerState, now: float) -> None:
    """The event changes nothing when no probe is in flight."""
    assert step(state, ProbeAbandoned(), now) is state


@pytest.mark.parametrize("failure", OUTAGE_FAILURES)
def test_it_opens_after_five_consecutive_failures(failure: Failure) -> None:
    """Four failures of single cities leave it closed; any response of the service begins the count again."""
    event = RequestFailed(ProviderError("failed", failure))
    for reported in (RequestSucceeded(), RequestFailed(ProviderError("no such place", Failure.REJECTED))):
        state = HEALTHY
        for failures in range(1, OUTAGE_THRESHOLD):
            state = step(state, event, 0.0)
            assert (state.phase, state.failures) == (Phase.CLOSED, failures)
        assert step(state, event, 0.0).phase is Phase.OPEN
        assert step(state, reported, 0.0) == HEALTHY


@pytest.mark.parametrize("failure", SERVICE_WIDE)
def test_a_service_wide_failure_opens_it_at_once(failure: Failure) -> None:
    """A rate limit or a denied key concerns all cities."""
    error = ProviderError("failed", failure, retry_after=90.0)
    assert step(HEALTHY, RequestFailed(error), 10.0) == BreakerState(Phase.OPEN, 0, 1, 10.0, 100.0, error)


@given(st.just(HEALTHY) | open_states() | half_open_states, st.booleans(), times)
def test_a_request_that_was_not_sent_says_nothing(state: BreakerState, is_probe: bool, now: float) -> None:  # noqa: FBT001
    """An error with failure PAUSED comes from the limiter itself."""
    assert step(state, RequestFailed(ProviderError("paused", Failure.PAUSED), 1, is_probe), now) is state


@given(st.just(HEALTHY) | open_states() | half_open_states, pauses, times)
def test_a_requested_pause_begins_in_any_phase(state: BreakerState, pause: PauseRequested, now: float) -> None:
    """A requested pause begins in any phase, for example when the day's quota is used up at a probe."""
    after = step(state, pause, now)
    assert (after.phase, after.until, after.cause) == (Phase.OPEN, now + pause.seconds, pause.cause)
    assert after.since == (now if state.phase is Phase.CLOSED else state.since)
