"""Logging of outages: a line when a city's outage begins, when its last observation goes stale, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.formatting import format_rfc3339
from weatherd.freshness import age_seconds

if TYPE_CHECKING:
    from weatherd.freshness import AgeBudgets
    from weatherd.observation import Observation

log = structlog.get_logger()


@dataclass(slots=True)
class OutageLog:
    """The consecutive failed polls of one city. The log context contains the city's id.

    The rate limiter logs an error that affects the whole service once for all its cities, as ``provider.paused``; the
    cities then log at debug level only.
    """

    failures: int = 0
    _since: float = 0.0  # boot time
    _is_logged: bool = False  # above debug level
    _is_stale: bool = False

    def failed(self, error: Exception | None, now: float, delay: float, provider: str = "") -> None:
        """Log a failed poll with its retry in *delay* seconds: the first as a warning, the others at debug level.

        An error other than ProviderError is a bug and is logged with its traceback and the *provider* that raised it.
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
            log.error("city.down", provider=provider, **facts, exc_info=error)

    def went_stale(self, last: Observation | None, error: Exception | None, now: float, budgets: AgeBudgets) -> None:
        """Log once per outage that the city's last observation has gone stale."""
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
        """Log the end of the outage, if its beginning was logged above debug level."""
        if self._is_logged:
            log.info("city.recovered", failures=self.failures, seconds=round(now - self._since, 3))
