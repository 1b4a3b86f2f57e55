"""Response models of the JSON API. The OpenAPI description is generated from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from weatherd.daemon.status import CityState
from weatherd.web.alerts.models import AlertStatusModel
from weatherd.web.cluster.models import ClusterModel
from weatherd.web.notices.models import NoticeModel
from weatherd.web.warnings.models import WarningStatusModel

STREAM_UNAVAILABLE = ": unavailable: "  # the beginning of a comment with the reason why a stream ends at once


class Model(BaseModel):
    """Base class of request and response models."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class ObservationModel(Model):
    """Weather of one city at one time. Fields that the provider does not report are null (None).

    Units: temperatures in °C, humidity and cloud cover in %, pressure in hPa, wind in m/s, wind direction in degrees
    clockwise from north, precipitation in mm during the hour before ``observed_at``, visibility in m. Times are
    RFC 3339 texts in UTC such as ``2026-01-01T00:00:00Z``; ``datetime.fromisoformat`` parses them.
    """

    city: str
    provider: str
    observed_at: Annotated[
        str, Field(description="Time of the observation, UTC", json_schema_extra={"format": "date-time"})
    ]
    fetched_at: Annotated[str, Field(description="Time of the fetch, UTC", json_schema_extra={"format": "date-time"})]
    temperature: Annotated[float, Field(description="°C")]
    description: str
    code: Annotated[int | None, Field(description="WMO code table 4677")]
    station: str
    apparent_temperature: Annotated[float | None, Field(description="°C")]
    relative_humidity: Annotated[float | None, Field(description="%")]
    pressure_msl: Annotated[float | None, Field(description="hPa")]
    wind_speed: Annotated[float | None, Field(description="m/s")]
    wind_direction: Annotated[
        float | None, Field(description="Direction the wind blows from, degrees clockwise from north")
    ]
    wind_gust: Annotated[float | None, Field(description="m/s")]
    precipitation: Annotated[float | None, Field(description="mm, during the hour before `observed_at`")]
    cloud_cover: Annotated[float | None, Field(description="%")]
    visibility: Annotated[float | None, Field(description="m")]
    origin: Annotated[
        Literal["live", "backfill", "import"],
        Field(description="Polled, requested from the service afterwards, or read from a file"),
    ] = "live"
    quality: Annotated[
        str, Field(description="`ok`, or `suspect: ` and the fields with the tests that they failed, comma-separated")
    ] = "ok"


class NumberedObservation(ObservationModel):
    """Observation in the journal: an :class:`ObservationModel`, its sequence number, and its city's name and tags."""

    seq: Annotated[int, Field(description="Sequence number in the journal; a revision gets a new, higher one")]
    name: Annotated[str | None, Field(description="Name of the city in the list; null if it is not listed")] = None
    tags: Annotated[dict[str, str], Field(description="Tags of the city in the list")] = {}


class NextPollModel(Model):
    """Next scheduled poll."""

    at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    why: str


class RunningPollModel(Model):
    """Poll in progress."""

    since: Annotated[str, Field(description="Time that it was due, UTC", json_schema_extra={"format": "date-time"})]
    stuck: Annotated[bool, Field(description="It has lasted five minutes longer than the city's interval")]


class RequestTraceModel(Model):
    """Trace of one HTTP request. The phases are seconds since its start."""

    host: str
    status: int | None
    phases: dict[str, float]


class ProviderAttemptModel(Model):
    """Attempt of one provider during a poll."""

    provider: str
    outcome: str
    seconds: float
    reason: str
    exchanges: list[RequestTraceModel]


class PollModel(Model):
    """Last poll of a city."""

    began: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    seconds: float
    tries: list[ProviderAttemptModel]
    decided: str
    failures: Annotated[int, Field(description="Consecutive polls without fresh data")]


class CityModel(Model):
    """City of the list, its state, its latest observation and its next poll.

    ``lat`` and ``lon`` are in degrees. ``next.at`` is an RFC 3339 text in UTC.
    """

    id: str
    name: str
    lat: float
    lon: float
    state: CityState
    observation: ObservationModel | None
    next: Annotated[NextPollModel | None, Field(description="null while the city is being polled")]
    polling: Annotated[RunningPollModel | None, Field(description="null while the city is not being polled")] = None
    timezone: Annotated[str | None, Field(description="IANA name of its time zone")] = None
    altitude: Annotated[float | None, Field(description="Meters above sea level, if the list has it")] = None
    tags: Annotated[dict[str, str], Field(description="Keys and values of the list")] = {}
    failure: Annotated[str | None, Field(description="Why the last poll brought no fresh observation")] = None
    notices: Annotated[
        list[NoticeModel], Field(description="Firing alerts, then warnings, the most serious first")
    ] = []


class CityDetail(CityModel):
    """City of the list, with its polling details: a :class:`CityModel`, its schedule and its last poll.

    ``interval``, ``phase`` and ``budget`` are in seconds, as are the durations in ``attempt``; times such as
    ``attempt.began`` are RFC 3339 texts in UTC.
    """

    providers: list[str]
    interval: Annotated[
        float, Field(description="Seconds between two polls, stretched if the provider's plan requires it")
    ]
    phase: Annotated[float, Field(description="Seconds into the interval at which the city is polled")]
    budget: Annotated[float | None, Field(description="Age in seconds above which the observation is stale")]
    attempt: PollModel | None
    node: Annotated[str | None, Field(description="Name of the node that polls it; null without a cluster")] = None
    bounds: Annotated[
        tuple[float, float] | None, Field(description="Of `interval: auto`, whose average is `interval`; null if fixed")
    ] = None
    compare: Annotated[list[str], Field(description="Providers that are polled for comparison only")] = []


class CitiesPage(Model):
    """Page of cities, sorted by id unless another order was requested."""

    cities: list[CityModel]
    next: Annotated[str | None, Field(description="`after` for the next page; null on the last page")]
    previous: Annotated[
        str | None,
        Field(description="`after` for the previous page, empty for the first; null on the first page or if unknown"),
    ] = None
    total: Annotated[int | None, Field(description="Cities on all pages; null if they were not counted")] = None
    first: Annotated[int | None, Field(description="Position of the first city of the page, from 0")] = None


class ObservationsPage(Model):
    """Page of observations, in order of arrival."""

    observations: list[NumberedObservation]
    next: Annotated[
        int | None, Field(description="`after` for the next page; null when there are no more observations yet")
    ]


class QuotaModel(Model):
    """API calls used in a quota window."""

    window: str
    used: float
    limit: int


class PauseModel(Model):
    """Pause of a provider, and the reason for it."""

    until: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    reason: str


class ProviderModel(Model):
    """Weather service, its quotas and its pause."""

    provider: str
    quotas: list[QuotaModel]
    paused: PauseModel | None
    polls: Annotated[int, Field(description="Fresh observations since the start")] = 0
    repeats: Annotated[int, Field(description="Those of them that brought nothing new")] = 0
    saved_by_auto: Annotated[int, Field(description="Calls a day that `interval: auto` would save")] = 0


class ForwarderModel(Model):
    """Counters of a forwarder since the start of the daemon."""

    forwarder: str
    delivered: int
    skipped: Annotated[int, Field(description="Observations that the destination permanently rejects or never accepts")]
    behind: int
    is_down: bool
    held: Annotated[int, Field(description="Alerts that wait for the end of quiet hours")] = 0


class StatusModel(Model):
    """Status of the daemon: counts of cities and observations, quotas, pauses and forwarders.

    ``cities`` counts the cities by state, and ``account`` the observations since the start by outcome. Quotas are in
    API calls. ``paused.until`` of a provider is an RFC 3339 text in UTC.
    """

    version: str
    ready: bool
    cities: dict[str, int]
    quarantined: int
    account: dict[str, int]
    providers: list[ProviderModel]
    forwarders: list[ForwarderModel]
    reload_successful: bool
    suspect: Annotated[int, Field(description="Cities with a suspect value in the last hour")] = 0
    zone_data: Annotated[str, Field(description="Version and source of the time zone data in use")] = ""
    alerts: AlertStatusModel | None = None
    warnings: Annotated[WarningStatusModel | None, Field(description="null if the setting `warnings` is off")] = None
    cluster: Annotated[ClusterModel | None, Field(description="null if the setting `cluster` is off")] = None


class ProblemModel(Model):
    """Error in the form of RFC 9457, "Problem Details for HTTP APIs"."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class HealthModel(Model):
    """Result of a health check: ``ok``, and one sentence in ``faults`` for each reason for a failure."""

    ok: bool
    faults: list[str]
