"""The state machine of the circuit breaker: pure; ``step`` is the only place that decides about pauses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from weatherd.errors import Failure, ProviderError
from weatherd.quota.cooldown import failure_weight, pause_seconds


class Phase(Enum):
    """The phase of the circuit breaker."""

    CLOSED = "closed"  # requests are sent
    OPEN = "open"  # no request is sent before ``until``; the first one after that is the probe
    HALF_OPEN = "half-open"  # the probe is in flight; other requests wait for its result


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The state of one provider's circuit breaker. Times are those of the boot clock, in seconds."""

    phase: Phase = Phase.CLOSED
    failures: int = 0  # consecutive failed requests
    consecutive_pauses: int = 0  # since the last success; 0 exactly when the phase is CLOSED
    since: float = 0.0  # start of the first of these pauses
    until: float = 0.0  # end of the latest pause
    cause: ProviderError | None = None  # of the latest pause


HEALTHY = BreakerState()


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request is about to be sent."""


@dataclass(frozen=True, slots=True)
class RequestSucceeded:
    """The service has responded to a request."""

    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request for *weight* cities has failed."""

    error: ProviderError
    weight: int = 1
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class ProbeAbandoned:
    """The probe ended without a result: its task was cancelled, or a bug was raised."""


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """A pause without a response: a quota window is used up, or the service asked an earlier run to wait."""

    seconds: float
    cause: ProviderError


BreakerEvent = RequestSent | RequestSucceeded | RequestFailed | ProbeAbandoned | PauseRequested


def step(state: BreakerState, event: BreakerEvent, now: float) -> BreakerState:
    """Return the state after *event*.

    Results of requests that were sent before the pause began are ignored while it lasts, because they do not show the
    present state of the service. Example: a slow request is sent at 0 s, a 429 pauses the provider at 1 s, and at 30 s
    the slow request succeeds: the provider stays paused until its probe succeeds.
    """
    match event:
        case RequestSent() if state.phase is Phase.OPEN and now >= state.until:
            return replace(state, phase=Phase.HALF_OPEN)
        case ProbeAbandoned() if state.phase is Phase.HALF_OPEN:
            return replace(state, phase=Phase.OPEN)
        case RequestSucceeded() if _is_current(state, event):
            return HEALTHY
        case RequestFailed() if _is_current(state, event):
            return _after_failure(state, event, now)
        case PauseRequested(seconds, cause):
            return _pause(state, seconds, cause, now)
    return state


def _is_current(state: BreakerState, event: RequestSucceeded | RequestFailed) -> bool:
    return state.phase is Phase.CLOSED or (state.phase is Phase.HALF_OPEN and event.is_probe)


def _after_failure(state: BreakerState, event: RequestFailed, now: float) -> BreakerState:
    if event.error.failure is Failure.PAUSED:
        return state  # because it was never sent
    weight = failure_weight(event.error, event.weight)
    failures = state.failures + weight
    seconds = pause_seconds(event.error, failures, state.consecutive_pauses)
    if seconds is not None:
        return _pause(replace(state, failures=failures), seconds, event.error, now)
    # An error that concerns one city, such as a 404, shows that the service works
    return replace(state, failures=failures) if weight else HEALTHY


def _pause(state: BreakerState, seconds: float, cause: ProviderError, now: float) -> BreakerState:
    return replace(
        state,
        phase=Phase.OPEN,
        consecutive_pauses=state.consecutive_pauses + 1,
        since=now if state.phase is Phase.CLOSED else state.since,
        until=now + seconds,
        cause=cause,
    )
