"""The hourly past of Bright Sky's stations. https://brightsky.dev/docs/#/operations/getWeather."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.providers.bright_sky.record import parse_bright_sky_record
from weatherd.providers.values import as_mapping, parse_integer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from weatherd.city import City
    from weatherd.observation import Observation

_MEASURED = ("current", "historical")  # the other type of source is "forecast"
_OF_AN_HOUR = ("precipitation", "wind_speed", "wind_direction", "wind_gust_speed")


def build_bright_sky_past_query(city: City, since: datetime, until: datetime) -> dict[str, str]:
    """Return the parameters that request the full hours in ``[since, until]``, both in UTC, in the DWD's units."""
    place = {"lat": f"{city.lat:.5f}", "lon": f"{city.lon:.5f}", "units": "dwd"}
    return place | {"date": f"{since:%Y-%m-%dT%H:%MZ}", "last_date": f"{until:%Y-%m-%dT%H:%MZ}"}


def parse_bright_sky_past(city: City, document: Any, fetched_at: datetime) -> list[Observation]:
    """Return what was measured of the weather in a response: it goes on with forecasts without saying so.

    A station that lacks a value gets it from another source, perhaps from a forecast; that value is left out. Raises
    ProviderError if there is no list of records.
    """
    body = as_mapping(document)
    records, sources = body.get("weather"), body.get("sources")
    if not isinstance(records, list) or not isinstance(sources, list):
        raise ProviderError("the response has no past weather", Failure.MALFORMED)
    measured = {
        parse_integer(source.get("id"))
        for source in map(as_mapping, sources)
        if source.get("observation_type") in _MEASURED
    } - {None}
    found: list[Observation] = []
    for record in map(as_mapping, records):
        if parse_integer(record.get("source_id")) in measured:
            with contextlib.suppress(ProviderError):  # the station did not report the temperature of this hour
                found.append(parse_bright_sky_record(city, _rename(_without_forecasts(record, measured)), fetched_at))
    return found


def _without_forecasts(record: Mapping[str, Any], measured: set[int | None]) -> dict[str, Any]:
    fallbacks = as_mapping(record.get("fallback_source_ids"))
    unknown = {name for name, source in fallbacks.items() if parse_integer(source) not in measured}
    return {name: value for name, value in record.items() if name not in unknown}


def _rename(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the names of ``/current_weather``. These values are those of the hour before."""
    return {**record, **{f"{name}_60": record.get(name) for name in _OF_AN_HOUR}}
