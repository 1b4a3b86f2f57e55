"""Batches of observations: which cities' rules have to be evaluated, found with little work for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.alerts.city_alerts import CityAlerts
    from weatherd.observation import FetchedObservation
    from weatherd.pipeline.alerting.desk import AlertDesk


def add_batch(batch: Sequence[FetchedObservation], desk: AlertDesk) -> Iterator[tuple[CityAlerts, str, float]]:
    """Add the observations to the alerts of their cities; yield alerts, city id and POSIX time of each evaluation.

    The alerts of most observations are inactive, and none of their conditions holds: these are not yielded. Repeats
    change nothing, and an observation of a place that the city has left does not count.
    """
    find, cold, latest = desk.alerts.get, desk.cold, desk.latest
    has_edits, fetched_at, observed_at = latest.has_edits, None, None
    now = time = 0.0
    for city, observation, repeat, _, _ in batch:
        city_id = city.id
        alerts = None if repeat else find(city_id)
        if alerts is None or (has_edits and latest.is_moved(city)):
            continue
        if cold and city_id in cold:
            cold[city_id].append((observation, observation.fetched_at.timestamp()))
            continue
        # The times are often those of the observation before, and a comparison takes less than a conversion
        if (fetched := observation.fetched_at) != fetched_at:
            fetched_at, now = fetched, fetched.timestamp()
        if (observed := observation.observed_at) != observed_at:
            observed_at, time = observed, observed.timestamp()
        try:
            must_evaluate = alerts.take(observation, time, now)
        except Exception as error:  # noqa: BLE001 - a bug in a rule must not end the pipeline
            desk.report_failure(city_id, error)
        else:
            if must_evaluate:
                yield alerts, city_id, now
