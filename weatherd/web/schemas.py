"""What the endpoints take and give: the source both of the answers and of their description."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_HIGHEST = 2**63 - 1
_CITY, _LONGEST = "^[a-z0-9][a-z0-9_-]*$", 64
_LOST_PLUS = re.compile(r" (\d\d:\d\d)$")  # as an address has it that was put together without care

CityState = Literal["fresh", "stale", "down", "waiting"]


def _whole(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,19}", value):
            raise ValueError("should be a whole number")
        return int(value)
    return value


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = _LOST_PLUS.sub(r"+\1", value)
    with contextlib.suppress(ValueError, OverflowError):
        if _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    raise ValueError("should be a time such as 2026-01-31T12:00:00Z")


def _city(text: str) -> str:
    if len(text) > _LONGEST or not re.fullmatch(_CITY, text):
        raise ValueError("should be a city's id, such as kiel; /api/v1/cities has them")
    return text


_WHOLE = BeforeValidator(_whole)  # behind the bounds, or the description loses them
Timestamp = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
CityId = Annotated[
    str, AfterValidator(_city), Field(description="A city's id", json_schema_extra={"pattern": _CITY, "maxLength": 64})
]


class Model(BaseModel):
    """One of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class CitiesQuery(Model):
    """Which cities."""

    state: Annotated[CityState | None, Field(description="Only those in this state")] = None
    after: Annotated[CityId | None, Field(description="Go on behind this city: `next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Cities on a page"), _WHOLE] = 100


class ObservationsQuery(Model):
    """Which observations."""

    city: Annotated[CityId | None, Field(description="Only this city's")] = None
    since: Annotated[Timestamp | None, Field(description="Observed then or later")] = None
    until: Annotated[Timestamp | None, Field(description="Observed before")] = None
    after: Annotated[
        int, Field(ge=0, le=_HIGHEST, description="Go on behind this number: `next` of the page before"), _WHOLE
    ] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="Observations on a page"), _WHOLE] = 100


class StreamQuery(Model):
    """Which part of the stream."""

    city: Annotated[CityId | None, Field(description="Only this city's")] = None


class NoQuery(Model):
    """Nothing."""


class ObservationModel(Model):
    """The weather of one city at one moment; null is what the provider did not say."""

    city: str
    provider: str
    observed_at: Annotated[str, Field(description="UTC", json_schema_extra={"format": "date-time"})]
    fetched_at: Annotated[str, Field(description="UTC", json_schema_extra={"format": "date-time"})]
    temperature: Annotated[float, Field(description="°C")]
    description: str
    code: Annotated[int | None, Field(description="WMO 4677")]
    station: str
    apparent_temperature: Annotated[float | None, Field(description="°C")]
    relative_humidity: Annotated[float | None, Field(description="%")]
    pressure_msl: Annotated[float | None, Field(description="hPa")]
    wind_speed: Annotated[float | None, Field(description="m/s")]
    wind_direction: Annotated[float | None, Field(description="degrees, from where")]
    wind_gust: Annotated[float | None, Field(description="m/s")]
    precipitation: Annotated[float | None, Field(description="mm")]
    cloud_cover: Annotated[float | None, Field(description="%")]
    visibility: Annotated[float | None, Field(description="m")]


class NumberedObservation(ObservationModel):
    """An observation of the journal."""

    seq: Annotated[int, Field(description="Its number in the journal; a revision has a higher one")]


class NextPollModel(Model):
    """The next poll."""

    at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    why: str


class RequestTraceModel(Model):
    """A question to a server; the phases are seconds since its beginning."""

    host: str
    status: int | None
    phases: dict[str, float]


class ProviderAttemptModel(Model):
    """What one provider did in a poll."""

    provider: str
    outcome: str
    seconds: float
    reason: str
    exchanges: list[RequestTraceModel]


class PollModel(Model):
    """The last poll."""

    began: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    seconds: float
    tries: list[ProviderAttemptModel]
    decided: str
    failures: Annotated[int, Field(description="Polls in a row that brought nothing fresh")]


class CityModel(Model):
    """A city of the list."""

    id: str
    name: str
    lat: float
    lon: float
    state: CityState
    observation: ObservationModel | None
    next: Annotated[NextPollModel | None, Field(description="null while it is being polled")]


class CityDetail(CityModel):
    """A city, with what its polling is like."""

    timezone: str | None
    providers: list[str]
    interval: Annotated[float, Field(description="s between two polls, stretched where the plan asks for that")]
    phase: Annotated[float, Field(description="s into the interval")]
    budget: Annotated[float | None, Field(description="s after which the observation is stale")]
    attempt: PollModel | None


class CitiesPage(Model):
    """Some cities, in the order of their ids."""

    cities: list[CityModel]
    next: Annotated[str | None, Field(description="`after` of the next page; null at the end")]


class ObservationsPage(Model):
    """Some observations, in the order of their arrival."""

    observations: list[NumberedObservation]
    next: Annotated[int | None, Field(description="`after` of the next page; null when there is no more for now")]


class QuotaModel(Model):
    """Calls used in a window."""

    window: str
    used: float
    limit: int


class PauseModel(Model):
    """Why a service is left alone."""

    until: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    reason: str


class ProviderModel(Model):
    """A weather service."""

    provider: str
    quotas: list[QuotaModel]
    paused: PauseModel | None


class ForwarderModel(Model):
    """A forwarder since the start."""

    forwarder: str
    delivered: int
    skipped: int
    behind: int
    is_down: bool


class StatusModel(Model):
    """The daemon as a whole."""

    version: str
    ready: bool
    cities: dict[str, int]
    quarantined: int
    account: dict[str, int]
    providers: list[ProviderModel]
    forwarders: list[ForwarderModel]
    reload_successful: bool


class ProblemModel(Model):
    """What is wrong with a question: RFC 9457."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class HealthModel(Model):
    """Whether it is well, and what is not."""

    ok: bool
    faults: list[str]
