"""Prometheus metrics. They are built at each scrape, so that the series of a removed city disappear immediately."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import itertools
import math
import re
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
from weatherd.daemon.status import CityState
from weatherd.observation import OK, find_suspect_fields
from weatherd.polling.poll_history import BUCKETS
from weatherd.web.alerts.metrics import collect_alert_counts, collect_firing, collect_silenced
from weatherd.web.connections import CloseReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.days.summary import Day
    from weatherd.observation import Observation
    from weatherd.warnings.current import CityWarning
    from weatherd.web.days.today import TodayCache

CITY_SERIES_LIMIT = 10_000  # with more cities, per-city series are omitted unless http.city_metrics is true
_VALUES = {  # field of an observation: metric name, factor to the base unit, HELP text
    "temperature": ("temperature_celsius", 1.0, "Air temperature."),
    "apparent_temperature": ("apparent_temperature_celsius", 1.0, "Apparent temperature."),
    "relative_humidity": ("relative_humidity_ratio", 0.01, "Relative humidity, 0 to 1."),
    "pressure_msl": ("pressure_msl_pascals", 100.0, "Air pressure at mean sea level."),
    "wind_speed": ("wind_speed_meters_per_second", 1.0, "Wind speed."),
    "wind_direction": ("wind_direction_degrees", 1.0, "Direction the wind blows from, clockwise from north."),
    "wind_gust": ("wind_gust_meters_per_second", 1.0, "Wind gust speed."),
    "precipitation": ("precipitation_meters", 0.001, "Precipitation during the hour before the observation."),
    "cloud_cover": ("cloud_cover_ratio", 0.01, "Fraction of the sky covered by clouds, 0 to 1."),
    "visibility": ("visibility_meters", 1.0, "Visibility."),
}
_COUNTER_HELP = {
    "fetched": "Observations fetched from providers.",
    "stored": "Observations stored in the journal.",
    "repeated": "Observations identical to one already stored.",
    "dropped": "Observations dropped because the journal cannot represent them.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class HttpTraffic:
    """Counts of the HTTP interface."""

    connections: int
    streams: int
    closed_early: Mapping[CloseReason, int]
    bad_requests: int


async def render_metrics(
    status: DaemonStatus, traffic: HttpTraffic, accept: str, today: TodayCache | None = None, *, per_city: bool | None
) -> tuple[bytes, str]:
    """Return the metrics in the format requested by the Accept header, and the content type of that format.

    They are encoded in a thread, because the series of 10,000 cities take a second. Scrapes should not run in parallel.
    """
    registry = CollectorRegistry(auto_describe=False)
    collector = MetricsCollector(status, await status.count_states(), traffic, per_city=per_city)
    registry.register(collector)
    if today and collector.has_city_series():
        collector.today = await today.read()
    ProcessCollector(registry=registry)
    encode, content_type = exposition.choose_encoder(accept)
    return await asyncio.to_thread(encode, registry), content_type


class MetricsCollector(Collector):
    """Collector that turns the daemon's status into metrics, for one scrape.

    Everything but the series of cities is collected at once, because the event loop changes it. A thread may collect
    those: it only looks cities up. *states* is the number of cities by state; it is an argument because a collector
    cannot yield to the event loop.
    """

    def __init__(
        self, status: DaemonStatus, states: Mapping[CityState, int], traffic: HttpTraffic, *, per_city: bool | None
    ) -> None:
        self._status = status
        self._traffic = traffic
        self._states = states
        self._per_city = per_city
        self.today: Mapping[str, Day] = {}  # the days so far, by city id
        self._now = status.now().timestamp()
        self._totals = list(self._collect_totals())
        self._alerts = list(status.alerts.scan()) if status.alerts and self.has_city_series() else []
        self._in_force: list[CityWarning] = []
        if status.warnings and self.has_city_series():
            self._in_force = list(status.warnings.current.scan(status.now()))

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        yield from self._totals
        if self.has_city_series():
            yield from self._cities()

    def has_city_series(self) -> bool:
        """Return whether there are series of single cities."""
        return self._per_city or (self._per_city is None and len(self._status.own_cities) <= CITY_SERIES_LIMIT)

    def _collect_totals(self) -> Iterator[Metric]:
        status = self._status
        yield collect_alert_counts(status)
        if status.alerts:
            yield collect_silenced(status)
        if status.warnings:
            from weatherd.web.warnings.metrics import collect_warning_metrics  # noqa: PLC0415 - only if they are on

            yield from collect_warning_metrics(status.warnings)
        if status.cluster:
            from weatherd.web.cluster.metrics import collect_cluster_metrics  # noqa: PLC0415 - only in a cluster

            yield from collect_cluster_metrics(status.cluster, len(status.cities))
        yield InfoMetricFamily("weatherd_build", "Build information.", {"version": __version__})
        yield _gauge("weatherd_queue_depth", "Observations not yet written to the journal.", status.queue.depth)
        yield _gauge("weatherd_journal_up", "Whether the journal can be written.", not status.writer.is_down)
        for name, text in _COUNTER_HELP.items():
            yield CounterMetricFamily(f"weatherd_observations_{name}", text, getattr(status.queue.counts, name))
        yield from self._sinks()
        yield from self._reloads()
        yield self._suspects()
        yield from self._polls()
        yield from self._providers()
        yield from self._forwarders()
        yield from self._counts()
        yield from self._http()

    def _sinks(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("weatherd_sink_up", "Whether the sink accepts observations.", labels=["sink"])
        missed = CounterMetricFamily(
            "weatherd_sink_missed", "Observations that the sink missed because it failed or was slow.", labels=["sink"]
        )
        for sink in self._status.sinks:
            up.add_metric([sink.name], not sink.is_down)
            missed.add_metric([sink.name], sink.missed)
        yield from (up, missed)

    def _suspects(self) -> Metric:
        text = "Suspect values of new observations, by the test that they failed."
        family = CounterMetricFamily("weatherd_suspect_observations", text, labels=["provider", "field", "test"])
        quality = self._status.latest.quality
        for labels, count in sorted(quality.counts.items()) if quality else ():
            family.add_metric(labels, count)
        return family

    def _reloads(self) -> Iterator[Metric]:
        reload = self._status.last_reload
        yield _gauge(
            "weatherd_config_last_reload_successful",
            "Whether the last configuration reload succeeded.",
            reload.successful,
        )
        name = "weatherd_config_last_reload_success_timestamp_seconds"
        yield _gauge(name, "Time of the last successful configuration reload.", reload.at)

    def _polls(self) -> Iterator[Metric]:
        history = self._status.history
        polls = CounterMetricFamily(
            "weatherd_polls", "Polls by outcome: fresh, or the kind of failure.", labels=["provider", "outcome"]
        )
        for labels, count in sorted(history.outcomes.items()):
            polls.add_metric(labels, count)
        yield polls
        repeats = CounterMetricFamily("weatherd_polls_repeated", "Polls that brought nothing new.", labels=["provider"])
        for provider, count in sorted(self._status.latest.repeats.items()):
            repeats.add_metric([provider], count)
        yield repeats
        name, text = "weatherd_poll_duration_seconds", "Duration of polls, including the wait for the rate limiter."
        durations = HistogramMetricFamily(name, text, labels=["provider"])
        for provider, histogram in sorted(history.durations.items()):
            counts = itertools.accumulate(histogram.counts)
            edges = [*(str(edge) for edge in BUCKETS), "+Inf"]
            durations.add_metric([provider], list(zip(edges, counts, strict=True)), histogram.total)
        yield durations

    def _providers(self) -> Iterator[Metric]:
        used = GaugeMetricFamily(
            "weatherd_quota_used", "API calls used in the current quota window.", labels=["provider", "window"]
        )
        limit = GaugeMetricFamily(
            "weatherd_quota_limit", "API calls that the plan allows per quota window.", labels=["provider", "window"]
        )
        paused = GaugeMetricFamily(
            "weatherd_provider_paused", "Whether the provider is paused (backing off).", labels=["provider"]
        )
        for provider, limiter in sorted(self._status.limiters.items()):
            paused.add_metric([provider], limiter.pause is not None)
            for window, (calls, allowed) in limiter.usage().items():
                used.add_metric([provider, window], calls)
                limit.add_metric([provider, window], allowed)
        yield from (used, limit, paused)

    def _forwarders(self) -> Iterator[Metric]:
        behind = GaugeMetricFamily(
            "weatherd_forwarder_behind", "Journal entries waiting for delivery.", labels=["forwarder"]
        )
        held = GaugeMetricFamily(
            "weatherd_forwarder_held", "Alerts waiting for the end of quiet hours.", labels=["forwarder"]
        )
        up = GaugeMetricFamily(
            "weatherd_forwarder_up", "Whether the destination accepts observations.", labels=["forwarder"]
        )
        delivered = CounterMetricFamily("weatherd_forwarder_delivered", "Observations delivered.", labels=["forwarder"])
        skipped = CounterMetricFamily(
            "weatherd_forwarder_skipped",
            "Observations skipped because the destination permanently rejects or never accepts them.",
            labels=["forwarder"],
        )
        lag = GaugeMetricFamily(
            "weatherd_forwarder_lag_seconds", "Time for which the oldest undelivered entry waits.", labels=["forwarder"]
        )
        backlogs = self._status.snapshot.backlogs if self._status.snapshot else {}
        for name, delivery in self._status.deliveries.statuses().items():
            lag.add_metric([name], backlogs[name].seconds if name in backlogs else 0.0)
            behind.add_metric([name], delivery.behind)
            held.add_metric([name], delivery.held)
            up.add_metric([name], not delivery.is_down)
            delivered.add_metric([name], delivery.delivered)
            skipped.add_metric([name], delivery.skipped)
        yield from (behind, held, lag, up, delivered, skipped)

    def _counts(self) -> Iterator[Metric]:
        cities = GaugeMetricFamily("weatherd_cities", "Cities by state.", labels=["state"])
        for state, count in self._states.items():
            cities.add_metric([state], count)
        yield cities
        text = "The most cities that the list had during the last day."
        yield _gauge("weatherd_cities_peak", text, self._status.list_sizes.find_peak(self._now))
        yield _gauge("weatherd_cities_quarantined", "Quarantined rows of the city list.", self._status.quarantined)

    def _http(self) -> Iterator[Metric]:
        traffic = self._traffic
        yield _gauge("weatherd_http_connections", "Open connections to the HTTP interface.", traffic.connections)
        yield _gauge("weatherd_http_streams", "Open event streams.", traffic.streams)
        text = "Requests that were malformed, or whose client hung up."
        yield CounterMetricFamily("weatherd_http_bad_requests", text, traffic.bad_requests)
        text = "Connections closed because of a time limit, or in favour of newer ones (limit)."
        closed = CounterMetricFamily("weatherd_http_connections_closed", text, labels=["reason"])
        for reason in CloseReason:
            closed.add_metric([reason], traffic.closed_early.get(reason, 0))
        yield closed

    def _cities(self) -> Iterator[Metric]:
        """Yield the per-city series. The values of stale cities are omitted, but not their timestamps."""
        status, now = self._status, self._now
        up = GaugeMetricFamily(
            "weatherd_up", "Whether the city has a fresh observation and its last poll succeeded.", labels=["city"]
        )
        observed = GaugeMetricFamily(
            "weatherd_observation_timestamp_seconds", "Time of the last observation.", labels=["city"]
        )
        success = GaugeMetricFamily(
            "weatherd_last_success_timestamp_seconds", "Time of the last successful poll.", labels=["city"]
        )
        interval = GaugeMetricFamily("weatherd_poll_interval_seconds", "Interval between two polls.", labels=["city"])
        info = InfoMetricFamily("weatherd_city", "Name, place, time zone and tags of a city.")
        current: list[Observation] = []
        for city in status.own_cities:
            info.add_sample("weatherd_city_info", label_city(city), 1.0)
            up.add_metric([city.id], status.state_at(now, city.id) is CityState.FRESH)
            interval.add_metric([city.id], status.planner.interval(city))
            if last := status.latest.get(city.id):
                observed.add_metric([city.id], last.observed_at.timestamp())
                success.add_metric([city.id], last.fetched_at.timestamp())
                current += [] if status.latest.budgets.is_stale(last, now) else [last]
        yield from (info, up, interval, observed, success, *_values(current), _suspect_values(current))
        if self.today:
            from weatherd.web.days.today import collect_today  # noqa: PLC0415 - see above

            yield from collect_today(self.today)
        if status.alerts:
            yield collect_firing(self._alerts)
        if status.warnings:
            from weatherd.web.warnings.metrics import collect_severities  # noqa: PLC0415 - only if they are on

            yield collect_severities(self._in_force)


def label_city(city: City) -> dict[str, str]:
    """Return the labels of a city's info metric: its values, and its tags with names that Prometheus allows.

    A tag with the name of another label has the prefix ``tag_``.
    """
    labels = {"city": city.id, "name": city.name, "lat": f"{city.lat}", "lon": f"{city.lon}"}
    labels["timezone"] = city.timezone or ""
    for key, value in city.tags:
        name = make_label_name(key)
        while name in labels:
            name = f"tag_{name}"
        labels[name] = value
    return labels


@functools.lru_cache(maxsize=1000)
def make_label_name(text: str) -> str:
    """Return the label name for a text: ASCII letters, digits and ``_``, not beginning with a digit or ``__``.

    https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels
    """
    from anyascii import anyascii  # noqa: PLC0415 - only for tags

    name = re.sub("[^a-zA-Z0-9_]", "_", anyascii(text))
    name = re.sub("^_*", "_", name) if name.startswith("__") else name
    return name if re.match("[a-zA-Z_]", name) else f"_{name}"


def _values(observations: list[Observation]) -> Iterator[Metric]:
    for field, (name, factor, text) in _VALUES.items():
        family = GaugeMetricFamily(f"weatherd_{name}", text, labels=["city", "provider"])
        for observation in observations:
            value = getattr(observation, field)
            if value is not None:
                family.add_metric([observation.city, observation.provider], value * factor)
        yield family


def _suspect_values(observations: list[Observation]) -> Metric:
    """Return a series for each value of the latest observations that is suspect, and none for the others."""
    text = "Whether a value of the last observation is suspect."
    family = GaugeMetricFamily("weatherd_observation_suspect", text, labels=["city", "provider", "field"])
    for observation in observations:
        if observation.quality != OK:
            for field in sorted(find_suspect_fields(observation.quality)):
                family.add_metric([observation.city, observation.provider, field], 1.0)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value if math.isfinite(value) else 0.0)
    return family
