"""The time of a retry after a failed poll, and the reason for that time. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError, describe, is_service_wide

if TYPE_CHECKING:
    from weatherd.polling.fetch import FetchResult

_MIN_PAUSE = 1.0  # seconds; minimum time until a paused service is tried again
_RETRIED_EARLY = (Failure.UNAVAILABLE, Failure.BROKEN, Failure.MALFORMED, Failure.EMPTY)  # retried before the next tick


def explain_retry(result: FetchResult, failures: int) -> str:
    """Return the reason for the time of the next poll, after *failures* consecutive failures."""
    reason = result.reason
    if is_service_wide(reason):
        return f"the service is paused until then, for all its cities: {describe(reason)}" if reason else ""
    if reason is not None and requested_delay(reason):
        return "the service asked for this delay"
    return f"retry after {failures} failed poll{'s' if failures > 1 else ''} in a row, each later than the last"


def retry_delay(result: FetchResult, backoff: float, interval: float) -> float:
    """Return the seconds until the next poll: the shortest delay of the providers that failed."""
    return min(_provider_delay(error, backoff, interval) for error in result.errors.values())


def _provider_delay(error: Exception, backoff: float, interval: float) -> float:
    """Return the seconds until a provider is retried. A rejected request is not retried before the next tick.

    Neither is a provider whose observation is stale, nor later: often the clock is wrong, and is set at any moment.
    """
    if is_service_wide(error):
        return max(requested_delay(error), _MIN_PAUSE)
    if isinstance(error, ProviderError) and error.failure is Failure.STALE:
        return interval
    is_early = not isinstance(error, ProviderError) or error.failure in _RETRIED_EARLY
    return max(backoff if is_early else max(backoff, interval), requested_delay(error))


def requested_delay(error: Exception) -> float:
    """Return the delay in seconds that the service has asked for, or 0."""
    return (error.retry_after or 0.0) if isinstance(error, ProviderError) else 0.0
