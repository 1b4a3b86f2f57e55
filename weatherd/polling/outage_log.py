"""Log a city's outage: one line when it begins, one when its last observation goes stale, one when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.formatting import format_rfc3339
from weatherd.freshness import BUILT_IN_BUDGETS, age_seconds

if TYPE_CHECKING:
    from weatherd.freshness import AgeBudgets
    from weatherd.observation import Observation

log = structlog.get_logger()


@dataclass(slots=True)
class OutageLog:
    """The failed polls of one city in a row, until a poll succeeds. The city's id is in the log's context.

    An error of the whole service is logged once for all its cities, as ``provider.paused`` by the rate limiter;
    the cities then log at debug level only.
    """

    failures: int = 0
    _since: float = 0.0  # POSIX time
    _is_logged: bool = False  # louder than at debug level
    _is_stale: bool = False

    def failed(self, error: Exception | None, now: float, delay: float) -> None:
        """Log a failed poll, to be retried in *delay* seconds: the first as a warning, the others at debug level.

        Only an unexpected error (a bug) is logged with its traceback.
        """
        self.failures += 1
        if self.failures == 1:
            self._since = now
        facts: dict[str, Any] = {
            "reason": describe(error) if error else "no provider",
            "failures": self.failures,
            "retry_in": round(delay, 3),
        }
        if self._is_logged or is_service_wide(error):
            log.debug("city.still_down", **facts)
            return
        self._is_logged = True
        if isinstance(error, ProviderError):
            log.warning("city.down", **facts)
        else:
            log.error("city.down", **facts, exc_info=error)

    def went_stale(
        self,
        last: Observation | None,
        error: Exception | None,
        now: float,
        budgets: AgeBudgets = BUILT_IN_BUDGETS,
    ) -> None:
        """Log, once in an outage, that the city's last observation has gone stale, if it has."""
        if last is None or self._is_stale or not budgets.is_stale(last, now):
            return
        self._is_stale = True
        is_explained = is_service_wide(error) or (isinstance(error, ProviderError) and error.failure is Failure.STALE)
        write = log.debug if is_explained else log.warning
        write(
            "city.stale",
            provider=last.provider,
            age=round(age_seconds(last, now)),
            observed_at=format_rfc3339(last.observed_at),
        )

    def recovered(self, now: float) -> None:
        """Log the end of the outage, unless its beginning was logged at debug level only."""
        if self._is_logged:
            log.info("city.recovered", failures=self.failures, seconds=round(now - self._since, 3))
