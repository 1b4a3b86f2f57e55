"""The health of a city: its current outage, and the providers that are suspended for it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from weatherd.polling.failover import Suspension, suspend
from weatherd.polling.retries import requested_delay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.polling.outage_log import OutageLog


class CityHealth(NamedTuple):
    """The current outage and the suspended providers of a city."""

    outage: OutageLog | None = None
    suspensions: Mapping[str, Suspension] = MappingProxyType({})

    def suspend_failed(self, errors: Mapping[str, Exception], now: float, interval: float) -> CityHealth:
        """Return the health after the providers in *errors* have failed at the boot time *now*."""
        suspensions = dict(self.suspensions)
        for name, error in errors.items():
            suspensions[name] = suspend(suspensions.get(name), now, interval, requested_delay(error))
        return self._replace(suspensions=suspensions)


HEALTHY_CITY = CityHealth()
