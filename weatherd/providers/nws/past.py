"""The observations that a station of the National Weather Service has made in the past week."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.providers.nws.record import parse_nws_record
from weatherd.providers.values import as_mapping

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.city import City
    from weatherd.observation import Observation

_LIMIT = 500  # observations in one response, the most that the service allows


def build_nws_past_query(since: datetime, until: datetime) -> dict[str, str]:
    """Return the parameters that request a station's observations in ``[since, until]``, both in UTC."""
    return {
        "start": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{until:%Y-%m-%dT%H:%M:%SZ}",
        "limit": str(_LIMIT),
    }


def parse_nws_past(city: City, document: Any, fetched_at: datetime) -> list[Observation]:
    """Return the observations in a collection, which is in no certain order.

    Up to half of those of a station that reports every five minutes have no temperature; they are left out, and so is a
    second one of the same time. Raises ProviderError if it is not a collection.
    """
    features = as_mapping(document).get("features")
    if not isinstance(features, list):
        raise ProviderError("the response has no past weather", Failure.MALFORMED)
    found: dict[tuple[datetime, str], Observation] = {}
    for feature in features:
        with contextlib.suppress(ProviderError):
            observation = parse_nws_record(city, as_mapping(as_mapping(feature).get("properties")), fetched_at)
            found.setdefault((observation.observed_at, observation.station), observation)
    return list(found.values())
