"""The daemon's parts as the answers show them: pure."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.formatting import plain, rfc3339
from weatherd.freshness import budget
from weatherd.polling.schedule import phase
from weatherd.web.schemas import (
    AttemptModel,
    CityDetail,
    CityModel,
    ExchangeModel,
    ForwarderModel,
    NextModel,
    NumberedObservation,
    ObservationModel,
    PauseModel,
    ProviderModel,
    QuotaModel,
    StatusModel,
    TryModel,
)

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.rows import Entry
    from weatherd.polling.poll_history import Poll, ProviderAttempt


def moment(posix: float) -> str:
    """Write a POSIX time as the answers do."""
    return rfc3339(datetime.fromtimestamp(round(posix, 3), UTC))


def city(each: City, view: DaemonStatus) -> CityModel:
    """Show a city."""
    last, then = view.board.last(each.id), view.attempts.next(each.id)
    return CityModel(
        id=each.id,
        name=each.name,
        lat=each.lat,
        lon=each.lon,
        state=view.state(each),
        observation=ObservationModel(**plain(last)) if last else None,
        next=NextModel(at=moment(then.at), why=then.why) if then else None,
    )


def detail(each: City, view: DaemonStatus) -> CityDetail:
    """Show all that is known of a city."""
    interval, attempt, last = view.planner.interval(each), view.attempts.last(each.id), view.board.last(each.id)
    return CityDetail(
        **dict(city(each, view)),
        timezone=each.timezone,
        providers=list(each.providers),
        interval=interval,
        phase=round(phase(each.id, interval), 3),
        budget=budget(last.provider) if last else None,
        attempt=_attempt(attempt) if attempt else None,
    )


def numbered(entry: Entry) -> NumberedObservation:
    """Show an observation of the journal."""
    return NumberedObservation(**plain(entry.observation), seq=entry.seq)


def status(view: DaemonStatus) -> StatusModel:
    """Show the daemon as a whole."""
    return StatusModel(
        version=__version__,
        ready=view.is_ready,
        cities=view.counts(),
        quarantined=view.quarantined,
        account={**dataclasses.asdict(view.account), "queued": view.channel.depth},
        providers=[_provider(name, view) for name in sorted(view.gates)],
        forwarders=[
            ForwarderModel(forwarder=name, is_down=view.forwards.is_down(name), **ends)
            for name, ends in view.forwards.ends().items()
        ],
        reload_successful=view.reload.successful,
    )


def _provider(name: str, view: DaemonStatus) -> ProviderModel:
    gate = view.gates[name]
    quotas = [
        QuotaModel(window=window, used=round(used, 3), limit=limit) for window, (used, limit) in gate.usage().items()
    ]
    paused = PauseModel(until=moment(gate.pause.until), reason=gate.pause.reason) if gate.pause else None
    return ProviderModel(provider=name, quotas=quotas, paused=paused)


def _attempt(attempt: Poll) -> AttemptModel:
    return AttemptModel(
        began=moment(attempt.began),
        seconds=round(attempt.ended - attempt.began, 4),
        tries=[_try(each) for each in attempt.tries],
        decided=attempt.decided,
        failures=attempt.failures,
    )


def _try(each: ProviderAttempt) -> TryModel:
    exchanges = [
        ExchangeModel(
            host=one.host, status=one.status, phases={name: round(seconds, 4) for name, seconds in one.phases.items()}
        )
        for one in each.exchanges
    ]
    return TryModel(
        provider=each.provider,
        outcome=each.outcome,
        seconds=round(each.seconds, 4),
        reason=each.reason,
        exchanges=exchanges,
    )
