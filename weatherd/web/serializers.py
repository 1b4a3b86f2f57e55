"""The daemon's parts as the answers show them: pure."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.formatting import format_rfc3339, to_dict
from weatherd.freshness import age_budget
from weatherd.polling.schedule import phase_offset
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
    StatusModel,
)

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.rows import JournalEntry
    from weatherd.polling.poll_history import Poll, ProviderAttempt


def format_timestamp(posix: float) -> str:
    """Write a POSIX time as the answers do."""
    return format_rfc3339(datetime.fromtimestamp(round(posix, 3), UTC))


def serialize_city(each: City, status: DaemonStatus) -> CityModel:
    """Show a city."""
    last, then = status.latest.get(each.id), status.history.next_poll(each.id)
    return CityModel(
        id=each.id,
        name=each.name,
        lat=each.lat,
        lon=each.lon,
        state=status.state_of(each),
        observation=ObservationModel(**to_dict(last)) if last else None,
        next=NextPollModel(at=format_timestamp(then.at), why=then.reason) if then else None,
    )


def serialize_city_detail(each: City, status: DaemonStatus) -> CityDetail:
    """Show all that is known of a city."""
    interval, attempt, last = (
        status.planner.interval(each),
        status.history.last_poll(each.id),
        status.latest.get(each.id),
    )
    return CityDetail(
        **dict(serialize_city(each, status)),
        timezone=each.timezone,
        providers=list(each.providers),
        interval=interval,
        phase=round(phase_offset(each.id, interval), 3),
        budget=age_budget(last.provider) if last else None,
        attempt=_attempt(attempt) if attempt else None,
    )


def serialize_entry(entry: JournalEntry) -> NumberedObservation:
    """Show an observation of the journal."""
    return NumberedObservation(**to_dict(entry.observation), seq=entry.seq)


def serialize_status(status: DaemonStatus) -> StatusModel:
    """Show the daemon as a whole."""
    return StatusModel(
        version=__version__,
        ready=status.is_ready,
        cities=status.count_states(),
        quarantined=status.quarantined,
        account={**dataclasses.asdict(status.counts), "queued": status.queue.depth},
        providers=[_provider(name, status) for name in sorted(status.limiters)],
        forwarders=[
            ForwarderModel(forwarder=name, is_down=status.deliveries.is_down(name), **ends)
            for name, ends in status.deliveries.counters().items()
        ],
        reload_successful=status.last_reload.successful,
    )


def _provider(name: str, status: DaemonStatus) -> ProviderModel:
    gate = status.limiters[name]
    quotas = [
        QuotaModel(window=window, used=round(used, 3), limit=limit) for window, (used, limit) in gate.usage().items()
    ]
    paused = PauseModel(until=format_timestamp(gate.pause.until), reason=gate.pause.reason) if gate.pause else None
    return ProviderModel(provider=name, quotas=quotas, paused=paused)


def _attempt(attempt: Poll) -> PollModel:
    return PollModel(
        began=format_timestamp(attempt.began),
        seconds=round(attempt.ended - attempt.began, 4),
        tries=[_try(each) for each in attempt.attempts],
        decided=attempt.decision,
        failures=attempt.failures,
    )


def _try(each: ProviderAttempt) -> ProviderAttemptModel:
    exchanges = [
        RequestTraceModel(
            host=one.host, status=one.status, phases={name: round(seconds, 4) for name, seconds in one.phases.items()}
        )
        for one in each.traces
    ]
    return ProviderAttemptModel(
        provider=each.provider,
        outcome=each.outcome,
        seconds=round(each.seconds, 4),
        reason=each.reason,
        exchanges=exchanges,
    )
