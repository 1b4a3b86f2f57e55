"""How long a service is left alone after it refused or failed: pure."""

from __future__ import annotations

from weatherd.errors import Failure, ProviderError

OUTAGE_THRESHOLD = 5  # failed requests in a row are an outage
OUTAGE_FAILURES = (
    Failure.UNAVAILABLE,
    Failure.BROKEN,
    Failure.MALFORMED,
)  # may be one place's fault, until there are many

_FIRST = {Failure.LIMITED: 60.0, Failure.CROWDED: 5.0, Failure.DENIED: 600.0}
_OUTAGE = 15.0
_LONGEST = {Failure.LIMITED: 3600.0, Failure.CROWDED: 300.0, Failure.DENIED: 3600.0}
_LONGEST_OUTAGE = 300.0
_LONGEST_ASKED = 86400.0  # a service may ask for a day; after that it may say so again


def failure_weight(error: ProviderError, weight: int) -> int:
    """Return how many failed requests a request for so many places stands for, 0 if the service is well.

    That one place may break the answer for the others is found out by asking for half of them; what else fails for
    many places fails for all.
    """
    if error.failure not in OUTAGE_FAILURES:
        return 0
    return min(weight, OUTAGE_THRESHOLD if error.failure is Failure.UNAVAILABLE else OUTAGE_THRESHOLD // 2)


def pause_seconds(error: ProviderError, failures: int, consecutive_pauses: int) -> float | None:
    """Return for how many seconds the service is left alone, or None when the error is no affair of the whole service.

    *failures* counts the failed requests in a row, with this one, and *strikes* the pauses in a row that came before:
    each is twice as long as the one before it. What the service asks for itself holds, but not for ever shorter.
    """
    if error.failure in _FIRST:
        grown = min(_FIRST[error.failure] * 2.0 ** min(consecutive_pauses, 20), _LONGEST[error.failure])
        if error.failure is Failure.DENIED and consecutive_pauses:
            grown = _LONGEST[error.failure]  # a key that does not work after ten minutes may need hours
        asked = error.retry_after
        return grown if asked is None else min(asked if not consecutive_pauses else max(asked, grown), _LONGEST_ASKED)
    if error.failure in OUTAGE_FAILURES and (failures >= OUTAGE_THRESHOLD or consecutive_pauses or error.retry_after):
        grown = min(_OUTAGE * 2.0 ** min(consecutive_pauses, 20), _LONGEST_OUTAGE)
        return min(max(grown, error.retry_after or 0.0), _LONGEST_ASKED)
    return None
