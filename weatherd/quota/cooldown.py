"""How long a provider is paused after a failure or a rejected request: pure."""

from __future__ import annotations

from weatherd.errors import Failure, ProviderError

OUTAGE_THRESHOLD = 5  # consecutive failed requests that count as an outage of the service
# A single one of these may be caused by one city; only OUTAGE_THRESHOLD of them in a row pause the provider.
OUTAGE_FAILURES = (Failure.UNAVAILABLE, Failure.BROKEN, Failure.MALFORMED)

# Seconds of the first pause and of the longest one
_FIRST = {Failure.RATE_LIMITED: 60.0, Failure.CONCURRENCY_LIMITED: 5.0, Failure.DENIED: 600.0}
_LONGEST = {Failure.RATE_LIMITED: 3600.0, Failure.CONCURRENCY_LIMITED: 300.0, Failure.DENIED: 3600.0}
_FIRST_OUTAGE, _LONGEST_OUTAGE = 15.0, 300.0
_LONGEST_RETRY_AFTER = 86400.0  # a longer Retry-After is cut to a day; the service can repeat it then


def failure_weight(error: ProviderError, weight: int) -> int:
    """Return how many consecutive failures a failed request for *weight* cities counts as; 0 if the service works.

    UNAVAILABLE counts for every city of the request, because no city could have been served. BROKEN and MALFORMED may
    be caused by a single city, so a batch stays below the threshold: the batcher bisects it, and the halves count too.
    """
    if error.failure not in OUTAGE_FAILURES:
        return 0
    return min(weight, OUTAGE_THRESHOLD if error.failure is Failure.UNAVAILABLE else OUTAGE_THRESHOLD // 2)


def pause_seconds(error: ProviderError, failures: int, consecutive_pauses: int) -> float | None:
    """Return for how many seconds to pause the provider, or None if the error concerns a single city only.

    *failures* counts the consecutive failures including this one. *consecutive_pauses* counts the pauses since the
    last success; each doubles the next pause, up to a maximum for its kind. ``Retry-After`` takes precedence, but after
    the first pause only if it is longer than the doubled one. An outage is always paused for at least 15 s.
    """
    retry_after = error.retry_after
    if error.failure in _FIRST:
        backoff = min(_FIRST[error.failure] * 2.0 ** min(consecutive_pauses, 20), _LONGEST[error.failure])
        if error.failure is Failure.DENIED and consecutive_pauses:
            backoff = _LONGEST[error.failure]  # because a key that is still invalid after 10 min may need hours
        if retry_after is None:
            return backoff
        return min(max(retry_after, backoff) if consecutive_pauses else retry_after, _LONGEST_RETRY_AFTER)
    if error.failure in OUTAGE_FAILURES and (failures >= OUTAGE_THRESHOLD or consecutive_pauses or retry_after):
        backoff = min(_FIRST_OUTAGE * 2.0 ** min(consecutive_pauses, 20), _LONGEST_OUTAGE)
        return min(max(backoff, retry_after or 0.0), _LONGEST_RETRY_AFTER)
    return None
