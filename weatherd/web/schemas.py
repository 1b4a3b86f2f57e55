"""Request and response models of the JSON API. The OpenAPI description is generated from them."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_MAX_SEQ = 2**63 - 1  # SQLite's largest integer
_CITY_ID, _MAX_ID_LENGTH = "^[a-z0-9][a-z0-9_-]*$", 64
_DECODED_PLUS = re.compile(r" (\d\d:\d\d)$")  # "+01:00" in a URL that was not percent-encoded: "+" means a space

StateName = Literal["fresh", "stale", "down", "waiting"]


def _parse_integer(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,19}", value):
            raise ValueError("should be a whole number")
        return int(value)
    return value


def _parse_timestamp(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = _DECODED_PLUS.sub(r"+\1", value)
    with contextlib.suppress(ValueError, OverflowError):
        if _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    raise ValueError("should be a time such as 2026-01-31T12:00:00Z")


def _check_city_id(text: str) -> str:
    if len(text) > _MAX_ID_LENGTH or not re.fullmatch(_CITY_ID, text):
        raise ValueError("should be the id of a city, such as kiel; see /api/v1/cities")
    return text


_INTEGER = BeforeValidator(_parse_integer)  # listed after the bounds, because otherwise the JSON Schema loses them
Timestamp = Annotated[
    datetime,
    BeforeValidator(_parse_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
CityId = Annotated[
    str,
    AfterValidator(_check_city_id),
    Field(description="City id", json_schema_extra={"pattern": _CITY_ID, "maxLength": _MAX_ID_LENGTH}),
]


class Model(BaseModel):
    """Base class of request and response models."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class CitiesQuery(Model):
    """Filters for the list of cities."""

    name: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Only cities with this id or name; case does not matter"),
    ] = None
    state: Annotated[StateName | None, Field(description="Only cities in this state")] = None
    after: Annotated[CityId | None, Field(description="Continue after this city: `next` of the previous page")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Cities per page"), _INTEGER] = 100


class ObservationsQuery(Model):
    """Filters for the observations in the journal."""

    city: Annotated[CityId | None, Field(description="Only observations of this city")] = None
    since: Annotated[Timestamp | None, Field(description="Only observations made at this time or later")] = None
    until: Annotated[Timestamp | None, Field(description="Only observations made before this time")] = None
    after: Annotated[
        int,
        Field(ge=0, le=_MAX_SEQ, description="Continue after this sequence number: `next` of the previous page"),
        _INTEGER,
    ] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="Observations per page"), _INTEGER] = 100


class StreamQuery(Model):
    """Filters for the event stream."""

    city: Annotated[CityId | None, Field(description="Only observations of this city")] = None


class NoQuery(Model):
    """No parameters."""


class ObservationModel(Model):
    """Weather of one city at one time. Fields that the provider does not report are null."""

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


class NumberedObservation(ObservationModel):
    """Observation in the journal."""

    seq: Annotated[int, Field(description="Sequence number in the journal; a revision gets a new, higher one")]


class NextPollModel(Model):
    """Next scheduled poll."""

    at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    why: str


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
    """City of the list."""

    id: str
    name: str
    lat: float
    lon: float
    state: StateName
    observation: ObservationModel | None
    next: Annotated[NextPollModel | None, Field(description="null while the city is being polled")]


class CityDetail(CityModel):
    """City of the list, with its polling details."""

    timezone: str | None
    providers: list[str]
    interval: Annotated[
        float, Field(description="Seconds between two polls, stretched if the provider's plan requires it")
    ]
    phase: Annotated[float, Field(description="Seconds into the interval at which the city is polled")]
    budget: Annotated[float | None, Field(description="Age in seconds from which the observation is stale")]
    attempt: PollModel | None


class CitiesPage(Model):
    """Page of cities, sorted by id."""

    cities: list[CityModel]
    next: Annotated[str | None, Field(description="`after` for the next page; null on the last page")]


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


class ForwarderModel(Model):
    """Counters of a forwarder since the start of the daemon."""

    forwarder: str
    delivered: int
    skipped: Annotated[int, Field(description="Observations that the destination permanently rejected")]
    behind: int
    is_down: bool


class StatusModel(Model):
    """Status of the daemon."""

    version: str
    ready: bool
    cities: dict[str, int]
    quarantined: int
    account: dict[str, int]
    providers: list[ProviderModel]
    forwarders: list[ForwarderModel]
    reload_successful: bool


class ProblemModel(Model):
    """Error in the form of RFC 9457, "Problem Details for HTTP APIs"."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class HealthModel(Model):
    """Result of a health check, with the reasons for a failure."""

    ok: bool
    faults: list[str]
