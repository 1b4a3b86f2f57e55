"""Conversion of the daemon's state into the response models."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.formatting import format_rfc3339, to_dict, to_named_dict
from weatherd.polling.poll_history import SERVED
from weatherd.polling.schedule import phase_offset
from weatherd.polling.stuck_polls import is_stuck
from weatherd.text.auto_interval import AutoInterval
from weatherd.web.alerts.serializers import serialize_alert_status
from weatherd.web.notices.serializers import find_notices
from weatherd.web.schemas import (
    CityDetail,
    CityModel,
    ForwarderModel,
    NextPollModel,
    NumberedObservation,
    ObservationModel,
    PauseModel,
    PollModel,
    ProviderAttemptModel,
    ProviderModel,
    QuotaModel,
    RequestTraceModel,
    RunningPollModel,
    StatusModel,
)
from weatherd.zone_data import find_zone_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.city import City
    from weatherd.daemon.status import CityState, DaemonStatus
    from weatherd.journal.rows import JournalEntry
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.polling.poll_history import Poll, ProviderAttempt
    from weatherd.web.warnings.models import WarningStatusModel


_PAUSED = "its node polls nothing, because it has not reached the cluster's database"


def format_timestamp(posix: float) -> str:
    """Format a POSIX time as RFC 3339, rounded to milliseconds."""
    return format_rfc3339(datetime.fromtimestamp(round(posix, 3), UTC))


def serialize_city(city: City, status: DaemonStatus) -> CityModel:
    """Return a city as an entry of the city list."""
    last, next_poll, epoch = status.latest.get(city.id), status.history.next_poll(city.id), status.clock.epoch
    return CityModel(
        id=city.id,
        name=city.name,
        lat=city.lat,
        lon=city.lon,
        state=status.state_of(city),
        observation=ObservationModel(**to_dict(last)) if last else None,
        next=NextPollModel(at=format_timestamp(epoch + next_poll.at), why=next_poll.reason) if next_poll else None,
        polling=_running_poll(city, status),
        timezone=city.timezone,
        altitude=city.altitude,
        tags=dict(city.tags),
        failure=find_failure(status.history.last_poll(city.id)) or _explain_pause(status),
        notices=find_notices(city.id, status),
    )


def _explain_pause(status: DaemonStatus) -> str | None:
    """Return why this node polls nothing, or None."""
    return None if status.cluster is None or status.cluster.holds() else _PAUSED


def find_failure(poll: Poll | None) -> str | None:
    """Return why a poll brought no fresh observation: the reasons of all providers, or None if one served."""
    if poll is None or not poll.failures:
        return None
    reasons = [f"{attempt.provider}: {attempt.reason}" for attempt in poll.attempts if attempt.reason]
    return "; ".join(reasons) or poll.decision


def _running_poll(city: City, status: DaemonStatus) -> RunningPollModel | None:
    poll = status.history.running_poll(city.id)
    if poll is None:
        return None
    stuck = is_stuck(status.clock.seconds_since(poll.at), status.planner.interval(city))
    return RunningPollModel(since=format_timestamp(status.clock.epoch + poll.at), stuck=stuck)


def serialize_city_detail(city: City, status: DaemonStatus) -> CityDetail:
    """Return the details of a city."""
    interval, poll, last = status.planner.interval(city), status.history.last_poll(city.id), status.latest.get(city.id)
    auto = city.interval if isinstance(city.interval, AutoInterval) else None
    return CityDetail(
        **dict(serialize_city(city, status)),
        providers=list(city.providers),
        interval=float(interval),
        phase=round(phase_offset(city.id, interval), 3),
        budget=status.latest.budgets.of_city(city.id, last.provider) if last else None,
        attempt=_poll(poll, status.clock.epoch) if poll else None,
        bounds=(auto.min_seconds, auto.max_seconds) if auto else None,
        compare=list(city.compare),
    )


def serialize_entry(entry: JournalEntry, registry: CityRegistry) -> NumberedObservation:
    """Return an observation of the journal with its sequence number, and the name and tags that its city has now."""
    city = registry.get(entry.observation.city)
    return NumberedObservation(**to_named_dict(entry.observation, city), seq=entry.seq)


def serialize_status(status: DaemonStatus, counts: Mapping[CityState, int]) -> StatusModel:
    """Return the status of the daemon; *counts* are the cities in each state."""
    return StatusModel(
        version=__version__,
        ready=status.is_ready,
        cities=dict(counts),
        quarantined=status.quarantined,
        account={**dataclasses.asdict(status.queue.counts), "queued": status.queue.depth},
        providers=_providers(status),
        forwarders=[
            ForwarderModel(forwarder=name, **dataclasses.asdict(delivery))
            for name, delivery in status.deliveries.statuses().items()
        ],
        reload_successful=status.last_reload.successful,
        suspect=status.latest.quality.suspects if status.latest.quality else 0,
        zone_data=str(find_zone_data()),
        alerts=serialize_alert_status(status),
        warnings=_warnings(status),
    )


def _warnings(status: DaemonStatus) -> WarningStatusModel | None:
    if status.warnings is None:
        return None
    from weatherd.web.warnings.serializers import serialize_warning_status  # noqa: PLC0415 - only if warnings are on

    return serialize_warning_status(status.warnings, status)


def _providers(status: DaemonStatus) -> list[ProviderModel]:
    saved = {name: round(load.calls) for name, load in status.planner.find_repeat_loads().items()}
    return [_provider(name, status, saved.get(name, 0)) for name in sorted(status.limiters)]


def _provider(name: str, status: DaemonStatus, saved: int) -> ProviderModel:
    limiter = status.limiters[name]
    quotas = [
        QuotaModel(window=window, used=round(used, 3), limit=limit) for window, (used, limit) in limiter.usage().items()
    ]
    pause = limiter.pause
    paused = PauseModel(until=format_timestamp(pause.until), reason=pause.reason) if pause else None
    return ProviderModel(
        provider=name,
        quotas=quotas,
        paused=paused,
        polls=status.history.outcomes[name, SERVED],
        repeats=status.latest.repeats[name],
        saved_by_auto=saved,
    )


def _poll(poll: Poll, epoch: float) -> PollModel:
    return PollModel(
        began=format_timestamp(epoch + poll.began),
        seconds=round(poll.ended - poll.began, 4),
        tries=[_attempt(attempt) for attempt in poll.attempts],
        decided=poll.decision,
        failures=poll.failures,
    )


def _attempt(attempt: ProviderAttempt) -> ProviderAttemptModel:
    traces = [
        RequestTraceModel(
            host=trace.host,
            status=trace.status,
            phases={name: round(seconds, 4) for name, seconds in trace.phases.items()},
        )
        for trace in attempt.traces
    ]
    return ProviderAttemptModel(
        provider=attempt.provider,
        outcome=attempt.outcome,
        seconds=round(attempt.seconds, 4),
        reason=attempt.reason,
        exchanges=traces,
    )
