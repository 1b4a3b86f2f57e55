"""A city's bad times in the log: one line when they begin, one when its last observation is too old, one at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.errors import Failure, ProviderError, describe, is_service_wide
from weatherd.formatting import rfc3339
from weatherd.freshness import age, is_stale

if TYPE_CHECKING:
    from weatherd.observation import Observation

log = structlog.get_logger()


@dataclass(slots=True)
class OutageLog:
    """The failed polls of one city in a row, until it is well again. The city's id is in the log's context.

    That a service is left alone is told once for all its cities, with ``provider.paused``; they keep quiet then.
    """

    failures: int = 0
    _since: float = 0.0
    _is_told: bool = False
    _is_stale: bool = False

    def goes_on(self, error: Exception | None, now: float, wait: float) -> None:
        """Log the first failure loud and the others low; a traceback only for what nobody expected."""
        self.failures += 1
        if self.failures == 1:
            self._since = now
        event: dict[str, Any] = {"reason": describe(error) if error else "no provider", "failures": self.failures}
        if self._is_told or is_service_wide(error):
            log.debug("city.still_down", **event, retry_in=round(wait, 3))
            return
        self._is_told = True
        event["retry_in"] = round(wait, 3)
        if isinstance(error, ProviderError):
            log.warning("city.down", **event)
        else:
            log.error("city.down", **event, exc_info=error)

    def aged(self, last: Observation | None, error: Exception | None, now: float) -> None:
        """Log once that the city's last observation has become too old."""
        if last is None or self._is_stale or not is_stale(last, now):
            return
        self._is_stale = True
        is_told = is_service_wide(error) or (isinstance(error, ProviderError) and error.failure is Failure.STALE)
        tell = log.debug if is_told else log.warning
        tell("city.stale", provider=last.provider, age=round(age(last, now)), observed_at=rfc3339(last.observed_at))

    def ended(self, now: float) -> None:
        """Log the end."""
        if self._is_told:
            log.info("city.recovered", failures=self.failures, seconds=round(now - self._since, 3))
