"""The metrics, made when they are asked for: so the series of a city that has gone are gone, too."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from weatherd import __version__
from weatherd.freshness import is_stale
from weatherd.polling.poll_history import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.daemon.status import DaemonStatus
    from weatherd.observation import Observation

CITY_SERIES_LIMIT = 10_000  # whose own metrics are shown unless that is asked for
_VALUES = {  # the metric of each value of an observation, and what makes it one of base units
    "temperature": ("temperature_celsius", 1.0, "Air temperature."),
    "apparent_temperature": ("apparent_temperature_celsius", 1.0, "Temperature as it feels."),
    "relative_humidity": ("relative_humidity_ratio", 0.01, "Relative humidity, 0 to 1."),
    "pressure_msl": ("pressure_msl_pascals", 100.0, "Air pressure, reduced to sea level."),
    "wind_speed": ("wind_speed_meters_per_second", 1.0, "Wind speed."),
    "wind_direction": ("wind_direction_degrees", 1.0, "Where the wind blows from."),
    "wind_gust": ("wind_gust_meters_per_second", 1.0, "Speed of gusts."),
    "precipitation": ("precipitation_meters", 0.001, "Precipitation of the provider's last step."),
    "cloud_cover": ("cloud_cover_ratio", 0.01, "Share of the sky that is covered, 0 to 1."),
    "visibility": ("visibility_meters", 1.0, "Visibility."),
}
_ACCOUNT = {
    "fetched": "Observations that providers gave.",
    "stored": "Observations stored in the journal.",
    "repeated": "Observations that had been said before.",
    "dropped": "Observations lost, because the journal cannot hold such a one.",
}


class MetricsCollector(Collector):
    """What the status shows, as metrics."""

    def __init__(self, status: DaemonStatus, *, of_cities: bool | None) -> None:
        self._status = status
        self._of_cities = of_cities
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the format that is wanted, and its content type."""
        encode, content_type = exposition.choose_encoder(accept)
        return encode(self.registry), content_type

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        status = self._status
        yield InfoMetricFamily("weatherd_build", "The program.", {"version": __version__})
        yield _gauge("weatherd_queue_depth", "Observations on their way to the journal.", status.queue.depth)
        for name, text in _ACCOUNT.items():
            yield CounterMetricFamily(f"weatherd_observations_{name}", text, dataclasses.asdict(status.counts)[name])
        yield from self._reloads()
        yield from self._polls()
        yield from self._providers()
        yield from self._forwarders()
        yield from self._counts()
        if self._of_cities or (self._of_cities is None and len(status.cities) <= CITY_SERIES_LIMIT):
            yield from self._cities()

    def _reloads(self) -> Iterator[Metric]:
        reload = self._status.last_reload
        yield _gauge(
            "weatherd_config_last_reload_successful", "Whether the files were right last time.", reload.successful
        )
        name = "weatherd_config_last_reload_success_timestamp_seconds"
        yield _gauge(name, "When the files were last read and right.", reload.at)

    def _polls(self) -> Iterator[Metric]:
        attempts = self._status.history
        polls = CounterMetricFamily(
            "weatherd_polls", "Polls by what became of them: fresh, or the failure.", labels=["provider", "outcome"]
        )
        for labels, count in sorted(attempts.outcomes.items()):
            polls.add_metric(labels, count)
        yield polls
        name, text = "weatherd_poll_duration_seconds", "How long polls took, the wait for the provider's turn included."
        durations = HistogramMetricFamily(name, text, labels=["provider"])
        for provider, spread in sorted(attempts.durations.items()):
            counts = itertools.accumulate(spread.counts)
            edges = [*(str(edge) for edge in BUCKETS), "+Inf"]
            durations.add_metric([provider], list(zip(edges, counts, strict=True)), spread.total)
        yield durations

    def _providers(self) -> Iterator[Metric]:
        used = GaugeMetricFamily(
            "weatherd_quota_used", "Calls used in the window that runs now.", labels=["provider", "window"]
        )
        limit = GaugeMetricFamily(
            "weatherd_quota_limit", "Calls that the plan allows in a window.", labels=["provider", "window"]
        )
        paused = GaugeMetricFamily(
            "weatherd_provider_paused", "Whether a service is left alone now.", labels=["provider"]
        )
        for provider, gate in sorted(self._status.limiters.items()):
            paused.add_metric([provider], gate.pause is not None)
            for window, (calls, most) in gate.usage().items():
                used.add_metric([provider, window], calls)
                limit.add_metric([provider, window], most)
        yield from (used, limit, paused)

    def _forwarders(self) -> Iterator[Metric]:
        behind = GaugeMetricFamily(
            "weatherd_forwarder_behind", "Entries of the journal that wait for delivery.", labels=["forwarder"]
        )
        up = GaugeMetricFamily("weatherd_forwarder_up", "Whether the far side takes them.", labels=["forwarder"])
        delivered = CounterMetricFamily("weatherd_forwarder_delivered", "Observations delivered.", labels=["forwarder"])
        aside = CounterMetricFamily(
            "weatherd_forwarder_set_aside", "Observations that the far side refused.", labels=["forwarder"]
        )
        for name, ends in self._status.deliveries.counters().items():
            behind.add_metric([name], ends["behind"])
            up.add_metric([name], not self._status.deliveries.is_down(name))
            delivered.add_metric([name], ends["delivered"])
            aside.add_metric([name], ends["skipped"])
        yield from (behind, up, delivered, aside)

    def _counts(self) -> Iterator[Metric]:
        cities = GaugeMetricFamily("weatherd_cities", "Cities by their state.", labels=["state"])
        for state, count in self._status.count_states().items():
            cities.add_metric([state], count)
        yield cities
        yield _gauge("weatherd_cities_quarantined", "Rows of the list that are set aside.", self._status.quarantined)

    def _cities(self) -> Iterator[Metric]:
        """Yield what is known of each city; the values of stale ones are left out, their times are not."""
        status, now = self._status, self._status.now().timestamp()
        up = GaugeMetricFamily("weatherd_up", "Whether the last poll of a city brought fresh weather.", labels=["city"])
        observed = GaugeMetricFamily(
            "weatherd_observation_timestamp_seconds", "When the last observation was made.", labels=["city"]
        )
        success = GaugeMetricFamily(
            "weatherd_last_success_timestamp_seconds", "When a city was last asked for with success.", labels=["city"]
        )
        interval = GaugeMetricFamily(
            "weatherd_poll_interval_seconds", "How often a city is asked for.", labels=["city"]
        )
        lasts: list[Observation] = []
        for city in status.cities:
            up.add_metric([city.id], status.state_of(city) == "fresh")
            interval.add_metric([city.id], status.planner.interval(city))
            if last := status.latest.get(city.id):
                observed.add_metric([city.id], last.observed_at.timestamp())
                success.add_metric([city.id], last.fetched_at.timestamp())
                lasts += [] if is_stale(last, now) else [last]
        yield from (up, interval, observed, success, *_values(lasts))


def _values(lasts: list[Observation]) -> Iterator[Metric]:
    for field, (name, factor, text) in _VALUES.items():
        family = GaugeMetricFamily(f"weatherd_{name}", text, labels=["city", "provider"])
        for last in lasts:
            value = getattr(last, field)
            if value is not None:
                family.add_metric([last.city, last.provider], value * factor)
        yield family


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value if math.isfinite(value) else 0.0)
    return family
